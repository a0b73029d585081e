"""Sections of the dataset card on what is in it: sources, filters, doubts and classes."""

from collections.abc import Sequence

import pandas as pd

from circlet.data.card.datasheet import HARD_NEGATIVES, QUANTILES
from circlet.data.card.inputs import Sheet
from circlet.data.card.words import FLAG_MEANINGS, MEASURE_WORDS, STEP_MEANINGS, in_unit
from circlet.layout import Section, Table
from circlet.pages import STEP_WORDS, count, dataset_rows
from circlet.tables import NEGATIVE, POSITIVE, SUMMARY_COLUMNS
from circlet.words import CLASS_WORDS, DASH, TYPE_WORDS, listed, name_class

LABELLED = {POSITIVE: 1, NEGATIVE: 0}
QUANTILE_WORDS = ("Least", "5 %", "25 %", "Median", "75 %", "95 %", "Most")


def tell_dataset(sheet: Sheet) -> Section:
    """What the dataset is."""
    about, classes = sheet["transcripts"], sheet["classes"]
    labelled = [
        f"{name_class(name, classes[name]['transcripts'])} (label {label})"
        for name, label in LABELLED.items()
        if name in classes
    ]
    first = (
        "Spliced transcripts to learn, and to test, how circular RNAs (circRNAs) are told from "
        f"other long non-coding RNAs (lncRNAs) by sequence: {listed(labelled)}."
    )
    if hard := classes.get(HARD_NEGATIVES):
        first += (
            f" Beside them stand {name_class(HARD_NEGATIVES, hard['transcripts'])}: exons of "
            "linear coding transcripts, kept apart from the parts that are trained on and scored "
            "unless a run asks for them."
        )
    sentences = [
        first,
        f"Together they have {about['nucleotides']:,} nt. {tell_origin(sheet['counts'])} "
        f"{tell_assemblies(sheet['sources'])}",
        " ".join(tell_typical(name, row) for name, row in classes.items()),
    ]
    files = [[split["file"], split["scheme"], split["sha256"]] for split in sheet["splits"]]
    files.insert(0, [about["file"], DASH, about["sha256"]])
    table = Table(
        "The files that this card is about", ("File", "Split scheme", "SHA-256"), files, (0, 1, 2)
    )
    return Section("what", "What the dataset is", sentences, tables=[table])


def tell_origin(counts: Sequence[Sheet]) -> str:
    """Say which classes come from which sources."""
    sources: dict[str, list[str]] = {}
    for row in counts:
        sources.setdefault(row["class"], []).append(f"{row['source']} ({row['transcripts']:,})")
    told = [f"{CLASS_WORDS[name]} come from {listed(names)}" for name, names in sources.items()]
    return f"The {', the '.join(told)}."


def tell_assemblies(sources: Sequence[Sheet]) -> str:
    """Say what the places refer to."""
    assemblies = sorted({source["assembly"] for source in sources if source["assembly"]})
    if not assemblies:
        return "No assembly is stated for their places."
    return f"Their places refer to the assembly {listed(assemblies)}."


def tell_typical(name: str, row: Sheet) -> str:
    """Say how long transcripts of a class are, and how many exons they have."""
    length, exons = row["length"], row["exon_number"]
    said = (
        f"The median length of the {CLASS_WORDS[name]} is {length['median']:,.0f} nt (half of them "
        f"lie between {length['q25']:,.0f} and {length['q75']:,.0f} nt)"
    )
    if exons["known"]:
        said += f", their median number of exons {exons['median']:g}"
        if exons["known"] < row["transcripts"]:
            said += f" where it is known ({exons['known']:,} of {row['transcripts']:,})"
    return f"{said}."


def tell_sources(sheet: Sheet) -> Section:
    """Where the data came from, with checksums."""
    kinds = classes_of_sources(sheet["counts"])
    rows = [
        [
            source["name"],
            kinds.get(source["name"], source["label"]),
            TYPE_WORDS.get(source["type"], DASH),
            source["assembly"] or DASH,
            str(source["release"] or DASH),
            count(source["records"]),
            count(source["kept"]),
        ]
        for source in sheet["sources"]
    ]
    columns = ("Source", "Class", "Type", "Assembly", "Release", "Records", "Kept")
    tables = [Table("Sources, in the order in which they are read", columns, rows, range(5))]
    files = [
        [
            source["name"],
            file["file"],
            count(file["size"]),
            file["sha256"],
            file["address"] or "a local file",
        ]
        for source in sheet["sources"]
        for file in source["downloads"]
    ]
    if files:
        headings = ("Source", "File", "Size, bytes", "SHA-256", "Address")
        tables.append(Table("Upstream files", headings, files, (0, 1, 3, 4)))
    return Section("sources", "Sources", tell_files(sheet["sources"]), tables=tables)


def classes_of_sources(counts: Sequence[Sheet]) -> dict[str, str]:
    """The class of each source that has transcripts left."""
    return {row["source"]: row["class"].replace("_", " ") for row in counts}


def tell_files(sources: Sequence[Sheet]) -> list[str]:
    """Say which sources are files of the user's, and whether a mirror stood in."""
    said = [
        f"{source['name']} was read from {listed(source['files'])}, named in the config."
        for source in sources
        if source["files"] and not source["downloads"]
    ]
    if any(file["mirror"] for source in sources for file in source["downloads"]):
        said.append(
            "Files came through a mirror; the addresses are those of the upstreams that it stands "
            "for."
        )
    return said


def tell_filters(sheet: Sheet) -> Section:
    """How many transcripts each filter took."""
    kinds = classes_of_sources(sheet["counts"])
    steps, counted = dataset_rows(pd.DataFrame(sheet["steps"], columns=list(SUMMARY_COLUMNS)))
    rows = [
        [
            row["source"],
            kinds.get(row["source"], row["label"]),
            count(row["records"]),
            *(count(row["removed"].get(step)) for step in steps),
            count(row["kept"]),
            count(row["reference"]),
        ]
        for row in counted
    ]
    taken = [f"\N{MINUS SIGN} {STEP_WORDS.get(step, step)}" for step in steps]
    columns = ("Source", "Class", "Records", *taken, "Kept", "Reference")
    caption = (
        "Records of each source, how many each filter took, in this order, and how many are kept. "
        "The reference is the count reported for the full upstream data"
    )
    records = sum(source["records"] for source in sheet["sources"])
    merged = sheet["transcripts"]["merged"]
    stand_for = (
        f" {merged:,} of these stand for more than one record and bear the ids of the others as "
        "aliases."
    )
    sentences = [
        f"Of {records:,} records {sheet['transcripts']['transcripts']:,} are kept."
        f"{stand_for if merged else ''} The filters took, besides the doubts of the next section:",
    ]
    points = [
        f"{STEP_WORDS[step]}: {meaning}."
        for step, meaning in STEP_MEANINGS.items()
        if step in steps
    ]
    tables = [Table(caption, columns, rows, (0, 1))]
    return Section("filters", "What the filters took", sentences, points, tables)


def tell_flags(sheet: Sheet) -> Section:
    """Doubts about labels."""
    rows = [
        [
            STEP_WORDS[row["flag"]],
            count(row["flagged"]),
            count(row["removed"]),
            count(row["in_dataset"]),
            row["flag"],
            FLAG_MEANINGS[row["flag"]],
        ]
        for row in sheet["flags"]
    ]
    columns = ("Doubt", "Flagged", "Left out", "Still in", "Column", "Meaning")
    return Section(
        "labels",
        "Doubts about labels",
        [
            "A label is what the source says. Where something speaks against it, the transcript is "
            "flagged in a column of the dataset, and left out or kept as the config asks."
        ],
        tables=[Table("Transcripts whose label is in doubt", columns, rows, (0, 4, 5))],
    )


def tell_classes(sheet: Sheet) -> Section:
    """How the classes differ to the eye."""
    rows = [
        [
            CLASS_WORDS[name],
            words,
            count(found[measure]["known"]),
            *(in_unit(found[measure][quantile], measure) for quantile in QUANTILES),
        ]
        for measure, words in MEASURE_WORDS.items()
        for name, found in sheet["classes"].items()
    ]
    columns = ("Class", "Measure", "Known of", *QUANTILE_WORDS)
    tables = [Table("Quantiles of each class", columns, rows, (0, 1))]
    if sheet["biotypes"]:
        biotypes = [
            [row["biotype"], CLASS_WORDS[row["class"]], count(row["transcripts"])]
            for row in sheet["biotypes"]
        ]
        headings = ("Biotype", "Class", "Transcripts")
        tables.append(
            Table("Biotypes, as the sources call them, where they do", headings, biotypes, (0, 1))
        )
    return Section("classes", "The classes", tables=tables, has_pictures=True)
