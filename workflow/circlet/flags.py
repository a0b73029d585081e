"""What is to be known of a record beside its probability, in one word each."""

from circlet.data.records import Entry
from circlet.letters import Letters

# Why a record has no call: it is longer than what is read of a record of a file, has letters that
# are no codes of nucleotides, or fewer unambiguous bases than the model was trained on.
TOO_LONG, NOT_NUCLEOTIDES, TOO_SHORT = "too_long", "not_nucleotides", "too_short"
# It has codes that stand for several bases, such as N.
AMBIGUOUS = "ambiguous_bases"
# Its length is beyond those of the training part.
OUTSIDE_LENGTH = "outside_training_length"
# The very sequence was used to make the model: in the training part, or in the validation part.
SEEN = "seen_in_training"
# See `circlet.model.reference`.
UNLIKE = "unlike_training"

REASONS = (TOO_LONG, NOT_NUCLEOTIDES, TOO_SHORT)
FLAGS = (*REASONS, AMBIGUOUS, OUTSIDE_LENGTH, SEEN, UNLIKE)


def reason_of(entry: Entry, letters: Letters, min_length: int) -> str:
    """Say why an entry cannot be scored; empty if it can be."""
    if entry.length > len(entry.sequence):
        return TOO_LONG
    if letters.others:
        return NOT_NUCLEOTIDES
    return TOO_SHORT if letters.bases < min_length else ""


def flags_of(
    reason: str, letters: Letters, is_outside: bool, is_seen: bool, is_unlike: bool
) -> tuple[str, ...]:
    """Give the flags of a record, the reason of having no call first."""
    if reason:
        return (reason, AMBIGUOUS) if letters.ambiguous and reason == TOO_SHORT else (reason,)
    told = {
        AMBIGUOUS: letters.ambiguous > 0,
        OUTSIDE_LENGTH: is_outside,
        SEEN: is_seen,
        UNLIKE: is_unlike,
    }
    return tuple(flag for flag, holds in told.items() if holds)
