"""The certificates that the tests of this folder start from."""

from collections.abc import Iterator

import pytest
from commands import MODEL, TRUE
from mutation import Case, case_of
from support.certify import STRATEGIES, certificate, encoded

from arithmetic import balls
from arithmetic.tally import Tally


@pytest.fixture(autouse=True)
def no_remembered_exponentials() -> Iterator[None]:
    """Let no test meet exponentials that another computed with parts of the kernel replaced."""
    balls.exp_over_root.cache_clear()
    yield
    balls.exp_over_root.cache_clear()


@pytest.fixture(params=STRATEGIES)
def case(request) -> Case:
    return case_of("trained", request.param)


@pytest.fixture(params=["trained", "sign trap"])
def exact(request) -> Case:
    return case_of(request.param, "exact")


@pytest.fixture
def files(tmp_path):
    """Return a function that writes the toy and a certificate, changed as asked, to two files."""

    def write(strategy="exact", **options):
        options = {"at_least": TRUE, "at_most": TRUE} | options
        model, cert = tmp_path / "model.safetensors", tmp_path / "cert.json"
        model.write_bytes(MODEL.bytes())
        cert.write_bytes(encoded(certificate(MODEL, strategy, **options)))
        return model, cert

    return write


@pytest.fixture
def charged(monkeypatch) -> list[int]:
    """Return the list of all charges to any tally, in their order."""
    found, charge = [], Tally.charge

    def record(tally, operations):
        found.append(operations)
        charge(tally, operations)

    monkeypatch.setattr(Tally, "charge", record)
    return found
