import gzip
import logging
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
import torch

from circlet import predict as predict_module
from circlet.cli import main
from circlet.composition import compose_any
from circlet.errors import InputError
from circlet.files import read_json, read_table, write_json, write_table
from circlet.model.batches import collate
from circlet.model.calibration import Calibration
from circlet.model.checkpoint import Checkpoint
from circlet.model.kmers import KmerVocab
from circlet.model.network import NetworkConfig, build_network
from circlet.model.trees import Trees
from circlet.predict import Prediction, Predictor, predict_dataset

HEADER = ["id", "p_circrna", "call"]
VOCABULARY = KmerVocab(
    k=2, stride=1, window=None, ring=False, kmers=tuple(a + b for a in "ACGT" for b in "ACGT")
)
CALIBRATION = Calibration("platt", {"scale": 0.8, "offset": 0.1})


def save_checkpoint(folder, **settings):
    """Save two members whose random weights give probabilities of any size."""
    config = NetworkConfig(
        len(VOCABULARY), max_tokens=48, width=8, layers=1, heads=2, feedforward=16, **settings
    )
    torch.manual_seed(3)
    members = [build_network(config).eval() for _ in range(2)]
    multiple = members[0].multiple
    tokens = torch.randint(2, 18, (64, 48 // multiple * multiple))
    numbers = [torch.rand(64, 8), torch.randint(0, 5, (64, 8)), torch.rand(64, 340) / 64]
    features = torch.cat(numbers, dim=1)
    with torch.no_grad():
        for member in members:
            member.embedding.vectors.weight *= 20
            logits = member(tokens, features)
            member.head[-1].bias -= logits.mean()
            member.head[-1].bias /= logits.std()
            member.head[-1].weight /= logits.std()
    training = [{"seed": seed, "network": asdict(config)} for seed in (1, 2)]
    Checkpoint(members, config, VOCABULARY, 20, CALIBRATION, 0.5, training).save(folder)
    return folder


@pytest.fixture
def checkpoint_folder(tmp_path):
    return save_checkpoint(tmp_path / "checkpoint")


@pytest.fixture
def sequences():
    """23 sequences of 20 to 90 nt; the model reads at most 48 tokens, its two ends."""
    rng = np.random.default_rng(0)
    return ["".join(rng.choice(list("ACGT"), size=rng.integers(20, 91))) for _ in range(23)]


@pytest.fixture
def predictor(checkpoint_folder):
    return Predictor.from_pretrained(checkpoint_folder, "cpu")


def write_fasta(path, sequences):
    text = "".join(f">r{row} of mine\n{bases}\n" for row, bases in enumerate(sequences))
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return str(path)


def read_rows(path):
    text = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text()
    return [line.split("\t") for line in text.removesuffix("\n").split("\n")]


def classify(model, output, *words):
    model, output = str(model), str(output)
    return main(["predict", "--model", model, "--output", output, "--device", "cpu", *words])


def test_probability_is_the_calibrated_mean_of_the_members(checkpoint_folder, predictor, sequences):
    first, second = Checkpoint.load(checkpoint_folder).members
    logits = []
    for bases in sequences:
        batch = collate([VOCABULARY.encode(bases)], compose_any([bases]), 48, first.multiple)
        with torch.inference_mode():
            logits.append([first(*batch).item(), second(*batch).item()])
    expected = 1 / (1 + np.exp(-0.8 * np.mean(logits, axis=1) - 0.1))
    found = predictor.predict_proba(sequences)
    assert found.dtype == np.float64
    assert np.ptp(expected) > 0.2  # so that the comparison says something
    assert np.abs(np.diff(logits, axis=1)).max() > 0.2
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


def test_scores_are_what_is_calibrated(predictor, sequences):
    scores = predictor.scores([*sequences, "ACGT"])
    assert np.isnan(scores[-1])
    expected = 1 / (1 + np.exp(-0.8 * scores[:-1] - 0.1))
    np.testing.assert_allclose(predictor.predict_proba(sequences), expected, atol=1e-12)


@pytest.mark.parametrize(
    ("sequence", "is_fit"),
    [("ACGT" * 5, True), ("ACGT" * 4 + "ACG", False), ("ACGN" * 5, False), ("acgt" * 5, False)],
)
def test_calls_of_plain_sequences_can_be_explained(predictor, sequence, is_fit):
    assert predictor.can_explain(sequence) == is_fit


def test_attributions_are_of_the_networks_score(predictor):
    sequence = "ACGTTGCAAC" * 4
    found = predictor.attribute(sequence, steps=100)
    assert found.total == pytest.approx(found.target, abs=0.02 * np.abs(found.bases).sum())
    same = predictor.attribute(sequence.lower().replace("t", "u"), steps=100)
    np.testing.assert_array_equal(found.bases, same.bases)
    assert predictor.roll_out(sequence).sum() == pytest.approx(1)


def test_a_shuffled_model_is_another_and_the_first_stays(predictor, sequences):
    before = predictor.scores(sequences)
    shuffled = predictor.shuffled(5)
    np.testing.assert_array_equal(predictor.scores(sequences), before)
    assert not np.allclose(shuffled.scores(sequences), before)
    np.testing.assert_array_equal(
        predictor.shuffled(5).scores(sequences), shuffled.scores(sequences)
    )


def test_trees_join_the_networks(checkpoint_folder, predictor, sequences):
    checkpoint = Checkpoint.load(checkpoint_folder)
    checkpoint.trees = Trees(
        roots=np.array([0]),
        feature=np.array([7, 0, 0]),  # GC
        threshold=np.array([0.5, 0.0, 0.0]),
        left=np.array([1, 1, 2]),
        right=np.array([2, 1, 2]),
        value=np.array([0.0, -3.0, 3.0]),
        baseline=np.array([0.0]),
    )
    checkpoint.tree_weight = 0.25
    checkpoint.save(checkpoint_folder)
    found = Predictor.from_pretrained(checkpoint_folder, "cpu").predict_proba(sequences)
    alone = predictor.predict_proba(sequences)
    is_rich = np.array([(s.count("G") + s.count("C")) / len(s) > 0.5 for s in sequences])
    assert 0 < is_rich.sum() < len(sequences)
    raw = (np.log(alone / (1 - alone)) - 0.1) / 0.8
    joined = 0.75 * raw + 0.25 * np.where(is_rich, 3, -3)
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-0.8 * joined - 0.1)), rtol=0, atol=1e-6)


@pytest.mark.parametrize("batch_tokens", [1, 100, 32768])
def test_company_and_order_have_no_influence(predictor, sequences, batch_tokens):
    expected = predictor.predict_proba(sequences)
    predictor.batch_tokens = batch_tokens
    alone = np.concatenate([predictor.predict_proba([bases]) for bases in sequences])
    backwards = predictor.predict_proba(sequences[::-1])[::-1]
    for found in (alone, backwards, predictor.predict_proba(sequences)):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


def test_prediction_is_repeatable_whatever_the_networks_did_before(checkpoint_folder, sequences):
    checkpoint = Checkpoint.load(checkpoint_folder)
    checkpoint.members[1].train()
    predictor = Predictor(checkpoint, torch.device("cpu"))
    first = predictor.predict_proba(sequences)
    assert (predictor.predict_proba(sequences) == first).all()
    assert not any(member.training for member in checkpoint.members)


def test_only_the_ends_of_a_long_sequence_are_read(tmp_path):
    predictor = Predictor.from_pretrained(save_checkpoint(tmp_path, descriptors="none"), "cpu")
    # 48 tokens of 2-mers: the first 24 read 25 nt, the last 24 likewise.
    head, tail = "ACGTTGCATGACCATTGACCGATAG", "GGATCCTTAGACATTACGGATACCA"
    first, second = predictor.predict_proba([head + "A" * 30 + tail, head + "CG" * 15 + tail])
    assert first == pytest.approx(second, abs=1e-6)
    assert first != predictor.predict_proba([tail + "A" * 30 + head])[0]


def test_descriptors_see_the_whole_of_it(predictor):
    head, tail = "ACGTTGCATGACCATTGACCGATAG", "GGATCCTTAGACATTACGGATACCA"
    first, second = predictor.predict_proba([head + "A" * 30 + tail, head + "CG" * 15 + tail])
    assert abs(first - second) > 1e-4


def test_rna_and_lower_case_are_dna(predictor, sequences):
    expected = predictor.predict_proba(sequences)
    rna = [bases.lower().replace("t", "u") for bases in sequences]
    assert (predictor.predict_proba(rna) == expected).all()


def test_unknown_letters_are_scored(predictor, sequences):
    # One by one: the place in a batch may move the last bit, by the processor.
    clean, *dirty = (
        predictor.predict_proba([start + sequences[0][2:]])[0]
        for start in (sequences[0][:2], "NN", "RY")
    )
    assert np.isfinite(dirty).all()
    assert dirty[0] == dirty[1] != clean


def test_too_short_sequences_have_no_probability(predictor):
    found = predictor.predict_proba(["A" * 19, "A" * 20, "", "ACGT" * 10])
    assert np.isnan(found).tolist() == [True, False, True, False]
    ambiguous = predictor.predict_proba(["N" * 300, "acgu" * 5 + "N" * 9, "A" * 19 + "RYKM"])
    assert np.isnan(ambiguous).tolist() == [True, False, True]
    assert np.isnan(predictor.predict_proba(["A"])).tolist() == [True]
    assert predictor.predict_proba([]).shape == (0,)


def test_call_is_by_the_threshold(predictor):
    predictor.checkpoint.threshold = 0.3
    values = (0.0, 0.2999, 0.3, 1.0, np.nan)
    calls = [predictor.call(value) for value in values]
    assert calls == ["lncRNA", "lncRNA", "circRNA", "circRNA", ""]


def test_threshold_of_the_checkpoint_counts(checkpoint_folder, predictor, sequences):
    p = predictor.predict_proba(sequences)
    threshold = float(np.sort(p)[7])
    config = read_json(checkpoint_folder / "config.json")
    write_json(checkpoint_folder / "config.json", config | {"threshold": threshold})
    changed = Predictor.from_pretrained(checkpoint_folder, "cpu")
    calls = [each.call for each in changed.predict(enumerate(sequences))]
    assert calls == ["circRNA" if value >= threshold else "lncRNA" for value in p]
    assert calls.count("lncRNA") == 7


def test_records_are_read_as_needed(predictor, sequences, monkeypatch):
    monkeypatch.setattr(predict_module, "CHUNK_RECORDS", 4)
    taken = []
    records = ((f"r{row}", bases) for row, bases in enumerate(sequences) if not taken.append(row))
    predictions = predictor.predict(records)
    assert next(predictions) == Prediction(
        "r0",
        pytest.approx(predictor.predict_proba(sequences[:1])[0], abs=1e-6),
        predictor.call(predictor.predict_proba(sequences[:1])[0]),
    )
    assert taken == [0, 1, 2, 3]
    assert [each.id for each in predictions] == [f"r{row}" for row in range(1, 23)]


@pytest.mark.parametrize(("given", "made"), [("in.fa", "out.tsv"), ("in.fa.gz", "out.tsv.gz")])
def test_table_of_a_fasta_file(
    checkpoint_folder, predictor, sequences, tmp_path, monkeypatch, given, made
):
    monkeypatch.setattr(predict_module, "CHUNK_RECORDS", 5)
    fasta = write_fasta(tmp_path / given, sequences)
    assert classify(checkpoint_folder, tmp_path / made, fasta) == 0
    header, *rows = read_rows(tmp_path / made)
    assert header == HEADER
    assert [row[0] for row in rows] == [f"r{row}" for row in range(23)]
    p = predictor.predict_proba(sequences)
    np.testing.assert_allclose([float(row[1]) for row in rows], p, rtol=0, atol=1e-6)
    assert [row[2] for row in rows] == ["circRNA" if value >= 0.5 else "lncRNA" for value in p]
    assert {row[2] for row in rows} == {"circRNA", "lncRNA"}


def test_same_input_gives_the_same_bytes(checkpoint_folder, sequences, tmp_path):
    fasta = write_fasta(tmp_path / "in.fa", sequences)
    for name in ("one", "two"):
        assert classify(checkpoint_folder, tmp_path / name / "out.tsv.gz", fasta) == 0
    one, two = (tmp_path / name / "out.tsv.gz" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def test_short_records_are_shown_without_call(
    checkpoint_folder, sequences, tmp_path, caplog, capsys
):
    caplog.set_level(logging.INFO)
    fasta = write_fasta(tmp_path / "in.fa", ["ACGT", sequences[0], "A" * 19, "acgun" * 9])
    assert classify(checkpoint_folder, tmp_path / "out.tsv", fasta) == 0
    _, *rows = read_rows(tmp_path / "out.tsv")
    assert [row for row in rows if not row[2]] == [["r0", "", ""], ["r2", "", ""]]
    assert all(0 < float(row[1]) < 1 for row in (rows[1], rows[3]))
    warnings = [each.message for each in caplog.records if each.levelno == logging.WARNING]
    assert warnings == [
        f"{fasta}: 2 records have fewer than 20 unambiguous bases, which the model was "
        "not trained on: no call"
    ]
    assert f"{fasta}: classified 2 records" in [each.message for each in caplog.records]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (">a\nACGTACGTACGTACGTACGTACGT\n>b\n", "b: has no sequence"),
        (">a\nACGTACGTACGTACGTACGTACGT\n>a\nACGT\n", "a: two records bear this id"),
        (">a\nACGTACGTACGTACGTACGTACGT\n>\nACGT\n", "record 2: has no name"),
        ("<html>\n", "does not begin with '>'"),
        ("", "has no FASTA record"),
    ],
)
def test_broken_fasta_ends_with_one_line_and_no_table(
    checkpoint_folder, tmp_path, capsys, monkeypatch, text, message
):
    monkeypatch.setattr(predict_module, "CHUNK_RECORDS", 1)  # the first record is scored before
    (tmp_path / "in.fa").write_text(text)
    assert classify(checkpoint_folder, tmp_path / "out/out.tsv", str(tmp_path / "in.fa")) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith(f"circlet predict: error: {tmp_path / 'in.fa'}: ")
    assert message in error
    assert list((tmp_path / "out").iterdir()) == []


def test_truncated_gzip_ends_with_one_line_and_no_table(
    checkpoint_folder, sequences, tmp_path, capsys
):
    fasta = tmp_path / "in.fa.gz"
    write_fasta(fasta, sequences)
    fasta.write_bytes(fasta.read_bytes()[:-20])
    assert classify(checkpoint_folder, tmp_path / "out.tsv", str(fasta)) == 2
    assert "the gzip stream is truncated or damaged" in capsys.readouterr().err
    assert not (tmp_path / "out.tsv").exists()


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


def test_table_of_the_dataset(checkpoint_folder, predictor, sequences, tmp_path, monkeypatch):
    monkeypatch.setattr(predict_module, "CHUNK_RECORDS", 6)
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
    assert [row[1] for row in read_rows(tmp_path / "fasta.tsv")[1:]] == library
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
        checkpoint.members = [checkpoint.members[number]]
        checkpoint.training = [checkpoint.training[number]]
        alone.append(Predictor(checkpoint, torch.device("cpu")).predict_proba(sequences))
        np.testing.assert_allclose(found[name], alone[-1], rtol=1e-5)
    assert list(found) == ["id", "seed1", "seed2"]
    together = predictor.predict_proba(sequences)
    np.testing.assert_allclose(undo(together), np.mean(list(map(undo, alone)), axis=0), rtol=1e-4)


def test_unclear_input_ends_with_one_line(checkpoint_folder, sequences, tmp_path, capsys):
    fasta = write_fasta(tmp_path / "in.fa", sequences)
    _, _, words = _dataset(tmp_path, sequences)
    for given in ([], [fasta, *words], words[:2], words[2:], [fasta, *words[2:]]):
        assert classify(checkpoint_folder, tmp_path / "out.tsv", *given) == 2
        error = capsys.readouterr().err.splitlines()[-1]
        assert error.endswith("not clear; give IN.fa, or --transcripts and --split")
    assert not (tmp_path / "out.tsv").exists()


def test_split_of_another_dataset_ends_with_one_line(
    checkpoint_folder, sequences, tmp_path, capsys
):
    _, _, words = _dataset(tmp_path, sequences)
    split = tmp_path / "split.parquet"
    write_table(split, pd.DataFrame({"id": ["t0"], "group": ["g"], "part": ["test"]}))
    assert classify(checkpoint_folder, tmp_path / "out.tsv", *words) == 2
    assert f"t1: not in {split}" in capsys.readouterr().err
    assert not (tmp_path / "out.tsv").exists()


def test_missing_model_ends_with_one_line(sequences, tmp_path, capsys):
    fasta = write_fasta(tmp_path / "in.fa", sequences)
    assert classify(tmp_path / "none", tmp_path / "out.tsv", fasta) == 2
    assert f"{tmp_path / 'none'}: no such checkpoint folder" in capsys.readouterr().err
    assert not (tmp_path / "out.tsv").exists()


def test_absent_device_is_refused(checkpoint_folder, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="there is no cuda here"):
        Predictor.from_pretrained(checkpoint_folder, "cuda")


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
    monkeypatch.setattr(predict_module, "CHUNK_RECORDS", 4)
    fasta = write_fasta(tmp_path / "in.fa.gz", sequences)
    assert classify(checkpoint_folder, tmp_path / "whole.tsv.gz", fasta) == 0
    joined, found = in_pieces(checkpoint_folder, tmp_path, fasta, count)
    assert joined.read_bytes() == (tmp_path / "whole.tsv.gz").read_bytes()
    assert found == sizes


def test_pieces_are_of_whole_chunks(checkpoint_folder, tmp_path):
    """With the chunks as they are: in other company the last digits may differ."""
    chunk, rng = predict_module.CHUNK_RECORDS, np.random.default_rng(1)
    some = ["".join(rng.choice(list("ACGT"), size=rng.integers(15, 60))) for _ in range(40)]
    fasta = write_fasta(tmp_path / "in.fa", [some[row % 40] for row in range(2 * chunk + 9)])
    assert classify(checkpoint_folder, tmp_path / "whole.tsv.gz", fasta) == 0
    joined, sizes = in_pieces(checkpoint_folder, tmp_path, fasta, 2)
    assert joined.read_bytes() == (tmp_path / "whole.tsv.gz").read_bytes()
    assert sizes == [chunk, chunk + 9]


def test_a_fault_outside_the_piece_is_told_too(checkpoint_folder, sequences, tmp_path, capsys):
    fasta = write_fasta(tmp_path / "in.fa", [*sequences, ""])
    for piece in ("1/2", "2/2"):
        assert classify(checkpoint_folder, tmp_path / "out.tsv", fasta, "--shard", piece) == 2
        assert "r23: has no sequence" in capsys.readouterr().err
    assert not (tmp_path / "out.tsv").exists()


@pytest.mark.parametrize("piece", ["3/2", "0/2", "1", "1/2"])
def test_a_wrong_piece_ends_with_one_line(checkpoint_folder, sequences, tmp_path, capsys, piece):
    """The last is right, but the dataset is classified as a whole."""
    _, _, words = _dataset(tmp_path, sequences)
    assert classify(checkpoint_folder, tmp_path / "out.tsv", *words, "--shard", piece) == 2
    (error,) = capsys.readouterr().err.splitlines()
    assert error.startswith("circlet predict: error: arguments: --shard: is ")
    assert not (tmp_path / "out.tsv").exists()
