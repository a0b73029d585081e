"""What the comparison says of the runs, in plain sentences computed from its numbers."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from circlet.evaluation.comparison import is_of_part
from circlet.evaluation.scores import BETTER, OPEN, WORSE
from circlet.evaluation.significance import decide
from circlet.pages import FEW_GROUPS, SMALL_SAMPLE, number
from circlet.words import DASH, listed

CONFIDENCE = 0.95  # of a verdict, where the scores do not say theirs
CHANCE = 0.5  # the AUROC of a constant, whatever transcripts are drawn

# Of the comparison, see `circlet.evaluation.comparison`, or of the paired differences, see
# `circlet.evaluation.differences`.
Row = Mapping[str, Any]

OUTCOME_WORDS = {
    BETTER: "the run is better",
    WORSE: "the run does not beat it: it is worse",
    OPEN: "the two cannot be told apart on this sample",
}


def with_interval(row: Row, metric: str) -> str:
    """A score with its interval in brackets."""
    value, low, high = (number(row[f"{metric}{end}"]) for end in ("", "_low", "_high"))
    return value if low == DASH else f"{value} [{low}, {high}]"


def signed(value: float | None) -> str:
    """A difference to three decimals with its sign; a dash where it is missing."""
    return DASH if value is None or math.isnan(value) else f"{value:+.3f}"


def sample_size(row: Row) -> int:
    """Transcripts that a row was evaluated on."""
    return int(row["n_circrna"] + row["n_lncrna"])


def best_baseline(rows: Iterable[Row], run: Row) -> Row | None:
    """The baseline with the highest AUROC on the part and split of `run`, if there is one."""
    rivals = [
        row
        for row in rows
        if row["kind"] == "baseline"
        and (row["scheme"], row["test_set"]) == (run["scheme"], run["test_set"])
        and not math.isnan(row["auroc"])
    ]
    return max(rivals, key=lambda row: row["auroc"], default=None)


def paired_difference(rows: Iterable[Row], run: Row, baseline: Row) -> Row | None:
    """The difference in AUROC of a run from a baseline on the run's test set, if it is at hand."""
    schemes = (run["scheme"], baseline["scheme"])
    wanted = (run["name"], baseline["name"], *schemes, run["test_set"], "auroc")
    keys = ("name", "rival", "scheme", "rival_scheme", "test_set", "metric")
    return next((row for row in rows if tuple(row[key] for key in keys) == wanted), None)


def p_words(p_value: float) -> str:
    """A p-value in two digits, or that it is smaller than one can trust."""
    return "p < 0.0001" if p_value < 0.0001 else f"p = {p_value:.2g}"


def paired_standing(difference: Row, confidence: float) -> str:
    """Say how a run stands against a baseline, by their paired difference.

    Args:
        difference: Row of the paired differences.
        confidence: 1 less the corrected p-value from which on the two are not told apart.
    """
    limits, p_holm = (difference["low"], difference["high"]), difference["p_holm"]
    words = f"The difference is {signed(difference['difference'])}"
    if any(map(math.isnan, (*limits, p_holm))):
        return f"{words}, and without an interval this may be chance."
    interval = ", ".join(map(signed, limits))
    decided = decide(difference["metric"], difference["difference"], p_holm, confidence)
    return (
        f"{words} [{interval}], {p_words(p_holm)} after Holm\u2019s correction for all comparisons "
        f"of the run, so {OUTCOME_WORDS[decided]}."
    )


def standing(run: Row, baseline: Row) -> str:
    """Say how a run stands against a baseline: by AUROC, and whether the intervals overlap."""
    difference = run["auroc"] - baseline["auroc"]
    gap = "less than 0.001" if abs(difference) < 0.001 else f"{abs(difference):.3f}"
    if difference > 0:
        where = f"The run is {gap} above it"
    elif difference < 0:
        where = f"The run does not beat it: it is {gap} below"
    else:
        where = "The run does not beat it: the two are level"
    limits = [row[f"auroc_{end}"] for row in (run, baseline) for end in ("low", "high")]
    if any(map(math.isnan, limits)):
        return f"{where}, and without intervals this may be chance."
    run_low, run_high, low, high = limits
    if run_low <= high and low <= run_high:
        return (
            f"{where}, and as the intervals overlap, the two cannot be told apart on this sample."
        )
    return f"{where}, and the intervals do not overlap."


def describe_run(
    run: Row,
    rows: Iterable[Row],
    differences: Iterable[Row] = (),
    confidence: float = CONFIDENCE,
) -> str:
    """Say in a few sentences what a run reaches, on what, and against what.

    Args:
        run: Row of the comparison.
        rows: All its rows.
        differences: Rows of paired differences. Where they have the one from the best baseline,
            it decides, and not whether the two intervals overlap.
        confidence: See `paired_standing`.
    """
    reached = (
        f"The run \u201c{run['name']}\u201d has an AUROC of {with_interval(run, 'auroc')} on the "
        f"{run['part']} part of the split \u201c{run['scheme']}\u201d: "
        f"{run['n_circrna']:,.0f} circRNAs and {run['n_lncrna']:,.0f} lncRNAs in "
        f"{run['n_groups']:,.0f} groups."
    )
    if math.isnan(run["auroc"]):
        return reached
    if run["auroc_low"] == run["auroc"] == run["auroc_high"] == CHANCE:
        reached += (
            " It gives one probability to every transcript: the training of this seed died, "
            "another seed may not."
        )
    if "hardonly" in run["scheme"].split("."):
        reached += (
            " It was taught circRNAs against hard negatives and has never seen a lncRNA: what it "
            "is for is told by its scores on the hard negatives."
        )
    baseline = best_baseline(rows, run)
    if baseline is None:
        return f"{reached} No baseline was evaluated on this split."
    rival = (
        f"The best baseline on the same transcripts, \u201c{baseline['name']}\u201d, has "
        f"{with_interval(baseline, 'auroc')}."
    )
    difference = paired_difference(differences, run, baseline)
    if difference is None:
        return f"{reached} {rival} {standing(run, baseline)}"
    stands = paired_standing(difference, confidence)
    return f"{reached} {rival} {stands}"


def warnings(rows: Sequence[Row]) -> list[str]:
    """Say which parts are too small for firm conclusions, those of one size together."""
    small = [
        f"{where} has only {size:,} transcripts{each}: the sample is small and the intervals are "
        "wide. Take its scores as a sign that the pipeline runs, not as a measure of a model."
        for where, size, each in _below(rows, sample_size, SMALL_SAMPLE)
    ]
    few = [
        f"{where} has only {size:,} groups{each}: intervals from so few are rough, and those of "
        "differences can be too narrow."
        for where, size, each in _below(rows, lambda row: int(row["n_groups"]), FEW_GROUPS)
    ]
    return [*few, *small]


def _below(
    rows: Sequence[Row], size_of: Callable[[Row], int], least: int
) -> Iterator[tuple[str, int, str]]:
    """Name the parts whose size is below the least, and their size, and "each" if they are many."""
    found: dict[tuple[str, int], set[str]] = {}
    for row in rows:
        if is_of_part(row) and size_of(row) < least:
            found.setdefault((row["part"], size_of(row)), set()).add(row["scheme"])
    for (part, size), schemes in sorted(found.items()):
        names = listed([f"\u201c{scheme}\u201d" for scheme in sorted(schemes)])
        is_one = len(schemes) == 1
        where = f"The {part} part of the split{'' if is_one else 's'} {names}"
        yield where, size, "" if is_one else " each"
