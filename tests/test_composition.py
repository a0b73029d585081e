import tracemalloc
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from circlet.composition import SIZE, compose, compose_any
from circlet.descriptors import BASES, describe

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


def _numbers(sequence, length):
    """Number of the word at each position, behind all others where a letter is no base."""
    codes = [BASES.find(letter) for letter in sequence.upper().replace("U", "T")]
    words = [codes[place : place + length] for place in range(len(codes) - length + 1)]
    numbers = [sum(code * 4**power for power, code in enumerate(word[::-1])) for word in words]
    return [4**length if -1 in word else n for word, n in zip(words, numbers, strict=True)]


def _compose_one(sequence):
    """All but the descriptors, by their definition, one sequence after the other."""
    codons = np.array(_numbers(sequence, 3), dtype=int)
    is_stop = np.isin([*CODONS, ""], ["TAA", "TAG", "TGA"])
    frames = [codons[frame::3] for frame in range(3)]
    runs = [np.flatnonzero(np.r_[True, is_stop[frame], True]) for frame in frames]
    frame = frames[int(np.argmax([np.diff(bounds).max() for bounds in runs]))]
    row = []
    for numbers, total in ((_numbers(sequence, 4), 256), (frame, 64)):
        counts = np.bincount(np.array(numbers, dtype=int), minlength=total + 1)[:total]
        row += (counts / max(1, counts.sum())).tolist()
    codes = [BASES.find(letter) % 5 for letter in sequence.upper().replace("U", "T")]
    lacks = [4] * (10 - len(codes))
    return [*row, *codes[:10], *lacks, *lacks, *codes[-10:]]


@given(st.lists(st.text("ACGTTTAAGUacgtunN-é", max_size=60), max_size=8))
def test_many_at_once_are_to_the_bit_what_they_are_one_by_one(sequences):
    expected = np.array([_compose_one(sequence) for sequence in sequences], dtype=np.float32)
    assert np.array_equal(compose_any(sequences)[:, 16:], expected.reshape(-1, SIZE - 16))


def test_rows_do_not_depend_on_neighbours_or_on_how_many_are_counted_at_once(monkeypatch):
    rng = np.random.default_rng(2)
    sequences = ["".join(rng.choice(list("ACGTN"), n)) for n in [*range(60), 700, 0, 5000]]
    found = compose_any(sequences)
    assert np.array_equal(found[:, 16:], np.float32([_compose_one(each) for each in sequences]))
    monkeypatch.setattr("circlet.composition.COUNTED", 7)
    monkeypatch.setattr("circlet.descriptors._AT_ONCE", 50)
    assert np.array_equal(compose_any(sequences), found)
    assert np.array_equal(np.vstack([compose_any([each]) for each in sequences]), found)


def test_a_long_sequence_takes_a_bounded_amount_of_memory():
    sequence = "ACGTTGCATAGC" * 100_000
    tracemalloc.start()
    compose_any([sequence])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 30 * len(sequence)
