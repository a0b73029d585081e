"""The section of the dataset card on its known limits, computed where they can be."""

from collections.abc import Callable

from circlet.data.card.inputs import Sheet
from circlet.data.card.words import find_confound, main_scheme, with_interval
from circlet.layout import Section
from circlet.pages import FEW_GROUPS, SMALL_SAMPLE
from circlet.tables import HARD, NEGATIVE, POSITIVE, RELATIONS, TEST
from circlet.words import (
    BOOSTING,
    CLASS_WORDS,
    RELATIVE_WORDS,
    STOP_FREE,
    listed,
    name_class,
    percent,
)


def tell_limits(sheet: Sheet) -> Section:
    """What the dataset cannot tell."""
    points = [said for limit in LIMITS if (said := limit(sheet))]
    return Section("limits", "Known limits", points=points)


def coding(sheet: Sheet) -> str:
    """What separates the classes is coding exons, not circularity."""
    said = (
        "Circularity is not what separates the classes. circRNAs are as a rule exons of mRNAs and "
        "bear the traces of protein-coding sequence, such as long stretches without a stop codon; "
        "lncRNAs do not. A classifier that knows coding exons scores well here and knows nothing "
        "of circles."
    )
    scheme = main_scheme(sheet)
    plain = scheme and find_confound(sheet, scheme, TEST, STOP_FREE)
    if plain:
        said += (
            f" The longest stop-free stretch alone has an AUROC of {with_interval(plain)} under "
            f"the scheme {scheme}."
        )
    hard = scheme and find_confound(sheet, scheme, HARD, BOOSTING)
    if hard:
        return (
            f"{said} Against exons of linear coding transcripts, boosting over simple "
            f"descriptors, taught on lncRNAs, is left with {with_interval(hard)}."
        )
    return (
        f"{said} Without hard negatives, this dataset cannot tell what a model knows beyond that."
    )


def relatives(sheet: Sheet) -> str:
    """A random split is full of relatives, and no split is free of them."""
    rows = {row["scheme"]: row for row in sheet["leakage"] if row["label"] == "all"}
    # Of either label: a scheme can be clean in all and leak in the circRNAs.
    worst = {
        scheme: max(
            row[name] or 0
            for row in sheet["leakage"]
            if row["scheme"] == scheme
            for name in RELATIONS
        )
        for scheme in rows
    }
    if not worst:
        return ""
    said = []
    if worst.get("random"):
        row = rows["random"]
        most = max(RELATIONS, key=lambda name: row[name] or 0)
        said.append(
            f"A random split leaks: {percent(row[most])} of its test sequences have a relative in "
            f"training ({RELATIVE_WORDS[most]}), so scores under it are not to be quoted."
        )
    best = min(worst, key=worst.__getitem__)
    said.append(
        f"No split is free of relatives by every measure; fewest has {best}, with "
        f"{percent(worst[best])} of one label by the widest one."
        if worst[best]
        else f"Under {best} no test sequence has a relative in training by any measure."
    )
    return " ".join(said)


def negatives(sheet: Sheet) -> str:
    """That a lncRNA does not circularise is assumed."""
    flag = next(row for row in sheet["flags"] if row["flag"] == "overlaps_circrna")
    lncrnas = sheet["classes"].get(NEGATIVE, {"transcripts": 0})["transcripts"]
    said = (
        "Negatives are transcripts in which no circle is known: nobody has shown that none of them "
        "circularises, and a circRNA that the sources lack may be among them."
    )
    if flag["in_dataset"]:
        share = f" of {lncrnas:,} lncRNAs" if lncrnas else ""
        said += f" {flag['in_dataset']:,}{share} overlap a circRNA on the same strand and are kept."
    return said


def assembled(sheet: Sheet) -> str:
    """Spliced sequences of circRNAs are put together, not read."""
    return (
        "The spliced sequence of a circRNA is as a rule put together from the annotated exons "
        "between its two ends, not read in full: retained introns and skipped exons are missed."
    )


def missing(sheet: Sheet) -> str:
    """How many transcripts tell neither gene nor place."""
    total = sheet["transcripts"]["transcripts"]
    parts = []
    for key, words in (("without_gene", "no gene"), ("without_place", "no place")):
        found = {name: row[key] for name, row in sheet["classes"].items() if row[key]}
        by_class = listed([name_class(name, number) for name, number in found.items()])
        if found:
            share = percent(sum(found.values()) / total)
            parts.append(f"{sum(found.values()):,} ({share}) tell {words}: {by_class}")
    if not parts:
        return ""
    return (
        f"Of {total:,} transcripts {'; '.join(parts)}. The audit cannot see their relatives by "
        "what they do not tell."
    )


def reference(sheet: Sheet) -> str:
    """How many of the reported transcripts are here."""
    parts = [
        f"{row['remaining']:,} of {row['reference']:,} {CLASS_WORDS[row['label']]}"
        for row in sheet["steps"]
        if row["reference"] is not None and row["reference"] != row["remaining"]
    ]
    if not parts:
        return ""
    return (
        f"It is not the data of the literature: here are {listed(parts)} that were reported. "
        "Scores are to be compared with published ones with that in mind."
    )


def balance(sheet: Sheet) -> str:
    """What accuracy a constant has."""
    counts = {
        name: sheet["classes"][name]["transcripts"]
        for name in (POSITIVE, NEGATIVE)
        if name in sheet["classes"]
    }
    larger = max(counts, key=counts.__getitem__)
    return (
        f"{percent(counts[larger] / sum(counts.values()))} of both classes are "
        f"{CLASS_WORDS[larger]}, so that always saying {larger} has that accuracy. In a cell the "
        "shares are others, and so is the precision of a call."
    )


def few_groups(sheet: Sheet) -> str:
    """Where the intervals, which draw whole groups, are not what they seem."""
    few = {
        row["scheme"]: row["groups"]
        for row in sheet["leakage"]
        if row["label"] == "all" and row["groups"] < FEW_GROUPS
    }
    said = []
    if few:
        told = listed([f"{count:,} ({scheme})" for scheme, count in few.items()])
        said.append(
            f"The test part has few groups: {told}. Intervals are drawn from whole groups, and "
            "from so few they are rough."
        )
    if any(row["scheme"] == "random" for row in sheet["leakage"]):
        said.append(
            "Under random each transcript is its own group, so that intervals take relatives for "
            "independent and are too narrow."
        )
    return " ".join(said)


def small(sheet: Sheet) -> str:
    """Which test parts are too small for firm conclusions."""
    sizes = {
        split["scheme"]: part["transcripts"]
        for split in sheet["splits"]
        for part in split["parts"]
        if part["part"] == TEST and part["transcripts"] < SMALL_SAMPLE
    }
    if not sizes:
        return ""
    told = listed([f"{size:,} ({scheme})" for scheme, size in sizes.items()])
    return (
        f"The test parts are small: {told} transcripts. Take scores on them as a sign that the "
        "pipeline runs, not as a measure of a model."
    )


def unseen(sheet: Sheet) -> str:
    """What is not measured at all."""
    said = (
        "Expression, tissue and evidence of the single circles are not part of it: a circRNA seen "
        "once counts as much as an abundant one."
    )
    if not sheet["transcripts"]["soft_masked_known"]:
        said += " No source marks repeats by lower case, so what repeats give away is not measured."
    return said


LIMITS: tuple[Callable[[Sheet], str], ...] = (
    coding,
    relatives,
    negatives,
    assembled,
    missing,
    small,
    few_groups,
    reference,
    balance,
    unseen,
)
