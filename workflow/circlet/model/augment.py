"""Random changes of training sequences: rings begun elsewhere, tokens replaced or hidden."""

from collections.abc import Sequence

import numpy as np

from circlet.model.kmers import PAD_ID, SPECIALS, UNKNOWN_ID


def rotate(
    sequences: Sequence[np.ndarray], share: float, rng: np.random.Generator
) -> list[np.ndarray]:
    """Let a share of the rings of tokens begin at a random place.

    Args:
        sequences: Token ids of each sequence, read as a ring.
        share: Share of the sequences that are turned, 0 to 1.
        rng: Source of chance.
    """
    is_turned = rng.random(len(sequences)) < share
    places = rng.random(len(sequences))
    return [
        np.roll(tokens, -int(place * len(tokens))) if turned else tokens
        for tokens, turned, place in zip(sequences, is_turned, places, strict=True)
    ]


def disturb(
    tokens: np.ndarray, mutate: float, mask: float, vocabulary_size: int, rng: np.random.Generator
) -> None:
    """Replace tokens in place; padding stays.

    Args:
        tokens: Token ids, of any shape.
        mutate: Share of the tokens that become a random k-mer of the vocabulary.
        mask: Share of the tokens that become the unknown k-mer.
        vocabulary_size: Number of token ids.
        rng: Source of chance.
    """
    chance = rng.random(tokens.shape, dtype=np.float32)
    chance[tokens == PAD_ID] = 1
    is_mutated = chance < mutate
    count = np.count_nonzero(is_mutated)
    tokens[(chance < mutate + mask) & ~is_mutated] = UNKNOWN_ID
    tokens[is_mutated] = rng.integers(len(SPECIALS), vocabulary_size, count)
