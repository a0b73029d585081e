"""Why a call cannot be explained, and the picture of one that can be."""

import math

import pytest

from circlet.call_rows import Prediction
from circlet.data.records import Entry
from circlet.serve.page import explanation

BASES = "ACGU" * 8 + "acgg"


def entry_of(sequence):
    return Entry("a", sequence, len(sequence))


def row_of(**told):
    return Prediction("a", 36, 0.75, "circRNA", 0.1)._replace(**told)


@pytest.mark.parametrize(
    ("entry", "row", "reason"),
    [
        (entry_of(BASES), row_of(), ""),
        (entry_of("ACGT"), row_of(p_circrna=math.nan, call="", flags=("too_short",)), "There is"),
        (entry_of(BASES + "N"), row_of(flags=("ambiguous_bases",)), "It has other letters than"),
        (entry_of("A" * 50_001), row_of(), "It has 50,001 nt; sequences of up to 50,000 nt are"),
    ],
)
def test_why_not(predictor, entry, row, reason):
    found = explanation.why_not(predictor, False, entry, row)
    assert found.startswith(reason)
    assert bool(found) == bool(reason)
    assert explanation.why_not(predictor, True, entry, row).startswith("This page runs on a model")


def test_the_strand_of_the_score_is_explained():
    assert explanation.sequence_of(entry_of("acgu"), row_of(strand="")) == "ACGT"
    assert explanation.sequence_of(entry_of("AACGU"), row_of(strand="-")) == "ACGTT"


def test_picture(predictor):
    made = explanation.explain(predictor, entry_of(BASES * 3), row_of(strand="-"), 0.9)
    assert made.png.startswith(b"\x89PNG")
    assert made.svg.startswith(b"<?xml")
    assert b"called" in made.svg  # the title, as a comment
    strand, unread = made.notes
    assert strand.startswith("Shown is the reverse complement")
    assert unread == "The networks read both ends alone: 59 nt between are grey."
    again = explanation.explain(predictor, entry_of(BASES * 3), row_of(strand="-"), 0.9)
    assert again == made


@pytest.mark.parametrize(("threshold", "call"), [(0.0, "circRNA"), (1.0, "lncRNA")])
def test_title_has_the_call_at_the_threshold(predictor, threshold, call):
    made = explanation.explain(predictor, entry_of(BASES), row_of(), threshold)
    assert f"called {call} (".encode() in made.svg
