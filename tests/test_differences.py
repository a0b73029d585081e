import logging
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from circlet.cli import STEPS, main
from circlet.evaluation.bootstrap import group_weights
from circlet.evaluation.differences import COMPARED, correct, paired_differences
from circlet.evaluation.metrics import evaluate
from circlet.evaluation.significance import area_difference, holm
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


def test_interval_is_by_the_spread_over_shared_draws_of_whole_groups(transcripts):
    run, rival = scored(transcripts, 0.4, 1), scored(transcripts, 0.2, 2)
    gain = (run["call"] == run["label"]).astype(float) - (rival["call"] == rival["label"])
    groups = pd.factorize(run["group"], sort=True)[0]
    weights = np.concatenate(list(group_weights(groups, 200, seed=3)))
    drawn = weights @ gain.to_numpy() / weights.sum(axis=1)
    found = by_metric(paired_differences(run, {"other": rival}, 200, 0.9, seed=3))
    error = drawn.std(ddof=1)
    # Each of the 30 groups holds both classes.
    reach = stats.t.ppf(0.95, 29) * error
    limits = found.loc["accuracy", ["low", "high"]].tolist()
    assert limits == pytest.approx([gain.mean() - reach, gain.mean() + reach])
    assert found.loc["accuracy", "difference"] == pytest.approx(gain.mean())
    expected = 2 * stats.t.sf(abs(gain.mean()) / error, 29)
    assert found.loc["accuracy", "p_value"] == pytest.approx(expected)


def test_auroc_is_compared_by_clustered_delong(transcripts):
    run, rival = scored(transcripts, 0.4, 1), scored(transcripts, 0.2, 2)
    found = by_metric(paired_differences(run, {"other": rival}, 20, 0.95, seed=3)).loc["auroc"]
    p = [table["p_circrna"].to_numpy() for table in (run, rival)]
    groups = pd.factorize(run["group"])[0]
    difference, error = area_difference((run["label"] == "circRNA").to_numpy(), *p, groups)
    reach = stats.t.ppf(0.975, 29) * error
    assert found["difference"] == pytest.approx(difference)
    assert [found["low"], found["high"]] == pytest.approx([difference - reach, difference + reach])
    assert found["p_value"] == pytest.approx(2 * stats.t.sf(abs(difference) / error, 29))
    # It draws nothing: other replicates give the same.
    again = by_metric(paired_differences(run, {"other": rival}, 30, 0.95, seed=4)).loc["auroc"]
    assert again["p_value"] == found["p_value"]


def test_p_values_are_corrected_metric_by_metric():
    rows = pd.DataFrame(
        {
            "metric": ["auroc", "mcc"] * 3,
            "test_set": ["test", "test", "matched", "matched", "test", "test"],
            "p_value": [0.01, 0.03, 0.02, np.nan, 0.5, 0.04],
        }
    )
    found = correct(rows)
    assert found.tolist() == pytest.approx([0.03, 0.06, 0.04, np.nan, 0.5, 0.06], nan_ok=True)


def test_a_rival_alike_is_level_and_pairing_narrows_the_interval(transcripts):
    run = scored(transcripts, 0.3, 1)
    level = paired_differences(run, {"same": run}, 100, 0.95, seed=0)
    assert (level[["difference", "low", "high"]] == 0).all(axis=None)
    assert (level["p_value"] == 1).all()
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
    assert back["p_value"].to_numpy() == pytest.approx(there["p_value"])


def test_a_class_in_one_group_has_neither_interval_nor_p_value():
    run = pd.DataFrame(
        {
            "label": ["circRNA", "lncRNA", "lncRNA"],
            "call": ["circRNA", "lncRNA", "circRNA"],
            "p_circrna": [0.9, 0.1, 0.6],
            "group": ["g", "h", "i"],
        }
    )
    rival = run.assign(p_circrna=[0.9, 0.95, 0.2])
    found = paired_differences(run, {"other": rival}, 50, 0.95, 0)
    assert found[["low", "high", "p_value"]].isna().all(axis=None)
    assert by_metric(found).loc["auroc", "difference"] == 0.5


def files(folder, transcripts, skills=(0.6, 0.0, 0.6)):
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


def call(folder, rivals=("weak", "equal"), others=(), **flags):
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
    words = [f"--{name}={value}" for name, value in flags.items()]
    words += ["--rivals", *pairs] if pairs else []
    words += ["--others", *others] if others else []
    return main(["differences", *words])


def write_other(folder, transcripts, parts, skill=0.0):
    """Predictions of a rival of another split, in an order of its own; how `--others` names it."""
    table = predict(transcripts.assign(part=parts), skill, seed=7)
    write_table(folder / "other.tsv.gz", table.sample(frac=1, random_state=7))
    return f"other=random={folder / 'other.tsv.gz'}"


def test_a_rival_of_another_split_is_met_where_both_held_out(tmp_path, transcripts, caplog):
    caplog.set_level(logging.INFO)
    files(tmp_path, transcripts)
    # It trained on half of the test part and on four of the ten hard negatives, and tested on rows
    # that the run trained on.
    parts = transcripts["part"].copy()
    parts[110:140], parts[140:144], parts[:20] = "train", "unused", "test"
    other = write_other(tmp_path, transcripts, parts)
    assert call(tmp_path, rivals=("weak",), others=[other]) == 0
    found = read_table(tmp_path / "differences.tsv")
    columns = ["test_set", "rival", "rival_scheme", "n_circrna", "n_lncrna", "n_groups"]
    assert found[columns].drop_duplicates().to_numpy().tolist() == [
        ["test", "weak", "gene", 30, 30, 30],
        ["matched", "weak", "gene", 10, 10, 10],
        ["low_stop_free", "weak", "gene", 8, 7, 8],
        ["hard", "weak", "gene", 30, 10, 35],
        ["test", "other", "random", 15, 15, 15],
        ["matched", "other", "random", 10, 10, 10],
        ["hard", "other", "random", 15, 6, 18],
    ]
    assert "The subset low_stop_free lacks a class and is left out" in caplog.messages
    rows = range(80, 110)
    tables = [
        predict(transcripts, skill, seed).assign(group=transcripts["group"]).iloc[rows]
        for skill, seed in ((0.6, 0), (0.0, 7))
    ]
    expected = paired_differences(tables[0], {"other": tables[1]}, 100, 0.95, seed=5)
    got = found[(found["rival"] == "other") & (found["test_set"] == "test")].reset_index(drop=True)
    pd.testing.assert_frame_equal(got[list(expected)], expected, check_dtype=False, rtol=1e-11)
    # All of them are one family a metric.
    auroc = found[found["metric"] == "auroc"]
    assert auroc["p_holm"].tolist() == pytest.approx(holm(auroc["p_value"]).tolist())


def test_a_rival_that_held_out_one_class_is_left_out(tmp_path, transcripts, caplog):
    caplog.set_level(logging.INFO)
    files(tmp_path, transcripts)
    is_lost = (transcripts["part"] == "test") & (transcripts["label"] == "lncRNA")
    other = write_other(tmp_path, transcripts, transcripts["part"].mask(is_lost, "train"))
    assert call(tmp_path, others=[other]) == 0
    assert set(read_table(tmp_path / "differences.tsv")["rival"]) == {"weak", "equal"}
    said = "other held out 30 rows of the part test, not of both classes: no comparison"
    assert said in caplog.messages
    # Alone, it leaves a table without rows.
    assert call(tmp_path, rivals=(), others=[other]) == 0
    found = read_table(tmp_path / "differences.tsv")
    assert (len(found), tuple(found.columns)) == (0, DIFFERENCE_COLUMNS)


def test_rivals_of_other_splits_alone_are_enough(tmp_path, transcripts):
    files(tmp_path, transcripts)
    other = write_other(tmp_path, transcripts, transcripts["part"])
    assert call(tmp_path, rivals=(), others=[other]) == 0
    found = read_table(tmp_path / "differences.tsv")
    assert set(found["rival"]) == {"other"}
    assert found["test_set"].unique().tolist() == ["test", "matched", "low_stop_free", "hard"]


def test_step_compares_on_every_test_set(tmp_path, transcripts, caplog):
    caplog.set_level(logging.INFO)
    files(tmp_path, transcripts)
    assert call(tmp_path) == 0
    found = read_table(tmp_path / "differences.tsv")
    assert tuple(found.columns) == DIFFERENCE_COLUMNS
    about = found[["name", "scheme", "rival_scheme", "part"]].drop_duplicates()
    assert about.to_numpy().tolist() == [["main", "gene", "gene", "test"]]
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
        scored(transcripts, 0.6, 0), {"weak": scored(transcripts, 0.0, 1)}, 100, 0.95, seed=5
    )
    rows = found[: len(COMPARED)].reset_index(drop=True)
    # The file has 12 digits.
    pd.testing.assert_frame_equal(rows[list(expected)], expected, check_dtype=False, rtol=1e-11)
    for _, family in found.groupby("metric"):
        assert family["p_holm"].tolist() == pytest.approx(holm(family["p_value"]), nan_ok=True)
    auroc = rows.iloc[0]
    assert auroc["p_value"] < auroc["p_holm"] < 0.05
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
        (None, {"rivals": ()}, "--rivals: there are none"),
        (None, {"others": ("weak=random=weak.tsv.gz",)}, "--rivals: weak is given twice"),
        (None, {"others": ("none=random=none.tsv.gz",)}, "none.tsv.gz: no such file"),
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


def test_a_rival_of_another_split_without_its_scheme_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        call(tmp_path, others=("other=other.tsv.gz",))
    assert ended.value.code == 2
    assert "'other=other.tsv.gz' is not NAME=SCHEME=PATH" in capsys.readouterr().err
