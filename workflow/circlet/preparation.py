"""What a model reads of records: their tokens and descriptors, made before any device is needed."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from Bio.Seq import reverse_complement

from circlet.composition import compose_any
from circlet.data.records import Entry
from circlet.flags import reason_of
from circlet.letters import Letters, count_letters
from circlet.model.kmers import KmerVocab

STRANDS = "+-"


@dataclass(frozen=True)
class Prepared:
    """A chunk of entries that are worked on at once.

    Attributes:
        entries: The records.
        letters: What each is made of.
        reasons: Why each cannot be scored; empty for one that can be.
        sequences: Of each entry, or both strands of each one after the other.
        is_scored: Whether each sequence can be scored, bool (sequences,).
        tokens: Token ids of each that can be.
        features: `circlet.composition` of each that can be, (scored, 356), float32.
        windows: How many of them lie in each window.
    """

    entries: list[Entry]
    letters: list[Letters]
    reasons: list[str]
    sequences: list[str]
    is_scored: np.ndarray
    tokens: list[np.ndarray]
    features: np.ndarray
    windows: list[int]


def prepare(
    windows: Sequence[list[Entry]],
    vocabulary: KmerVocab,
    min_length: int,
    both_strands: bool = False,
) -> Prepared:
    """Make tokens and descriptors of what can be scored.

    Args:
        windows: Records, by the windows that they are scored in.
        vocabulary: Of the model.
        min_length: Unambiguous bases that it asks for.
        both_strands: Whether the reverse complement of each sequence is scored as well.
    """
    entries = list(itertools.chain.from_iterable(windows))
    letters = [count_letters(entry.sequence) for entry in entries]
    reasons = [reason_of(*about, min_length) for about in zip(entries, letters, strict=True)]
    is_scored = np.array([not reason for reason in reasons], dtype=bool)
    sequences = [entry.sequence for entry in entries]
    starts = np.cumsum([0, *map(len, windows)])
    if both_strands:
        # What cannot be scored may have letters that have no complement.
        is_sound = zip(sequences, is_scored, strict=True)
        pairs = ((each, reverse_complement(each) if sound else each) for each, sound in is_sound)
        sequences = list(itertools.chain.from_iterable(pairs))
        is_scored, starts = np.repeat(is_scored, len(STRANDS)), starts * len(STRANDS)
    scored = list(itertools.compress(sequences, is_scored))
    tokens, offsets = vocabulary.encode_many(scored)
    return Prepared(
        entries,
        letters,
        reasons,
        sequences,
        is_scored,
        np.split(tokens, offsets[1:-1])[: len(scored)],
        compose_any(scored),
        np.diff(np.cumsum([0, *is_scored])[starts]).tolist(),
    )
