"""What the names in the tables mean, in the dataset card's words."""

from circlet.data.card.inputs import Sheet
from circlet.pages import number
from circlet.tables import HARD, UNUSED
from circlet.words import BOOSTING, DASH, STOP_FREE

STEP_MEANINGS = {
    "biotype": "a lncRNA of a biotype that was not asked for",
    "non_acgt": "a sequence with other letters than A, C, G, T (U is read as T)",
    "too_short": "a sequence shorter than the config allows",
    "duplicate": "the same sequence under the same label; the first record stays and takes the "
    "ids of the others as aliases",
    "same_place": "the same place, strand and exons under the same label; merged likewise",
}
FLAG_MEANINGS = {
    "overlaps_circrna": "a negative whose span overlaps a circRNA on the same strand: its exons "
    "may circularise",
    "both_labels": "the same sequence stands under both labels",
    "coding_gene": "a negative that its source assigns to a protein-coding gene: its exons may be "
    "coding",
}
PART_WORDS = {
    HARD: "hard (hard negatives of the test groups)",
    UNUSED: "unused (other hard negatives)",
}
DESCRIPTOR_WORDS = {
    "length": "length",
    "gc": "GC content",
    STOP_FREE: "longest stop-free stretch ÷ length, read as linear",
    "stop_free_ring": "longest stop-free stretch ÷ length, read as a ring",
    "coding_potential": "coding potential (Fickett)",
    "soft_masked": "share of repeats (soft-masked bases)",
    "first_bases": "first four bases",
    "last_bases": "last four bases",
    BOOSTING: "length, stop-free stretches, GC and end bases together (boosting)",
}
MEASURE_WORDS = {"length": "length, nt", "gc": "GC content, %", "exon_number": "exons"}


def in_unit(value: float | None, measure: str) -> str:
    """A value of a measure in the unit of `MEASURE_WORDS`; a dash where it is not known."""
    if value is None:
        return DASH
    if measure == "gc":
        return f"{100 * value:.1f}"
    return f"{value:,.0f}" if measure == "length" else f"{value:g}"


def main_scheme(sheet: Sheet) -> str | None:
    """The scheme whose confounds are told at length: by gene, or else the first."""
    schemes = [row["scheme"] for row in sheet["confounds"]]
    return "gene" if "gene" in schemes else next(iter(schemes), None)


def with_interval(row: Sheet | None) -> str:
    """An AUROC with its interval; a dash where it was not measured."""
    if row is None or row["auroc"] is None:
        return DASH
    if row["low"] is None or row["high"] is None:
        return number(row["auroc"])
    return f"{row['auroc']:.3f} ({number(row['low'])}\N{EN DASH}{number(row['high'])})"


def find_confound(sheet: Sheet, scheme: str, test_set: str, descriptor: str) -> Sheet | None:
    """One row of the confounds, if it is there."""
    wanted = {"scheme": scheme, "test_set": test_set, "descriptor": descriptor}
    return next((row for row in sheet["confounds"] if wanted.items() <= row.items()), None)
