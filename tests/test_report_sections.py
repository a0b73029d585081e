import hashlib
import math

import pytest
from report_inputs import comparison_row, difference_row

from circlet.evaluation.report.sections import (
    bootstraps_of,
    by_rival,
    checksums,
    confidence_of,
    key_numbers,
    overview_of,
    sections_of,
    source_of,
    tell_confound,
    test_sets_of,
)

test_sets_of.__test__ = False  # no test, for all its name

NO_TABLES = {
    name: [] for name in ("differences", "seeds", "strata", "mistakes", "leakage", "confounds")
}


def scored(confidence: float, test_set: str = "test", name: str = "main") -> dict:
    """Metrics of one entry, as `load_metrics` gives them."""
    bootstrap = {"unit": "group", "replicates": 1000, "confidence": confidence}
    return {(name, "gene", test_set): {"bootstrap": bootstrap, "confusion": {"tp": 1}}}


def difference(p_holm: float, gap: float = 0.3, **others) -> dict:
    """A paired difference in AUROC from the baseline `length`."""
    made = difference_row("test", "auroc", (gap, gap - 0.1, gap + 0.1), p_holm)
    return made | others


def test_key_numbers_are_those_that_were_scored_in_their_order():
    main = comparison_row("main", "run", 0.9, specificity_at_95_sensitivity=0.625)
    matched = comparison_row("main", "run", 0.7, test_set="matched", auroc_low=math.nan)
    hard = comparison_row("main", "run", 0.65, part="hard")
    others = [
        comparison_row("main", "run", 0.99, test_set="low_stop_free", scheme="random"),
        comparison_row("main", "baseline", 0.98, test_set="low_stop_free"),
        comparison_row("other", "run", 0.97, test_set="low_stop_free"),
    ]
    assert key_numbers(main, [hard, *others, matched, main]) == [
        ("0.900", "[0.890, 0.910]", "AUROC on the test part"),
        ("0.500", "[0.500, 0.500]", "MCC of its calls"),
        ("0.625", "[0.500, 0.500]", "specificity where 95 % of circRNAs are found"),
        ("0.700", None, "AUROC where length and stop-free stretch are matched"),
        ("0.650", "[0.640, 0.660]", "AUROC against linear coding exons"),
    ]


def test_key_numbers_leave_out_what_is_missing():
    main = comparison_row("main", "run", 0.9, part="validation", mcc=math.nan)
    assert [label for _, _, label in key_numbers(main, [main])] == [
        "AUROC on the validation part",
        "specificity where 95 % of circRNAs are found",
    ]


def test_overview_sets_runs_beside_the_best_baseline_of_their_split_and_test_set():
    main = comparison_row("main", "run", 0.9)
    best = comparison_row("length", "baseline", 0.6)
    hard = comparison_row("main", "run", 0.65, part="hard")
    rows = [
        main,
        best,
        comparison_row("low", "baseline", 0.5),
        comparison_row("broken", "baseline", math.nan),
        comparison_row("far", "baseline", 0.8, scheme="random"),
        hard,
    ]
    # Of another test set, metric, rival, split of the rival, or run.
    wrong = [
        difference_row("matched", "auroc", (0.1, 0.0, 0.2), 0.001),
        difference_row("test", "mcc", (0.1, 0.0, 0.2), 0.001),
        difference(0.001, rival="low"),
        difference(0.001, rival_scheme="random"),
        difference(0.001, name="other"),
    ]
    right = difference(0.002)
    first, second = overview_of(rows, [*wrong, right], 0.95)
    assert (first["run"], first["rival"], first["name"]) == (main, best, "test part")
    assert first["difference"] is right
    assert first["is_decided"]
    assert (second["run"], second["rival"], second["name"]) == (hard, None, "hard negatives")
    assert (second["difference"], second["is_decided"]) == (None, False)


@pytest.mark.parametrize(
    ("p_holm", "confidence", "is_decided"),
    [(0.049, 0.95, True), (0.051, 0.95, False), (0.049, 0.99, False), (math.nan, 0.95, False)],
)
def test_corrected_p_value_decides(p_holm, confidence, is_decided):
    rows = [comparison_row("main", "run", 0.9), comparison_row("length", "baseline", 0.6)]
    (row,) = overview_of(rows, [difference(p_holm)], confidence)
    assert row["is_decided"] is is_decided
    (alone,) = overview_of(rows, [], confidence)
    assert (alone["difference"], alone["is_decided"]) == (None, False)


def test_overview_is_empty_without_a_run():
    assert overview_of([comparison_row("length", "baseline", 0.6)], [], 0.95) == []


def test_test_sets_keep_the_order_and_have_names():
    rows = [
        comparison_row("main", "run", 0.9),
        comparison_row("length", "baseline", 0.6),
        comparison_row("main", "run", 0.7, test_set="matched"),
        comparison_row("main", "run", 0.7, test_set="low_stop_free"),
        comparison_row("main", "run", 0.65, part="hard"),
        comparison_row("main", "run", 0.75, part="external", test_set="mouse"),
        comparison_row("main", "run", 0.74, part="external", test_set="mouse.unseen"),
    ]
    found = test_sets_of(rows)
    assert [(one["id"], one["name"]) for one in found] == [
        ("comparison-1", "test part"),
        ("comparison-2", "matched subset"),
        ("comparison-3", "subset below 0.5 stop-free"),
        ("comparison-4", "hard negatives"),
        ("comparison-5", "external set mouse"),
        ("comparison-6", "external set mouse, what shares no 31-mer with training"),
    ]
    assert [one["is_part"] for one in found] == [True] + [False] * 5
    assert [one["is_hard"] for one in found] == [False] * 3 + [True] + [False] * 2
    assert found[0]["rows"] == rows[:2]
    assert [row for one in found for row in one["rows"]] == rows


def test_sections_hold_what_is_of_their_own_run_and_split():
    main = comparison_row("main", "run", 0.9)
    tables = NO_TABLES | {
        "differences": [difference(0.01), difference(0.01, scheme="random")],
        "seeds": [{"name": "main", "scheme": "gene", "part": "test", "member": "seed1"}],
        "strata": [{"name": "other", "scheme": "gene", "part": "test"}],
        "mistakes": [{"name": "main", "scheme": "gene", "part": "test", "id": "a", "gc": 0.5}],
    }
    calls = [{"id": "a", "kind": "mistake", "rank": 1}, {"id": "b", "kind": "right", "rank": 2}]
    rows = [
        main,
        comparison_row("drawn", "baseline", 0.7),
        comparison_row("length", "baseline", 0.6),
        comparison_row("main", "run", 0.65, part="hard"),
    ]
    first, second = sections_of(
        rows,
        scored(0.9),
        {"main": {"roc": "data:x"}, "drawn": {"roc": "data:y"}},
        {"main": [{"seed": 1}], "drawn": [{"seed": 2}]},
        {"main": {"calls": calls}},
        tables,
    )
    assert first["row"] is main
    assert first["confidence"] == 0.9
    assert first["metrics"]["confusion"] == {"tp": 1}
    assert first["differences"] == {("test", "length"): {"auroc": difference(0.01)}}
    assert first["seeds"] == tables["seeds"]
    assert first["strata"] == []
    assert [call["id"] for call in first["calls"]] == ["a"]
    assert first["calls"][0]["gc"] == 0.5
    assert first["figures"] == {"roc": "data:x"}
    assert first["training"] == [{"seed": 1}]
    # A baseline is shown where it was drawn, and was not trained.
    assert second["row"]["name"] == "drawn"
    assert second["metrics"] is None
    assert (second["explanation"], second["calls"], second["training"]) == (None, [], [])


def test_differences_are_laid_out_by_test_set_and_rival():
    rows = [difference(0.1), difference(0.2, metric="mcc"), difference(0.3, rival="low")]
    found = by_rival(rows)
    assert list(found) == [("test", "length"), ("test", "low")]
    assert list(found["test", "length"]) == ["auroc", "mcc"]


def test_confidence_is_that_of_the_test_set_or_the_usual_one():
    metrics = scored(0.9) | scored(0.8, "hard")
    assert confidence_of(metrics, comparison_row("main", "run", 0.9)) == 0.9
    assert confidence_of(metrics, comparison_row("main", "run", 0.9, part="hard")) == 0.8
    assert confidence_of(metrics, comparison_row("other", "run", 0.9)) == 0.95
    assert bootstraps_of(metrics | scored(0.9, "matched")) == [
        {"unit": "group", "replicates": 1000, "confidence": 0.8},
        {"unit": "group", "replicates": 1000, "confidence": 0.9},
    ]


def test_confound_is_told_as_by_the_model_card():
    main = comparison_row("main", "run", 0.9)
    matched = comparison_row("main", "run", 0.7, test_set="matched", n_circrna=90, n_lncrna=91)
    rival = comparison_row("length", "baseline", 0.6, test_set="matched")
    audited = {"scheme": "gene", "test_set": "test", "descriptor": "stop_free_linear"}
    audited |= {"auroc": 0.8, "low": 0.78, "high": 0.82}
    of_matched = difference_row("matched", "auroc", (0.1, 0.05, 0.15), 0.03)
    tables = NO_TABLES | {"confounds": [audited], "differences": [of_matched]}
    said = tell_confound(main, [main, matched, rival], scored(0.95), tables)
    assert len(said) == 3
    assert "Alone it has an AUROC of 0.800 [0.780, 0.820] on the test part" in said[0]
    assert "goes 75.0 % of the way from a coin toss (0.5)" in said[0]
    assert "on 90 circRNAs and 91 lncRNAs of the same part" in said[1]
    assert "The best baseline, length, has 0.600 [0.590, 0.610]." in said[1]
    assert "p = 0.03 after Holm\u2019s correction" in said[1]
    assert "so the run is better." in said[1]
    assert "no scores on hard negatives" in said[2]
    # The confidence is that of the scores.
    said = tell_confound(main, [main, matched, rival], scored(0.99), tables)
    assert "cannot be told apart" in said[1]


def test_paths_are_seen_from_the_page_and_checksums_keep_their_order(tmp_path):
    (tmp_path / "a b").mkdir()
    for name, content in (("z.txt", b"z"), ("a b/a.txt", b"")):
        (tmp_path / name).write_bytes(content)
    paths = [tmp_path / "z.txt", tmp_path / "a b/a.txt"]
    assert checksums(paths, tmp_path) == [
        {"path": "z.txt", "sha256": hashlib.sha256(b"z").hexdigest()},
        {"path": "a b/a.txt", "sha256": hashlib.sha256(b"").hexdigest()},
    ]
    assert checksums([], tmp_path) == []
    assert source_of(tmp_path / "z.txt", tmp_path / "a b") == "../z.txt"
