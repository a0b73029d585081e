"""Hashes of sequences: they tell whether one was seen before without telling what it is."""

import hashlib
from collections.abc import Iterable

import numpy as np

HASH_BYTES = 8  # of a million sequences against a million, one in ten million is taken for another


def hash_sequences(sequences: Iterable[str]) -> np.ndarray:
    """Hash each sequence by BLAKE2b, as DNA in upper case.

    Args:
        sequences: Bases, DNA or RNA, any case.

    Returns:
        Shape (sequences,), uint64.
    """
    digests = (
        hashlib.blake2b(_as_dna(sequence), digest_size=HASH_BYTES).digest()
        for sequence in sequences
    )
    return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)


def _as_dna(sequence: str) -> bytes:
    """Write a sequence as it is hashed."""
    return sequence.upper().replace("U", "T").encode()
