"""A buffer that may hide a position is refused; any other changes neither model nor digest."""

import numpy as np
import pytest
from small_models import random_tensors

from ballproof.models.convert import convert, read_source
from ballproof.models.errors import ModelError
from ballproof.models.tensors import Tensor, write_tensors
from ballproof.models.weights import weights_from_bytes

MASK, IGNORE = "blocks.0.attn.mask", "blocks.0.attn.IGNORE"
WEIGHTS = [Tensor.from_array(name, array) for name, array in random_tensors(4).items()]
N_CTX = 3


def frozen(*buffers):
    return weights_from_bytes(write_tensors([*WEIGHTS, *buffers]), "small.safetensors")


def mask(array, dtype=bool):
    return Tensor.from_array(MASK, np.array(array, dtype=dtype))


def causal(size):
    return np.tri(size, dtype=bool)


@pytest.mark.parametrize(
    "buffer",
    [
        mask(np.zeros((0, 0))),
        mask(np.zeros((4, 0)), np.uint8),
        mask(causal(N_CTX)),
        mask(causal(7)),
        mask(np.ones((N_CTX, N_CTX))),
        mask([[0, 0, 0], [0, 0, 0], [1, 1, 1]]),
        Tensor.from_array(IGNORE, np.array(-np.inf, dtype=np.float32)),
        Tensor.from_array(IGNORE, np.array([-100000.0])),
        Tensor.from_array(IGNORE, np.zeros(0)),
    ],
)
def test_a_buffer_that_hides_nothing_does_not_count(buffer):
    assert frozen(buffer).digest == frozen().digest
    assert frozen(buffer).tensors == frozen().tensors


@pytest.mark.parametrize(
    ("buffer", "words"),
    [
        (mask([[1, 0, 0], [1, 1, 0], [0, 1, 1]]), "hides position 0 from position 2"),
        (mask([[1, 0, 0], [1, 1, 0], [1, 1, 0]]), "hides position 2 from position 2"),
        (mask(np.triu(np.tri(7), -1)), "hides position 0 from position 2"),
        (mask(causal(2)), "the shape [2, 2], where an empty one, or a square of booleans of at"),
        (mask(np.ones((N_CTX, 4))), "the shape [3, 4]"),
        (mask(np.ones((1, N_CTX, N_CTX))), "the shape [1, 3, 3]"),
        (mask(np.ones(N_CTX)), "the shape [3]"),
        (mask(True), "the shape []"),
        (mask(causal(N_CTX), np.uint8), "the dtype U8"),
        (mask(causal(N_CTX), np.float32), "the dtype F32"),
        (Tensor(MASK, "BOOL", (N_CTX, N_CTX), bytes([1] * 8 + [2])), "holds the byte 2"),
        (Tensor.from_array(IGNORE, np.zeros(2)), "has shape [2], where at most one number"),
    ],
)
def test_any_other_buffer_is_refused_by_name(buffer, words):
    with pytest.raises(ModelError) as caught:
        frozen(buffer)
    message = str(caught.value)
    assert message.startswith(f"small.safetensors: the buffer {buffer.name} ")
    assert words in message and "expected" in message and message.endswith(".")


def test_a_dtype_that_is_not_known_is_refused():
    data = write_tensors([*WEIGHTS, mask(np.zeros((2, 0)), np.uint16)])
    assert data.count(b'"dtype":"U16"') == 1
    changed = data.replace(b'"dtype":"U16"', b'"dtype":"F8_E4M3"')
    header = data[8:].index(b"}}") + 2
    padded = header + len(changed) - len(data)
    changed = changed[8:]
    # The writer pads the header with spaces to a multiple of eight bytes.
    body = data[8 + int.from_bytes(data[:8], "little") :]
    text = changed[:padded]
    with pytest.raises(ModelError, match=r"mask has the dtype F8_E4M3, where one of BF16, BOOL"):
        weights_from_bytes(len(text).to_bytes(8, "little") + text + body, "small.safetensors")


def test_a_mask_that_hides_a_position_is_not_converted(tmp_path):
    hides = mask([[1, 0, 0], [1, 1, 0], [0, 1, 1]])
    (tmp_path / "window.safetensors").write_bytes(write_tensors([*WEIGHTS, hides]))
    with pytest.raises(ModelError, match="hides position 0 from position 2"):
        convert(read_source(tmp_path / "window.safetensors"))


def test_a_mask_that_hides_nothing_is_left_out_of_what_is_converted(tmp_path):
    (tmp_path / "a.safetensors").write_bytes(write_tensors([*WEIGHTS, mask(causal(N_CTX))]))
    assert MASK not in convert(read_source(tmp_path / "a.safetensors"))


def test_a_checkpoint_whose_mask_hides_a_position_is_refused(tmp_path):
    torch = pytest.importorskip("torch")
    state = {name: torch.from_numpy(array) for name, array in random_tensors(4).items()}
    state[MASK] = torch.tril(torch.ones(N_CTX, N_CTX, dtype=torch.bool))
    torch.save(state, tmp_path / "causal.pt")
    assert MASK not in convert(read_source(tmp_path / "causal.pt"))
    state[MASK] = torch.triu(state[MASK], -1)
    torch.save(state, tmp_path / "window.pt")
    with pytest.raises(ModelError, match="hides position 0 from position 2"):
        convert(read_source(tmp_path / "window.pt"))
