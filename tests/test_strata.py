import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import matthews_corrcoef, roc_auc_score

from circlet.cli import main
from circlet.descriptors import describe
from circlet.evaluation.strata import (
    EDGES,
    bin_names,
    find_mistakes,
    natural,
    score_strata,
    strata_of,
)
from circlet.files import read_table, write_table
from circlet.tables import (
    DATASET_COLUMNS,
    FLAGS,
    MISTAKE_COLUMNS,
    PREDICTION_COLUMNS,
    RELATIONS,
    STRATUM_COLUMNS,
)


@pytest.mark.parametrize(
    ("edges", "is_whole", "names"),
    [
        ((300, 500), True, ["up to 299", "300 to 499", "500 and more"]),
        ((2, 3, 4, 6), True, ["1", "2", "3", "4 to 5", "6 and more"]),
        ((0.25, 0.5), False, ["below 0.25", "0.25 to 0.5", "0.5 and more"]),
    ],
)
def test_bins_are_named_by_what_they_hold(edges, is_whole, names):
    assert bin_names(edges, is_whole) == names


def test_names_are_sorted_by_their_numbers():
    names = ["chrX", "chr10", "chr2", "chr1"]
    assert sorted(names, key=natural) == ["chr1", "chr2", "chr10", "chrX"]


def make_rows(count=240, seed=0):
    """Rows of made-up transcripts, the longer ones of which are scored by chance."""
    rng = np.random.default_rng(seed)
    is_circrna = np.arange(count) % 2 == 1
    length = rng.integers(200, 1500, count)
    signal = np.where(length < 1000, 3.0, 0.0) * (2 * is_circrna - 1)
    p = 1 / (1 + np.exp(-(signal + rng.normal(0, 1.5, count))))
    return pd.DataFrame(
        {
            "id": [f"t{number}" for number in range(count)],
            "label": np.where(is_circrna, "circRNA", "lncRNA"),
            "call": np.where(p >= 0.5, "circRNA", "lncRNA"),
            "p_circrna": p,
            "group": [f"g{number // 2}" for number in range(count)],
            "length": length,
            "stop_free": rng.random(count),
            "gc": rng.random(count),
            "exon_count": pd.array(rng.integers(1, 13, count), dtype="Int64"),
            "biotype": np.where(is_circrna, None, rng.choice(["lincRNA", "antisense"], count)),
            "chrom": rng.choice(["chr1", "chr2", "chr10"], count),
            "source": np.where(is_circrna, "circrnadb", "gencode"),
        }
    )


def test_strata_divide_the_rows():
    rows = make_rows()
    rows.loc[:9, "exon_count"] = pd.NA
    found = pd.DataFrame(strata_of(rows), columns=["description", "stratum", "is_in"])
    for _, strata in found.groupby("description"):
        assert (np.sum(strata["is_in"].tolist(), axis=0) == 1).all()
    length = found[found["description"] == "length"].set_index("stratum")["is_in"]
    assert length.index.tolist() == bin_names(EDGES["length"], True)[:4]
    for name, low, high in (("up to 299", 0, 300), ("1000 to 1999", 1000, 2000)):
        assert length[name].tolist() == rows["length"].between(low, high - 1).tolist()
    exons = found[found["description"] == "exon_count"]
    assert exons["stratum"].tolist()[-1] == "unknown"
    assert exons["is_in"].tolist()[-1].sum() == 10
    chromosomes = found["stratum"][found["description"] == "chrom"]
    assert chromosomes.tolist() == ["chr1", "chr2", "chr10"]


def test_scores_are_those_of_scikit_learn():
    rows = make_rows()
    found = pd.DataFrame(score_strata(rows, 50, 0.9, 1)).set_index(["description", "stratum"])
    is_circrna = rows["label"] == "circRNA"
    for place, chosen in (
        (("all", "all"), rows["length"] > 0),
        (("length", "500 to 999"), rows["length"].between(500, 999)),
        (("chrom", "chr10"), rows["chrom"] == "chr10"),
        # Of one class: against all of the other.
        (("biotype", "antisense"), (rows["biotype"] == "antisense") | is_circrna),
    ):
        truth, some = is_circrna[chosen], rows[chosen]
        row = found.loc[place]
        assert row["auroc"] == pytest.approx(roc_auc_score(truth, some["p_circrna"]), abs=1e-12)
        called = some["call"] == "circRNA"
        assert row["mcc"] == pytest.approx(matthews_corrcoef(truth, called), abs=1e-12)
        assert row["false_negatives"] == (truth & ~called).sum()
        assert row["false_positives"] == (~truth & called).sum()
        assert row["n_groups"] == some["group"].nunique()
        assert row["auroc_low"] <= row["auroc"] <= row["auroc_high"]
    assert found.loc[("length", "1000 to 1999"), "auroc"] < found.loc[("all", "all"), "auroc"]
    # What holds a whole class says nothing more.
    assert "source" not in found.index.get_level_values("description")
    assert ("biotype", "unknown") not in found.index


def test_too_few_of_a_class_are_counted_and_not_scored():
    rows = make_rows(18)
    (first, *_) = score_strata(rows, 20, 0.9, 1)
    assert (first["n_circrna"], first["n_lncrna"]) == (9, 9)
    assert np.isnan(first["auroc"])
    assert np.isnan(first["mcc_high"])
    (first, *_) = score_strata(make_rows(20), 20, 0.9, 1)
    assert not np.isnan(first["auroc"])


def test_one_group_has_no_interval():
    (first, *_) = score_strata(make_rows(60).assign(group="g"), 20, 0.9, 1)
    assert not np.isnan(first["auroc"])
    assert np.isnan([first["auroc_low"], first["auroc_high"]]).all()


def test_the_surest_mistakes_of_each_class():
    rows = pd.DataFrame(
        [
            ("a", "circRNA", 0.1),
            ("b", "circRNA", 0.02),
            ("c", "circRNA", 0.9),
            ("d", "lncRNA", 0.75),
            ("f", "lncRNA", 0.875),
            ("e", "lncRNA", 0.875),
            ("g", "lncRNA", 0.125),
        ],
        columns=["id", "label", "p_circrna"],
    )
    rows["call"] = np.where(rows["p_circrna"] >= 0.5, "circRNA", "lncRNA")
    found = find_mistakes(rows, 2)
    assert found["id"].tolist() == ["b", "a", "e", "f"]
    assert found["doubt"].tolist() == [0.02, 0.1, 0.125, 0.125]
    assert find_mistakes(rows, 9)["id"].tolist() == ["b", "a", "e", "f", "d"]


@pytest.fixture
def files(tmp_path):
    """Predictions, a split and a dataset of 60 transcripts, all of the part test."""
    rng = np.random.default_rng(3)
    rows = make_rows(60)
    rows["sequence"] = ["".join(rng.choice(list("ACGT"), length)) for length in rows["length"]]
    rows["part"] = "test"
    table = rows.reindex(columns=list(DATASET_COLUMNS)).assign(**dict.fromkeys(FLAGS, False))
    paths = {
        "predictions": tmp_path / "predictions.tsv.gz",
        "split": tmp_path / "gene.parquet",
        "transcripts": tmp_path / "transcripts.parquet",
    }
    write_table(paths["predictions"], rows[list(PREDICTION_COLUMNS)])
    write_table(paths["split"], rows[["id", "group", "part"]])
    write_table(paths["transcripts"], table.iloc[::-1])
    return rows, paths


def strata(paths, folder, *words):
    outputs = folder / "strata.tsv", folder / "mistakes.tsv"
    given = [f"--{name}={path}" for name, path in paths.items()]
    given += ["--name", "main", "--scheme", "gene", "--replicates", "20", *words]
    given += ["--output", str(outputs[0]), "--mistakes-output", str(outputs[1])]
    return main(["strata", *given]), *outputs


def test_step_writes_both_tables(files, tmp_path):
    rows, paths = files
    code, scores, mistakes = strata(paths, tmp_path, "--mistakes", "3")
    assert code == 0
    found = read_table(scores)
    assert tuple(found.columns) == STRATUM_COLUMNS
    assert set(found["name"]) == {"main"}
    assert found.loc[0, "n_circrna"] == 30
    gc = describe(rows["sequence"].tolist())["gc"]
    in_bin = (found["description"] == "gc") & (found["stratum"] == "0.5 to 0.6")
    counted = found.loc[in_bin, ["n_circrna", "n_lncrna"]].to_numpy().sum()
    assert counted == gc.between(0.5, 0.6, inclusive="left").sum()
    told = read_table(mistakes)
    assert tuple(told.columns) == MISTAKE_COLUMNS
    wrong = rows.set_index("id").loc[told["id"]]
    assert (wrong["label"] != wrong["call"]).all()
    assert told["length"].tolist() == wrong["length"].tolist()
    assert told["label"].value_counts().max() <= 3


def test_relatives_of_the_scheme_make_strata(files, tmp_path):
    rows, paths = files
    has_gene = np.arange(len(rows)) % 3 == 0
    table = rows[["id"]].assign(scheme="gene", **dict.fromkeys(RELATIONS, False))
    table["same_gene"] = has_gene
    table["identity_80"] = pd.array([None] * 40 + [True] * 20, dtype="boolean")
    others = table.assign(scheme="random", same_gene=True)
    relatives = tmp_path / "relatives.parquet"
    write_table(relatives, pd.concat([others, table.iloc[::-1]]))
    for scheme, expected in (("gene", 20), ("locus", None)):
        words = ("--relatives", str(relatives), "--scheme", scheme)
        code, scores, _ = strata(paths, tmp_path, *words)
        assert code == 0
        found = read_table(scores).set_index(["description", "stratum"])
        assert ("shared_31mer", "no") not in found.index  # all of them
        if expected is None:
            assert "same_gene" not in found.index
            continue
        counts = found.loc[[("same_gene", "yes"), ("identity_80", "yes")]]
        assert counts[["n_circrna", "n_lncrna"]].sum(axis=1).tolist() == [20, 20]
        assert found.loc[("identity_80", "unknown"), "n_circrna"] == 20


def test_a_dataset_that_lacks_a_transcript_is_refused(files, tmp_path, capsys):
    _, paths = files
    table = read_table(paths["transcripts"])
    write_table(paths["transcripts"], table[table["id"] != "t7"])
    code, scores, mistakes = strata(paths, tmp_path)
    assert code == 2
    assert "t7: lacks a transcript of" in capsys.readouterr().err
    assert not scores.exists()
    assert not mistakes.exists()
