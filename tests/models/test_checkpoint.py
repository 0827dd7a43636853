"""Torch files are read without torch, without the library that wrote them, and run nothing."""

import io
import pickle
import sys
import types
import zipfile
from pathlib import Path

import numpy as np
import pytest
from small_models import random_tensors
from test_model_weights import frozen

from ballproof.models.checkpoint import common_prefix, read_checkpoint
from ballproof.models.convert import convert, read_source
from ballproof.models.errors import ModelError
from ballproof.models.weights import freeze

CASES = Path(__file__).resolve().parents[3] / "shared" / "cases" / "public"
CONFIG = {
    "n_layers": 1,
    "d_model": 4,
    "n_ctx": 3,
    "d_head": 2,
    "n_heads": 1,
    "d_vocab": 5,
    "attn_only": True,
    "normalization_type": None,
    "positional_embedding_type": "standard",
}


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="writing torch files needs torch")


@pytest.fixture
def state(torch):
    return {name: torch.from_numpy(array.copy()) for name, array in random_tensors(5).items()}


@pytest.fixture
def expected():
    return frozen(random_tensors(5)).digest


def saved(torch, path, value, **options):
    torch.save(value, path, **options)
    return path


def digest(path, key=None):
    return freeze(convert(read_source(path, key)), "a file").digest


def refused(path, key=None):
    with pytest.raises(ModelError) as caught:
        digest(path, key)
    assert str(caught.value).endswith(".")
    return str(caught.value)


def foreign(module, name, attributes):
    """An object of a class that its reader does not have."""
    sys.modules[module] = types.ModuleType(module)
    cls = type(name, (), {"__module__": module})
    setattr(sys.modules[module], name, cls)
    value = cls()
    value.__dict__.update(attributes)
    return value


def test_a_configuration_of_an_unknown_class_is_honoured(torch, state, expected, tmp_path):
    def checkpoint(**changes):
        config = foreign("their_library", "TheirConfig", {**CONFIG, **changes})
        run = {"lr": 1e-3, "optimizer": "adam", "seed": foreign("their_code", "Seed", {"x": 1})}
        value = {"model": state, "model_config": config, "run_config": run, "test_metrics": [0.5]}
        saved(torch, tmp_path / "a.pth", value)
        del sys.modules["their_library"], sys.modules["their_code"]
        return tmp_path / "a.pth"

    assert digest(checkpoint()) == expected
    assert "model_config states normalization_type = 'LNPre'" in refused(
        checkpoint(normalization_type="LNPre")
    )
    assert "model_config states d_head = 4" in refused(checkpoint(d_head=4))


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.bool_])
def test_scalars_of_numpy_are_numbers(torch, state, expected, tmp_path, dtype):
    """The scale of the library's configurations is a square root by numpy."""
    scale = dtype(np.sqrt(2)) if dtype is np.float64 else np.float64(np.sqrt(2))
    config = {**CONFIG, "attn_scale": scale, "n_layers": dtype(1), "seed": dtype(1)}
    path = saved(torch, tmp_path / "a.pt", {"model": state, "cfg": config})
    if dtype in (np.float64, np.float32, np.bool_):
        assert "cfg states n_layers" in refused(path)
    else:
        assert digest(path) == expected
    config = {**CONFIG, "attn_scale": np.float64(3.0)}
    path = saved(torch, tmp_path / "b.pt", {"model": state, "cfg": config})
    assert "cfg states attn_scale = 3.0" in refused(path)


@pytest.mark.parametrize(
    ("beside", "words"),
    [
        ({"hparams": {"lr": 0.1, "n_heads": 1, "eps": 1e-8}}, None),
        ({"hparams": {"n_heads": 2}}, "hparams states n_heads = 2"),
        ({"cfg": {"model": {"use_layer_norm": True}}}, "cfg.model states use_layer_norm = True"),
        ({"cfg": {"use_layer_norm": False, "batch": 3}}, None),
        ({"cfg": {"attn_mask": "window"}}, "cfg states attn_mask = 'window'"),
    ],
)
def test_a_users_own_configuration_is_honoured(torch, state, expected, tmp_path, beside, words):
    path = saved(torch, tmp_path / "a.pt", {"state_dict": state, **beside})
    assert digest(path) == expected if words is None else words in refused(path)


class Harmful:
    """What unpickling would run."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_what_a_pickle_would_call_is_not_called(torch, state, expected, tmp_path):
    harm = tmp_path / "harm"
    beside = saved(torch, tmp_path / "a.pt", {"model": state, "callbacks": [Harmful(harm)]})
    assert digest(beside) == expected
    inside = saved(torch, tmp_path / "b.pt", {**state, "config": Harmful(harm)})
    assert "holds 'config'" in refused(inside)
    assert not harm.exists()


@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "_orig_mod.module.", "net.core."])
@pytest.mark.parametrize("wrapper", [None, "model_state_dict", "state_dict", "anything"])
def test_wrappers_and_prefixes_are_resolved(torch, state, expected, tmp_path, prefix, wrapper):
    named = {prefix + name: tensor for name, tensor in state.items()}
    moments = {"state": {0: {"exp_avg": torch.ones(3)}}, "param_groups": [{"lr": 0.1}]}
    value = named if wrapper is None else {wrapper: named, "optimizer": moments, "epoch": 3}
    assert digest(saved(torch, tmp_path / "a.ckpt", value)) == expected


def test_a_prefix_is_whole_words():
    assert common_prefix({"a.bc.x": 0, "a.bd.x": 0}) == "a."
    assert common_prefix({"a.x": 0, "a.y": 0, "b": 0}) == ""
    assert common_prefix({}) == common_prefix({"a.b": 0}) == ""


def test_two_state_dicts_need_a_choice(torch, state, expected, tmp_path):
    other = {name: tensor + 1 for name, tensor in state.items()}
    path = saved(torch, tmp_path / "a.pt", {"best": {"model": state}, "last": other})
    assert "several state dicts that differ: 'best.model', 'last'" in refused(path)
    assert digest(path, "best.model") == expected
    assert digest(path, "last") != expected
    assert "no state dict 'first'; it has 'best.model', 'last'" in refused(path, "first")
    copies = {name: tensor.clone() for name, tensor in state.items()}
    assert digest(saved(torch, tmp_path / "b.pt", {"best": state, "last": copies})) == expected


def test_a_pickled_module_is_refused_with_the_way_out(torch, tmp_path):
    path = saved(torch, tmp_path / "a.pt", {"model": torch.nn.Linear(2, 2)})
    message = refused(path)
    assert "class torch.nn.modules.linear.Linear" in message and "model.state_dict()" in message


@pytest.mark.filterwarnings("ignore")
def test_old_and_compiled_files_are_refused_by_name(torch, state, tmp_path):
    path = saved(torch, tmp_path / "a.pt", state, _use_new_zipfile_serialization=False)
    assert "older than torch 1.6" in refused(path)
    module = torch.jit.script(torch.nn.Linear(2, 2))
    torch.jit.save(module, tmp_path / "b.pt")
    assert "TorchScript" in refused(tmp_path / "b.pt")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda torch: torch.zeros(1).expand(2**17, 2**17), "68719476736 bytes, where the file"),
        (lambda torch: torch.zeros(5, 4, device="meta"), "a meta tensor"),
        (lambda torch: torch.zeros(5, 4).to_sparse(), "a sparse tensor"),
        (lambda torch: torch.zeros(5, 4).to_sparse_csr(), "a sparse tensor"),
        (lambda torch: torch.zeros(5, 4, dtype=torch.complex64), "ComplexFloatStorage"),
        (lambda torch: torch.zeros(5, 4).to(torch.float8_e4m3fn), "float8_e4m3fn"),
        (
            lambda torch: torch.quantize_per_tensor(torch.zeros(5, 4), 0.1, 0, torch.qint8),
            "a quantised tensor",
        ),
    ],
    ids=["expanded", "meta", "sparse", "csr", "complex", "float8", "quantised"],
)
@pytest.mark.filterwarnings("ignore")
def test_tensors_that_are_not_their_numbers_are_refused(torch, state, tmp_path, make, words):
    try:
        value = make(torch)
    except (AttributeError, RuntimeError):
        pytest.skip("this torch makes no such tensor")
    message = refused(saved(torch, tmp_path / "a.pt", {**state, "embed.W_E": value}))
    assert "embed.W_E" in message and words in message


def test_views_are_read_as_they_are(torch, state, expected, tmp_path):
    wide = torch.zeros(7, 9)
    wide[1:6, 2:6] = state["embed.W_E"]
    state["embed.W_E"] = wide[1:6, 2:6]
    state["unembed.W_U"] = state["unembed.W_U"].T.contiguous().T
    state["unembed.b_U"] = torch.nn.Parameter(state["unembed.b_U"])
    assert digest(saved(torch, tmp_path / "a.pt", state)) == expected


@pytest.mark.parametrize("dtype", ["uint16", "uint32", "uint64", "int16", "float64", "bool"])
def test_dtypes_are_read(torch, tmp_path, dtype):
    numbers = np.arange(6).reshape(2, 3).astype(dtype)
    path = saved(torch, tmp_path / "a.pt", {"x.a": torch.from_numpy(numbers), "y.b": torch.ones(1)})
    tensor = read_checkpoint(path.read_bytes(), "a file").tensors["x.a"]
    assert tensor.data == numbers.tobytes() and tensor.shape == (2, 3)


# What torch.save does not write, by hand.


def archive(pickled, records=(("data/0", b"\0" * 4),), folder="a", compression=zipfile.ZIP_STORED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as made:
        made.writestr(f"{folder}/data.pkl", pickled)
        for name, data in records:
            made.writestr(f"{folder}/{name}", data)
    return file.getvalue()


def unreadable(data):
    with pytest.raises(ModelError) as caught:
        read_checkpoint(data, "a file")
    return str(caught.value)


@pytest.mark.parametrize(
    ("pickled", "words"),
    [
        (b"\x80\x02N" + b"r\xff\xff\xff\x7f" + b".", "LONG_BINPUT"),
        (b"\x80\x05\x96" + (2**40).to_bytes(8, "little") + b".", "damaged"),
        (b"\x80\x05\x96" + (1).to_bytes(8, "little") + b"a.", "BYTEARRAY8"),
        (b"\x80\x02\x82\x01.", "EXT1"),
        (b"(S'id'\nios\nsystem\n.", "INST"),
        (b"\x80\x02" + b"]" * 10, "damaged"),
        (b"", "damaged"),
        (b"N.", "holds no state dict"),
    ],
)
def test_pickles_that_torch_does_not_write_are_refused(pickled, words):
    assert words in unreadable(archive(pickled))


def test_an_archive_that_claims_more_than_it_holds_is_refused():
    assert "compressed or too large" in unreadable(
        archive(b"N.", [("data/0", bytes(10**6))], compression=zipfile.ZIP_DEFLATED)
    )
    assert "older than torch 1.6" in unreadable(pickle.dumps({}))
    assert "big-endian" in unreadable(archive(b"N.", [("byteorder", b"big")]))
    assert "damaged" in unreadable(archive(b"N.", folder="")[:-30])


def test_a_tensor_past_the_end_of_its_storage_is_refused(torch, state, tmp_path):
    data = saved(torch, tmp_path / "a.pt", {"a.x": torch.arange(6.0), "b.x": torch.ones(1)})
    source = zipfile.ZipFile(data)
    pickled = source.read("a/data.pkl")
    # The offset of the first tensor, 0, becomes 1.
    spoilt = pickled.replace(b"QK\x00K\x06\x85", b"QK\x01K\x06\x85", 1)
    assert spoilt != pickled
    records = [(f"data/{i}", source.read(f"a/data/{i}")) for i in (0, 1)]
    assert "a.x reaches past the end of its storage" in unreadable(archive(spoilt, records))


def test_spoilt_bytes_never_end_in_another_error(torch, state, tmp_path):
    """Each byte of the pickle, changed; and the file, cut at each place."""
    data = saved(torch, tmp_path / "a.pt", {"model": state, "epoch": 3}).read_bytes()
    source = zipfile.ZipFile(io.BytesIO(data))
    pickled = source.read("a/data.pkl")
    records = [
        (name.removeprefix("a/"), source.read(name))
        for name in source.namelist()
        if "pkl" not in name
    ]
    rng = np.random.default_rng(0)
    for place in range(len(pickled)):
        spoilt = bytearray(pickled)
        spoilt[place] = rng.integers(256)
        only_model_errors(archive(bytes(spoilt), records))
    for length in range(0, len(data), 37):
        only_model_errors(data[:length])


def only_model_errors(data):
    try:
        read_checkpoint(data, "a file")
    except ModelError:
        return


@pytest.mark.parametrize(
    "name", ["torch\nfloat32", "torch._utils\n_rebuild_tensor_v2", "os\nsystem"]
)
def test_a_pickle_sets_nothing_on_classes_and_functions(name):
    pickled = b"\x80\x02c" + name.encode() + b"\n}X\x04\x00\x00\x00nameX\x01\x00\x00\x00xsb."
    assert "damaged" in unreadable(archive(pickled))


@pytest.mark.skipif(not CASES.is_dir(), reason="the shared cases are not beside the project")
def test_shared_cases():
    model = "2eaa0e0dfb260896a88ae5c84d3bebda83eca913926184a490525df013ac210e"
    for path in [
        CASES / "03-study-checkpoint/study.pth",
        *sorted((CASES / "07-wrappers").iterdir()),
    ]:
        assert digest(path) == model, path
    assert "LNPre" in refused(CASES / "03-study-checkpoint/study-lnpre.pth")
    for path in sorted((CASES / "08-expanded").iterdir()):
        assert "embed.W_E" in refused(path)
    weights = read_source(next((CASES / "00-model").iterdir()))
    for path in sorted((CASES / "04-config").iterdir()):
        if path.name.startswith("accept"):
            assert freeze(convert(weights, config=path), "a file").digest == model
        else:
            with pytest.raises(ModelError, match="rotary"):
                convert(weights, config=path)


PUBLIC = CASES.parents[1] / "public-models"


@pytest.mark.skipif(not PUBLIC.is_dir(), reason="the public models are not beside the project")
def test_public_files_are_refused_where_nothing_says_what_they_are():
    for name, reason in (("dyck-10", "a key map renames"), ("brackets-40", "a LayerNorm or an")):
        assert reason in refused(PUBLIC / f"{name}.pt")
