"""Sections of the model card on what the model is, what it is for, and what it was made from."""

from collections.abc import Sequence

from circlet.evaluation.model_card.inputs import Facts, Sheet
from circlet.layout import Section, Table
from circlet.pages import count
from circlet.tables import ALL_PARTS, HARD, NEGATIVE, POSITIVE, TRAIN
from circlet.words import (
    CLASS_WORDS,
    DASH,
    RELATIVE_WORDS,
    SCHEME_WORDS,
    TYPE_WORDS,
    listed,
    name_class,
    percent,
)

ARCHITECTURE_WORDS = {
    "circformer": "a transformer that reads the codons of three reading frames of the transcript, "
    "closed to a ring, as streams with shared weights",
    "text_transformer": "a transformer over k-mers of the first nucleotides, the prototype's "
    "network that circlet keeps as a comparator",
}


def tell_model(facts: Facts) -> Section:
    """What the model is."""
    members, architecture = len(facts.config["members"]), facts.config["network"]["architecture"]
    networks = f"{members} networks of one shape" if members > 1 else "one network"
    said = (
        "The model reads the spliced sequence of a transcript, sense strand, and gives the "
        "probability that it is a circular RNA (circRNA), and a call: circRNA or other long "
        "non-coding RNA (lncRNA). It was taught to tell circRNAs from "
        f"{facts.negatives}. It is made of {networks}: {architecture}, "
        f"{ARCHITECTURE_WORDS.get(architecture, 'a network of circlet')}; "
        f"{facts.training[0]['parameters']:,} parameters each."
    )
    if members > 1:
        said += " They differ in the seed of their training, and their scores are averaged."
    return Section("what", "What it is", [f"{said}{tell_trees(facts)}", tell_reach(facts)])


def tell_trees(facts: Facts) -> str:
    """Say whether boosted trees join the networks, with a blank before."""
    weight = facts.config["tree_weight"]
    if weight is None:
        return ""
    return (
        " Boosted trees over descriptors, 4-mers, codon usage and end bases join them; their share "
        f"of the raw score is {percent(weight)}, chosen on the validation part."
    )


def tell_reach(facts: Facts) -> str:
    """Say how much of a transcript is read."""
    network, vocabulary = facts.config["network"], facts.vocabulary
    said = (
        f"A sequence with fewer than {facts.config['min_length']} unambiguous bases gets no call."
    )
    if vocabulary["window"] is not None:
        return f"{said} The networks read the first {vocabulary['window']} nt alone."
    most = network["max_tokens"] * vocabulary["stride"]
    return f"{said} Of a transcript longer than about {most:,} nt the networks read both ends."


def tell_uses(facts: Facts) -> Section:
    """What it is for, and what it is not for."""
    points = [
        "For: ranking spliced transcripts, such as candidates of a circRNA caller or an assembly, "
        f"where the alternatives to a circRNA are {facts.negatives}.",
        "For: comparing methods on the same split of the same data.",
        "Not for: proof that a transcript is circular. It sees no reads and no junction.",
        "Not for: telling a circRNA from the linear mRNA of the same gene. See how far to trust a "
        "call.",
        "Not for: unspliced or antisense sequence, or pieces of transcripts; its scores say "
        "nothing of these.",
        f"Not for: {tell_species(facts)}",
        "Not for: diagnosis or any decision about a patient.",
    ]
    return Section("uses", "What it is for, and what not", points=points)


def tell_species(facts: Facts) -> str:
    """Say what was not in training beside the assemblies of the sources."""
    assemblies = sorted({row["assembly"] for row in facts.sheet["sources"] if row["assembly"]})
    if not assemblies:
        return "species that are not in the training data; which are, the sources do not state."
    return (
        f"other species than that of {listed(assemblies)}, the assembly of its training data, "
        "without a test of your own."
    )


def tell_data(facts: Facts) -> Section:
    """What it was trained on."""
    sheet = facts.sheet
    classes = [
        name_class(name, row["transcripts"])
        for name, row in sheet["classes"].items()
        if name in CLASS_WORDS
    ]
    sentences = [
        f"The dataset holds {listed(classes)}, of which the training part has "
        f"{count_part(facts.parts[TRAIN])}. Its card, dataset/card.html in the folder of results, "
        f"tells it in full; the SHA-256 of {sheet['transcripts']['file']} is "
        f"{sheet['transcripts']['sha256']}.",
        *tell_reference(sheet),
        *tell_mirror(sheet),
    ]
    tables = [sources_table(sheet["sources"])]
    if any(source["downloads"] for source in sheet["sources"]):
        tables.append(files_table(sheet["sources"]))
    return Section("data", "Training data", sentences, tables=tables)


def tell_reference(sheet: Sheet) -> list[str]:
    """Say how many of the transcripts that the literature reports are here."""
    parts = [
        f"{row['remaining']:,} of {row['reference']:,} {CLASS_WORDS[row['label']]}"
        for row in sheet["steps"]
        if row["reference"] is not None
    ]
    if not parts:
        return []
    return [f"Of what the literature reports for such sources it holds {listed(parts)}."]


def tell_mirror(sheet: Sheet) -> list[str]:
    """Say whether files came through a mirror."""
    files = [file for source in sheet["sources"] for file in source["downloads"]]
    if not any(file["mirror"] for file in files):
        return []
    return [
        "Files came through a mirror; the addresses are those of the upstreams that it stands for, "
        "and the SHA-256 is that of what came."
    ]


def count_part(part: Sheet) -> str:
    """Count the classes of a part in words."""
    counts = {POSITIVE: part[POSITIVE], NEGATIVE: part[NEGATIVE], "hard_negatives": part[HARD]}
    told = [name_class(name, number) for name, number in counts.items() if number]
    return f"{listed(told)} in {count(part['groups'])} groups" if told else "nothing"


def sources_table(sources: Sequence[Sheet]) -> Table:
    """Where the transcripts came from."""
    rows = [
        [
            source["name"],
            source["label"],
            TYPE_WORDS.get(source["type"], DASH),
            source["assembly"] or DASH,
            str(source["release"] or DASH),
            listed(source["files"]) or DASH,
            *(count(source[name]) for name in ("records", "kept")),
        ]
        for source in sources
    ]
    columns = ("Source", "Label", "Type", "Assembly", "Release", "Own files", "Records", "Kept")
    return Table("Sources", columns, rows, range(6))


def files_table(sources: Sequence[Sheet]) -> Table:
    """The files that came, with checksums."""
    rows = [
        [source["name"], file["file"], file["sha256"], file["address"] or "a local file"]
        for source in sources
        for file in source["downloads"]
    ]
    return Table("Upstream files", ("Source", "File", "SHA-256", "Address"), rows, range(4))


def tell_split(facts: Facts) -> Section:
    """How training and test part are kept apart."""
    said = (
        f"The split is {facts.scheme}. Its scheme keeps together "
        f"{SCHEME_WORDS.get(facts.audited, 'what its config says')}; no group lies in two parts."
    )
    if facts.is_taught_hard:
        only = "in place of the lncRNAs" if "hardonly" in facts.scheme else "beside the lncRNAs"
        said += f" The training part holds hard negatives {only}."
    rows = [
        [part, *(count(facts.parts[part][name]) for name in (POSITIVE, NEGATIVE, HARD, "groups"))]
        for part in ALL_PARTS
        if part in facts.parts
    ]
    table = Table("Parts", ("Part", "circRNAs", "lncRNAs", "Hard negatives", "Groups"), rows)
    return Section("split", "Split", [said, tell_leakage(facts)], tables=[table])


def tell_leakage(facts: Facts) -> str:
    """Say how many test transcripts have a relative in training, and what remembering scores."""
    wanted = {"scheme": facts.audited, "label": "all"}
    row = next((row for row in facts.sheet["leakage"] if wanted.items() <= row.items()), None)
    if row is None:
        return "What leaks through this split was not audited."
    shares = [
        f"{percent(row[name])} ({words})"
        for name, words in RELATIVE_WORDS.items()
        if row[name] is not None
    ]
    about = "" if facts.scheme == facts.audited else " (the run's split is a change of it)"
    said = (
        f"Under the scheme {facts.audited}{about}, test transcripts with a relative in training: "
        f"{listed(shares) or 'not known'}."
    )
    if row["memoriser_auroc"] is not None:
        said += (
            f" A look-up that only remembers the 31-mers of the training part has an AUROC of "
            f"{row['memoriser_auroc']:.3f}."
        )
    return said
