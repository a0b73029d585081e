"""Coding potential by the bases alone: Fickett's TESTCODE, which looks for no reading frame."""

from collections.abc import Sequence

import numpy as np

from circlet.descriptors import BASES

# Tables of Fickett (1982): the probability that a stretch is coding, given one parameter of one
# base. Rows are A, C, G, T; columns are the intervals that begin at 0 and then at each edge.
POSITION_EDGES = (1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8, 1.9)
POSITION_PROBABILITIES = np.array(
    [
        (0.22, 0.20, 0.34, 0.45, 0.68, 0.58, 0.93, 0.84, 0.68, 0.94),
        (0.23, 0.30, 0.33, 0.51, 0.48, 0.66, 0.81, 0.70, 0.70, 0.80),
        (0.08, 0.08, 0.16, 0.27, 0.48, 0.53, 0.64, 0.74, 0.88, 0.90),
        (0.09, 0.09, 0.20, 0.54, 0.44, 0.69, 0.68, 0.91, 0.97, 0.97),
    ]
)
POSITION_WEIGHTS = np.array([0.26, 0.18, 0.31, 0.33])

CONTENT_EDGES = (0.17, 0.19, 0.21, 0.23, 0.25, 0.27, 0.29, 0.31, 0.33)
CONTENT_PROBABILITIES = np.array(
    [
        (0.21, 0.81, 0.65, 0.67, 0.49, 0.62, 0.55, 0.44, 0.49, 0.28),
        (0.31, 0.39, 0.44, 0.43, 0.59, 0.59, 0.64, 0.51, 0.64, 0.82),
        (0.29, 0.33, 0.41, 0.41, 0.73, 0.64, 0.64, 0.47, 0.54, 0.40),
        (0.58, 0.51, 0.69, 0.56, 0.75, 0.55, 0.40, 0.39, 0.24, 0.28),
    ]
)
CONTENT_WEIGHTS = np.array([0.11, 0.12, 0.15, 0.14])


def fickett(sequences: Sequence[str]) -> np.ndarray:
    """Score each sequence by the TESTCODE statistic of Fickett (1982, Nucleic Acids Res. 10:5303).

    Eight parameters are looked up in tables and their probabilities added with weights. The
    position parameter of a base is its largest count over the three codon positions divided by its
    smallest plus one; the content parameter is its share of the sequence. Fickett calls a stretch
    of 200 nt or more coding from .95 on and non-coding below .74.

    Args:
        sequences: Spliced, sense-strand bases, upper-case ACGT, none empty.

    Returns:
        The statistic, (n,), about .3 to 1.4.
    """
    counts = np.array(
        [
            [[sequence[place::3].count(base) for place in range(3)] for base in BASES]
            for sequence in sequences
        ]
    ).reshape(-1, len(BASES), 3)
    position = counts.max(axis=2) / (counts.min(axis=2) + 1)
    content = counts.sum(axis=2) / counts.sum(axis=(1, 2))[:, None]
    base = np.arange(len(BASES))
    position_p = POSITION_PROBABILITIES[base, np.digitize(position, POSITION_EDGES)]
    content_p = CONTENT_PROBABILITIES[base, np.digitize(content, CONTENT_EDGES)]
    scores: np.ndarray = position_p @ POSITION_WEIGHTS + content_p @ CONTENT_WEIGHTS
    return scores
