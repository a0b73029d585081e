import logging
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from circlet.cli import STEPS, main
from circlet.evaluation.bootstrap import group_weights
from circlet.evaluation.differences import COMPARED, paired_differences
from circlet.evaluation.metrics import evaluate
from circlet.files import read_table, write_table
from circlet.tables import DIFFERENCE_COLUMNS, PREDICTION_COLUMNS

CODONS = [a + b + c for a in "ACGT" for b in "ACGT" for c in "ACGT"]
SENSE_CODONS = [codon for codon in CODONS if codon not in {"TAA", "TAG", "TGA"}]
PARTS = ["train"] * 40 + ["validation"] * 40 + ["test"] * 60 + ["hard"] * 10 + ["unused"] * 4


@pytest.fixture(autouse=True)
def step(monkeypatch):
    """The step under its name."""
    monkeypatch.setitem(STEPS, "differences", ("circlet.evaluation.differences", "compare"))


@pytest.fixture(scope="module")
def transcripts():
    """Of each part every other is a circRNA; hard negatives are lncRNAs. Groups hold two rows."""
    rng = np.random.default_rng(0)
    rows = []
    for row, part in enumerate(PARTS):
        label = "circRNA" if row % 2 == 0 and part not in ("hard", "unused") else "lncRNA"
        codons = SENSE_CODONS if (label == "circRNA") == (row % 5 > 0) else CODONS
        sequence = "".join(rng.choice(codons, rng.integers(400, 410)))
        rows.append((f"t{row:03}", "toy", label, sequence, f"g{row // 2}", part))
    columns = ["id", "source", "label", "sequence", "group", "part"]
    return pd.DataFrame(rows, columns=columns)


def predict(transcripts, skill, seed):
    """Predictions that are the better the higher the skill, 0 to 1."""
    rng = np.random.default_rng(seed)
    p = (1 - skill) * rng.random(len(transcripts)) + skill * (transcripts["label"] == "circRNA")
    table = transcripts.assign(
        length=transcripts["sequence"].str.len(),
        p_circrna=p.round(4),
        call=np.where(p >= 0.5, "circRNA", "lncRNA"),
    )
    return table[list(PREDICTION_COLUMNS)]


def scored(transcripts, skill, seed, part="test"):
    """Predictions of one part with their groups."""
    table = predict(transcripts, skill, seed).assign(group=transcripts["group"])
    return table[table["part"] == part].reset_index(drop=True)


def by_metric(rows):
    return rows.set_index("metric")


def test_values_are_those_of_each_alone(transcripts):
    run, rival = scored(transcripts, 0.4, 1), scored(transcripts, 0.2, 2)
    found = paired_differences(run, {"other": rival}, 50, 0.95, seed=3)
    assert found["metric"].tolist() == list(COMPARED)
    assert set(found["rival"]) == {"other"}
    assert found[["n_circrna", "n_lncrna", "n_groups"]].drop_duplicates().to_numpy().tolist() == [
        [30, 30, 30]
    ]
    for column, table in (("value", run), ("rival_value", rival)):
        alone = evaluate(table, 50, 0.95, seed=3)["metrics"]
        for row in found.itertuples():
            assert getattr(row, column) == pytest.approx(alone[row.metric]["value"])
    assert found["difference"].to_numpy() == pytest.approx(found["value"] - found["rival_value"])
    assert (found["low"] <= found["high"]).all()


def test_interval_is_of_accuracies_over_shared_draws_of_whole_groups(transcripts):
    run, rival = scored(transcripts, 0.4, 1), scored(transcripts, 0.2, 2)
    gain = (run["call"] == run["label"]).astype(float) - (rival["call"] == rival["label"])
    groups = pd.factorize(run["group"], sort=True)[0]
    weights = np.concatenate(list(group_weights(groups, 200, seed=3)))
    drawn = weights @ gain.to_numpy() / weights.sum(axis=1)
    found = by_metric(paired_differences(run, {"other": rival}, 200, 0.9, seed=3))
    limits = found.loc["accuracy", ["low", "high"]].tolist()
    assert limits == pytest.approx(np.quantile(drawn, [0.05, 0.95]).tolist())
    assert found.loc["accuracy", "difference"] == pytest.approx(gain.mean())


def test_a_rival_alike_is_level_and_pairing_narrows_the_interval(transcripts):
    run = scored(transcripts, 0.3, 1)
    level = paired_differences(run, {"same": run}, 100, 0.95, seed=0)
    assert (level[["difference", "low", "high"]] == 0).all(axis=None)
    near = run.assign(p_circrna=(run["p_circrna"] + 0.02 * np.sin(np.arange(60))).clip(0, 1))
    paired = by_metric(paired_differences(run, {"near": near}, 100, 0.95, seed=0))
    alone = evaluate(run, 100, 0.95, seed=0)["metrics"]["auroc"]
    width = paired.loc["auroc", "high"] - paired.loc["auroc", "low"]
    assert width < (alone["high"] - alone["low"]) / 4


def test_swapping_the_two_turns_the_signs(transcripts):
    run, rival = scored(transcripts, 0.4, 1), scored(transcripts, 0.2, 2)
    there = paired_differences(run, {"other": rival}, 100, 0.95, seed=0)
    back = paired_differences(rival, {"other": run}, 100, 0.95, seed=0)
    assert back["difference"].to_numpy() == pytest.approx(-there["difference"])
    assert back["low"].to_numpy() == pytest.approx(-there["high"])


def test_without_a_usable_replicate_there_is_no_interval():
    # A single draw of two groups with one class each has both classes or has not.
    run = pd.DataFrame(
        {
            "label": ["circRNA", "lncRNA"],
            "call": ["circRNA", "lncRNA"],
            "p_circrna": [0.9, 0.1],
            "group": ["g", "h"],
        }
    )
    defined = set()
    for seed in range(20):
        found = paired_differences(run, {"same": run}, 1, 0.95, seed)
        assert (found["low"].isna() == found["high"].isna()).all()
        assert (found["difference"] == 0).all()
        defined |= set(found["low"].notna())
    assert defined == {True, False}


def files(folder, transcripts, skills=(0.4, 0.1, 0.4)):
    """Files of the dataset, its split, two subsets, and predictions of a run and two rivals."""
    write_table(folder / "transcripts.parquet", transcripts.drop(columns=["group", "part"]))
    write_table(folder / "split.parquet", transcripts[["id", "group", "part"]][::-1])
    subsets = [
        *(("gene", "matched", f"t{row:03}") for row in range(80, 100)),
        *(("gene", "low_stop_free", f"t{row:03}") for row in range(110, 125)),
        *(("random", "matched", f"t{row:03}") for row in range(40)),
    ]
    write_table(
        folder / "subsets.parquet", pd.DataFrame(subsets, columns=["scheme", "subset", "id"])
    )
    for seed, (name, skill) in enumerate(zip(("main", "weak", "equal"), skills, strict=True)):
        # The order of the rows is each table's own.
        table = predict(transcripts, skill, seed).sample(frac=1, random_state=seed)
        write_table(folder / f"{name}.tsv.gz", table)


def call(folder, rivals=("weak", "equal"), **flags):
    flags = {
        "predictions": folder / "main.tsv.gz",
        "split": folder / "split.parquet",
        "subsets": folder / "subsets.parquet",
        "name": "main",
        "scheme": "gene",
        "part": "test",
        "replicates": 100,
        "confidence": 0.95,
        "seed": 5,
        "output": folder / "differences.tsv",
    } | flags
    pairs = [name if "=" in name else f"{name}={folder / name}.tsv.gz" for name in rivals]
    return main(
        ["differences", *(f"--{name}={value}" for name, value in flags.items()), "--rivals", *pairs]
    )


def test_step_compares_on_every_test_set(tmp_path, transcripts, caplog):
    caplog.set_level(logging.INFO)
    files(tmp_path, transcripts)
    assert call(tmp_path) == 0
    found = read_table(tmp_path / "differences.tsv")
    assert tuple(found.columns) == DIFFERENCE_COLUMNS
    about = found[["name", "scheme", "part"]].drop_duplicates().to_numpy().tolist()
    assert about == [["main", "gene", "test"]]
    sizes = found[["test_set", "rival", "n_circrna", "n_lncrna", "n_groups"]].drop_duplicates()
    assert sizes.to_numpy().tolist() == [
        ["test", "weak", 30, 30, 30],
        ["test", "equal", 30, 30, 30],
        ["matched", "weak", 10, 10, 10],
        ["matched", "equal", 10, 10, 10],
        ["low_stop_free", "weak", 8, 7, 8],
        ["low_stop_free", "equal", 8, 7, 8],
        ["hard", "weak", 30, 10, 35],
        ["hard", "equal", 30, 10, 35],
    ]
    assert len(found) == 8 * len(COMPARED)
    expected = paired_differences(
        scored(transcripts, 0.4, 0), {"weak": scored(transcripts, 0.1, 1)}, 100, 0.95, seed=5
    )
    rows = found[: len(COMPARED)].reset_index(drop=True)
    pd.testing.assert_frame_equal(rows[list(expected)], expected, check_dtype=False, rtol=1e-5)
    auroc = rows.iloc[0]
    assert auroc["low"] > 0
    limits = f"[{auroc['low']:+.3f}, {auroc['high']:+.3f}]"
    said = f"main against weak on test: better by auroc {auroc['difference']:+.3f} {limits}, "
    assert caplog.messages[0].startswith(said)
    assert "main against equal on test: " in caplog.messages[1]
    assert "not told apart by auroc" in caplog.messages[1]
    assert len(caplog.messages) == 8


def test_another_split_has_no_subsets(tmp_path, transcripts, caplog):
    caplog.set_level(logging.INFO)
    files(tmp_path, transcripts)
    assert call(tmp_path, scheme="gene.fold1") == 0
    found = read_table(tmp_path / "differences.tsv")
    assert found["test_set"].unique().tolist() == ["test", "hard"]
    assert "subsets.parquet has no subsets of the split gene.fold1" in caplog.messages[0]


def test_without_hard_negatives_there_is_no_such_test_set(tmp_path, transcripts):
    files(tmp_path, transcripts[:140])
    assert call(tmp_path) == 0
    found = read_table(tmp_path / "differences.tsv")
    assert found["test_set"].unique().tolist() == ["test", "matched", "low_stop_free"]


def test_a_subset_without_a_class_is_left_out(tmp_path, transcripts, caplog):
    files(tmp_path, transcripts)
    subsets = read_table(tmp_path / "subsets.parquet")
    is_lost = (subsets["subset"] == "matched") & subsets["id"].isin(transcripts["id"][::2])
    write_table(tmp_path / "subsets.parquet", subsets[~is_lost])
    assert call(tmp_path) == 0
    assert "The subset matched lacks a class and is left out" in caplog.messages
    assert "matched" not in set(read_table(tmp_path / "differences.tsv")["test_set"])


def test_subsets_of_the_validation_part_are_chosen_from_the_sequences(tmp_path, transcripts):
    files(tmp_path, transcripts)
    flags = {"part": "validation", "transcripts": tmp_path / "transcripts.parquet"}
    assert call(tmp_path, **flags) == 0
    found = read_table(tmp_path / "differences.tsv")
    sizes = found[["test_set", "n_circrna", "n_lncrna"]].drop_duplicates().set_index("test_set")
    assert list(sizes.index) == ["validation", "matched", "low_stop_free"]
    assert sizes.loc["validation"].tolist() == [20, 20]
    assert sizes.loc["matched", "n_circrna"] == sizes.loc["matched", "n_lncrna"] > 0
    # One in five is of the other kind; open frames are above one half and others below.
    is_validation = transcripts["part"] == "validation"
    is_open = (transcripts["label"] == "circRNA") == (transcripts.index % 5 > 0)
    low = transcripts["label"][is_validation & ~is_open].value_counts()
    assert sizes.loc["low_stop_free"].tolist() == [low["circRNA"], low["lncRNA"]]
    # Without the sequences there is the part alone, whatever the subsets of the test part.
    assert call(tmp_path, part="validation") == 0
    assert set(read_table(tmp_path / "differences.tsv")["test_set"]) == {"validation"}


def test_same_seed_same_bytes(tmp_path, transcripts):
    files(tmp_path, transcripts)
    written = []
    for number, seed in enumerate((1, 1, 2)):
        output = tmp_path / f"{number}.tsv"
        assert call(tmp_path, seed=seed, output=output) == 0
        written.append(output.read_bytes())
    assert [first == second for first, second in pairwise(written)] == [True, False]


@pytest.mark.parametrize(
    ("change", "flags", "message"),
    [
        (None, {"rivals": ("weak", "weak")}, "--rivals: weak is given twice"),
        (None, {"rivals": ("none",)}, "none.tsv.gz: no such file"),
        (None, {"replicates": 0}, "--replicates: 0 is too few"),
        (None, {"confidence": 1}, "--confidence: 1.0 is not between 0 and 1"),
        (
            None,
            {"scheme": "random"},
            "subsets.parquet: t000: not in the part test of the split random",
        ),
        (
            ("weak.tsv.gz", lambda t: t[t["id"] != "t007"]),
            {},
            "split.parquet: t007: not in",
        ),
        (
            (
                "weak.tsv.gz",
                lambda t: t.assign(label=t["label"].mask(t["id"] == "t081", "circRNA")),
            ),
            {},
            "weak.tsv.gz: t081: label is another than in",
        ),
        (
            ("main.tsv.gz", lambda t: t.assign(part="train")),
            {},
            "main.tsv.gz: t040: part is another than in",
        ),
        (
            ("subsets.parquet", lambda t: t.drop(columns="subset")),
            {},
            "lacks the columns ['subset']",
        ),
        (
            ("split.parquet", lambda t: t.drop(columns="group")),
            {},
            "lacks the columns ['group']",
        ),
    ],
)
def test_bad_input_is_refused(tmp_path, capsys, transcripts, change, flags, message):
    files(tmp_path, transcripts)
    if change:
        name, edit = change
        write_table(tmp_path / name, edit(read_table(tmp_path / name)).sort_values("id"))
    assert call(tmp_path, **flags) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "differences.tsv").exists()


def test_a_rival_without_a_name_is_refused(tmp_path, capsys, transcripts):
    with pytest.raises(SystemExit) as ended:
        call(tmp_path, rivals=("=weak.tsv.gz",))
    assert ended.value.code == 2
    assert "'=weak.tsv.gz' is not NAME=PATH" in capsys.readouterr().err
