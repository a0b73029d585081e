import numpy as np
import pytest
from checkpoint_inputs import DIMERS

from circlet.composition import compose_any
from circlet.data.records import Entry
from circlet.preparation import prepare

ENTRIES = [
    Entry("a", "ACGTAC", 6),
    Entry("short", "ACG", 3),
    Entry("b", "ggcauu", 6),
    Entry("gaps", "AC-GTÉ", 6),
    Entry("c", "AAAAAA", 6),
]
WINDOWS = [ENTRIES[:2], ENTRIES[2:4], ENTRIES[4:]]


def assert_read(prepared, sequences):
    """Check tokens and descriptors of what is scored."""
    assert len(prepared.tokens) == len(sequences)
    for tokens, sequence in zip(prepared.tokens, sequences, strict=True):
        np.testing.assert_array_equal(tokens, DIMERS.encode(sequence))
    np.testing.assert_array_equal(prepared.features, compose_any(sequences))


def test_what_can_be_scored_is_read():
    found = prepare(WINDOWS, DIMERS, 5)
    assert found.entries == ENTRIES
    assert found.reasons == ["", "too_short", "", "not_nucleotides", ""]
    assert found.is_scored.tolist() == [True, False, True, False, True]
    assert found.sequences == [entry.sequence for entry in ENTRIES]
    assert found.letters[3] == (4, 0, 2)
    assert found.windows == [1, 1, 1]
    assert_read(found, ["ACGTAC", "GGCATT", "AAAAAA"])


def test_both_strands_stand_one_after_the_other():
    found = prepare(WINDOWS, DIMERS, 5, both_strands=True)
    assert found.entries == ENTRIES
    assert found.windows == [2, 2, 2]
    assert (
        found.is_scored.tolist() == [True] * 2 + [False] * 2 + [True] * 2 + [False] * 2 + [True] * 2
    )
    assert_read(found, ["ACGTAC", "GTACGT", "GGCATT", "AATGCC", "AAAAAA", "TTTTTT"])


@pytest.mark.parametrize("both_strands", [False, True])
def test_windows_may_have_nothing_to_score(both_strands):
    found = prepare([[ENTRIES[1]], [ENTRIES[3]]], DIMERS, 5, both_strands)
    assert found.windows == [0, 0]
    assert found.tokens == []
    assert found.features.shape == (0, 356)
    assert prepare([[]], DIMERS, 5, both_strands).windows == [0]
