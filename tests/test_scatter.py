"""Steps that are divided into several jobs, run by Snakemake as a user runs them."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from workflow_inputs import demo_config, edited, planned, snakemake

from circlet.chunks import WINDOW_RECORDS
from circlet.files import read_table

pytestmark = pytest.mark.workflow

RECORDS = 2 * WINDOW_RECORDS + 9  # of three windows, one a piece
FILES = ("predictions/main/circrnas.tsv.gz", "predictions/main/many.tsv.gz")
FOLDER = "evaluation/main/explanation"
TARGETS = [f"results/demo/{name}" for name in (*FILES, FOLDER)]
BY_TIME = ("--rerun-triggers", "mtime")


def settings(folder: Path, prediction: int, explanation: int) -> tuple[str, ...]:
    """Arguments for the demo with one more file to classify, in so many pieces."""
    change: dict[str, Any] = {
        "predict": {"inputs": {"many": str(folder / "many.fa")}},
        "scatter": {"prediction": prediction, "explanation": explanation},
    }
    return demo_config(folder, change)


def content(folder: Path) -> dict[str, bytes]:
    """What the scattered steps made, by name."""
    results = folder / "results/demo"
    paths = [*(results / name for name in FILES), *(results / FOLDER).iterdir()]
    return {str(path.relative_to(results)): path.read_bytes() for path in paths}


@pytest.fixture(scope="module")
def whole(demo, tmp_path_factory) -> tuple[Path, dict[str, bytes], list[set[str]]]:
    """A copy of the demo's folder with one more file classified, what is there, and what is planned
    for pieces, also by times alone.
    """
    folder = tmp_path_factory.mktemp("scatter") / "copy"
    shutil.copytree(demo[0], folder, symlinks=True)
    rng = np.random.default_rng(5)
    bases = ["".join(rng.choice(list("ACGT"), 210)) for _ in range(50)]
    records = [f">r{row}\n{bases[row % 50]}\n" for row in range(RECORDS)]
    (folder / "many.fa").write_text("".join(records))
    assert planned(folder, *TARGETS, *settings(folder, 1, 1)) == {"predict_input"}
    result = snakemake(folder, *TARGETS, *settings(folder, 1, 1))
    assert result.returncode == 0, result.stdout
    plans = [planned(folder, *TARGETS, *more, *settings(folder, 3, 2)) for more in ((), BY_TIME)]
    return folder, content(folder), plans


@pytest.fixture(scope="module")
def scattered(whole) -> tuple[Path, dict[str, bytes]]:
    """The same folder once the steps ran in pieces."""
    folder, before, _ = whole
    result = snakemake(folder, *TARGETS, *settings(folder, 3, 2))
    assert result.returncode == 0, result.stdout
    return folder, before


def test_another_number_of_pieces_reruns_the_scattered_steps_alone(whole):
    """Snakemake records what a result was made of; asked for times alone, it lets it stand."""
    steps = {"predict_piece", "gather_predictions", "explain_piece", "gather_explanation"}
    assert whole[2] == [steps, set()]


def test_pieces_give_the_bytes_of_the_whole(scattered):
    folder, before = scattered
    after = content(folder)
    assert sorted(after) == sorted(before)
    assert [name for name in before if after[name] != before[name]] == []


def test_pieces_are_gone_and_their_benchmarks_are_there(scattered):
    results = scattered[0] / "results/demo"
    assert list((results / "predictions").rglob("*-of-*")) == []
    assert list((results / "evaluation").rglob("*-of-*")) == []
    for name, count in (("predict/main/many", 3), ("explain/main", 2)):
        found = sorted(path.name for path in (results / "benchmarks" / name).iterdir())
        assert found == [f"{number}-of-{count}.tsv" for number in range(1, count + 1)]


def test_time_and_memory_are_told_of_each_piece(scattered):
    folder, _ = scattered
    told = "results/demo/evaluation/resources.tsv"
    result = snakemake(folder, told, *settings(folder, 3, 2))
    assert result.returncode == 0, result.stdout
    table = read_table(folder / told)
    names = table.groupby("step")["name"].apply(lambda names: set(names.dropna()))
    files = ("circrnas", "many")
    assert names["predict"] == {f"{file}/{number}-of-3" for file in files for number in (1, 2, 3)}
    assert names["explain"] == {"1-of-2", "2-of-2"}


def test_a_second_run_in_pieces_has_nothing_to_do(scattered):
    folder, _ = scattered
    assert planned(folder, *TARGETS, *settings(folder, 3, 2)) == set()
    steps = {"predict_piece", "gather_predictions", "explain_piece", "gather_explanation"}
    package = folder / "workflow/circlet"
    with edited(package / "calls.py"), edited(package / "evaluation/explain/single.py"):
        assert steps <= planned(folder, *TARGETS, *settings(folder, 3, 2))
