"""From tokens to padded arrays of similar length, bounded by a budget of tokens; without torch."""

from collections.abc import Callable, Sequence

import numpy as np

from circlet.model.kmers import PAD_ID

BATCH_TOKENS = 32768  # of an inference; bounds the memory
# On a CPU, where what is worked on then stays in the caches: a fifth quicker by torch, a sixth by
# ONNX Runtime.
CPU_BATCH_TOKENS = 8192
LENGTH_JITTER = 0.1  # relative; lets batches mix anew each epoch although sorted by length


def crop_ends(tokens: np.ndarray, max_tokens: int, multiple: int = 1) -> np.ndarray:
    """Keep at most `max_tokens` tokens: the first half and the last half of them.

    A multiple of `multiple` tokens is left out, so that what is left keeps its place in a network
    that deals tokens out in turn: its reading frame.

    Both ends of a transcript carry signal (splice sites, the back-splice junction of a circRNA),
    so it is the middle that goes.
    """
    if len(tokens) <= max_tokens:
        return tokens
    kept = len(tokens) - -(-(len(tokens) - max_tokens) // multiple) * multiple
    return np.concatenate([tokens[: kept - kept // 2], tokens[len(tokens) - kept // 2 :]])


def pad(sequences: Sequence[np.ndarray], max_tokens: int, multiple: int = 1) -> np.ndarray:
    """Pad token sequences to one length.

    Args:
        sequences: Token ids of each sequence.
        max_tokens: Longer sequences lose their middle; see `crop_ends`.
        multiple: The padded length is a multiple of this, and so is the length of what is cropped.

    Returns:
        Token ids, shape (sequences, padded length), int64; it shares no memory with the arguments.
    """
    cropped = [crop_ends(tokens, max_tokens, multiple) for tokens in sequences]
    longest = max(1, *map(len, cropped))
    padded = np.full((len(cropped), -(-longest // multiple) * multiple), PAD_ID, dtype=np.int64)
    # Copying row by row is quicker than gathering all tokens by their places.
    for row, tokens in enumerate(cropped):
        padded[row, : len(tokens)] = tokens
    return padded


def plan_batches(
    lengths: np.ndarray, batch_tokens: int, rng: np.random.Generator | None = None
) -> list[np.ndarray]:
    """Divide sequences into batches whose padded size stays within a budget.

    Args:
        lengths: Tokens of each sequence, after cropping.
        batch_tokens: Most tokens in a batch, padding up to its longest sequence included; a longer
            sequence stands alone.
        rng: Makes neighbours and order random, for training; without it batches run from the
            shortest to the longest sequences.

    Returns:
        The positions in `lengths` that make up each batch.
    """
    jitter = 1.0 if rng is None else rng.uniform(1 - LENGTH_JITTER, 1 + LENGTH_JITTER, len(lengths))
    order = np.argsort(lengths * jitter, kind="stable")
    starts, longest = [0], 0
    for place, length in enumerate(lengths[order]):
        longest = max(longest, length)
        if place > starts[-1] and longest * (place + 1 - starts[-1]) > batch_tokens:
            starts.append(place)
            longest = length
    batches = np.split(order, starts[1:])
    if rng is not None:
        rng.shuffle(batches)
    return batches


def score_in_batches(
    score: Callable[[np.ndarray, np.ndarray], np.ndarray],
    members: int,
    sequences: Sequence[np.ndarray],
    features: np.ndarray,
    max_tokens: int,
    multiple: int,
    batch_tokens: int = BATCH_TOKENS,
) -> np.ndarray:
    """Score sequences in padded batches of similar length, whatever computes them.

    Args:
        score: Gives the logits (members, batch) of padded tokens (batch, tokens), int64, and
            features (batch, descriptors), float32.
        members: Number of networks.
        sequences: Token ids of each sequence.
        features: Descriptors of each sequence, shape (sequences, descriptors).
        max_tokens: Most tokens read of a sequence.
        multiple: Of which the padded length has to be a multiple.
        batch_tokens: Most tokens in a batch; bounds the memory, not the result.

    Returns:
        Logits of the class circRNA, shape (members, sequences), float64.
    """
    logits = np.empty((members, len(sequences)))
    lengths = np.array([len(tokens) for tokens in sequences], dtype=np.int64).clip(1, max_tokens)
    for rows in plan_batches(lengths, batch_tokens) if len(sequences) else []:
        tokens = pad([sequences[row] for row in rows], max_tokens, multiple)
        logits[:, rows] = score(tokens, np.array(features[rows], dtype=np.float32))
    return logits
