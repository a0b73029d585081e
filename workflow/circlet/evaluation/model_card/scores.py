"""Sections of the model card on scores: beside the baselines, on each test set, and calibration."""

import math

from circlet.evaluation.model_card.inputs import (
    Facts,
    best_rival,
    differences_on,
    find_difference,
    find_score,
    other_scores,
    other_test_sets,
)
from circlet.evaluation.report.words import METRIC_WORDS
from circlet.evaluation.scores import METRICS
from circlet.evaluation.significance import decide
from circlet.evaluation.verdict import Row, describe_run, signed, with_interval
from circlet.layout import Section, Table
from circlet.pages import count, number
from circlet.tables import HARD, TEST
from circlet.words import DASH, TEST_SET_MEANINGS, TEST_SET_WORDS, heading

COMPARED = ("auroc", "mcc", "sensitivity", "specificity")  # in the tables of rivals
CALIBRATION_WORDS = {
    "platt": "a logistic curve with two parameters (Platt)",
    "isotonic": "straight lines between points, never falling (isotonic regression)",
    "temperature": "one factor (temperature)",
    "none": "none: the raw scores are read as log odds",
}


def tell_scores(facts: Facts) -> Section:
    """The run's scores on the part, beside the baselines, and on the other test sets."""
    row = facts.row
    same = [other for other in facts.rows if other["test_set"] == row["part"]]
    said = describe_run(row, same, differences_on(facts, row["part"]), facts.confidence)
    tables = [metrics_table(facts), rivals_table(facts, same)]
    if other_test_sets(facts):
        tables.append(test_sets_table(facts))
    return Section(
        "scores", "Scores", [said, tell_intervals(facts)], tables=tables, notes=notes(facts)
    )


def tell_intervals(facts: Facts) -> str:
    """How the intervals were made."""
    made = facts.scored["bootstrap"]
    return (
        f"Intervals of {100 * made['confidence']:g} % are from {made['replicates']:,} bootstrap "
        f"replicates, in each of which whole groups of the split ({facts.row['n_groups']:,.0f} in "
        "this part) are drawn with replacement: symmetric on the logit scale by their standard "
        f"error, that of the calibration error by percentiles. {tell_width(facts.row)}"
        f"{tell_part(facts.row['part'])}"
    )


def tell_width(row: Row) -> str:
    """Warn of an interval without width, with a blank at the end."""
    if row["auroc_low"] != row["auroc_high"]:  # NaN too
        return ""
    return (
        "Where an interval has no width, all replicates agree; on a small sample that can be luck, "
        "and is no certainty. "
    )


def tell_part(part: str) -> str:
    """Say whether the part that was scored had a say in the model."""
    if part == TEST:
        return "The test part had no say in the training, the calibration or the threshold."
    return (
        f"The {part} part is not held out: it had a say in the model, so that the scores are "
        "flattered."
    )


def metrics_table(facts: Facts) -> Table:
    """All metrics of the run on the part."""
    told = [(metric, METRIC_WORDS.get(metric, (metric, DASH))) for metric in METRICS]
    rows = [
        [short, with_interval(facts.row, metric), meaning]
        for metric, (short, meaning) in told
        if metric in facts.row
    ]
    caption = f"The run {facts.name} on the {facts.row['part']} part of the split {facts.scheme}"
    return Table(caption, ("Metric", "Value", "Meaning"), rows, (0, 2))


def rivals_table(facts: Facts, same: list[Row]) -> Table:
    """The run beside all that was scored on its part and split."""
    own = [row for row in same if row["scheme"] == facts.scheme]
    own.sort(key=lambda row: (row["name"] != facts.name, -as_rank(row["auroc"])))
    rows = [
        [
            row["name"],
            row["kind"],
            *(with_interval(row, metric) for metric in COMPARED),
            difference_cell(facts, row),
        ]
        for row in own
    ]
    heads = [METRIC_WORDS[metric][0] for metric in COMPARED]
    columns = ("Name", "Kind", *heads, "AUROC of the run less this one")
    return Table("Beside what was scored on the same transcripts", columns, rows, (0, 1))


def as_rank(value: float) -> float:
    """A number to sort by, the lowest where it is missing."""
    return -math.inf if math.isnan(value) else value


def difference_cell(facts: Facts, row: Row) -> str:
    """The paired difference of the run from a row of the comparison, with what it comes to."""
    if row["name"] == facts.name:
        return DASH
    found = find_difference(facts, facts.row["part"], row["name"])
    return told_difference(found, facts.confidence)


def told_difference(difference: Row | None, confidence: float) -> str:
    """A paired difference with its interval, its corrected p-value, and what that comes to.

    Args:
        difference: Row of the paired differences, None where the two were not compared.
        confidence: See `decide`.
    """
    if difference is None:
        return "not compared"
    gap, low, high, p_holm = (difference[key] for key in ("difference", "low", "high", "p_holm"))
    if math.isnan(low) or math.isnan(high):
        return signed(gap)
    said = f"{signed(gap)} [{signed(low)}, {signed(high)}]"
    if not math.isnan(p_holm):
        said += f", p {f'= {number(p_holm)}' if p_holm >= 0.001 else '< 0.001'} (Holm)"
    return f"{said}: {decide(difference['metric'], gap, p_holm, confidence)}"


def test_sets_table(facts: Facts) -> Table:
    """The run and the best baseline on each other test set."""
    rows = []
    for test_set, row in other_scores(facts):
        rival = best_rival(facts, test_set)
        difference = rival and find_difference(facts, test_set, rival["name"])
        rows.append(
            [
                TEST_SET_WORDS.get(test_set, test_set),
                *(count(row[name]) for name in ("n_circrna", "n_lncrna")),
                *(with_interval(row, name) if name in row else DASH for name in COMPARED),
                f"{rival['name']}: {with_interval(rival, 'auroc')}" if rival else DASH,
                told_difference(difference, facts.confidence) if rival else DASH,
            ]
        )
    heads = [METRIC_WORDS[metric][0] for metric in COMPARED]
    columns = (
        "Test set",
        "circRNAs",
        "Negatives",
        *heads,
        "Best baseline, AUROC",
        "The run less it",
    )
    return Table("The run on the other test sets", columns, rows)


def notes(facts: Facts) -> list[str]:
    """What the other test sets are."""
    return [
        f"{heading(TEST_SET_WORDS[test_set])}: {TEST_SET_MEANINGS[test_set]}."
        for test_set in other_test_sets(facts)
        if test_set in TEST_SET_MEANINGS
    ]


def tell_calibration(facts: Facts) -> Section:
    """How scores become probabilities and calls, and how true the probabilities are."""
    method, row = facts.config["calibration"]["method"], facts.row
    words = CALIBRATION_WORDS.get(method, method)
    said = (
        f"Raw scores become probabilities by {words}"
        if method != "none"
        else f"Calibration: {words}"
    )
    sentences = [
        f"{said}. A probability of {facts.config['threshold']:.3f} or more is called circRNA. "
        "Calibration and threshold were fitted on the validation part.",
        f"On the {row['part']} part the probabilities are off by {with_interval(row, 'ece')} in "
        "the mean (expected calibration error, biased upwards in small samples), and the Brier "
        f"score is {with_interval(row, 'brier')}. Where circRNAs are rarer or commoner than in the "
        "training data, or where other transcripts than lncRNAs are among the rest, they can be "
        "off by more.",
    ]
    hard = find_score(facts, HARD)
    if hard is not None and not math.isnan(hard.get("ece", math.nan)):
        sentences[-1] += (
            " Against hard negatives the expected calibration error is "
            f"{with_interval(hard, 'ece')}."
        )
    return Section("calibration", "Probabilities and calls", sentences)
