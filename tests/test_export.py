import json
import logging
import subprocess
import sys

import numpy as np
import onnx
import pandas as pd
import pytest
from checkpoint_inputs import make_checkpoint

from circlet.cli import main
from circlet.errors import InputError
from circlet.files import write_table
from circlet.model import export as export_module
from circlet.model.onnx_file import SEAL, write_sealed
from circlet.model.onnx_model import PREFIX, load_onnx, pack, unpack
from circlet.model.trees import Trees
from circlet.predict import Predictor

TREES = Trees(
    roots=np.array([0]),
    feature=np.array([7, 0, 0]),  # GC
    threshold=np.array([0.5, 0.0, 0.0]),
    left=np.array([1, 1, 2]),
    right=np.array([2, 1, 2]),
    value=np.array([0.0, -1.0, 1.0]),
    baseline=np.array([0.25]),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A checkpoint with trees."""
    checkpoint = make_checkpoint()
    checkpoint.description.trees, checkpoint.description.tree_weight = TREES, 0.25
    folder = tmp_path_factory.mktemp("model") / "checkpoint"
    checkpoint.save(folder)
    return folder


@pytest.fixture(scope="module")
def exported(folder):
    """The same as one file."""
    path = folder.parent / "model.onnx"
    assert main(["export", "--model", str(folder), "--output", str(path)]) == 0
    return path


@pytest.fixture
def sequences():
    rng = np.random.default_rng(0)
    return ["".join(rng.choice(list("ACGT"), size=rng.integers(20, 91))) for _ in range(23)]


def dataset_words(folder, sequences, labels):
    """Files of a dataset whose sequences are all in the validation part."""
    ids = [f"t{row}" for row in range(len(sequences))]
    table = pd.DataFrame({"id": ids, "label": labels, "sequence": sequences})
    write_table(folder / "t.parquet", table)
    write_table(folder / "s.parquet", pd.DataFrame({"id": ids, "group": ids, "part": "validation"}))
    return ["--transcripts", str(folder / "t.parquet"), "--split", str(folder / "s.parquet")]


def test_the_file_says_what_the_folder_says(folder, exported, sequences):
    of_folder = Predictor.from_pretrained(folder, "cpu")
    of_file = Predictor.from_pretrained(exported, "cpu", threads=1)
    expected, found = (each.predict_members(sequences) for each in (of_folder, of_file))
    assert list(found) == list(expected) == ["model", "seed1", "seed2", "trees"]
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=0, atol=1e-5)
    assert np.ptp(expected["model"]) > 0.2
    records = [(f"r{row}", bases) for row, bases in enumerate([*sequences, "ACGT", "ACGTN" * 9])]
    for one, other in zip(of_folder.predict(records), of_file.predict(records), strict=True):
        assert (one.id, one.length, one.call, one.flags) == (
            other.id,
            other.length,
            other.call,
            other.flags,
        )
        assert one.p_circrna == pytest.approx(other.p_circrna, abs=1e-5, nan_ok=True)
        assert one.spread == pytest.approx(other.spread, abs=1e-5, nan_ok=True)


def test_the_same_model_gives_the_same_bytes(folder, exported, tmp_path):
    assert main(["export", "--model", str(folder), "--output", str(tmp_path / "again.onnx")]) == 0
    assert (tmp_path / "again.onnx").read_bytes() == exported.read_bytes()


def test_the_description_comes_back(folder, exported):
    description, networks = load_onnx(exported, "cpu", 1)
    assert description.to_files() == {
        name: (folder / name).read_bytes() for name in description.to_files()
    }
    assert networks.members == 2


def test_a_damaged_description_is_refused(folder):
    description = Predictor.from_pretrained(folder, "cpu").description
    metadata = pack(description)
    assert unpack(metadata, "m.onnx").to_files() == description.to_files()
    metadata[f"{PREFIX}config.json"] = "not base64"
    with pytest.raises(InputError, match=r"m\.onnx: its description is damaged"):
        unpack(metadata, "m.onnx")
    metadata.pop(f"{PREFIX}config.json")
    with pytest.raises(InputError, match=r"m\.onnx/config\.json: no such file"):
        unpack(metadata, "m.onnx")


def test_networks_of_another_number_than_described_are_refused(exported, tmp_path):
    model = onnx.load(exported)
    texts = {each.key: each.value for each in model.metadata_props}
    description = unpack(texts, exported)
    description.training = description.training[:1]
    model.ClearField("metadata_props")
    kept = {key: value for key, value in texts.items() if key != SEAL}
    onnx.helper.set_model_props(model, kept | pack(description))
    write_sealed(tmp_path / "forged.onnx", model.SerializeToString())
    with pytest.raises(InputError, match="has 2 networks but describes 1"):
        load_onnx(tmp_path / "forged.onnx", "cpu", 1)


def test_a_file_needs_no_torch(exported, sequences, tmp_path):
    (tmp_path / "in.fa").write_text(f">a\n{sequences[0]}\n")
    code = "import sys; sys.modules['torch'] = None; from circlet.cli import main; sys.exit(main())"
    words = ["predict", str(tmp_path / "in.fa"), "--model", str(exported)]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    (row,) = done.stdout.splitlines()[1:]
    p = Predictor.from_pretrained(exported, "cpu", 1).predict_proba(sequences[:1])[0]
    assert float(row.split("\t")[2]) == pytest.approx(p, abs=1e-5)


def test_an_onnx_file_cannot_be_explained(exported):
    predictor = Predictor.from_pretrained(exported, "cpu", 1)
    for explain in (predictor.attribute, predictor.roll_out):
        with pytest.raises(InputError, match="model: an ONNX file cannot be explained"):
            explain("ACGTTGCAAC" * 4)


def test_int8_is_written_where_it_loses_little(folder, exported, sequences, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    of_folder = Predictor.from_pretrained(folder, "cpu")
    labels = np.where(of_folder.predict_proba(sequences) > 0.5, "circRNA", "lncRNA")
    words = ["export", "--model", str(folder), "--precision", "int8"]
    words += dataset_words(tmp_path, sequences, labels)
    output = tmp_path / "int8.onnx"
    assert main([*words, "--most-loss", "0.5", "--output", str(output)]) == 0
    assert "nats by int8" in caplog.text
    found = Predictor.from_pretrained(output, "cpu", 1).predict_proba(sequences)
    expected = of_folder.predict_proba(sequences)
    assert 0 < np.abs(found - expected).max() < 0.2
    kinds = {each.data_type for each in onnx.load(output).graph.initializer}
    assert onnx.TensorProto.INT8 in kinds
    assert onnx.TensorProto.INT8 not in {
        each.data_type for each in onnx.load(exported).graph.initializer
    }


def test_int8_that_loses_too_much_is_not_written(folder, sequences, tmp_path, capsys):
    words = ["export", "--model", str(folder), "--precision", "int8"]
    words += dataset_words(tmp_path, sequences, ["circRNA", "lncRNA"] * 11 + ["circRNA"])
    output = tmp_path / "int8.onnx"
    assert main([*words, "--most-loss", "-1", "--output", str(output)]) == 2
    (error,) = [line for line in capsys.readouterr().err.splitlines() if "error: " in line]
    assert f"{folder}: int8 costs " in error
    assert error.endswith("more than -1; use fp32, or allow more by --most-loss")
    assert not output.exists()


def test_an_export_that_says_something_else_is_not_written(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(export_module, "SAME", -1.0)
    assert main(["export", "--model", str(folder), "--output", str(tmp_path / "m.onnx")]) == 2
    assert "the exported networks say something else" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [
        ["--precision", "int8"],
        ["--precision", "int8", "--transcripts", "t.parquet"],
        ["--transcripts", "t.parquet", "--split", "s.parquet"],
    ],
)
def test_int8_needs_the_validation_part(words, capsys):
    assert main(["export", "--output", "m.onnx", *words]) == 2
    assert "what to measure int8 on is not clear" in capsys.readouterr().err


def test_a_validation_part_without_a_class_is_refused(folder, sequences, tmp_path, capsys):
    words = ["export", "--model", str(folder), "--precision", "int8"]
    words += dataset_words(tmp_path, sequences, "circRNA")
    assert main([*words, "--output", str(tmp_path / "m.onnx")]) == 2
    assert "validation: the part lacks a class" in capsys.readouterr().err


def test_examples_are_always_the_same(folder):
    description = Predictor.from_pretrained(folder, "cpu").description
    found = export_module.example_sequences(description)
    assert found == export_module.example_sequences(description)
    assert min(map(len, found)) == 21
    assert max(map(len, found)) == 20 + 4 * 48
    assert json.dumps(found).count("N")
