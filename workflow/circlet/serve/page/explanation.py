"""Why a transcript got its score, as a picture for the page."""

import io
from typing import NamedTuple

from Bio.Seq import reverse_complement

from circlet.call_rows import Prediction
from circlet.data.records import Entry
from circlet.drawing import METADATA, style, svg_of
from circlet.evaluation.explain.figures import draw_tracks
from circlet.evaluation.explain.single import look_into
from circlet.predict import Predictor
from circlet.serve.page.words import MEANINGS, shown

LONGEST = 50_000  # nt
WINDOW = 30  # bases on each side of the junction that are substituted
DPI = 140


class Explanation(NamedTuple):
    """A picture of what a score rests on.

    Attributes:
        png: For the page.
        svg: To keep.
        notes: What is to be known of this one beside how to read it, a sentence each.
    """

    png: bytes
    svg: bytes
    notes: list[str]


def sequence_of(entry: Entry, row: Prediction) -> str:
    """Give the sequence that a row's score is of, DNA in upper case."""
    sequence = entry.sequence.upper().replace("U", "T")
    return reverse_complement(sequence) if row.strand == "-" else sequence


def why_not(predictor: Predictor, is_file: bool, entry: Entry, row: Prediction) -> str:
    """Say why a call cannot be explained; empty if it can be.

    Args:
        predictor: The model.
        is_file: Whether it is an ONNX file.
        entry: The record.
        row: Its prediction.
    """
    if is_file:
        return (
            "This page runs on a model of one ONNX file, which cannot be looked into. Start it with"
            " the checkpoint folder that the file was exported from."
        )
    if not row.call:
        return f"There is no call to explain. {MEANINGS[row.flags[0]]}"
    if entry.length > LONGEST:
        return (
            f"It has {entry.length:,} nt; sequences of up to {LONGEST:,} nt are explained here."
            " Use 'circlet explain' for longer ones."
        )
    if not predictor.can_explain(sequence_of(entry, row)):
        return "It has other letters than A, C, G, T and U: such a sequence cannot be explained."
    return ""


def explain(
    predictor: Predictor, entry: Entry, row: Prediction, threshold: float | None
) -> Explanation:
    """Explain the score of a record that `why_not` has nothing against.

    Args:
        predictor: The model.
        entry: The record.
        row: Its prediction.
        threshold: Of the call; the model's own by default.
    """
    asked = {"id": shown(entry.id), "label": None, "sequence": sequence_of(entry, row)}
    tracks = look_into(predictor, asked, WINDOW, threshold=threshold).tracks
    figure, picture = draw_tracks(tracks), io.BytesIO()
    with style():
        figure.savefig(picture, format="png", dpi=DPI, metadata=METADATA["png"])
    notes = notes_of(predictor, row, int((~tracks.is_read).sum()))
    return Explanation(picture.getvalue(), svg_of(figure), notes)


def notes_of(predictor: Predictor, row: Prediction, unread: int) -> list[str]:
    """Tell what limits an explanation; `unread` counts the bases that the networks do not read."""
    notes = []
    if row.strand == "-":
        notes.append("Shown is the reverse complement, the strand that scores higher.")
    if unread:
        notes.append(f"The networks read both ends alone: {unread:,} nt between are grey.")
    if predictor.description.trees is not None:
        share = predictor.description.tree_weight
        notes.append(
            f"Boosted trees make {share:.0%} of the model's score; they have a part in the"
            " substitutions, and none in the attributions."
        )
    return notes
