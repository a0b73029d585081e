import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from explain_inputs import MOTIF, plant, trained_checkpoint

from circlet.classify import predict_dataset
from circlet.cli import main
from circlet.evaluation.explain.inputs import choose, draw_sample
from circlet.files import read_table, write_table
from circlet.predict import Predictor
from circlet.tables import EXPLANATION_COLUMNS, MISTAKE_COLUMNS

# With fewer steps a sharp bend of the logit is stepped over, which no bound on the error survives.
QUICK = ["--device", "cpu", "--threads", "1", "--steps", "48", "--window", "12"]
PLANTED = plant(24, 11)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    trained_checkpoint().save(folder)
    return folder


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Predictor.of_checkpoint(trained_checkpoint(), [torch.device("cpu")])


def write_fasta(path, records):
    path.write_text("".join(f">{name}\n{sequence}\n" for name, sequence in records))
    return path


def explain(model, output, *words_):
    return main(["explain", "--model", str(model), "--output", str(output), *QUICK, *words_])


@pytest.fixture(scope="module")
def explained(model, tmp_path_factory) -> Path:
    """What `circlet explain` makes of a FASTA file with good and bad records."""
    folder = tmp_path_factory.mktemp("fasta")
    good = [(f"r/{row} of mine", bases) for row, (bases, _) in enumerate(PLANTED)]
    bad = [("short", "ACGT"), ("vague", "N".join(PLANTED[0][0]))]
    as_rna = [("rna", PLANTED[0][0].lower().replace("t", "u"))]
    fasta = write_fasta(folder / "mine.fa", [*bad, *as_rna, *good])
    assert explain(model, folder / "why", str(fasta), "--most", "3", "--steps", "128") == 0
    return folder / "why"


def read(path):
    return read_table(path)


def test_attributions_find_the_motif(predictor):
    """In most sequences the best base is the motif's, and so is the best stretch of its length."""
    best_base, best_stretch = [], []
    for sequence, place in plant(80, 5):
        if place < 0:
            continue
        bases = predictor.attribute(sequence).bases
        best_base.append(place <= bases.argmax() < place + len(MOTIF))
        sums = np.convolve(bases, np.ones(len(MOTIF)), "valid")
        best_stretch.append(abs(sums.argmax() - place) <= 3)
    assert np.mean(best_base) > 0.8
    assert np.mean(best_stretch) > 0.9


def test_mutagenesis_finds_the_motif(model, tmp_path):
    """Substitutions that cost most are within it, where it is near the junction."""
    rng = np.random.default_rng(3)
    names, is_within = [], []
    for row in range(4):
        bases = "".join(rng.choice(list("ACGT"), 60))
        names.append((f"r{row}", MOTIF + bases if row % 2 else bases + MOTIF))
    fasta = write_fasta(tmp_path / "near.fa", names)
    assert explain(model, tmp_path / "why", str(fasta), "--sample", "4") == 0
    for row, stem in enumerate(read(tmp_path / "why/index.tsv")["stem"]):
        table = read(tmp_path / f"why/{stem}.mutagenesis.tsv")
        assert len(table) == 2 * 12 * 3
        places = table.nsmallest(10, "change")["position"]
        assert table["change"].min() < -2
        is_within += (places < 12).tolist() if row % 2 else (places >= 60).tolist()
    assert np.mean(is_within) > 0.9


def test_k_mers_of_the_motif_come_first(explained):
    table = read(explained / "kmers.tsv")
    of_motif = {k: {(MOTIF * 2)[i : i + k] for i in range(6)} for k in (3, 6)}
    for k in (3, 6):
        first = table["kmer"][table["k"] == k].head(4)
        assert set(first) <= of_motif[k], k
    best = table[(table["k"] == 6)].iloc[0]
    assert best["mean_attribution"] > 10 * best["standard_error"] / 4
    assert best["n_circRNA"] > best["n_lncRNA"]


def test_shuffled_weights_explain_otherwise(explained):
    table = read(explained / "sanity.tsv")
    assert table["rank"].tolist() == [1, 2, 3]
    assert table["rho"].abs().mean() < 0.5
    assert table["rho_absolute"].abs().mean() < 0.5


def test_index_tells_how_exact_it_is(explained):
    index = read(explained / "index.tsv")
    assert tuple(index.columns) == EXPLANATION_COLUMNS
    # Records that are too short or have other letters are left out; RNA is not.
    assert index["id"].tolist() == ["rna", "r/0", "r/1"]
    assert index["stem"].tolist() == ["1_rna", "2_r_0", "3_r_1"]
    assert set(index["kind"]) == {"given"}
    assert index[["label", "doubt"]].isna().all(axis=None)
    assert (index["p_circrna"] > 0.5).tolist() == (index["call"] == "circRNA").tolist()
    error = index["attribution"] - index["target"]
    np.testing.assert_allclose(index["error"], error, atol=1e-4)
    assert (index["error"].abs() < 0.05 * index["target"].abs().max()).all()
    same = index.iloc[[0, 1]][["p_circrna", "attribution", "target"]]
    assert same.nunique().tolist() == [1, 1, 1]


def test_each_transcript_has_its_tables_and_pictures(explained):
    for row in read(explained / "index.tsv").itertuples():
        bases = read(explained / f"{row.stem}.bases.tsv")
        assert list(bases.columns) == ["position", "base", "attribution", "rollout"]
        assert bases["attribution"].sum() == pytest.approx(row.attribution, abs=1e-3)
        assert bases["rollout"].sum() == pytest.approx(1, abs=1e-3)
        descriptors = read(explained / f"{row.stem}.descriptors.tsv")
        assert descriptors["group"].tolist() == ["k-mers"]
        assert (explained / f"{row.stem}.svg").read_text().startswith("<?xml")
        assert (explained / f"{row.stem}.png").stat().st_size > 10_000
        small = (explained / f"{row.stem}.page.webp").read_bytes()
        assert small[8:12] == b"WEBP"
        assert len(small) <= 30 * 1024
    assert "".join(bases["base"]) == PLANTED[1][0]
    assert (explained / "global.svg").is_file()
    assert len(read(explained / "positions.tsv")) == 100


def write_dataset(folder, predictor):
    """The files of a run that is wrong about the first three of 16 test sequences."""
    sequences = [sequence for sequence, _ in PLANTED]
    labels = [predictor.call(p) for p in predictor.predict_proba(sequences)]
    other = {"circRNA": "lncRNA", "lncRNA": "circRNA"}
    labels[:3] = [other[label] for label in labels[:3]]
    ids = [f"t{row:02d}" for row in range(24)]
    parts = ["test"] * 16 + ["train"] * 8
    transcripts = pd.DataFrame({"id": ids, "source": "toy", "label": labels})
    transcripts["sequence"] = sequences
    split = pd.DataFrame({"id": ids, "group": ids, "part": parts})
    predictions, _ = predict_dataset(predictor, transcripts.assign(part=parts))
    tests = predictions[predictions["part"] == "test"]
    wrong = tests[tests["label"] != tests["call"]]
    p = wrong["p_circrna"]
    wrong = wrong.assign(doubt=p.where(wrong["label"] == "circRNA", 1 - p))
    tables = {
        "transcripts.parquet": transcripts,
        "split.parquet": split,
        "predictions.tsv.gz": predictions,
        "mistakes.tsv": wrong.reindex(columns=list(MISTAKE_COLUMNS)),
    }
    for name, table in tables.items():
        write_table(folder / name, table)
    return [
        word for name in tables for word in (f"--{name.partition('.')[0]}", str(folder / name))
    ], wrong


def test_mistakes_and_right_calls_of_a_run(model, predictor, tmp_path):
    flags, wrong = write_dataset(tmp_path, predictor)
    options = [*flags, "--most", "2", "--right", "1", "--sample", "6", "--seed", "4"]
    assert explain(model, tmp_path / "why", *options) == 0
    index = read(tmp_path / "why/index.tsv")
    assert index["kind"].tolist() == ["mistake", "mistake", "right", "right"]
    surest = wrong.sort_values(["doubt", "id"])
    assert len(surest) == 3
    assert index["id"].tolist()[:2] == surest["id"].tolist()[:2]
    assert (index["label"] != index["call"]).tolist() == [True, True, False, False]
    assert index["label"].tolist()[2:] == ["circRNA", "lncRNA"]
    assert (index["doubt"][:2] < 0.5).all()
    assert (index["doubt"][2:] > 0.5).all()
    assert read(tmp_path / "why/positions.tsv")["n"].max() == 6
    # The same bytes again, of another place.
    assert explain(model, tmp_path / "again", *options) == 0
    for path in sorted((tmp_path / "why").iterdir()):
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes(), path.name


def test_the_surest_are_chosen():
    scored = pd.DataFrame(
        {
            "id": ["a", "b", "c", "d", "e"],
            "label": ["circRNA", "circRNA", "circRNA", "lncRNA", "lncRNA"],
            "call": ["circRNA", "circRNA", "circRNA", "lncRNA", "circRNA"],
            "p_circrna": [0.9, 0.99, 0.99, 0.2, 0.8],
        }
    )
    mistakes = pd.DataFrame({"id": ["x", "z", "y"], "label": "lncRNA", "doubt": [0.2, 0.1, 0.1]})
    found = choose(mistakes, scored, 2, 2)
    assert found["id"].tolist() == ["y", "z", "b", "c", "d"]
    assert found["kind"].tolist() == ["mistake"] * 2 + ["right"] * 3
    assert found["doubt"].tolist() == [0.1, 0.1, 0.99, 0.99, 0.8]


def test_a_sample_is_seeded_and_keeps_its_order():
    table = pd.DataFrame({"id": range(100)})
    one, same, other = (draw_sample(table, 20, seed)["id"].tolist() for seed in (1, 1, 2))
    assert one == same == sorted(one)
    assert one != other
    assert draw_sample(table, 200, 1)["id"].tolist() == list(range(100))


def test_skipped_records_are_told(model, tmp_path, caplog):
    fasta = write_fasta(tmp_path / "a.fa", [("vague", "ACGTN" * 20), ("whole", PLANTED[1][0])])
    with caplog.at_level(logging.WARNING):
        assert explain(model, tmp_path / "why", str(fasta)) == 0
    assert "vague: too short for the model, or other letters than ACGT: skipped" in caplog.text
    assert read(tmp_path / "why/index.tsv")["id"].tolist() == ["whole"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--predictions", "p.tsv"], "what to explain is not clear"),
        (["in.fa", "--mistakes", "m.tsv"], "what to explain is not clear"),
        (["in.fa", "--steps", "1"], "--steps"),
        (["in.fa", "--sample", "0"], "--sample"),
        (["in.fa", "--shard", "3/2"], "--shard: is '3/2'; give I/N"),
        (["in.fa"], "no record can be explained"),
    ],
)
def test_bad_input_is_refused(model, tmp_path, monkeypatch, capsys, options, message):
    monkeypatch.chdir(tmp_path)
    write_fasta(tmp_path / "in.fa", [("short", "ACGT")])
    assert explain(model, tmp_path / "why", *options) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "why").exists()


def test_tables_of_other_data_are_refused(model, predictor, tmp_path, capsys):
    flags, wrong = write_dataset(tmp_path, predictor)
    wrong = wrong.assign(id=["t99", *wrong["id"][1:]])
    write_table(tmp_path / "mistakes.tsv", wrong.reindex(columns=list(MISTAKE_COLUMNS)))
    assert explain(model, tmp_path / "why", *flags) == 2
    assert "t99" in capsys.readouterr().err


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def assert_pieces_are_the_whole(model, folder, count, *options):
    """Explain as a whole and in pieces that are joined: the same files of the same bytes."""
    assert explain(model, folder / "whole", *options) == 0
    pieces = [folder / f"{number}-of-{count}" for number in range(1, count + 1)]
    for number, piece in enumerate(pieces, start=1):
        assert explain(model, piece, *options, "--shard", f"{number}/{count}") == 0
        assert not set(names(piece)) & {"index.tsv", "kmers.tsv", "sanity.tsv", "global.svg"}
    flags = ["--pieces", *map(str, pieces), "--output", str(folder / "joined")]
    assert main(["gather-explanation", *flags]) == 0
    assert names(folder / "joined") == names(folder / "whole")
    for path in sorted((folder / "whole").iterdir()):
        assert path.read_bytes() == (folder / "joined" / path.name).read_bytes(), path.name


@pytest.mark.parametrize(("count", "most"), [(2, 2), (5, 1)])
def test_pieces_of_a_run_are_joined_to_the_whole(model, predictor, tmp_path, count, most):
    """Of five pieces some have no call of their own: there are three."""
    flags, _ = write_dataset(tmp_path, predictor)
    options = [*flags, "--most", str(most), "--right", "1", "--sample", "6", "--steps", "16"]
    assert_pieces_are_the_whole(model, tmp_path, count, *options)


def test_pieces_of_own_sequences_are_joined_to_the_whole(model, tmp_path):
    """They have no labels, so that the sample stands under the calls."""
    records = [(f"r{row}", bases) for row, (bases, _) in enumerate(PLANTED[:5])]
    fasta = write_fasta(tmp_path / "mine.fa", [("short", "ACGT"), *records])
    options = [str(fasta), "--most", "2", "--sample", "4", "--steps", "16"]
    assert_pieces_are_the_whole(model, tmp_path, 2, *options)


def test_a_piece_may_have_nothing_to_explain(model, tmp_path):
    """No call gets a picture and the sample is of one transcript."""
    fasta = write_fasta(tmp_path / "mine.fa", [("one", PLANTED[0][0])])
    options = [str(fasta), "--most", "0", "--sample", "1", "--steps", "16"]
    assert_pieces_are_the_whole(model, tmp_path, 2, *options)
