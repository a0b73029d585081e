import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import matthews_corrcoef, roc_auc_score

from circlet.cli import main
from circlet.files import read_table, write_table
from circlet.tables import MEMBER_ABOUT, PREDICTION_COLUMNS
from circlet.thresholds import choose_threshold


@pytest.fixture
def files(tmp_path):
    """200 transcripts, half of them validated, and what two seeds and trees say of them."""
    rng = np.random.default_rng(1)
    is_circrna = np.arange(200) % 2 == 0
    parts = np.where(np.arange(200) < 100, "validation", "test")
    said = {
        name: np.clip(rng.normal(middle + gain * is_circrna, 0.1), 0, 1)
        for name, middle, gain in (("seed1", 0.2, 0.2), ("seed2", 0.5, 0.1), ("trees", 0.3, 0.3))
    }
    p_circrna = np.mean(list(said.values()), axis=0)
    table = pd.DataFrame(
        {
            "id": [f"t{row}" for row in range(200)],
            "source": "toy",
            "label": np.where(is_circrna, "circRNA", "lncRNA"),
            "part": parts,
            "length": 300,
            "p_circrna": p_circrna,
            "call": np.where(p_circrna > 0.45, "circRNA", "lncRNA"),
        }
    )
    members = pd.DataFrame({"id": table["id"], **said})
    write_table(tmp_path / "main.tsv.gz", table[list(PREDICTION_COLUMNS)], 12)
    write_table(tmp_path / "members.parquet", members[::-1])
    split = table[["id", "part"]].assign(group=[f"g{row // 4}" for row in range(200)])
    write_table(tmp_path / "split.parquet", split)
    return tmp_path, table, members


def _run(folder, **flags):
    flags = {
        "predictions": folder / "main.tsv.gz",
        "members": folder / "members.parquet",
        "split": folder / "split.parquet",
        "name": "main",
        "scheme": "gene",
        "replicates": 100,
        "output": folder / "seeds.tsv",
    } | flags
    return main(["seeds", *(f"--{name}={value}" for name, value in flags.items())])


def test_each_member_is_scored_with_a_threshold_of_its_own(files):
    folder, table, members = files
    assert _run(folder) == 0
    found = read_table(folder / "seeds.tsv")
    assert tuple(found.columns[:5]) == MEMBER_ABOUT
    assert found["member"].tolist() == [
        *("model", "seed1", "seed2", "trees", "mean of seeds", "sd of seeds")
    ]
    assert found[["name", "scheme", "part"]].drop_duplicates().to_numpy().tolist() == [
        ["main", "gene", "test"]
    ]
    is_circrna = (table["label"] == "circRNA").to_numpy(int)
    is_test = (table["part"] == "test").to_numpy()
    rows = found.set_index("member")
    for name in ("seed1", "seed2", "trees"):
        p = members[name].to_numpy()
        threshold = choose_threshold(p[~is_test], is_circrna[~is_test])
        row = rows.loc[name]
        assert row["threshold"] == pytest.approx(threshold, abs=1e-9)
        assert row["auroc"] == pytest.approx(
            roc_auc_score(is_circrna[is_test], p[is_test]), abs=1e-9
        )
        mcc = matthews_corrcoef(is_circrna[is_test], p[is_test] >= threshold)
        assert row["mcc"] == pytest.approx(mcc, abs=1e-9)
        assert row["auroc_low"] < row["auroc"] < row["auroc_high"]
    assert np.isnan(rows.loc["model", "threshold"])
    is_called = (table["call"] == "circRNA").to_numpy()
    mcc = matthews_corrcoef(is_circrna[is_test], is_called[is_test])
    assert rows.loc["model", "mcc"] == pytest.approx(mcc, abs=1e-9)


def test_spread_is_of_the_networks_alone(files):
    folder, _, _ = files
    assert _run(folder) == 0
    rows = read_table(folder / "seeds.tsv").set_index("member")
    seeds = rows.loc[["seed1", "seed2"], "auroc"]
    assert rows.loc["mean of seeds", "auroc"] == pytest.approx(seeds.mean(), abs=1e-9)
    assert rows.loc["sd of seeds", "auroc"] == pytest.approx(seeds.std(ddof=1), abs=1e-9)
    assert np.isnan(rows.loc["sd of seeds", "auroc_low"])


def test_one_seed_has_no_spread(files):
    folder, _, members = files
    write_table(folder / "members.parquet", members[["id", "seed1"]])
    assert _run(folder) == 0
    rows = read_table(folder / "seeds.tsv").set_index("member")
    assert rows.loc["mean of seeds", "auroc"] == rows.loc["seed1", "auroc"]
    assert np.isnan(rows.loc["sd of seeds", "auroc"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m[1:], "members.parquet: t0: the id is missing"),
        (lambda m: m.assign(seed2=[np.nan, *m["seed2"][1:]]), "t0: seed2 is not a probability"),
        (lambda m: m.drop(columns="id"), "members.parquet: lacks the columns ['id']"),
    ],
)
def test_bad_members_are_refused(files, capsys, change, message):
    folder, _, members = files
    write_table(folder / "members.parquet", change(members))
    assert _run(folder) == 2
    assert message in capsys.readouterr().err
    assert not (folder / "seeds.tsv").exists()
