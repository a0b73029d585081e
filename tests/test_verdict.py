import math

import pytest

from circlet.evaluation.verdict import (
    DASH,
    best_baseline,
    describe_run,
    signed,
    standing,
    warnings,
    with_interval,
)


def row(name: str, auroc: float, low: float, high: float, **others) -> dict:
    part = others.get("part", "test")
    about = {"kind": "run", "scheme": "gene", "part": part, "test_set": part}
    counts = {"n_circrna": 4599.0, "n_lncrna": 2838.0, "n_groups": 1204.0}
    scores = {"auroc": auroc, "auroc_low": low, "auroc_high": high}
    return {"name": name, **about, **counts, **scores, **others}


def baseline(name: str, auroc: float, low: float, high: float, **others) -> dict:
    return row(name, auroc, low, high, **{"kind": "baseline", **others})


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (
            (0.95, 0.94, 0.96),
            "The run is 0.050 above it, and the intervals do not overlap.",
        ),
        (
            (0.91, 0.89, 0.93),
            "The run is 0.010 above it, and as the intervals overlap, the two cannot be told apart "
            "on this sample.",
        ),
        (
            (0.8996, 0.88, 0.92),
            "The run does not beat it: it is less than 0.001 below, and as the intervals overlap, "
            "the two cannot be told apart on this sample.",
        ),
        (
            (0.70, 0.68, 0.72),
            "The run does not beat it: it is 0.200 below, and the intervals do not overlap.",
        ),
        (
            (0.90, 0.88, 0.92),
            "The run does not beat it: the two are level, and as the intervals overlap, the two "
            "cannot be told apart on this sample.",
        ),
        (
            (0.95, math.nan, math.nan),
            "The run is 0.050 above it, and without intervals this may be chance.",
        ),
    ],
)
def test_standing(run, expected):
    assert standing(row("main", *run), baseline("descriptors", 0.90, 0.88, 0.92)) == expected


def test_best_baseline_is_of_the_same_split_and_part():
    run = row("main", 0.9, 0.8, 1.0)
    best = baseline("descriptors", 0.85, 0.8, 0.9)
    rows = [
        run,
        row("other", 0.99, 0.98, 1.0),
        baseline("length", 0.6, 0.5, 0.7),
        baseline("undefined", math.nan, math.nan, math.nan),
        best,
        baseline("descriptors", 0.99, 0.98, 1.0, scheme="random"),
        baseline("descriptors", 0.99, 0.98, 1.0, part="validation"),
        baseline("descriptors", 0.99, 0.98, 1.0, test_set="matched"),
    ]
    assert best_baseline(rows, run) is best
    assert best_baseline(rows[:2], run) is None


def test_describe_run():
    run = row("main", 0.9812, 0.978, 0.984)
    rows = [run, baseline("descriptors", 0.9, 0.88, 0.92)]
    assert describe_run(run, rows) == (
        "The run “main” has an AUROC of 0.981 [0.978, 0.984] on the test part of the split "
        "“gene”: 4,599 circRNAs and 2,838 lncRNAs in 1,204 groups. The best baseline on the same "
        "transcripts, “descriptors”, has 0.900 [0.880, 0.920]. The run is 0.081 above it, and the "
        "intervals do not overlap."
    )
    assert describe_run(run, [run]).endswith("No baseline was evaluated on this split.")


def difference(value: float, low: float, high: float, p_holm: float = 0.01, **others) -> dict:
    about = {"name": "main", "rival": "descriptors", "scheme": "gene", "part": "test"}
    about |= {"rival_scheme": "gene", "test_set": "test", "metric": "auroc"}
    measured = {"difference": value, "low": low, "high": high, "p_holm": p_holm}
    return about | measured | others


CORRECTED = "after Holm\u2019s correction for all comparisons of the run, so"


@pytest.mark.parametrize(
    ("measured", "expected"),
    [
        (
            (0.0042, 0.001, 0.0071, 0.0123),
            f"The difference is +0.004 [+0.001, +0.007], p = 0.012 {CORRECTED} the run is better.",
        ),
        (
            (-0.02, -0.03, -0.01, 0.00001),
            f"The difference is -0.020 [-0.030, -0.010], p < 0.0001 {CORRECTED} the run does not "
            "beat it: it is worse.",
        ),
        # The interval leaves out 0, but one of many does so by chance.
        (
            (0.01, 0.001, 0.02, 0.051),
            f"The difference is +0.010 [+0.001, +0.020], p = 0.051 {CORRECTED} the two cannot be "
            "told apart on this sample.",
        ),
        (
            (0.01, -0.01, 0.03, 1.0),
            f"The difference is +0.010 [-0.010, +0.030], p = 1 {CORRECTED} the two cannot be told "
            "apart on this sample.",
        ),
        (
            (0.01, math.nan, math.nan, math.nan),
            "The difference is +0.010, and without an interval this may be chance.",
        ),
    ],
)
def test_a_paired_difference_decides(measured, expected):
    run = row("main", 0.9042, 0.88, 0.93)
    rows = [run, baseline("descriptors", 0.9, 0.88, 0.92), baseline("length", 0.6, 0.5, 0.7)]
    others = [
        difference(0.9, 0.8, 1.0, **other)
        for other in (
            {"name": "other"},
            {"rival": "length"},
            {"scheme": "random"},
            {"rival_scheme": "random"},
            {"part": "validation", "test_set": "validation"},
            {"test_set": "matched"},
            {"metric": "mcc"},
        )
    ]
    told = describe_run(run, rows, [*others, difference(*measured)])
    assert told.endswith(f"\u201cdescriptors\u201d, has 0.900 [0.880, 0.920]. {expected}")
    assert describe_run(run, rows, others) == describe_run(run, rows)
    assert "as the intervals overlap" in describe_run(run, rows)


def test_the_confidence_says_which_p_value_is_small():
    run = row("main", 0.91, 0.88, 0.93)
    rows = [run, baseline("descriptors", 0.9, 0.88, 0.92)]
    found = [difference(0.01, 0.001, 0.02, 0.02)]
    assert describe_run(run, rows, found, 0.95).endswith("so the run is better.")
    assert "cannot be told apart" in describe_run(run, rows, found, 0.99)


def test_missing_numbers_are_dashes():
    missing = row("main", math.nan, math.nan, math.nan)
    assert with_interval(missing, "auroc") == DASH
    assert f"an AUROC of {DASH} on" in describe_run(missing, [missing])
    assert with_interval(row("main", 0.5, math.nan, math.nan), "auroc") == "0.500"
    assert [signed(value) for value in (None, math.nan, 0.25, -0.5)] == [
        *(DASH, DASH),
        *("+0.250", "-0.500"),
    ]


def test_warnings_of_small_samples_come_once_a_split():
    small = {"n_circrna": 9.0, "n_lncrna": 13.0}
    rows = [
        row("main", 0.6, 0.4, 0.8, **small),
        baseline("length", 0.6, 0.4, 0.8, **small),
        row("other", 0.6, 0.4, 0.8, scheme="random", n_circrna=120.0, n_lncrna=80.0),
    ]
    found = warnings(rows)
    assert len(found) == 1
    assert found[0].startswith("The test part of the split “gene” has only 22 transcripts: the")
    assert warnings(rows[2:]) == []


def test_parts_of_one_size_are_warned_of_together():
    small = {"n_circrna": 9.0, "n_lncrna": 13.0}
    schemes = ("random", "gene", "locus")
    rows = [row("main", 0.6, 0.4, 0.8, scheme=scheme, **small) for scheme in schemes]
    rows.append(row("main", 0.6, 0.4, 0.8, scheme="homology", n_circrna=9.0, n_lncrna=9.0))
    found = [warning.partition(":")[0] for warning in warnings(rows)]
    assert found == [
        "The test part of the split “homology” has only 18 transcripts",
        "The test part of the splits “gene”, “locus” and “random” has only 22 transcripts each",
    ]


def test_a_run_without_lncrnas_in_training_says_so():
    run = row("hard", 0.1, 0.08, 0.12, scheme="gene.hardonly")
    assert "has never seen a lncRNA: what it is for is told by" in describe_run(run, [run])
    assert "never seen" not in describe_run({**run, "scheme": "gene.hard"}, [run])


def test_few_groups_are_told():
    rows = [row("main", 0.9, 0.8, 1, scheme=name, n_groups=n) for name, n in (("a", 19), ("b", 20))]
    (told,) = warnings(rows)
    assert told.startswith("The test part of the split \u201ca\u201d has only 19 groups: intervals")
    assert told.endswith("from so few are rough, and those of differences can be too narrow.")


def test_run_that_died_is_told():
    died = row("main", 0.5, 0.5, 0.5)
    rows = [died, baseline("descriptors", 0.75, 0.7, 0.8)]
    assert "the training of this seed died, another seed may not." in describe_run(died, rows)
    alive = row("main", 0.5, 0.4, 0.6)
    assert "died" not in describe_run(alive, [alive, *rows])
