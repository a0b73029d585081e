"""Answers of a run to the DOME recommendations on data; see `dome.py`."""

from circlet.evaluation.model_card.about import (
    count_part,
    tell_leakage,
    tell_mirror,
    tell_reference,
)
from circlet.evaluation.model_card.inputs import Facts
from circlet.pages import count
from circlet.tables import NEGATIVE, PARTS, POSITIVE
from circlet.words import CLASS_WORDS, SCHEME_WORDS, TYPE_WORDS, listed, name_class, percent

Answer = tuple[str, list[str]]

DATASHEET, SUMMARY = "dataset/datasheet.json", "dataset/summary.tsv"


def provenance(facts: Facts) -> Answer:
    """Sources, classes and earlier use."""
    sheet = facts.sheet
    sources = []
    for source in sheet["sources"]:
        told = [TYPE_WORDS.get(source["type"], "")]
        told += [f"release {source['release']}"] if source["release"] else []
        told += source["files"]
        about = f" ({', '.join(filter(None, told))})" if any(told) else ""
        sources.append(
            f"{source['name']}{about}: {source['kept']:,} of {source['records']:,} records kept"
        )
    classes = [
        name_class(name, row["transcripts"])
        for name, row in sheet["classes"].items()
        if name in CLASS_WORDS
    ]
    said = f"Sources: {'; '.join(sources)}. In all {listed(classes)}."
    used = tell_reference(sheet) or ["Whether others have used these data before is not recorded."]
    files = [DATASHEET, SUMMARY]
    if any(source["downloads"] for source in sheet["sources"]):
        said += " The address and SHA-256 of each downloaded file are recorded."
        files.append("downloads/*.json")
    return " ".join([said, *tell_mirror(sheet), *used]), files


def splits(facts: Facts) -> Answer:
    """Sizes of the parts, and the share of circRNAs in each."""
    told = []
    for part in PARTS:
        counts = facts.parts[part]
        both = counts[POSITIVE] + counts[NEGATIVE]
        share = f"; {percent(counts[POSITIVE] / both)} of both classes are circRNAs" if both else ""
        told.append(f"{part}: {count_part(counts)}{share}")
    return (
        f"{'. '.join(words[0].upper() + words[1:] for words in told)}. Length, GC and number of "
        "exons are drawn by class for the whole dataset, not by part.",
        [f"splits/{facts.scheme}.parquet", "dataset/card.html"],
    )


def redundancy(facts: Facts) -> Answer:
    """What the split keeps together, and what leaks through it."""
    return (
        f"The split {facts.scheme} keeps together "
        f"{SCHEME_WORDS.get(facts.audited, 'what its config says')}; no such group lies in two "
        f"parts ({count(facts.parts['all']['groups'])} groups). {tell_leakage(facts)}",
        [f"splits/{facts.scheme}.parquet", "dataset/leakage.tsv"],
    )


def availability(facts: Facts) -> Answer:
    """Whether the data can be had."""
    terms = [
        f"{work['name']}: {work['terms']}" for work in facts.sheet["citations"] if work["terms"]
    ]
    sheet = facts.sheet["transcripts"]
    said = (
        f"The dataset ({sheet['file']}, SHA-256 {sheet['sha256']}) and the split are files of the "
        "results and can be made again from the sources. Whether and where they were released to "
        "the public, the run does not know."
    )
    if terms:
        said += f" Terms of the sources: {' '.join(terms)}"
    return said, ["dataset/transcripts.parquet", f"splits/{facts.scheme}.parquet", DATASHEET]
