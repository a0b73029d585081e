"""Section of the model card on the known limits of a run, computed where they can be."""

from circlet.evaluation.model_card.inputs import Facts
from circlet.evaluation.report.words import DESCRIPTION_WORDS
from circlet.evaluation.verdict import Row, warnings, with_interval
from circlet.layout import Section
from circlet.pages import FEW_GROUPS, SMALL_SAMPLE
from circlet.tables import NEGATIVE, POSITIVE
from circlet.words import listed, name_class

WEAKEST = 5  # strata told at most


def tell_limits(facts: Facts) -> Section:
    """What the model and its scores cannot do."""
    points = [
        *warnings([facts.row]),
        *filter(None, [tell_strata(facts), tell_seeds(facts), tell_flags(facts)]),
        "That a lncRNA is no circRNA is assumed: its exons may circularise in a tissue where "
        "nobody has looked. Some mistakes may be right.",
        "The spliced sequence of a circRNA is as a rule put together from annotated exons; "
        "retained introns and skipped exons are missed.",
        "Expression, tissue, reads, conservation and flanking introns are not seen.",
        *tell_random(facts),
    ]
    return Section("limits", "Known limits", points=points)


def weak_strata(facts: Facts) -> list[Row]:
    """The strata with the lowest AUROC that are large enough, and lower than the whole, if any."""
    found = [
        row
        for row in facts.strata
        if row["name"] == facts.name
        and row["scheme"] == facts.scheme
        and row["part"] == facts.row["part"]
        and is_large(row)
        and row["auroc"] < facts.row["auroc"]
    ]
    return sorted(found, key=lambda row: row["auroc"])[:WEAKEST]


def is_large(row: Row) -> bool:
    """Whether a part of a division has a score, and transcripts and groups enough to look at it."""
    is_many = row["n_circrna"] + row["n_lncrna"] >= SMALL_SAMPLE
    is_division = row["description"] != "all"
    is_spread = row["n_groups"] >= FEW_GROUPS
    return bool(is_division and is_many and is_spread and row["auroc"] >= 0)


def tell_strata(facts: Facts) -> str:
    """Say where the model is weakest."""
    weak = weak_strata(facts)
    if not any(map(is_large, facts.strata)):
        return "Where it is weak cannot be told: every stratum is too small, or of one class."
    large = f"with {SMALL_SAMPLE} transcripts and {FEW_GROUPS} groups or more"
    if not weak:
        return f"No stratum of the {facts.row['part']} part {large} scores below the whole."
    told = [
        f"{describe_stratum(row)}: {with_interval(row, 'auroc')} on "
        f"{name_class(POSITIVE, int(row['n_circrna']))} and "
        f"{name_class(NEGATIVE, int(row['n_lncrna']))}"
        for row in weak
    ]
    return (
        f"Weakest by AUROC, of the strata {large}: {'; '.join(told)}. The lowest of many strata is "
        f"low by chance as well; evaluation/{facts.name}/strata.tsv holds all."
    )


def describe_stratum(row: Row) -> str:
    """Name a stratum in words."""
    name: str = row["description"]
    words = DESCRIPTION_WORDS.get(name, name)
    return f"{words[0].lower() + words[1:] if words[1:2].islower() else words} ({row['stratum']})"


def tell_seeds(facts: Facts) -> str:
    """Say how far seeds differ on the validation part; empty for one seed."""
    best = [
        epoch["validation_auroc"]
        for record in facts.training
        for epoch in record["epochs"]
        if epoch["epoch"] == record["best_epoch"]
    ]
    if len(best) < 2:
        return (
            "It was trained with one seed: how far another one would differ is not known."
            if len(facts.training) == 1
            else ""
        )
    return (
        f"On the validation part the {len(best)} seeds alone have AUROCs from {min(best):.3f} to "
        f"{max(best):.3f}. Intervals of scores tell of the sample, not of the seeds."
    )


def tell_flags(facts: Facts) -> str:
    """Say how many doubtful labels stand in the data."""
    doubts = {
        "overlaps_circrna": "lncRNAs that overlap a circRNA on the same strand",
        "both_labels": "transcripts whose sequence stands under both labels",
        "coding_gene": "lncRNAs of a gene that is also coding",
    }
    told = [
        f"{row['in_dataset']:,} {doubts[row['flag']]}"
        for row in facts.sheet["flags"]
        if row["flag"] in doubts and row["in_dataset"]
    ]
    return f"Labels in doubt that are still in the dataset: {listed(told)}." if told else ""


def tell_random(facts: Facts) -> list[str]:
    """Warn of a random split."""
    if facts.audited != "random":
        return []
    return [
        "The split is random: relatives of test transcripts are in training, and intervals take "
        "them for independent. Its scores are not those to expect of new genes."
    ]
