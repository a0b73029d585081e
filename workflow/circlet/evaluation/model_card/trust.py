"""Section of the model card on how far to trust a call: what the score is made of."""

import math

from circlet.evaluation.model_card.inputs import (
    Facts,
    best_rival,
    find_difference,
    find_score,
    find_stop_free,
)
from circlet.evaluation.verdict import CHANCE, Row, paired_standing, warnings, with_interval
from circlet.layout import Section
from circlet.tables import HARD, LOW_STOP_FREE, MATCHED, NEGATIVE, POSITIVE
from circlet.words import name_class, percent


def tell_trust(facts: Facts) -> Section:
    """What the run's score rests on, and what that means for a call."""
    told = (tell_coding(facts), tell_matched(facts), tell_low_stop_free(facts), tell_hard(facts))
    sentences = [tell_meaning(facts), *warnings([facts.row]), *filter(None, told)]
    return Section("trust", "How far to trust a call", sentences)


def tell_coding(facts: Facts) -> str:
    """How much of the score one number that knows nothing of circles explains."""
    said = (
        "circRNAs are as a rule exons of protein-coding genes, and lncRNAs are not. A sequence can "
        "thus be recognised as a piece of coding exon by one who knows nothing of circles. How far "
        "that goes is told by one number: the longest stretch without a stop codon, as a fraction "
        "of the length."
    )
    alone, part = find_stop_free(facts, facts.row["part"]), facts.row["part"]
    if alone is None:
        return f"{said} What it scores alone on this {part} part was not measured."
    return (
        f"{said} Alone it has an AUROC of {with_interval(alone, 'auroc')} on the {part} part, "
        f"where this model has {with_interval(facts.row, 'auroc')}. {tell_share(facts.row, alone)}"
    )


def tell_share(run: Row, alone: Row) -> str:
    """Say how much of the way from chance to the run's AUROC another score goes alone."""
    if not run["auroc"] > CHANCE:
        return "The model itself is no better than a coin toss here."
    if alone["auroc"] >= run["auroc"]:
        return "The model is not above what that one number scores."
    share = max(0.0, (alone["auroc"] - CHANCE) / (run["auroc"] - CHANCE))
    return (
        f"That one number alone goes {percent(share)} of the way from a coin toss (0.5) to the "
        "score of the model."
    )


def tell_matched(facts: Facts) -> str:
    """What is left where length and stop-free stretch are alike; empty where it is not known."""
    row = find_score(facts, MATCHED)
    if row is None:
        return ""
    sizes = name_class(POSITIVE, int(row["n_circrna"])), name_class(NEGATIVE, int(row["n_lncrna"]))
    said = (
        f"Where that advantage is taken away, on {sizes[0]} and {sizes[1]} of the same part that "
        "are paired so as to be alike in length and in that stretch, the model has an AUROC of "
        f"{with_interval(row, 'auroc')}."
    )
    alone = find_stop_free(facts, MATCHED)
    if alone is not None:
        said += f" The stretch alone has {with_interval(alone, 'auroc')} there."
    return f"{said} {tell_rival(facts, MATCHED)}{tell_beyond(row)}"


def tell_rival(facts: Facts, test_set: str) -> str:
    """Say how the run stands against the best baseline on a test set, with a blank at the end."""
    rival = best_rival(facts, test_set)
    if rival is None:
        return ""
    said = f"The best baseline, {rival['name']}, has {with_interval(rival, 'auroc')}. "
    difference = find_difference(facts, test_set, rival["name"])
    return said if difference is None else f"{said}{paired_standing(difference, facts.confidence)} "


def tell_beyond(row: Row) -> str:
    """Say whether a score is above chance, and that this need not be circularity."""
    low, high = row["auroc_low"], row["auroc_high"]
    if math.isnan(low) or math.isnan(high):
        return (
            "No interval of the model's score is at hand: how far it is from chance is not settled."
        )
    if low > CHANCE:
        return (
            "So it has learnt something beyond these two, though that need not be what makes a "
            "circle."
        )
    return "The interval does not lie above 0.5: beyond these two, nothing is shown."


def tell_low_stop_free(facts: Facts) -> str:
    """What is left among sequences that do not look coding; empty where it is not known."""
    row = find_score(facts, LOW_STOP_FREE)
    if row is None:
        return ""
    return (
        "Among sequences that do not look coding (no stretch without a stop codon as long as half "
        f"of them: {name_class(POSITIVE, int(row['n_circrna']))} and "
        f"{name_class(NEGATIVE, int(row['n_lncrna']))}) it has {with_interval(row, 'auroc')}. "
        f"{tell_rival(facts, LOW_STOP_FREE)}"
    ).rstrip()


def tell_hard(facts: Facts) -> str:
    """What happens on linear coding exons."""
    row = find_score(facts, HARD)
    if row is None:
        return (
            "How often the model calls a piece of an ordinary mRNA a circRNA is not known: this "
            "run has no scores on hard negatives, which are exons of linear coding transcripts. "
            "Until that is measured, take it that it often does."
        )
    taught = (
        "It was trained with such hard negatives of other groups. "
        if facts.is_taught_hard
        else "It has seen none of them in training. "
    )
    return (
        f"The harder question is asked by {int(row['n_lncrna']):,} exon runs of linear coding "
        "transcripts (hard negatives): coding sequence as well, but not known to circularise. "
        f"{taught}Against them, with the same circRNAs, its AUROC is "
        f"{with_interval(row, 'auroc')}. {tell_linear(row)} {tell_rival(facts, HARD)}"
    ).rstrip()


def tell_linear(row: Row) -> str:
    """Say what the scores on hard negatives come to."""
    low, high = row["auroc_low"], row["auroc_high"]
    if math.isnan(low) or math.isnan(high):
        worth = "Without an interval, this may be chance."
    elif low > CHANCE:
        share = percent((row["auroc"] - CHANCE) / (1 - CHANCE))
        worth = f"That is {share} of the way from a coin toss to certainty."
    elif high < CHANCE:
        worth = "It ranks linear exons above circRNAs: worse than a coin toss."
    else:
        worth = "The interval holds 0.5: it does not tell circRNAs from linear coding exons."
    specificity = row.get("specificity", math.nan)
    if math.isnan(specificity):
        return worth
    return (
        f"{worth} At its threshold it calls {percent(1 - specificity)} of these linear exons "
        f"circRNA, and {percent(row['sensitivity'])} of the circRNAs."
    )


def tell_called(facts: Facts) -> str:
    """How many linear coding exons are called circRNA, as an addition; empty if not known."""
    row = find_score(facts, HARD)
    specificity = math.nan if row is None else row.get("specificity", math.nan)
    if math.isnan(specificity):
        return ""
    return f": of the linear coding exons tried it calls {percent(1 - specificity)} circRNA"


def tell_meaning(facts: Facts) -> str:
    """What that means for one who wants to trust a call."""
    true, false = (facts.scored["confusion"][name] for name in ("tp", "fp"))
    row = facts.row
    said = (
        "The call circRNA says that a sequence looks more like the exons that circularise than "
        f"like {facts.negatives}. It is no evidence of a back-splice junction; an mRNA, or a "
        f"linear transcript of the same exons, can look the same{tell_called(facts)}. "
    )
    if true + false:
        prevalence = row["n_circrna"] / (row["n_circrna"] + row["n_lncrna"])
        said += (
            f"Of {true + false:,} calls circRNA on the {row['part']} part {true:,} "
            f"({percent(true / (true + false))}) are right, where {percent(prevalence)} of the "
            "transcripts are circRNAs and all others lncRNAs; where circRNAs are rarer, or mRNAs "
            "among the rest, more calls are wrong. "
        )
    return (
        f"{said}Use it to rank candidates, and confirm a circle by reads across its back-splice "
        "junction or by an experiment."
    )
