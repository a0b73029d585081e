"""The model that ships with the package, as a newcomer meets it."""

import gzip
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from circlet.cli import main
from circlet.models import SHIPPED, list_models
from circlet.predict import Predictor

REPOSITORY = Path(__file__).resolve().parents[1]
DEMO = REPOSITORY / "workflow/demo"
MOST_BYTES = 2 * 2**20


@pytest.fixture(scope="module")
def predictor():
    return Predictor.from_pretrained(device="cpu", threads=1)


def test_it_is_small_and_whole():
    names = sorted(path.name for path in SHIPPED.iterdir())
    weights = [name for name in names if name.endswith(".safetensors")]
    others = ["DOME.md", "README.md", "config.json", "manifest.json", "training.json"]
    assert sorted([*weights, *others, "vocabulary.json"]) == names
    assert sum((SHIPPED / name).stat().st_size for name in weights) <= MOST_BYTES


def test_the_package_takes_it_along():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    assert project["tool"]["setuptools"]["package-data"]["circlet.model"] == ["default/*"]


def test_no_path_of_a_machine_is_in_it():
    for path in SHIPPED.glob("*.*"):
        assert not re.search(rb"/(home|root|tmp|work|Users)/", path.read_bytes()), path.name


def test_it_was_trained_as_its_config_says(predictor):
    records = predictor.description.training
    assert [record["seed"] for record in records] == [1, 2, 3]
    assert all(record["half"] for record in records)
    assert predictor.description.trees is not None
    assert predictor.min_length == 200


def test_its_key_figures_are_those_of_its_card():
    (found, *_) = list_models("nowhere")
    card = (SHIPPED / "README.md").read_text()
    assert (found.model, found.networks, found.has_trees) == ("default", 3, True)
    for name, kind in (("AUROC", "roc_auc"), ("MCC", "matthews_correlation")):
        told = re.search(rf'type: "{kind}"\n.*\n +value: ([\d.]+)', card)
        assert found.figures[name].startswith(f"{float(told[1]):.3f} [")
    assert found.scored_on.startswith("circlet dataset, split gene, test part: ")


def test_it_answers_at_once(tmp_path):
    """Without any option, as a process of its own; the demo's transcripts are of other files."""
    for name, label in (("circrnas", "circRNA"), ("lncrnas", "lncRNA")):
        command = [sys.executable, "-m", "circlet", "predict", f"{DEMO}/{name}.chr21.fa"]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
        header, *rows = (line.split("\t") for line in done.stdout.splitlines())
        assert header == ["id", "length", "p_circrna", "call", "spread", "flags"]
        calls = [row[3] for row in rows]
        assert calls.count(label) >= 0.85 * len(calls)
        assert done.stderr == ""


def test_sequences_that_it_was_made_of_are_known(predictor, mirror, tmp_path):
    """All of the mirror's circRNAs but those of the test part."""
    (fasta,) = mirror.glob("www.circbase.org/download/*.fa.gz")
    with gzip.open(fasta, "rt") as handle:
        records = handle.read().split("\n>")[:300]
    (tmp_path / "some.fa").write_text("\n>".join(records) + "\n")
    output = tmp_path / "calls.jsonl"
    assert main(["predict", str(tmp_path / "some.fa"), "--output", str(output)]) == 0
    rows = [json.loads(line) for line in output.read_text().splitlines()]
    scored = [row for row in rows if row["call"]]
    seen = sum("seen_in_training" in row["flags"] for row in scored)
    assert 0.6 * len(scored) < seen < len(scored)


def test_whole_mrnas_are_unlike_the_training(predictor, extra):
    with gzip.open(extra / "refseq_coding_hg19.fa.gz", "rt") as handle:
        records = [text.split("\n", 1) for text in handle.read()[1:].split("\n>")[:200]]
    found = list(
        predictor.predict((title.split()[0], bases.replace("\n", "")) for title, bases in records)
    )
    unlike = sum("unlike_training" in each.flags for each in found)
    assert unlike > 0.7 * len(found)
