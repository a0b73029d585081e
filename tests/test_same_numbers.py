"""One file, classified in every way that there is: the numbers are the same."""

import io

import numpy as np
import pandas as pd
import pytest

from circlet.cli import main
from circlet.data.sources.fasta import read_fasta
from circlet.files import read_table
from circlet.predict import Predictor

pytestmark = pytest.mark.workflow
COLUMNS = ["p_circrna", "spread"]


@pytest.fixture(scope="module")
def model(demo):
    return demo[0] / "results/demo/models/main"


@pytest.fixture(scope="module")
def fasta(demo):
    return demo[0] / "workflow/demo/circrnas.chr21.fa"


@pytest.fixture(scope="module")
def of_pipeline(demo):
    """What the workflow's own rule wrote."""
    return read_table(demo[0] / "results/demo/predictions/main/circrnas.tsv.gz")


def check(found, expected):
    assert found["id"].tolist() == expected["id"].tolist()
    for name in ("length", "call", "flags"):
        assert found[name].fillna("").tolist() == expected[name].fillna("").tolist()
    np.testing.assert_allclose(found[COLUMNS], expected[COLUMNS], rtol=0, atol=1e-5)


@pytest.mark.parametrize("words", [[], ["--threads", "1"], ["--strand", "given"]])
def test_command_line(model, fasta, of_pipeline, tmp_path, words):
    output = tmp_path / "calls.tsv"
    assert (
        main(["predict", "--model", str(model), str(fasta), "--output", str(output), *words]) == 0
    )
    assert len(of_pipeline) == 92
    assert np.ptp(of_pipeline["p_circrna"]) > 0.1
    check(read_table(output), of_pipeline)


def test_standard_output(model, fasta, of_pipeline, capfd):
    assert main(["predict", "--model", str(model), str(fasta)]) == 0
    text = capfd.readouterr().out
    check(
        pd.read_csv(io.StringIO(text), sep="\t", keep_default_na=False, na_values=[""]), of_pipeline
    )


@pytest.mark.parametrize("kind", ["library", "onnx"])
def test_library_and_one_file(model, fasta, of_pipeline, tmp_path, kind):
    if kind == "onnx":
        assert main(["export", "--model", str(model), "--output", str(tmp_path / "m.onnx")]) == 0
        model = tmp_path / "m.onnx"
    records = [(title.split()[0], bases) for title, bases in read_fasta(fasta)]
    rows = Predictor.from_pretrained(model, "cpu").predict(records)
    found = pd.DataFrame(list(rows))
    check(found.assign(flags=found["flags"].str.join(";")), of_pipeline)


def test_dataset(demo, of_pipeline):
    """The demo's dataset has the same transcripts, under ids of its own."""
    table = read_table(demo[0] / "results/demo/predictions/main.tsv.gz").set_index("id")
    both = of_pipeline[of_pipeline["id"].isin(table.index)]
    assert len(both) == 92
    of_dataset = table.loc[both["id"], "p_circrna"]
    np.testing.assert_allclose(of_dataset, both["p_circrna"], rtol=0, atol=1e-5)
