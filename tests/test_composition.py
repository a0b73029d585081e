from itertools import product

import numpy as np
import pytest

from circlet.composition import SIZE, compose, compose_any
from circlet.descriptors import describe

WORDS = ["".join(word) for word in product("ACGT", repeat=4)]
CODONS = ["".join(word) for word in product("ACGT", repeat=3)]
# In frame 0 a stop comes every second codon, in frame 2 the third is one, in frame 1 none is.
SEQUENCE = "TAACCCTGAGCATAGC"


def test_the_sixteen_come_first():
    found = compose([SEQUENCE, SEQUENCE[::-1]])
    assert found.shape == (2, 16 + 256 + 64 + 20)
    assert np.array_equal(found[:, :16], describe([SEQUENCE, SEQUENCE[::-1]]).to_numpy())


def test_words_are_counted_at_every_position():
    found = dict(zip(WORDS, compose([SEQUENCE])[0, 16:272], strict=True))
    placed = [SEQUENCE[place : place + 4] for place in range(13)]
    assert found == pytest.approx({word: placed.count(word) / 13 for word in WORDS})
    assert found["TAAC"] == pytest.approx(1 / 13)
    assert found["AAAA"] == 0


def test_codons_are_of_the_frame_with_the_longest_open_stretch():
    found = dict(zip(CODONS, compose([SEQUENCE])[0, 272:336], strict=True))
    frame = ["AAC", "CCT", "GAG", "CAT", "AGC"]
    assert found == {codon: frame.count(codon) / 5 for codon in CODONS}


def test_stops_of_that_frame_count_too():
    # Each frame has one stop: frame 0, the most open one, after five codons.
    found = dict(zip(CODONS, compose(["CCCCCCCTAACTAACTAACCC"])[0, 272:336], strict=True))
    frame = ["CCC", "CCC", "CTA", "ACT", "AAC", "TAA", "CCC"]
    assert found == {codon: frame.count(codon) / 7 for codon in CODONS}


def test_ten_bases_of_each_end():
    assert compose([SEQUENCE])[0, 336:].tolist() == [
        *(3, 0, 0, 1, 1, 1, 3, 2, 0, 2),
        *(3, 2, 0, 2, 1, 0, 3, 0, 2, 1),
    ]


def test_what_a_short_sequence_lacks_is_a_code_of_its_own():
    assert compose(["ACGT"])[0, 336:].tolist() == [*range(4), *[4] * 12, *range(4)]


@pytest.mark.parametrize("sequence", ["ACG", "ACGTN"])
def test_other_sequences_are_refused(sequence):
    with pytest.raises(ValueError, match=f"ACGT: '{sequence}'"):
        compose([sequence])


def test_none_gives_no_row():
    assert compose([]).shape == (0, 356)


def test_plain_sequences_are_described_alike():
    sequences = [SEQUENCE, SEQUENCE[::-1], "ACGT"]
    found = compose_any(sequences)
    assert found.dtype == np.float32
    assert np.array_equal(found, compose(sequences).astype(np.float32))
    lower = [sequence.lower().replace("t", "u") for sequence in sequences]
    assert np.array_equal(compose_any(lower), found)


def test_words_with_another_letter_do_not_count():
    found = compose_any(["ACGTNACGTA"])[0]
    assert dict(zip(WORDS, found[16:272], strict=True)) == pytest.approx(
        {word: {"ACGT": 2 / 3, "CGTA": 1 / 3}.get(word, 0) for word in WORDS}
    )
    # Frame 0 reads ACG TNA CGT.
    assert dict(zip(CODONS, found[272:336], strict=True)) == pytest.approx(
        {codon: 0.5 * (codon in ("ACG", "CGT")) for codon in CODONS}
    )
    assert found[336:346].tolist() == [0, 1, 2, 3, 4, 0, 1, 2, 3, 0]


@pytest.mark.parametrize("sequence", ["", "A", "NNN", "NNNNNNNN"])
def test_what_has_no_words_has_finite_numbers(sequence):
    found = compose_any([sequence])
    assert found.shape == (1, SIZE)
    assert not found[0, 16:336].any()
    assert np.isfinite(found).all()
