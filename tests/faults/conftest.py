"""Which of the faults are tried, and the pipeline that they hit."""

import json
import os
import shutil
from pathlib import Path

import pytest
from filelock import FileLock
from harness import Pipeline
from plan import Fault, plan, sample


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let some of the faults be drawn."""
    group = parser.getgroup("faults")
    group.addoption("--sample", type=int, metavar="N", help="try N faults that are drawn")
    group.addoption("--sample-seed", default="1", metavar="SEED", help="of the draw")
    group.addoption("--keep", type=Path, metavar="DIR", help="keep the pipeline for later runs")
    group.addoption("--ledger", type=Path, metavar="FILE", help="write what each fault did")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test for each fault: `fault` in a job, or `ending` of the whole pipeline."""
    faults, size = plan(), metafunc.config.getoption("sample")
    if size is not None:
        faults = sample(faults, size, metafunc.config.getoption("sample_seed"))
    for name, is_whole in (("fault", False), ("ending", True)):
        if name in metafunc.fixturenames:
            chosen = [each for each in faults if (each.rule == "all") == is_whole]
            metafunc.parametrize(name, chosen, ids=[each.name for each in chosen])


@pytest.fixture(scope="session")
def pipeline(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> Pipeline:
    """The pipeline once it has run; one for all processes of the tests."""
    shared = request.config.getoption("keep")
    if shared is None:
        own = tmp_path_factory.getbasetemp()
        shared = own if worker_id == "master" else own.parent
    made = Pipeline(shared.resolve() / "faults")
    with FileLock(shared / "faults.lock"):
        if not (made.base / "printed.json").exists():
            shutil.rmtree(made.base, ignore_errors=True)
            made.base.mkdir()
            made.prepare()
    made.load()
    return made


@pytest.fixture
def ledger(request: pytest.FixtureRequest):
    """Write down what a fault did: a line of JSON each."""
    path = request.config.getoption("ledger")

    def write(fault: Fault, **told: object) -> None:
        if path is not None:
            line = {"rule": fault.rule, "kind": fault.kind, "variant": fault.variant} | told
            with open(path, "a") as handle:
                handle.write(json.dumps(line | {"seed": fault.seed}) + os.linesep)

    return write
