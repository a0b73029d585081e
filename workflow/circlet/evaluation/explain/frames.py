"""Where the reading frames of a transcript are open: its stop codons and the stretches between."""

from typing import NamedTuple

import numpy as np

FRAMES, CODON = 3, 3
STOPS = ("TAA", "TAG", "TGA")


class Stretch(NamedTuple):
    """Complete codons without a stop: frame 0 to 2, and positions, 0-based half-open."""

    frame: int
    start: int
    end: int


def stop_codons(sequence: str) -> list[np.ndarray]:
    """Positions of the stop codons in each of the three frames of a sequence, as it is read."""
    places = [
        place for place in range(len(sequence) - 2) if sequence[place : place + CODON] in STOPS
    ]
    found = np.array(places, dtype=np.int64)
    return [found[found % CODON == frame] for frame in range(FRAMES)]


def longest_stretch(sequence: str) -> Stretch:
    """The longest stretch without a stop in any frame; the first of equal ones."""
    best = Stretch(0, 0, 0)
    for frame, stops in enumerate(stop_codons(sequence)):
        end = len(sequence) - (len(sequence) - frame) % CODON
        starts, ends = [frame, *(stops + CODON).tolist()], [*stops.tolist(), end]
        for start, stop in zip(starts, ends, strict=True):
            if stop - start > best.end - best.start:
                best = Stretch(frame, start, stop)
    return best
