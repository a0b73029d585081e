"""Fixtures shared by the tests."""

import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from card_inputs import Card, make, write_inputs
from checkpoint_inputs import make_checkpoint
from filelock import FileLock
from hypothesis import HealthCheck, settings
from playwright.sync_api import Browser, sync_playwright
from prediction_inputs import some_sequences
from threadpoolctl import threadpool_limits
from training_inputs import make_sequence
from workflow_inputs import CUT_OFF, can_cut_off, copy_repository, demo_config, snakemake

# As `circlet.model.runtime` does, which here would come too late: MKL reads it at its first use,
# and numbers of this process are compared with those of others.
os.environ.setdefault("MKL_CBWR", "AUTO,STRICT")

from circlet.cli import main
from circlet.files import write_table
from circlet.predict import Predictor

# A busy machine is no failure.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


# What a test may take that no marker says to be slow, in seconds.
LIMIT = 60
SLOW = {"browser", "container", "faults", "mirror", "serving", "slurm", "workflow"}


def pytest_itemcollected(item: pytest.Item) -> None:
    """Say which tests are slow as a folder."""
    if item.path.parent.name in SLOW:
        item.add_marker(item.path.parent.name)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let those begin that last."""
    items.sort(key=lambda item: item.get_closest_marker("workflow") is None)


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name what is compressed by its size: its bytes hold the time, and processes must agree."""
    if isinstance(val, bytes) and not val.isascii():
        return f"{len(val)} bytes"
    return None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Refuse a slow test that no marker tells of."""
    began, worked = time.monotonic(), sum(os.times()[:4])
    yield
    # A busy machine is no failure: neither waiting alone nor threads that spin count.
    spent = min(time.monotonic() - began, sum(os.times()[:4]) - worked)
    if spent > LIMIT and not any(mark.name in SLOW for mark in item.iter_markers()):
        pytest.fail(f"took {spent:.0f} s of at most {LIMIT} s: mark it as slow, or do less")


@pytest.fixture
def mirror() -> Path:
    """Folder with real upstream files as <host>/<path>, named by CIRCLET_MIRROR."""
    folder = os.environ.get("CIRCLET_MIRROR", "")
    if not folder:
        pytest.skip("CIRCLET_MIRROR is not set: no mirror of real upstream files to read")
    return Path(folder)


@pytest.fixture
def extra() -> Path:
    """Folder with real coding transcripts as FASTA and BED12, named by CIRCLET_EXTRA."""
    folder = os.environ.get("CIRCLET_EXTRA", "")
    if not folder:
        pytest.skip("CIRCLET_EXTRA is not set: no real coding transcripts to read")
    return Path(folder)


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """On a busy machine the threads of boosting would wait for each other in each of many fits."""
    with threadpool_limits(1):
        yield


@dataclass(frozen=True)
class ToyRun:
    """Files of a small run: a separable dataset, its split, vocabulary and tokens.

    Attributes:
        folder: Where they are.
        transcripts: 80 circRNAs, which hold a motif several times, and 80 lncRNAs of 60 to 89 nt,
            in turn.
        split: Of ten of a class, six are in training, three in validation and one in test.
    """

    folder: Path
    transcripts: pd.DataFrame
    split: pd.DataFrame

    def flags(self, step: str) -> list[str]:
        """Arguments of a step for the files that it reads."""
        names = {
            "tokens": ("tokens", "offsets", "features", "index", "vocabulary"),
            "trees": ("tokens", "offsets", "features", "index"),
            "vocabulary": ("transcripts", "split"),
        }[step]
        endings = {"tokens": "npy", "offsets": "npy", "features": "npy", "vocabulary": "json"}
        return [
            word
            for name in names
            for word in (f"--{name}", str(self.folder / f"{name}.{endings.get(name, 'parquet')}"))
        ]


@pytest.fixture(scope="session")
def toy_run(tmp_path_factory: pytest.TempPathFactory) -> ToyRun:
    """A separable dataset, taken through the steps `vocabulary` (k 3) and `tokens`."""
    folder, rng = tmp_path_factory.mktemp("toy"), np.random.default_rng(7)
    ids = [f"t{row}" for row in range(160)]
    labels = ["circRNA" if row % 2 == 0 else "lncRNA" for row in range(160)]
    transcripts = pd.DataFrame(
        {
            "id": ids,
            "source": "toy",
            "label": labels,
            "sequence": [make_sequence(rng, label == "circRNA") for label in labels],
        }
    )
    parts = [*["train"] * 6, *["validation"] * 3, "test"]
    split = pd.DataFrame(
        {"id": ids, "group": ids, "part": [parts[row // 2 % 10] for row in range(160)]}
    )
    write_table(folder / "transcripts.parquet", transcripts)
    write_table(folder / "split.parquet", split)
    run = ToyRun(folder, transcripts, split)
    data = run.flags("vocabulary")
    assert main(["vocabulary", *data, "--output", str(folder / "vocabulary.json")]) == 0
    assert main(["tokens", *data, *run.flags("tokens")]) == 0
    return run


@pytest.fixture
def card_flags(tmp_path: Path) -> dict[str, list]:
    """Arguments of the step `card`, whose files are written in the test's folder."""
    return write_inputs(tmp_path)


@pytest.fixture(scope="session")
def card(tmp_path_factory: pytest.TempPathFactory) -> Card:
    """The card of the small dataset."""
    folder = tmp_path_factory.mktemp("card")
    return Card(folder, *make(write_inputs(folder)))


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> tuple[Path, str]:
    """A copy of the repository in which the demo has run, and what it printed.

    It ran without a network, where the system allows that: only downloads need one. Of several
    processes of the tests one runs it, and each has a copy.
    """
    shared = tmp_path_factory.getbasetemp()
    if worker_id != "master":
        shared = shared.parent
    made, printed = shared / "demo", shared / "demo.printed"
    with FileLock(shared / "demo.lock"):
        if not printed.exists():
            shutil.rmtree(made, ignore_errors=True)  # of a run that failed
            made.mkdir()
            before = CUT_OFF if can_cut_off() else ()
            result = snakemake(copy_repository(made), *demo_config(made), before=before)
            assert result.returncode == 0, result.stdout
            printed.write_text(result.stdout)
    folder = tmp_path_factory.mktemp("demo") / "copy"
    shutil.copytree(made, folder, symlinks=True)
    return folder, printed.read_text()


@pytest.fixture
def checkpoint_folder(tmp_path: Path) -> Path:
    """Folder of the checkpoint of `make_checkpoint`."""
    make_checkpoint().save(tmp_path / "checkpoint")
    return tmp_path / "checkpoint"


@pytest.fixture
def sequences() -> list[str]:
    """See `some_sequences`."""
    return some_sequences()


@pytest.fixture
def predictor(checkpoint_folder: Path) -> Predictor:
    """The model of that folder."""
    return Predictor.from_pretrained(checkpoint_folder, "cpu")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    program = os.environ.get("CIRCLET_CHROMIUM") or shutil.which("chromium")
    if not program:
        pytest.skip("no chromium on PATH and CIRCLET_CHROMIUM is not set: no browser to look with")
    with sync_playwright() as playwright:
        # A container's root may not use Chromium's sandbox.
        opened = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield opened
        opened.close()
