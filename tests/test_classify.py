import gzip
import io
import json
import logging
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch
from Bio.Seq import reverse_complement
from prediction_inputs import classify, fasta_of, read_rows, some_sequences, write_fasta

from circlet import chunks as chunks_module
from circlet.classify import predict_dataset
from circlet.cli import main
from circlet.data.sources import sequences as sequences_module
from circlet.files import read_table, write_table
from circlet.model.checkpoint import Checkpoint
from circlet.predict import Predictor

HEADER = ["id", "length", "p_circrna", "call", "spread", "flags"]


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    """Two windows of two records a chunk."""
    monkeypatch.setattr(chunks_module, "WINDOW_RECORDS", 2)
    monkeypatch.setattr(chunks_module, "CHUNK_WINDOWS", 2)


@pytest.fixture(autouse=True)
def root_level():
    """Put back what --quiet changes of the process."""
    level = logging.getLogger().level
    logging.getLogger().setLevel(logging.INFO)
    yield
    logging.getLogger().setLevel(level)


def error_of(capfd):
    """The one line of an error, the last."""
    return capfd.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(("given", "made"), [("in.fa", "out.tsv"), ("in.fa.gz", "out.tsv.gz")])
def test_table_of_a_fasta_file(checkpoint_folder, predictor, sequences, tmp_path, given, made):
    fasta = write_fasta(tmp_path / given, sequences)
    assert classify(checkpoint_folder, tmp_path / made, fasta) == 0
    header, *rows = read_rows(tmp_path / made)
    assert header == HEADER
    assert [row[0] for row in rows] == [f"r{row}" for row in range(23)]
    p = predictor.predict_proba(sequences)
    np.testing.assert_allclose([float(row[2]) for row in rows], p, rtol=0, atol=1e-6)
    assert [row[3] for row in rows] == ["circRNA" if value >= 0.5 else "lncRNA" for value in p]
    assert {row[3] for row in rows} == {"circRNA", "lncRNA"}


def test_same_input_gives_the_same_bytes(checkpoint_folder, sequences, tmp_path):
    fasta = write_fasta(tmp_path / "in.fa", sequences)
    for name in ("one", "two"):
        assert classify(checkpoint_folder, tmp_path / name / "out.tsv.gz", fasta) == 0
    one, two = (tmp_path / name / "out.tsv.gz" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def test_short_records_are_shown_without_call(
    checkpoint_folder, sequences, tmp_path, caplog, capfd
):
    caplog.set_level(logging.INFO)
    fasta = write_fasta(tmp_path / "in.fa", ["ACGT", sequences[0], "A" * 19, "acgun" * 9])
    assert classify(checkpoint_folder, tmp_path / "out.tsv", fasta) == 0
    _, *rows = read_rows(tmp_path / "out.tsv")
    assert [row for row in rows if not row[3]] == [
        ["r0", "4", "", "", "", "too_short"],
        ["r2", "19", "", "", "", "too_short"],
    ]
    assert all(0 < float(row[2]) < 1 for row in (rows[1], rows[3]))
    assert rows[3][5] == "ambiguous_bases"
    warnings = [each.message for each in caplog.records if each.levelno == logging.WARNING]
    assert warnings == [f"{fasta}: 2 records have no call: 2 too_short"]
    assert f"{fasta}: classified 2 records" in [each.message for each in caplog.records]


GOOD = ">a\nACGTACGTACGTACGTACGTACGT\n"


@pytest.mark.parametrize(
    ("text", "message", "rows"),
    [
        (GOOD + ">\nACGT\n", "record 2: has no name", 1),
        (GOOD + ">b\nACGT>c\nACGT\n", "b: has a '>' within its sequence", 1),
        ("<html>\n", "line 1: is neither FASTA, FASTQ, BED nor GTF", 0),
        ("", "has no record", 0),
        ("chr1\t5\t90\tx\t0\t+\n", "is BED, which has places and no sequences", 0),
        ("@a\nACGT\n+\nIII\n", "a: ", 0),
    ],
)
def test_broken_input_ends_with_one_line_and_no_table(
    checkpoint_folder, tmp_path, capfd, text, message, rows
):
    (tmp_path / "in.fa").write_text(text)
    output = tmp_path / "out/out.tsv"
    assert classify(checkpoint_folder, output, str(tmp_path / "in.fa")) == 2
    error = error_of(capfd)
    assert error.startswith(f"circlet predict: error: {tmp_path / 'in.fa'}: ")
    assert message in error
    kept = [output.with_name("out.tsv.partial")] if rows else []
    assert list((tmp_path / "out").iterdir()) == kept
    assert ("classified before it is in" in error) == bool(rows)
    for path in kept:
        assert [row[0] for row in read_rows(path)] == ["id", "a"]


def test_records_without_a_sequence_and_of_one_id_are_all_shown(checkpoint_folder, tmp_path):
    (tmp_path / "in.fa").write_text(GOOD + ">b\n\n\n" + GOOD + ">d x\nACG\r\nTAC\r\n")
    assert classify(checkpoint_folder, tmp_path / "out.tsv", str(tmp_path / "in.fa")) == 0
    rows = read_rows(tmp_path / "out.tsv")[1:]
    assert [(row[0], row[1], row[-1]) for row in rows] == [
        ("a", "24", "outside_training_length"),
        ("b", "0", "too_short"),
        ("a", "24", "outside_training_length"),
        ("d", "6", "too_short"),
    ]


@pytest.mark.parametrize("ending", ["tsv", "tsv.gz"])
def test_of_a_truncated_stream_all_that_was_scored_is_kept(
    checkpoint_folder, tmp_path, capfd, ending
):
    many = some_sequences(400)
    output = tmp_path / f"out.{ending}"
    fasta = tmp_path / "in.fa.gz"
    assert classify(checkpoint_folder, output, write_fasta(fasta, many)) == 0
    whole = read_rows(output)
    output.unlink()
    fasta.write_bytes(fasta.read_bytes()[:-4000])
    assert classify(checkpoint_folder, output, str(fasta)) == 2
    kept = tmp_path / f"out.{ending}.partial"
    moved = kept.rename(tmp_path / f"kept.{ending}")
    rows = read_rows(moved)
    assert 50 < len(rows) < 399
    assert [row[:2] for row in rows] == [row[:2] for row in whole[: len(rows)]]
    p = [[float(row[2]) for row in table[1:]] for table in (rows, whole[: len(rows)])]
    np.testing.assert_allclose(*p, rtol=0, atol=1e-5)
    assert error_of(capfd) == (
        f"circlet predict: error: {fasta}: the gzip stream is truncated or damaged; fetch or "
        f"compress it again; the {len(rows) - 1} records classified before it are in {kept}"
    )
    assert not output.exists()


def test_several_files_make_one_table_in_their_order(
    checkpoint_folder, sequences, tmp_path, predictor
):
    first = write_fasta(tmp_path / "b.fa.gz", sequences[:5])
    lines = [
        f"@q{row}\n{bases}\n+\n{'I' * len(bases)}\n" for row, bases in enumerate(sequences[5:8])
    ]
    (tmp_path / "a.fastq").write_text("".join(lines))
    words = [first, str(tmp_path / "a.fastq"), first]
    assert classify(checkpoint_folder, tmp_path / "out.tsv", *words) == 0
    rows = read_rows(tmp_path / "out.tsv")[1:]
    names = [f"r{row}" for row in range(5)]
    assert [row[0] for row in rows] == [*names, "q0", "q1", "q2", *names]
    p = predictor.predict_proba([*sequences[:8], *sequences[:5]])
    np.testing.assert_allclose([float(row[2]) for row in rows], p, rtol=0, atol=1e-5)


def test_a_later_file_that_is_missing_is_named(checkpoint_folder, sequences, tmp_path, capfd):
    fasta = write_fasta(tmp_path / "a.fa", sequences)
    words = [fasta, str(tmp_path / "none.fa")]
    assert classify(checkpoint_folder, tmp_path / "out.tsv", *words) == 2
    assert f"{tmp_path / 'none.fa'}: no such file" in error_of(capfd)
    assert len(read_rows(tmp_path / "out.tsv.partial")) == 24


def test_a_bed_file_is_read_with_its_genome(checkpoint_folder, tmp_path, predictor, sequences):
    genome = write_fasta(tmp_path / "genome.fa", sequences)
    (tmp_path / "in.bed").write_text("r0\t5\t45\tx\t0\t-\nr1\t0\t30\ty\t0\t+\n")
    words = [str(tmp_path / "in.bed"), "--genome", genome]
    assert classify(checkpoint_folder, tmp_path / "out.tsv", *words) == 0
    rows = read_rows(tmp_path / "out.tsv")[1:]
    assert [row[:2] for row in rows] == [["x", "40"], ["y", "30"]]
    p = predictor.predict_proba([reverse_complement(sequences[0][5:45]), sequences[1][:30]])
    np.testing.assert_allclose([float(row[2]) for row in rows], p, rtol=0, atol=1e-5)


def test_standard_input_and_output(checkpoint_folder, sequences, tmp_path, capfd, monkeypatch):
    fasta = write_fasta(tmp_path / "in.fa", sequences)
    assert classify(checkpoint_folder, tmp_path / "out.tsv", fasta) == 0
    capfd.readouterr()
    packed = io.BytesIO(gzip.compress(fasta_of(sequences).encode()))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(packed))
    assert classify(checkpoint_folder, "-", "-") == 0
    told, said = capfd.readouterr()
    assert told == (tmp_path / "out.tsv").read_text()
    assert said == ""


def test_what_breaks_off_on_standard_input_is_named_in_words(
    checkpoint_folder, sequences, capfd, monkeypatch
):
    packed = io.BytesIO(gzip.compress(fasta_of(sequences).encode())[:-9])
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(packed))
    assert classify(checkpoint_folder, "-", "-", "--format", "csv") == 2
    told, said = capfd.readouterr()
    assert said.startswith("circlet predict: error: standard input: the gzip stream is truncated")
    assert said.count("\n") == 1
    assert f"the {len(told.splitlines()) - 1} records classified before it are on" in said


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet", "tsv.zst", "csv.xz"])
def test_the_ending_tells_the_format(checkpoint_folder, sequences, tmp_path, ending):
    fasta = write_fasta(tmp_path / "in.fa", ["ACGT", *sequences])
    output = tmp_path / f"out.{ending}"
    assert classify(checkpoint_folder, tmp_path / "out.tsv", fasta) == 0
    assert classify(checkpoint_folder, output, fasta) == 0
    expected = read_rows(tmp_path / "out.tsv")
    if ending == "parquet":
        rows = [[str(value) for value in row.values()] for row in pq.read_table(output).to_pylist()]
        assert [row[:2] for row in rows] == [row[:2] for row in expected[1:]]
    elif ending == "jsonl":
        rows = [json.loads(line) for line in output.read_text().splitlines()]
        assert [list(row) for row in rows] == [HEADER] * 24
        assert rows[0]["flags"] == ["too_short"]
        assert [row["id"] for row in rows] == [row[0] for row in expected[1:]]
    else:
        separator = "," if "csv" in ending else "\t"
        table = pd.read_csv(output, sep=separator, keep_default_na=False, dtype=str)
        assert [list(table), *table.to_numpy().tolist()] == expected


def test_the_format_may_be_named(checkpoint_folder, sequences, tmp_path):
    fasta = write_fasta(tmp_path / "in.fa", sequences[:1])
    assert classify(checkpoint_folder, tmp_path / "out", fasta, "--format", "jsonl") == 0
    assert json.loads((tmp_path / "out").read_text())["id"] == "r0"


def test_both_strands_have_columns(checkpoint_folder, predictor, sequences, tmp_path):
    fasta = write_fasta(tmp_path / "in.fa", ["ACGT", *sequences])
    assert classify(checkpoint_folder, tmp_path / "out.tsv", fasta, "--strand", "both") == 0
    header, short, *rows = read_rows(tmp_path / "out.tsv")
    assert header == [*HEADER, "strand", "p_other_strand"]
    assert short == ["r0", "4", "", "", "", "too_short", "", ""]
    p = predictor.predict_proba(sequences)
    other = predictor.predict_proba([reverse_complement(bases) for bases in sequences])
    assert [row[6] for row in rows] == [
        "+" if x >= y else "-" for x, y in zip(p, other, strict=True)
    ]
    for column, values in ((2, np.maximum(p, other)), (7, np.minimum(p, other))):
        found = [float(row[column]) for row in rows]
        np.testing.assert_allclose(found, values, rtol=0, atol=1e-5)


def test_a_threshold_may_be_given(checkpoint_folder, sequences, tmp_path, capfd):
    fasta = write_fasta(tmp_path / "in.fa", sequences)
    for threshold, calls in (("0", {"circRNA"}), ("1", {"lncRNA"})):
        words = [fasta, "--threshold", threshold]
        assert classify(checkpoint_folder, tmp_path / "out.tsv", *words) == 0
        assert {row[3] for row in read_rows(tmp_path / "out.tsv")[1:]} == calls
    with pytest.raises(SystemExit) as caught:
        classify(checkpoint_folder, tmp_path / "out.tsv", fasta, "--threshold", "1.5")
    assert caught.value.code == 2
    assert "'1.5' is not a number from 0 to 1" in error_of(capfd)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (">b\nACGT\n", "b: cannot be scored (too_short, 4 nt)"),
        (">b\nMKVLAARE\n", "b: cannot be scored (not_nucleotides, 8 nt)"),
        (">b\n\n", "b: cannot be scored (too_short, 0 nt)"),
        (">b\n" + "ACGT" * 30 + "\n", "b: cannot be scored (too_long, 120 nt)"),
        (GOOD, "a: two records bear this id"),
    ],
)
@pytest.mark.parametrize("is_file", [True, False])
def test_strict_refuses_a_record_by_file_name_and_reason(
    checkpoint_folder, tmp_path, capfd, monkeypatch, text, problem, is_file
):
    monkeypatch.setattr(sequences_module, "LONGEST", 100)
    (tmp_path / "in.fa").write_text(GOOD + text)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((GOOD + text).encode())))
    path = str(tmp_path / "in.fa") if is_file else "-"
    assert classify(checkpoint_folder, tmp_path / "out.tsv", path, "--strict") == 2
    where = path if is_file else "standard input"
    assert error_of(capfd).startswith(
        f"circlet predict: error: {where}: {problem}; mend or remove the record, or leave out"
    )
    assert not (tmp_path / "out.tsv").exists()
    assert len(read_rows(tmp_path / "out.tsv.partial")) == 2


def test_strict_lets_pass_what_can_be_scored(checkpoint_folder, sequences, tmp_path):
    fasta = write_fasta(tmp_path / "in.fa", sequences)
    assert classify(checkpoint_folder, tmp_path / "one.tsv", fasta) == 0
    assert classify(checkpoint_folder, tmp_path / "two.tsv", fasta, "--strict") == 0
    assert (tmp_path / "one.tsv").read_bytes() == (tmp_path / "two.tsv").read_bytes()


def test_a_record_that_is_too_long_stays_in_the_table(checkpoint_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(sequences_module, "LONGEST", 100)
    (tmp_path / "in.fa").write_text(">a\n" + "ACGT\n" * 26 + ">b\n" + "ACGT" * 25 + "\n")
    assert classify(checkpoint_folder, tmp_path / "out.tsv", str(tmp_path / "in.fa")) == 0
    first, second = read_rows(tmp_path / "out.tsv")[1:]
    assert first == ["a", "104", "", "", "", "too_long"]
    assert second[:2] == ["b", "100"]
    assert second[3] != ""


def test_quiet_says_nothing_but_warnings(checkpoint_folder, sequences, tmp_path, capfd, caplog):
    fasta = write_fasta(tmp_path / "in.fa", ["ACGT", *sequences])
    assert classify(checkpoint_folder, tmp_path / "out.tsv", fasta, "--quiet") == 0
    assert [each.message for each in caplog.records] == [
        f"{fasta}: 1 record has no call: 1 too_short"
    ]


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["-", "-"], "INPUT: standard input can be read once"),
        (["-", "--shard", "1/2"], "--shard: the records are counted first"),
        (["a.fa", "--gpus", "-1"], "--gpus: is -1"),
        (["a.fa", "--members-output", "m"], "--members-output: has no effect on INPUT files"),
        (["--transcripts", "a", "--split", "b", "--strict"], "--strict: has no effect on --tran"),
        (["--transcripts", "a", "--split", "b", "--threshold", "0"], "--threshold: has no effect"),
        (["--transcripts", "a", "--split", "b", "--strand", "both"], "--strand: has no effect"),
        (["a.fa", "--threads", "0"], "threads: is 0"),
        (["a.fa", "--format", "csv", "--device", "mps"], "device: mps: there is no mps here"),
    ],
)
def test_arguments_that_cannot_be(checkpoint_folder, tmp_path, capfd, monkeypatch, words, problem):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert classify(checkpoint_folder, tmp_path / "out.tsv", *words) == 2
    assert problem in error_of(capfd)
    assert not (tmp_path / "out.tsv").exists()


def test_an_input_is_not_written_over(checkpoint_folder, sequences, tmp_path, capfd):
    fasta = write_fasta(tmp_path / "in.fa", sequences)
    assert classify(checkpoint_folder, fasta, fasta) == 2
    assert "--output: is a file that is read" in error_of(capfd)
    assert (tmp_path / "in.fa").read_text() == fasta_of(sequences)


def command(checkpoint_folder, *words):
    """The words that run the step in a process of its own."""
    about = ["--model", str(checkpoint_folder), "--device", "cpu"]
    return [sys.executable, "-m", "circlet", "predict", *about, *words]


def test_a_reader_that_went_away_is_told_nothing(checkpoint_folder, tmp_path):
    fasta = write_fasta(tmp_path / "in.fa", some_sequences(9000))
    with subprocess.Popen(
        command(checkpoint_folder, fasta), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout.readline().split() == [name.encode() for name in HEADER]
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 0


def test_an_interrupt_ends_it_with_one_line_while_it_waits_for_input(checkpoint_folder):
    with subprocess.Popen(
        command(checkpoint_folder, "-"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # As on a terminal: in the background of a shell it would be ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        # More than a pipe holds: when all is written, it has begun to read.
        process.stdin.write(fasta_of(some_sequences(3000)).encode())
        process.stdin.flush()
        process.send_signal(signal.SIGINT)
        told, said = process.stdout.read(), process.stderr.read()
        assert said == b"circlet predict: interrupted\n"
        assert process.wait(60) == 130
        assert told == b""


def _dataset(folder, sequences):
    ids = [f"t{row}" for row in range(len(sequences))]
    labels = ["circRNA", "lncRNA"] * len(sequences)
    transcripts = pd.DataFrame(
        {"id": ids, "source": "toy", "label": labels[: len(ids)], "sequence": sequences}
    )
    parts = (["train", "test", "validation"] * len(ids))[: len(ids)]
    split = pd.DataFrame({"id": ids, "group": ids, "part": parts})
    write_table(folder / "transcripts.parquet", transcripts)
    # The order of the split is not that of the dataset.
    write_table(folder / "split.parquet", split.iloc[::-1])
    files = {name: folder / f"{name}.parquet" for name in ("transcripts", "split")}
    return transcripts, parts, [str(w) for name in files for w in (f"--{name}", files[name])]


def test_table_of_the_dataset(checkpoint_folder, predictor, sequences, tmp_path):
    transcripts, parts, words = _dataset(tmp_path, [*sequences, "ACGT"])
    assert classify(checkpoint_folder, tmp_path / "out.tsv.gz", *words) == 0
    header, *rows = read_rows(tmp_path / "out.tsv.gz")
    assert header == ["id", "source", "label", "part", "length", "p_circrna", "call"]
    columns = dict(zip(header, zip(*rows, strict=True), strict=True))
    assert list(columns["id"]) == transcripts["id"].tolist()
    assert set(columns["source"]) == {"toy"}
    assert list(columns["label"]) == transcripts["label"].tolist()
    assert list(columns["part"]) == parts
    assert list(columns["length"]) == [str(len(bases)) for bases in [*sequences, "ACGT"]]
    assert (columns["p_circrna"][-1], columns["call"][-1]) == ("", "")
    p = predictor.predict_proba(sequences)
    np.testing.assert_allclose([float(v) for v in columns["p_circrna"][:-1]], p, rtol=0, atol=1e-6)


def test_all_ways_give_equal_numbers(checkpoint_folder, predictor, sequences, tmp_path):
    transcripts, _, words = _dataset(tmp_path, sequences)
    fasta = write_fasta(tmp_path / "in.fa", sequences)
    assert classify(checkpoint_folder, tmp_path / "fasta.tsv", fasta) == 0
    assert classify(checkpoint_folder, tmp_path / "dataset.tsv", *words) == 0
    library = [f"{value:.6g}" for value in predictor.predict_proba(sequences)]
    assert [row[2] for row in read_rows(tmp_path / "fasta.tsv")[1:]] == library
    assert [row[5] for row in read_rows(tmp_path / "dataset.tsv")[1:]] == library
    table, _ = predict_dataset(predictor, transcripts.assign(part="test"))
    assert [f"{value:.6g}" for value in table["p_circrna"]] == library


def test_members_are_told_one_by_one(checkpoint_folder, predictor, sequences, tmp_path):
    transcripts, _, words = _dataset(tmp_path, sequences)
    output = tmp_path / "members.parquet"
    flags = [*words, f"--members-output={output}"]
    assert classify(checkpoint_folder, tmp_path / "out.tsv", *flags) == 0
    found = read_table(output)
    assert found["id"].tolist() == transcripts["id"].tolist()
    alone, undo = [], lambda p: (np.log(p / (1 - p)) - 0.1) / 0.8  # of CALIBRATION
    for number, name in enumerate(["seed1", "seed2"]):
        checkpoint = Checkpoint.load(checkpoint_folder)
        about = checkpoint.description
        about.training = [about.training[number]]
        one = Checkpoint(about, [checkpoint.members[number]])
        predictor_of_one = Predictor.of_checkpoint(one, [torch.device("cpu")])
        alone.append(predictor_of_one.predict_proba(sequences))
        np.testing.assert_allclose(found[name], alone[-1], rtol=1e-5)
    assert list(found) == ["id", "seed1", "seed2"]
    together = predictor.predict_proba(sequences)
    np.testing.assert_allclose(undo(together), np.mean(list(map(undo, alone)), axis=0), rtol=1e-4)


def test_unclear_input_ends_with_one_line(checkpoint_folder, sequences, tmp_path, capfd):
    fasta = write_fasta(tmp_path / "in.fa", sequences)
    _, _, words = _dataset(tmp_path, sequences)
    for given in ([], [fasta, *words], words[:2], words[2:], [fasta, *words[2:]]):
        assert classify(checkpoint_folder, tmp_path / "out.tsv", *given) == 2
        error = capfd.readouterr().err.splitlines()[-1]
        assert error.endswith(
            "not clear; give INPUT files, - for standard input, or --transcripts and --split"
        )
    assert not (tmp_path / "out.tsv").exists()


def test_split_of_another_dataset_ends_with_one_line(checkpoint_folder, sequences, tmp_path, capfd):
    _, _, words = _dataset(tmp_path, sequences)
    split = tmp_path / "split.parquet"
    write_table(split, pd.DataFrame({"id": ["t0"], "group": ["g"], "part": ["test"]}))
    assert classify(checkpoint_folder, tmp_path / "out.tsv", *words) == 2
    assert f"t1: not in {split}" in capfd.readouterr().err
    assert not (tmp_path / "out.tsv").exists()


def test_missing_model_ends_with_one_line(sequences, tmp_path, capfd):
    fasta = write_fasta(tmp_path / "in.fa", sequences)
    assert classify(tmp_path / "none", tmp_path / "out.tsv", fasta) == 2
    assert f"{tmp_path / 'none'}: no such checkpoint folder" in capfd.readouterr().err
    assert not (tmp_path / "out.tsv").exists()


WINDOW = chunks_module.WINDOW_RECORDS


def patch_windows(monkeypatch, records):
    """Make windows so large, also those that pieces are made of."""
    monkeypatch.setattr(chunks_module, "WINDOW_RECORDS", records)


def in_pieces(checkpoint_folder, folder, fasta, count):
    """Classify a file in pieces and join them; give the table, and the number of rows of each."""
    pieces = [folder / f"{number}-of-{count}.tsv.gz" for number in range(1, count + 1)]
    for number, piece in enumerate(pieces, start=1):
        assert classify(checkpoint_folder, piece, fasta, "--shard", f"{number}/{count}") == 0
    joined = folder / f"{count}.tsv.gz"
    assert main(["gather", "--pieces", *map(str, pieces), "--output", str(joined)]) == 0
    return joined, [len(read_rows(piece)) - 1 for piece in pieces]


@pytest.mark.parametrize(
    ("count", "sizes"),
    [(1, [23]), (2, [12, 11]), (3, [8, 8, 7]), (7, [0, 4, 4, 4, 4, 4, 3])],
)
def test_pieces_have_the_bytes_of_the_whole(
    checkpoint_folder, sequences, tmp_path, monkeypatch, count, sizes
):
    patch_windows(monkeypatch, 4)
    fasta = write_fasta(tmp_path / "in.fa.gz", sequences)
    assert classify(checkpoint_folder, tmp_path / "whole.tsv.gz", fasta) == 0
    joined, found = in_pieces(checkpoint_folder, tmp_path, fasta, count)
    assert joined.read_bytes() == (tmp_path / "whole.tsv.gz").read_bytes()
    assert found == sizes


def test_pieces_are_of_whole_windows(checkpoint_folder, tmp_path, monkeypatch):
    """With the windows as they are: in other company the last digits may differ."""
    patch_windows(monkeypatch, WINDOW)
    fasta = write_fasta(tmp_path / "in.fa", some_sequences(2 * WINDOW + 9))
    assert classify(checkpoint_folder, tmp_path / "whole.tsv.gz", fasta) == 0
    joined, sizes = in_pieces(checkpoint_folder, tmp_path, fasta, 2)
    assert joined.read_bytes() == (tmp_path / "whole.tsv.gz").read_bytes()
    assert sizes == [WINDOW, WINDOW + 9]


def test_long_records_end_windows_early_and_pieces_are_the_same(
    checkpoint_folder, tmp_path, monkeypatch
):
    patch_windows(monkeypatch, 4)
    monkeypatch.setattr(chunks_module, "MOST_NT", 100)
    fasta = write_fasta(tmp_path / "in.fa", some_sequences(30))
    assert classify(checkpoint_folder, tmp_path / "whole.tsv.gz", fasta) == 0
    joined, sizes = in_pieces(checkpoint_folder, tmp_path, fasta, 3)
    assert joined.read_bytes() == (tmp_path / "whole.tsv.gz").read_bytes()
    assert sizes == [8, 12, 10]


def test_a_fault_outside_the_piece_is_told_too(checkpoint_folder, sequences, tmp_path, capfd):
    (tmp_path / "in.fa").write_text(fasta_of(sequences) + ">x\nACGT>y\n")
    for piece in ("1/2", "2/2"):
        words = [str(tmp_path / "in.fa"), "--shard", piece]
        assert classify(checkpoint_folder, tmp_path / "out.tsv", *words) == 2
        assert "x: has a '>' within its sequence" in error_of(capfd)
    assert not (tmp_path / "out.tsv").exists()


@pytest.mark.parametrize("piece", ["3/2", "0/2", "1", "1/2"])
def test_a_wrong_piece_ends_with_one_line(checkpoint_folder, sequences, tmp_path, capfd, piece):
    """The last is right, but the dataset is classified as a whole."""
    _, _, words = _dataset(tmp_path, sequences)
    assert classify(checkpoint_folder, tmp_path / "out.tsv", *words, "--shard", piece) == 2
    (error,) = capfd.readouterr().err.splitlines()
    assert error.startswith("circlet predict: error: arguments: --shard: ")
    assert not (tmp_path / "out.tsv").exists()
