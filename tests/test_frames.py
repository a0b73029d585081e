import numpy as np
import pytest

from circlet.descriptors import describe
from circlet.evaluation.explain.frames import Stretch, longest_stretch, stop_codons


def test_stops_are_found_in_their_frame():
    #  0         1
    #  0123456789012
    assert [found.tolist() for found in stop_codons("TAACTGACTAGTA")] == [[0], [4], [8]]


@pytest.mark.parametrize(
    ("sequence", "expected"),
    [
        ("TAACTAACTAACCCCCCCC", (0, 3, 18)),  # after the stop
        ("ACGACGACGTAAACG", (1, 1, 13)),  # frame 2 has four codons and no stop
        ("CTAACTGACTAGTCC", (0, 0, 9)),  # before it; frame 2 has as many
        ("AC", (0, 0, 0)),
    ],
)
def test_longest_stretch(sequence, expected):
    assert longest_stretch(sequence) == Stretch(*expected)


def test_it_is_as_long_as_the_descriptor_says():
    rng = np.random.default_rng(0)
    for length in (30, 100, 401):
        sequence = "".join(rng.choice(list("ACGT"), length))
        frame, start, end = longest_stretch(sequence)
        fraction = describe([sequence])["stop_free_linear_1"].item()
        assert (end - start) / length == pytest.approx(fraction)
        assert start % 3 == frame
        codons = [sequence[place : place + 3] for place in range(start, end, 3)]
        assert not {"TAA", "TAG", "TGA"} & set(codons)
