"""Input and models that once ended in a traceback, where no other module tests the place."""

import gzip

import pytest
from checkpoint_inputs import REFERENCE, make_checkpoint

from circlet.cli import main
from circlet.errors import InputError
from circlet.model.reference import Reference
from circlet.models import find_model, list_models
from circlet.predict import Predictor

LONG = "a" * 300


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The folder of a small checkpoint."""
    folder = tmp_path_factory.mktemp("model")
    make_checkpoint().save(folder)
    return folder


def test_letters_without_a_complement_are_told_of_both_strands(model):
    records = [("odd", "\ufeff" + "ACGT" * 10), ("good", "ACGT" * 10)]
    odd, good = Predictor.from_pretrained(model).predict(records, both_strands=True)
    assert (odd.call, odd.strand, odd.flags) == ("", "", ("not_nucleotides",))
    assert good.strand in "+-"
    assert 0 <= good.p_other_strand <= good.p_circrna <= 1


def test_a_refused_record_leaves_no_genome_unpacked(model, tmp_path, monkeypatch, capsys):
    (tmp_path / "genome.fa.gz").write_bytes(gzip.compress(b">chr1\n" + b"ACGGT" * 20 + b"\n"))
    (tmp_path / "in.bed").write_text("chr1\t0\t5\ta\t0\t+\nchr1\t0\t50\tb\t0\t+\n")
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    words = ["predict", str(tmp_path / "in.bed"), "--genome", str(tmp_path / "genome.fa.gz")]
    words += ["--output", str(tmp_path / "out.tsv")]
    assert main([*words, "--model", str(model), "--strict"]) == 2
    assert "a: cannot be scored (too_short, 5 nt)" in capsys.readouterr().err
    assert list((tmp_path / "scratch").iterdir()) == []


def test_scores_that_are_no_numbers_are_refused(tmp_path, capsys):
    made = make_checkpoint()
    made.members[1].head[-1].weight.data.fill_(3e38)
    made.save(tmp_path / "model")
    (tmp_path / "in.fa").write_text(">a\n" + "ACGGT" * 10 + "\n")
    words = ["predict", str(tmp_path / "in.fa"), "--model", str(tmp_path / "model")]
    assert main([*words, "--output", str(tmp_path / "out.tsv")]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("circlet predict: error: model: ")
    assert "its scores are no finite numbers" in last
    assert not (tmp_path / "out.tsv").exists()


def test_a_type_that_numpy_lacks_is_refused():
    content = REFERENCE.to_bytes()
    start = content.index(b"{")
    head, body = content[start:].split(b"}}", 1)
    head = head.replace(b'"F64","shape":[2]', b'"F8_E4M3","shape":[16]') + b"}}"
    head = head.ljust(-(-len(head) // 8) * 8)
    with pytest.raises(InputError, match="not a whole safetensors file"):
        Reference.of_bytes(len(head).to_bytes(8, "little") + head + body.lstrip(b" "), "file")


def test_a_name_that_is_too_long_is_refused():
    for ask in (find_model, list_models):
        with pytest.raises(InputError, match=r"cannot be read|no such file"):
            ask(LONG)
