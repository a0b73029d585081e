import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from circlet.cli import main
from circlet.evaluation.baselines import BASELINES, threshold_of
from circlet.files import read_table, write_table
from circlet.tables import PREDICTION_COLUMNS
from circlet.thresholds import choose_threshold

pytestmark = pytest.mark.usefixtures("one_thread")

CODONS = [a + b + c for a in "ACGT" for b in "ACGT" for c in "ACGT"]
SENSE_CODONS = [codon for codon in CODONS if codon not in {"TAA", "TAG", "TGA"}]


@pytest.fixture(scope="module")
def transcripts():
    """120 sequences of like lengths: circRNAs open in frame 0, lncRNAs random."""
    rng = np.random.default_rng(0)
    rows = []
    for i in range(120):
        is_circrna = i % 2 == 0
        codons = rng.choice(SENSE_CODONS if is_circrna else CODONS, rng.integers(80, 200))
        label, source = ("circRNA", "circrnadb") if is_circrna else ("lncRNA", "gencode")
        part = "train" if i < 90 else ("validation", "test")[i % 4 // 2]
        rows.append((f"t{i}", source, label, "".join(codons), f"g{i}", part))
    return pd.DataFrame(rows, columns=["id", "source", "label", "sequence", "group", "part"])


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("length", 0.2, 0.8),
        ("stop_free", 0.99, 1),
        ("descriptors", 0.99, 1),
        ("composition", 0.99, 1),
    ],
)
def test_baselines_see_what_they_should(transcripts, name, low, high):
    p_circrna = BASELINES[name](transcripts, 0)
    held_out = (transcripts["part"] != "train").to_numpy()
    is_circrna = (transcripts["label"] == "circRNA").to_numpy()
    assert low <= roc_auc_score(is_circrna[held_out], p_circrna[held_out]) <= high


def test_only_the_training_part_is_fitted(transcripts):
    is_train = transcripts["part"] == "train"
    other = {"circRNA": "lncRNA", "lncRNA": "circRNA"}
    flipped = transcripts["label"].where(is_train, transcripts["label"].map(other))
    for baseline in BASELINES.values():
        first = baseline(transcripts, 0)
        second = baseline(transcripts.assign(label=flipped), 0)
        assert np.array_equal(first, second)


def test_classes_are_weighted_to_balance(transcripts):
    # Eight lncRNAs a circRNA and a constant feature: balanced weights give one half.
    uneven = transcripts.assign(label="lncRNA", sequence="ACGT" * 60)
    uneven.loc[::9, "label"] = "circRNA"
    for name in ("length", "stop_free", "descriptors", "composition"):
        found = BASELINES[name](uneven, 0)
        assert found == pytest.approx(np.full(120, 0.5), abs=1e-6)


def test_memoriser_knows_what_it_saw_and_nothing_else(transcripts):
    p_circrna = BASELINES["memoriser"](transcripts, 0)
    is_train = (transcripts["part"] == "train").to_numpy()
    is_circrna = (transcripts["label"] == "circRNA").to_numpy(float)
    assert p_circrna[is_train] == pytest.approx(is_circrna[is_train])
    assert (p_circrna[~is_train] == 0.5).all()  # random sequences share no 31-mer
    copied = transcripts.copy()
    half = transcripts["sequence"][0][:130] + transcripts["sequence"][91][-130:]
    copied.loc[95, "sequence"] = half  # a hundred 31-mers of a training circRNA among 230
    assert BASELINES["memoriser"](copied, 0)[95] == pytest.approx(0.5 + 0.5 * 100 / 230)


def _run(folder, transcripts, name="descriptors", split=None, output="predictions.tsv.gz", more=()):
    split = transcripts[["id", "group", "part"]] if split is None else split
    write_table(folder / "transcripts.parquet", transcripts.drop(columns=["group", "part"]))
    write_table(folder / "split.parquet", split[::-1])
    flags = {
        "transcripts": folder / "transcripts.parquet",
        "split": folder / "split.parquet",
        "baseline": name,
        "seed": 3,
        "output": folder / output,
    }
    words = [f"--{flag}={value}" for flag, value in flags.items()]
    return main(["baseline", *words, *more])


def test_step_writes_predictions_of_all_transcripts(tmp_path, transcripts):
    assert _run(tmp_path, transcripts) == 0
    found = read_table(tmp_path / "predictions.tsv.gz")
    assert tuple(found.columns) == PREDICTION_COLUMNS
    for column in ("id", "source", "label", "part"):
        assert found[column].tolist() == transcripts[column].tolist()
    assert found["length"].tolist() == transcripts["sequence"].str.len().tolist()
    expected = BASELINES["descriptors"](transcripts, 3)
    assert found["p_circrna"].to_numpy() == pytest.approx(expected, rel=1e-5)
    is_validation = (transcripts["part"] == "validation").to_numpy()
    is_circrna = (transcripts["label"] == "circRNA").to_numpy(int)
    threshold = choose_threshold(expected[is_validation], is_circrna[is_validation])
    assert found["call"].tolist() == ["circRNA" if p >= threshold else "lncRNA" for p in expected]


@pytest.mark.parametrize("name", ["descriptors", "memoriser"])
def test_external_sets_are_classified_too_and_teach_nothing(tmp_path, transcripts, name):
    assert _run(tmp_path, transcripts, name) == 0
    alone = (tmp_path / "predictions.tsv.gz").read_bytes()
    external = transcripts[:30].assign(
        id=[f"mine:{row}" for row in range(30)], source="mine", part="external"
    )
    write_table(tmp_path / "external.parquet", external)
    flags = {"external": tmp_path / "external.parquet", "external-output": tmp_path / "ext.tsv.gz"}
    words = [f"--{flag}={value}" for flag, value in flags.items()]
    assert _run(tmp_path, transcripts, name, more=words) == 0
    assert (tmp_path / "predictions.tsv.gz").read_bytes() == alone
    found, expected = (
        read_table(tmp_path / "ext.tsv.gz"),
        read_table(tmp_path / "predictions.tsv.gz"),
    )
    assert found["id"].tolist() == external["id"].tolist()
    assert set(found["part"]) == {"external"}
    assert found["p_circrna"].tolist() == expected["p_circrna"][:30].tolist()
    assert found["call"].tolist() == expected["call"][:30].tolist()


def test_external_sets_need_an_output(tmp_path, transcripts, capsys):
    assert _run(tmp_path, transcripts, more=["--external=external.parquet"]) == 2
    assert "--external: goes with --external-output; give both" in capsys.readouterr().err


def test_calls_begin_where_the_validation_part_says_so(transcripts):
    p = np.linspace(0, 1, 120)
    is_high = p > 0.75
    labels = np.where(is_high, "circRNA", "lncRNA")
    held_out = transcripts.assign(
        label=labels, part=np.where(np.arange(120) % 2, "validation", "x")
    )
    assert threshold_of(held_out, p) == pytest.approx(0.75, abs=0.02)
    assert threshold_of(held_out.assign(part="test"), p) == 0.5
    assert threshold_of(held_out.assign(label="lncRNA"), p) == 0.5


def test_same_seed_same_bytes(tmp_path, transcripts):
    for output in ("one.tsv.gz", "two.tsv.gz"):
        assert _run(tmp_path, transcripts, output=output) == 0
    assert (tmp_path / "one.tsv.gz").read_bytes() == (tmp_path / "two.tsv.gz").read_bytes()


def _with(table, column, value):
    changed = table.copy()
    changed.loc[5, column] = value
    return changed


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda t: (_with(t, "sequence", "ACGTNN"), t),
            "t5: not a usable sequence",
        ),
        (lambda t: (_with(t, "sequence", None), t), "t5: not a usable sequence"),
        (lambda t: (_with(t, "label", "mRNA"), t), "transcripts.parquet: t5: not a usable label"),
        (lambda t: (t, t[1:]), "transcripts.parquet: t0: not in"),
        (lambda t: (t[1:], t), "split.parquet: t0: not in"),
        (lambda t: (t.assign(label="lncRNA"), t), "split.parquet: the part train has no circRNA"),
        (lambda t: (t, t.assign(part="test")), "the part train has no lncRNA and no circRNA"),
    ],
)
def test_bad_tables_are_refused(tmp_path, capsys, transcripts, change, message):
    table, split = change(transcripts)
    assert _run(tmp_path, table, split=split[["id", "group", "part"]]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "predictions.tsv.gz").exists()
