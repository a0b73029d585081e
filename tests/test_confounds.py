import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from circlet.cli import main
from circlet.evaluation.coding import fickett
from circlet.evaluation.confounds import (
    evaluate_scheme,
    find_test_sets,
    measure,
    score,
    taught_hard,
)
from circlet.evaluation.subsets import CALIPERS
from circlet.files import read_table, write_table
from circlet.tables import CONFOUND_COLUMNS, SUBSET_COLUMNS

pytestmark = pytest.mark.usefixtures("one_thread")

CODONS = [a + b + c for a in "ACGT" for b in "ACGT" for c in "ACGT"]
SENSE_CODONS = [codon for codon in CODONS if codon not in {"TAA", "TAG", "TGA"}]
ALWAYS = (
    "length",
    "gc",
    "stop_free_linear",
    "stop_free_ring",
    "coding_potential",
    "first_bases",
    "last_bases",
    "boosting",
)


@pytest.fixture(scope="module")
def transcripts():
    """Of 240, every other a circRNA; one in four circRNAs and lncRNAs is without a frame.

    Training has 180; of the rest, part `hard` has the lncRNAs of the last 20.
    """
    rng = np.random.default_rng(0)
    rows = []
    for i in range(240):
        label = "circRNA" if i % 2 == 0 else "lncRNA"
        is_open = (label == "circRNA") == (i % 8 > 1)
        codons = rng.choice(SENSE_CODONS if is_open else CODONS, rng.integers(80, 200))
        part = "train" if i < 180 else "hard" if i >= 220 and label == "lncRNA" else "test"
        rows.append((f"t{i:03}", "toy", label, "".join(codons), None, f"g{i // 3}", part))
    columns = ["id", "source", "label", "sequence", "soft_masked", "group", "part"]
    table = pd.DataFrame(rows, columns=columns).astype({"soft_masked": "Float64"})
    return table.assign(group_part=table["part"].replace("hard", "test"))


@pytest.fixture(scope="module")
def descriptors(transcripts):
    return measure(transcripts.assign(soft_masked=np.nan))


@pytest.fixture(scope="module")
def tables(transcripts, descriptors):
    """What the step shall write, without the scheme."""
    return evaluate_scheme(transcripts, descriptors, 20, 0.95, seed=3)


def _is(transcripts, column, value):
    return (transcripts[column] == value).to_numpy(bool)


def test_measure_adds_to_the_sixteen(transcripts):
    table = transcripts[:3].assign(soft_masked=[0.5, np.nan, 0.0])
    found = measure(table)
    assert found.columns[-2:].tolist() == ["coding_potential", "soft_masked"]
    assert found.shape == (3, 18)
    assert found["coding_potential"].tolist() == fickett(table["sequence"].tolist()).tolist()
    assert found["soft_masked"].tolist() == pytest.approx([0.5, np.nan, 0.0], nan_ok=True)
    assert np.exp(found["log_length"]).to_numpy() == pytest.approx(table["sequence"].str.len())


def test_direction_is_of_the_training_part(descriptors):
    # circRNAs are shorter in training; in the test part they are longer.
    is_circrna = np.array([True, True, False, False, True, False])
    is_train = np.array([True, True, True, True, False, False])
    table = descriptors[:6].assign(log_length=[5.0, 6.0, 7.0, 8.0, 9.0, 1.0])
    found = score(table, is_circrna, is_train, 0)["length"]
    assert found.tolist() == [-5, -6, -7, -8, -9, -1]
    assert roc_auc_score(is_circrna[4:], found[4:]) == 0
    straight = score(table, ~is_circrna, is_train, 0)["length"]
    assert straight.tolist() == table["log_length"].tolist()


@pytest.mark.parametrize(
    ("fractions", "expected"),
    [
        ([0.1, None, 0.9, None, 0.3, 0.2], [-0.1, None, -0.9, None, -0.3, -0.2]),
        ([0.1, 0.3, None, None, 0.3, 0.2], [0.1, 0.3, None, None, 0.3, 0.2]),
    ],
)
def test_direction_is_of_what_the_training_part_knows(descriptors, fractions, expected):
    is_circrna = np.array([True, True, False, False, True, False])
    is_train = np.array([True, True, True, True, False, False])
    table = descriptors[:6].assign(soft_masked=np.array(fractions, dtype=float))
    found = score(table, is_circrna, is_train, 0)["soft_masked"]
    assert found == pytest.approx(np.array(expected, dtype=float), nan_ok=True)


def test_end_bases_are_fitted_on_the_training_part(transcripts, descriptors):
    # G alone marks a circRNA: neither first nor last of the codes 0 to 3.
    is_circrna = _is(transcripts, "label", "circRNA")
    is_train = _is(transcripts, "part", "train")
    base = np.where(is_circrna, 2, np.arange(len(transcripts)) % 4 // 2 * 3)
    scores = score(descriptors.assign(last_2=base), is_circrna, is_train, 0)
    assert roc_auc_score(is_circrna[~is_train], scores["last_bases"][~is_train]) == 1
    flipped = np.where(is_train, is_circrna, ~is_circrna)
    again = score(descriptors.assign(last_2=base), flipped, is_train, 0)
    for name in ("first_bases", "last_bases", "boosting"):
        assert np.array_equal(scores[name], again[name])


def test_test_sets_by_hand():
    rows = pd.DataFrame(
        [
            ("a", "circRNA", "test", 6.0, 0.9),
            ("b", "lncRNA", "test", 6.1, 0.91),
            ("c", "lncRNA", "test", 6.0, 0.2),
            ("d", "circRNA", "test", 9.0, 0.49),
            ("e", "lncRNA", "hard", 6.0, 0.9),
            ("f", "circRNA", "train", 6.0, 0.3),
            ("g", "lncRNA", "unused", 6.0, 0.9),
            ("h", "lncRNA", "test", 6.0, 0.5),
        ],
        columns=["id", "label", "part", "log_length", "stop_free_linear_1"],
    )
    rows["stop_free_ring_1"] = rows["stop_free_linear_1"]
    found = find_test_sets(rows, rows[list(CALIPERS)], seed=0)
    assert {name: "".join(rows["id"][chosen]) for name, chosen in found.items()} == {
        "test": "abcdh",
        "matched": "ab",
        "low_stop_free": "cd",
        "hard": "ade",
        "hard_taught": "ade",
    }
    without = find_test_sets(rows[rows["part"] == "test"], rows[rows["part"] == "test"], seed=0)
    assert list(without) == ["test", "matched", "low_stop_free"]


def test_scheme_is_measured_on_every_test_set(transcripts, descriptors, tables):
    confounds, subsets = tables
    test_sets = ("test", "matched", "low_stop_free", "hard")
    assert confounds["test_set"].drop_duplicates().tolist() == list(test_sets)
    counts = confounds.groupby("test_set")[["n_circrna", "n_lncrna"]].agg(["min", "max"])
    assert counts.loc["test"].tolist() == [30, 30, 20, 20]
    assert counts.loc["hard"].tolist() == [30, 30, 10, 10]
    chosen = find_test_sets(transcripts, descriptors, seed=3)
    for test_set, rows in confounds.groupby("test_set"):
        assert tuple(rows["descriptor"]) == ALWAYS
        truth = _is(transcripts, "label", "circRNA")[chosen[test_set]]
        gc = descriptors["gc"].to_numpy()[chosen[test_set]]
        area = roc_auc_score(truth, gc)
        found = rows.set_index("descriptor")["auroc"]
        assert found["gc"] in (pytest.approx(area), pytest.approx(1 - area))
        assert (rows["low"] <= rows["auroc"]).all()
        assert (rows["auroc"] <= rows["high"]).all()
    for subset, rows in subsets.groupby("subset"):
        assert rows["id"].tolist() == transcripts["id"].to_numpy()[chosen[subset]].tolist()
    assert set(subsets["subset"]) == {"matched", "low_stop_free"}


def test_unknown_soft_masking_is_left_out_of_the_counts(transcripts, descriptors):
    fractions = np.full(len(transcripts), np.nan)
    fractions[[200, 202, 204, 201, 203]] = [0.1, 0.4, 0.6, 0.0, 0.5]  # three are circRNAs
    table = descriptors.assign(soft_masked=fractions)
    found = evaluate_scheme(transcripts, table, 20, 0.9, seed=1)[0]
    row = found[(found["descriptor"] == "soft_masked") & (found["test_set"] == "test")].iloc[0]
    assert row[["n_circrna", "n_lncrna"]].tolist() == [3, 2]
    assert row["auroc"] == pytest.approx((1 + 1 + 2) / 6)
    # The part `hard` has no known row: no such descriptor there.
    assert len(found[(found["descriptor"] == "soft_masked") & (found["test_set"] == "hard")]) == 0


def test_test_sets_without_a_class_are_left_out(transcripts, descriptors, caplog):
    lost = _is(transcripts, "part", "test") & _is(transcripts, "label", "lncRNA")
    rows = transcripts.assign(part=transcripts["part"].mask(lost, "unused"))
    confounds, subsets = evaluate_scheme(rows, descriptors, 20, 0.9, seed=1)
    assert set(confounds["test_set"]) == {"hard"}
    assert subsets.empty
    assert [record.args for record in caplog.records] == [
        ("test",),
        ("matched",),
        ("low_stop_free",),
        ("hard_taught",),  # no hard negative is there to learn from
    ]


def test_hard_negatives_of_the_training_groups_teach_for_those_of_the_test_groups(
    transcripts, descriptors
):
    """The lncRNAs of the training groups stand for hard negatives here."""
    is_taught = _is(transcripts, "part", "train") & _is(transcripts, "label", "lncRNA")
    hard = transcripts.assign(part=transcripts["part"].mask(is_taught, "unused"))
    others = transcripts.iloc[:40].assign(part="train", group_part="train")
    rows = pd.concat([hard, others], ignore_index=True)
    described = pd.concat([descriptors, descriptors.iloc[:40]], ignore_index=True)
    assert taught_hard(rows).sum() == 90 + 20 + is_taught.sum()
    found, _ = evaluate_scheme(rows, described, 20, 0.9, seed=1)
    auroc = found.set_index(["test_set", "descriptor"])["auroc"]
    is_train = taught_hard(rows)
    is_circrna = _is(rows, "label", "circRNA")
    values = score(described, is_circrna, is_train, 1)["boosting"]
    chosen = find_test_sets(rows, described, 1)["hard"]
    expected = roc_auc_score(is_circrna[chosen], values[chosen])
    assert auroc["hard_taught", "boosting"] == pytest.approx(expected, abs=1e-12)
    # A group that is tested never teaches.
    held_out = rows.assign(group_part=rows["group_part"].mask(_is(rows, "part", "unused"), "test"))
    assert taught_hard(held_out).sum() == 90 + 20


def _run(folder, transcripts, splits=("gene", "random"), **flags):
    folder.mkdir(exist_ok=True)
    write_table(
        folder / "transcripts.parquet", transcripts.drop(columns=["group", "part", "group_part"])
    )
    for name in splits:
        write_table(folder / f"{name}.parquet", transcripts[["id", "group", "part", "group_part"]])
    flags = {
        "transcripts": folder / "transcripts.parquet",
        "replicates": 20,
        "confidence": 0.95,
        "seed": 3,
        "output": folder / "confounds.tsv",
        "subsets": folder / "subsets.parquet",
    } | flags
    paths = [str(folder / f"{name}.parquet") for name in splits]
    options = [f"--{name}={value}" for name, value in flags.items()]
    return main(["confounds", "--splits", *paths, *options])


def test_step_writes_both_tables(tmp_path, transcripts, tables):
    assert _run(tmp_path, transcripts) == 0
    confounds = read_table(tmp_path / "confounds.tsv")
    subsets = read_table(tmp_path / "subsets.parquet")
    assert tuple(confounds.columns) == CONFOUND_COLUMNS
    assert tuple(subsets.columns) == SUBSET_COLUMNS
    for found, wanted in zip((confounds, subsets), tables, strict=True):
        for scheme in ("gene", "random"):
            rows = found[found["scheme"] == scheme].drop(columns="scheme").reset_index(drop=True)
            pd.testing.assert_frame_equal(rows, wanted, check_dtype=False, rtol=1e-5)
        assert len(found) == 2 * len(wanted)


def test_same_seed_same_bytes(tmp_path, transcripts):
    for folder, seed in (("one", 3), ("two", 3), ("three", 4)):
        assert _run(tmp_path / folder, transcripts, splits=("gene",), seed=seed) == 0
    one, two, three = (
        [(tmp_path / folder / name).read_bytes() for name in ("confounds.tsv", "subsets.parquet")]
        for folder in ("one", "two", "three")
    )
    assert one == two
    assert one[0] != three[0]


def test_nothing_to_measure_gives_empty_tables(tmp_path, transcripts):
    assert _run(tmp_path, transcripts.assign(part="train"), splits=("gene",)) == 0
    assert tuple(read_table(tmp_path / "confounds.tsv").columns) == CONFOUND_COLUMNS
    subsets = read_table(tmp_path / "subsets.parquet")
    assert tuple(subsets.columns) == SUBSET_COLUMNS
    assert subsets.empty


def _with(table, column, value):
    changed = table.astype({column: object})
    changed.loc[5, column] = value
    return changed


@pytest.mark.parametrize(
    ("change", "flags", "message"),
    [
        (
            lambda t: _with(t, "sequence", "ACGTN"),
            {},
            "transcripts.parquet: t005: not a usable sequence",
        ),
        (lambda t: t.assign(label="lncRNA"), {}, "gene.parquet: the part train has no circRNA"),
        (
            lambda t: _with(t, "soft_masked", 1.5),
            {},
            "transcripts.parquet: t005: soft_masked is not a fraction",
        ),
        (
            lambda t: t.assign(soft_masked="low"),
            {},
            "transcripts.parquet: t000: soft_masked is not a fraction",
        ),
        (lambda t: t.drop(columns="soft_masked"), {}, "lacks the columns ['soft_masked']"),
        (lambda t: t, {"splits": ("gene", "gene")}, "--splits: gene is given twice"),
        (lambda t: t, {"replicates": 0}, "--replicates: 0 is too few"),
        (lambda t: t, {"confidence": 1}, "--confidence: 1.0 is not between 0 and 1"),
    ],
)
def test_bad_input_is_refused(tmp_path, capsys, transcripts, change, flags, message):
    assert _run(tmp_path, change(transcripts), **flags) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "confounds.tsv").exists()
    assert not (tmp_path / "subsets.parquet").exists()
