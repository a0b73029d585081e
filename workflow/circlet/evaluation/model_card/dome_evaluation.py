"""Answers of a run to the DOME recommendations on evaluation; see `dome.py`."""

from circlet.evaluation.model_card.dome_data import Answer
from circlet.evaluation.model_card.inputs import (
    TRIED,
    Facts,
    best_rival,
    differences_on,
    find_difference,
    find_score,
    other_test_sets,
)
from circlet.evaluation.model_card.scores import tell_intervals, tell_part, told_difference
from circlet.evaluation.report.words import METRIC_WORDS
from circlet.evaluation.scores import METRICS, OUTCOMES
from circlet.evaluation.significance import decide
from circlet.evaluation.verdict import warnings, with_interval
from circlet.tables import NEGATIVE, POSITIVE
from circlet.words import TEST_SET_WORDS, listed, name_class

COMPARISON = "evaluation/comparison.tsv"


def method(facts: Facts) -> Answer:
    """How it was evaluated."""
    row = facts.row
    sizes = name_class(POSITIVE, int(row["n_circrna"])), name_class(NEGATIVE, int(row["n_lncrna"]))
    said = (
        f"On the {row['part']} part of the split {facts.scheme}: {sizes[0]} and {sizes[1]} "
        f"in {row['n_groups']:,.0f} groups. {tell_part(row['part'])} "
        "How often the part was looked at before is not recorded."
    )
    others = other_test_sets(facts)
    if others:
        said += f" Besides on: {listed([TEST_SET_WORDS.get(name, name) for name in others])}."
    if not set(others) - set(TRIED):
        said += " There was no dataset of other origin and no new experiment."
    files = [COMPARISON, f"splits/{facts.scheme}.parquet"]
    if facts.differences:
        files.append(f"evaluation/{facts.name}/differences.tsv")
    return said, files


def measures(facts: Facts) -> Answer:
    """Which measures are reported."""
    told = [
        f"{METRIC_WORDS.get(metric, (metric, ''))[0]} {with_interval(facts.row, metric)}"
        for metric in METRICS
        if metric in facts.row
    ]
    return (
        f"{', '.join(told)}. Accuracy, F1, MCC and AUROC are those of the field's papers; AUPRC, "
        "the Brier score and the calibration error (ECE) are added, since shares of classes and "
        "use of probabilities differ.",
        [COMPARISON, f"evaluation/{facts.name}/metrics.json"],
    )


def comparison(facts: Facts) -> Answer:
    """What it was compared with."""
    part = facts.row["part"]
    rivals = [
        row
        for row in facts.rows
        if (row["scheme"], row["test_set"]) == (facts.scheme, part) and row["name"] != facts.name
    ]
    files = [COMPARISON]
    if not rivals:
        said = "Nothing else was scored on its split and part."
    else:
        told = [f"{row['name']} ({row['kind']}) {with_interval(row, 'auroc')}" for row in rivals]
        said = (
            f"On the same transcripts, by AUROC: the run {with_interval(facts.row, 'auroc')}; "
            f"{'; '.join(told)}."
        )
    best = best_rival(facts, part)
    if best and (difference := find_difference(facts, part, best["name"])):
        said += f" The run less the best baseline, {best['name']}: "
        said += f"{told_difference(difference, facts.confidence)}."
        files.append(f"evaluation/{facts.name}/differences.tsv")
    return f"{said} The pipeline runs no published tool.", files


def confidence(facts: Facts) -> Answer:
    """Intervals, and what they say of a claim to be better."""
    found = [
        row
        for test_set in (facts.row["part"], *other_test_sets(facts))
        if find_score(facts, test_set)
        for row in differences_on(facts, test_set)
        if row["metric"] == "auroc"
    ]
    said = tell_intervals(facts)
    if found:
        won = [
            decide(row["metric"], row["difference"], row["p_holm"], facts.confidence)
            for row in found
        ]
        counts = [f"{words} {won.count(words)}" for words in OUTCOMES]
        said += (
            f" Of {len(found)} paired differences in AUROC, each from one rival on one test set: "
            f"{', '.join(counts)}, by p-values corrected after Holm for all comparisons of the run."
        )
    small = " ".join(warnings([facts.row]))
    files = [f"evaluation/{facts.name}/metrics.json"]
    files += [f"evaluation/{facts.name}/differences.tsv"] if found else []
    return f"{said} {small}".rstrip(), files


def availability(facts: Facts) -> Answer:
    """Where the raw files of the evaluation are."""
    counts = facts.scored["confusion"]
    return (
        "Predictions of every transcript by the run and by each baseline, metrics, differences and "
        f"curves are files of the results. The confusion of the run: {counts['tp']:,} circRNAs and "
        f"{counts['tn']:,} lncRNAs called right, {counts['fn']:,} circRNAs and {counts['fp']:,} "
        "lncRNAs called wrong. Whether these files were released, the run does not know.",
        [
            f"predictions/{facts.name}.tsv.gz",
            "predictions/baselines/",
            f"evaluation/{facts.name}/",
            COMPARISON,
        ],
    )
