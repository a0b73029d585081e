"""The numbers of the finished demo, worked out anew from predictions and traced to the page."""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from page_tables import ShownTable, tables_of
from sklearn import metrics as sklearn_metrics

from circlet.evaluation.report.words import DESCRIPTION_WORDS, METRIC_WORDS
from circlet.pages import DASH
from circlet.tables import RELATIONS, STRATUM_METRICS
from circlet.words import TEST_SET_WORDS

pytestmark = pytest.mark.workflow

EXACT = 1e-9
SCHEMES = ("random", "gene", "locus", "homology")
COMPARED = ("auroc", "mcc", "auprc", "accuracy", "brier")  # of the differences; ece is our own


def specificity_at(truth: np.ndarray, scores: np.ndarray, sensitivity: float) -> float:
    """Specificity at the highest threshold that finds this share of the circRNAs."""
    false, true, _ = sklearn_metrics.roc_curve(truth, scores, drop_intermediate=False)
    return 1 - false[np.flatnonzero(true >= sensitivity - 1e-12)[0]]


def recompute(rows: pd.DataFrame) -> dict[str, float]:
    """The metrics of predictions by scikit-learn, under our names."""
    truth, called = rows["label"] == "circRNA", rows["call"] == "circRNA"
    scores = rows["p_circrna"]
    return {
        "accuracy": sklearn_metrics.accuracy_score(truth, called),
        "balanced_accuracy": sklearn_metrics.balanced_accuracy_score(truth, called),
        "sensitivity": sklearn_metrics.recall_score(truth, called),
        "specificity": sklearn_metrics.recall_score(~truth, ~called),
        "f1": sklearn_metrics.f1_score(truth, called),
        "mcc": sklearn_metrics.matthews_corrcoef(truth, called),
        "auroc": sklearn_metrics.roc_auc_score(truth, scores),
        "auprc": sklearn_metrics.average_precision_score(truth, scores),
        "specificity_at_95_sensitivity": specificity_at(truth, scores, 0.95),
        "brier": sklearn_metrics.brier_score_loss(truth, scores),
    }


@pytest.fixture(scope="module")
def results(demo) -> Path:
    """Folder of the demo's results."""
    return demo[0] / "results/demo"


@pytest.fixture(scope="module")
def shown(results) -> dict[str, ShownTable]:
    """Tables of the report page."""
    return tables_of((results / "report.html").read_text(encoding="utf-8"))


def read(path: Path) -> pd.DataFrame:
    """A table, by pandas alone."""
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    return pd.read_csv(path, sep="\t", keep_default_na=False, na_values=[""])


def scored_rows(results: Path, name: str, scheme: str) -> pd.DataFrame:
    """Predictions of the run or a baseline for the test part."""
    path = results / (
        "predictions/main.tsv.gz"
        if name == "main"
        else f"predictions/baselines/{scheme}/{name}.tsv.gz"
    )
    rows = read(path)
    return rows[rows["part"] == "test"]


def row_of(table: pd.DataFrame, **wanted) -> pd.Series:
    """The one row of a table that is about this."""
    is_it = np.logical_and.reduce([table[name] == value for name, value in wanted.items()])
    (place,) = np.flatnonzero(is_it)
    return table.iloc[place]


def scored(results: Path) -> list[tuple[str, str, Path]]:
    """Name, split and file of all metrics of the test parts."""
    baselines = sorted(results.glob("evaluation/baselines/*/*/metrics.json"))
    own = [("main", "gene", results / "evaluation/main/metrics.json")]
    return own + [(path.parent.name, path.parents[1].name, path) for path in baselines]


def test_metrics_are_those_of_scikit_learn(results):
    comparison = read(results / "evaluation/comparison.tsv")
    files = scored(results)
    assert {scheme for _, scheme, _ in files} == set(SCHEMES)
    assert len(files) == (comparison["test_set"] == "test").sum() >= 13
    for name, scheme, path in files:
        rows = scored_rows(results, name, scheme)
        told = json.loads(path.read_text())
        assert (told["name"], told["scheme"], told["test_set"]) == (name, scheme, "test")
        row = row_of(comparison, name=name, scheme=scheme, test_set="test")
        for metric, value in recompute(rows).items():
            assert told["metrics"][metric]["value"] == pytest.approx(value, abs=EXACT), metric
            assert row[metric] == pytest.approx(value, abs=EXACT), (name, scheme, metric)
        truth, called = rows["label"] == "circRNA", rows["call"] == "circRNA"
        (tn, fp), (fn, tp) = sklearn_metrics.confusion_matrix(truth, called)
        assert told["confusion"] == {"tp": tp, "fp": fp, "tn": tn, "fn": fn}
        assert (row["n_circrna"], row["n_lncrna"]) == (truth.sum(), (~truth).sum())
        split = read(results / f"splits/{scheme}.parquet")
        assert row["n_groups"] == split["group"][split["part"] == "test"].nunique()
        assert set(rows["id"]) == set(split["id"][split["part"] == "test"])


def test_limits_in_the_comparison_are_those_of_the_metrics(results):
    comparison = read(results / "evaluation/comparison.tsv")
    for name, scheme, path in scored(results):
        row = row_of(comparison, name=name, scheme=scheme, test_set="test")
        for metric, told in json.loads(path.read_text())["metrics"].items():
            for end in ("low", "high"):
                assert row[f"{metric}_{end}"] == pytest.approx(told[end], abs=EXACT)
                assert told["low"] <= told["high"]


def test_differences_are_those_of_the_predictions(results):
    differences = read(results / "evaluation/main/differences.tsv")
    assert set(differences["scheme"]) == set(differences["rival_scheme"]) == {"gene"}
    assert set(differences["rival"]) == {"length", "stop_free", "descriptors", "memoriser"}
    own = recompute(scored_rows(results, "main", "gene"))
    for rival in differences["rival"].unique():
        theirs = recompute(scored_rows(results, rival, "gene"))
        for metric in COMPARED:
            row = row_of(differences, rival=rival, metric=metric, test_set="test")
            found = row[["value", "rival_value", "difference"]].tolist()
            expected = [own[metric], theirs[metric], own[metric] - theirs[metric]]
            assert found == pytest.approx(expected, abs=EXACT), (rival, metric)


def test_p_values_are_corrected_over_all_rivals(results):
    differences = read(results / "evaluation/main/differences.tsv")
    for _, rows in differences.groupby("metric"):
        rows = rows.dropna(subset="p_value").sort_values("p_value")
        raised = rows["p_value"] * np.arange(len(rows), 0, -1)
        expected = raised.cummax().clip(upper=1)
        assert rows["p_holm"].tolist() == pytest.approx(expected.tolist(), abs=EXACT)


def test_seeds_are_those_of_the_members(results):
    seeds = read(results / "evaluation/main/seeds.tsv").set_index("member")
    members = read(results / "predictions/main.members.parquet").set_index("id")
    assert list(seeds.index) == ["model", *members.columns, "mean of seeds", "sd of seeds"]
    rows = scored_rows(results, "main", "gene")
    truth = rows["label"] == "circRNA"
    for member in members.columns:
        scores = members.loc[rows["id"], member].to_numpy()
        called = scores >= seeds.loc[member, "threshold"]
        expected = recompute(rows.assign(p_circrna=scores, call=np.where(called, "circRNA", "")))
        for metric, value in expected.items():
            assert seeds.loc[member, metric] == pytest.approx(value, abs=EXACT), (member, metric)
        area = sklearn_metrics.roc_auc_score(truth, scores)
        assert seeds.loc[member, "auroc"] == pytest.approx(area, abs=EXACT)
    areas = seeds.loc[["seed1", "seed2"], "auroc"]
    assert seeds.loc["mean of seeds", "auroc"] == pytest.approx(areas.mean(), abs=EXACT)
    assert seeds.loc["sd of seeds", "auroc"] == pytest.approx(np.std(areas, ddof=1), abs=EXACT)
    # The model itself stands there as in the comparison, limits and all.
    comparison = read(results / "evaluation/comparison.tsv")
    row = row_of(comparison, name="main", test_set="test")
    for metric in METRIC_WORDS:
        for end in ("", "_low", "_high"):
            expected = row[f"{metric}{end}"]
            assert seeds.loc["model", f"{metric}{end}"] == pytest.approx(expected, abs=EXACT)


def places_of(transcripts: pd.DataFrame) -> dict[tuple[str, str], pd.Series]:
    """Whether each transcript is in some of the strata, by description and stratum."""
    length, exons = transcripts["sequence"].str.len(), transcripts["exon_count"]
    gc = transcripts["sequence"].str.count("[GC]") / length
    return {
        ("all", "all"): length > 0,
        ("length", "up to 299"): length < 300,
        ("length", "500 to 999"): length.between(500, 999),
        ("length", "4000 and more"): length >= 4000,
        ("gc", "0.4 to 0.5"): (gc >= 0.4) & (gc < 0.5),
        ("gc", "0.5 to 0.6"): (gc >= 0.5) & (gc < 0.6),
        ("exon_count", "2"): (exons == 2).fillna(False),
        ("exon_count", "4 to 5"): exons.between(4, 5).fillna(False),
    }


def test_strata_are_those_of_the_predictions(results):
    strata = read(results / "evaluation/main/strata.tsv")
    transcripts = read(results / "dataset/transcripts.parquet").set_index("id")
    relatives = read(results / "dataset/relatives.parquet").query("scheme == 'gene'")
    rows = scored_rows(results, "main", "gene").set_index("id")
    chosen = places_of(transcripts.loc[rows.index])
    shared = relatives.set_index("id")["shared_31mer"].reindex(rows.index)
    chosen["shared_31mer", "no"] = shared.eq(False).fillna(False)
    with_scores = 0
    for (description, stratum), is_in in chosen.items():
        row = row_of(strata, description=description, stratum=stratum)
        members = rows[is_in.to_numpy(bool)]
        is_circrna, is_wrong = members["label"] == "circRNA", members["label"] != members["call"]
        counts = (is_circrna, ~is_circrna, is_wrong & is_circrna, is_wrong & ~is_circrna)
        names = ["n_circrna", "n_lncrna", "false_negatives", "false_positives"]
        assert row[names].tolist() == [count.sum() for count in counts], stratum
        if min(row["n_circrna"], row["n_lncrna"]) < 10:
            assert math.isnan(row["auroc"])
            continue
        expected, with_scores = recompute(members), with_scores + 1
        for metric in STRATUM_METRICS:
            assert row[metric] == pytest.approx(expected[metric], abs=EXACT), (stratum, metric)
    assert with_scores >= 2


# From here on: what the page shows is what the file that it names holds.


def score(value: float) -> str:
    """A score as the page shows it."""
    return DASH if pd.isna(value) else f"{value:.3f}"


def interval(row: pd.Series, metric: str) -> str:
    """A score with its interval as the tables of scores show it."""
    value, low, high = (score(row[f"{metric}{end}"]) for end in ("", "_low", "_high"))
    return f"{value} [{low}, {high}]"


def named(results: Path, table: ShownTable) -> Path:
    """The one file that a table says it is from."""
    (path,) = table.sources
    return results / path


def in_columns(table: ShownTable, cells: list[str]) -> dict[str, str]:
    """The cells of a row by the headings of their columns."""
    return dict(zip(table.heads, cells, strict=True))


HEADS = {heading: metric for metric, (heading, _) in METRIC_WORDS.items()}


def test_page_shows_the_comparison(results, shown):
    comparison = read(results / "evaluation/comparison.tsv")
    tables = {name: table for name, table in shown.items() if name.startswith("comparison-")}
    assert sum(len(table.rows) for table in tables.values()) == len(comparison)
    for place, test_set in enumerate(comparison["test_set"].unique(), 1):
        table = tables[f"comparison-{place}"]
        assert named(results, table) == results / "evaluation/comparison.tsv"
        assert set(HEADS) < set(table.heads)
        for cells in table.rows:
            told = in_columns(table, cells)
            name, kind = told["Name"].split(" ")
            about = {"name": name, "kind": kind, "scheme": told["Split"], "test_set": test_set}
            row = row_of(comparison, **about)
            for heading, metric in HEADS.items():
                assert told[heading] == interval(row, metric), (about, metric)
            counts = [int(text.replace(",", "")) for text in cells[-3:]]
            assert counts == row[["n_circrna", "n_lncrna", "n_groups"]].tolist()


def test_page_shows_the_overview(results, shown):
    table = shown["overview-caption"]
    assert table.sources == ["evaluation/comparison.tsv", "evaluation/main/differences.tsv"]
    comparison, differences = (read(results / path) for path in table.sources)
    runs = comparison[comparison["kind"] == "run"]
    assert len(table.rows) == len(runs) >= 1
    words = {name: test_set for test_set, name in TEST_SET_WORDS.items()}
    for cells in table.rows:
        told = in_columns(table, cells)
        test_set = words[told["Test set"]]
        row = row_of(runs, name=told["Run"], test_set=test_set)
        assert (told["AUROC"], told["MCC"]) == (interval(row, "auroc"), interval(row, "mcc"))
        same = comparison["scheme"].eq(row["scheme"]) & comparison["test_set"].eq(test_set)
        rivals = comparison[same & comparison["kind"].eq("baseline")]
        best = row_of(rivals, name=told["Best baseline"])
        assert best["auroc"] == rivals["auroc"].max()
        assert told["Its AUROC"] == interval(best, "auroc")
        about = {"rival": best["name"], "test_set": test_set, "metric": "auroc"}
        gap = row_of(differences, **about)
        values = (f"{gap[name]:+.3f}" for name in ("difference", "low", "high"))
        assert told["Difference in AUROC"] == "{} [{}, {}]".format(*values)
        verdict = "better" if gap["difference"] > 0 else "worse"
        assert told["Verdict"] == (verdict if gap["p_holm"] < 0.05 else "not told apart")
        assert [told["circRNAs"], told["Others"]] == [f"{row[n]:,}" for n in row.index[5:7]]


def test_page_shows_the_seeds(results, shown):
    table = shown["run-1-seeds"]
    seeds = read(named(results, table))
    assert [cells[0] for cells in table.rows] == seeds["member"].tolist()
    for cells in table.rows:
        told, row = in_columns(table, cells), row_of(seeds, member=cells[0])
        for heading, metric in HEADS.items():
            has_limits = not math.isnan(row[f"{metric}_low"])
            expected = interval(row, metric) if has_limits else score(row[metric])
            assert told[heading] == expected, (cells[0], metric)


def test_page_shows_the_strata(results, shown):
    table = shown["run-1-strata"]
    strata = read(named(results, table))
    assert len(table.rows) == len(strata)
    names = {words: description for description, words in DESCRIPTION_WORDS.items()}
    for cells in table.rows:
        row = row_of(strata, description=names[cells[0]], stratum=cells[1])
        scores = [interval(row, metric) for metric in STRATUM_METRICS]
        order = ("n_circrna", "false_negatives", "n_lncrna", "false_positives", "n_groups")
        assert cells[2:] == [*scores, *(f"{row[name]:,}" for name in order)]


def test_page_shows_the_confusion(results, shown):
    table = shown["run-1-confusion"]
    told = json.loads(named(results, table).read_text())["confusion"]
    assert table.heads == ["Label", "called circRNA", "called lncRNA"]
    assert table.rows == [
        ["circRNA", f"{told['tp']:,}", f"{told['fn']:,}"],
        ["lncRNA", f"{told['fp']:,}", f"{told['tn']:,}"],
    ]


def test_page_shows_the_leakage(results, shown):
    table = shown["leakage-caption"]
    leakage = read(named(results, table))
    assert len(table.rows) == len(leakage)
    assert set(leakage["scheme"]) == set(SCHEMES)
    for scheme, label, n_test, *shares in table.rows:
        row = row_of(leakage, scheme=scheme, label=label)
        measured = (*RELATIONS, "memoriser_auroc", "memoriser_mcc")
        assert [n_test, *shares] == [f"{row['n_test']:,}", *(score(row[name]) for name in measured)]


def test_page_shows_the_key_numbers_and_the_verdict(results):
    text = (results / "report.html").read_text(encoding="utf-8")
    row = row_of(read(results / "evaluation/comparison.tsv"), name="main", test_set="test")
    low, high = score(row["auroc_low"]), score(row["auroc_high"])
    assert (
        f"<dt>AUROC on the test part</dt><dd>{score(row['auroc'])} "
        f'<span class="interval">[{low}, {high}]</span></dd>'
    ) in text
    assert f"has an AUROC of {interval(row, 'auroc')} on the test part of the split" in text
