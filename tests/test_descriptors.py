import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from circlet.descriptors import DESCRIPTORS, describe, describe_any, longest_stop_free_fraction

STOPS = {"TAA", "TAG", "TGA"}
STRANDS = ("ACGT", "TTAAGC", "CCGGGTA")


def test_describe_exact_values_of_a_short_sequence():
    # Frames of AC GTA AGG TGA CC: 0 ACG|TAA|GGT|GAC, 1 CGT|AAG|GTG|ACC, 2 GTA|AGG|TGA.
    # As a ring of 13 nt, the only stops are TAA at 3 and TGA at 8, and their copies.
    found = describe(["ACGTAAGGTGACC"]).iloc[0]
    assert list(found.index) == list(DESCRIPTORS)
    assert len(DESCRIPTORS) == 16
    assert found["log_length"] == np.log(13)
    assert found["stop_free_linear_1":"stop_free_linear_3"].tolist() == [12 / 13, 6 / 13, 6 / 13]
    assert found["gc"] == 7 / 13
    assert found["first_1":"first_4"].tolist() == [0, 1, 2, 3]
    assert found["last_1":"last_4"].tolist() == [2, 0, 1, 1]


def test_ring_runs_cross_the_junction_and_change_frame_there():
    # 10 nt with TAA at 0: copies of the stop at 0, 10, 20, 30, thus in frames 0, 1, 2, 0.
    # Frame 0: 27 nt between 3 and 30. Frame 1: 10 nt before 10 give 9, after 13 up to 40 give 27.
    # Frame 2: 18 nt from 2 to 20, then 15 nt from 23 to 40.
    found = describe(["TAACCCCCCC"]).iloc[0]
    assert found["stop_free_ring_1":"stop_free_ring_3"].tolist() == [2.7, 2.7, 1.8]


def test_ring_finds_a_stop_that_only_the_junction_makes():
    # Length divisible by three: frames stay, and AACCCT closes to ...CCCT|AAC: TAA in frame 2.
    found = describe(["AACCCT"]).iloc[0]
    assert found["stop_free_linear_1":"stop_free_linear_3"].tolist() == [1.0, 0.5, 0.5]
    # Frame 2 reads CCC TAA CCC TAA CCC TAA CCC: three nt at most; the others are open for ever.
    assert found["stop_free_ring_1":"stop_free_ring_3"].tolist() == [3.0, 3.0, 0.5]


@pytest.mark.parametrize("stop", ["TAA", "TAG", "TGA"])
def test_every_stop_codon_ends_a_run(stop):
    assert describe([f"CCC{stop}CCCCCC"])["stop_free_linear_3"].item() == 6 / 12


@pytest.mark.parametrize("codon", ["TGG", "AAT", "TTA", "TAC", "TAT", "TGC", "TGT", "GAT"])
def test_other_codons_end_none(codon):
    assert describe([f"CCC{codon}CCCCCC"])["stop_free_linear_1"].item() == 1.0


def test_runs_count_complete_codons():
    found = describe(["CCCCCCCC"]).iloc[0]
    assert found["stop_free_linear_1":"stop_free_linear_3"].tolist() == [0.75, 0.75, 0.75]
    assert found["stop_free_ring_1":"stop_free_ring_3"].tolist() == [3.0, 3.0, 3.0]


def test_agrees_with_a_reading_codon_by_codon():
    rng = np.random.default_rng(7)
    lengths = [*range(4, 60), *rng.integers(60, 400, 40)]
    # Rich in stop codons, and poor in them.
    sequences = ["".join(rng.choice(list(letters), n)) for n in lengths for letters in STRANDS]
    found = describe(sequences)
    assert found.to_numpy().tolist() == [_describe(sequence) for sequence in sequences]
    assert set(found.dtypes) == {np.dtype("float64")}
    assert np.array_equal(longest_stop_free_fraction(sequences), found["stop_free_linear_1"])
    assert describe_any(sequences).tolist() == found.to_numpy(dtype=np.float32).tolist()


@given(st.lists(st.text("ACGTTTAAGUacgtunN-é", max_size=30), max_size=8))
def test_any_letters_and_lengths_agree_with_a_reading_codon_by_codon(sequences):
    found = describe_any(sequences)
    assert (found.dtype, found.shape) == (np.float32, (len(sequences), 16))
    expected = [np.array(_describe(sequence), dtype=np.float32) for sequence in sequences]
    assert found.tolist() == [row.tolist() for row in expected]


def _describe(sequence):
    """The descriptors by their definition."""
    sequence = sequence.upper().replace("U", "T")
    length = len(sequence)
    divisor = max(length, 1)
    linear = sorted((_longest(sequence, frame) for frame in range(3)), reverse=True)
    ring = sorted((_longest(sequence * 4, frame) for frame in range(3)), reverse=True)
    ends = " " * (4 - length) + sequence[-4:]
    return [
        np.log(divisor),
        *(stretch / divisor for stretch in linear),
        *(min(stretch, 3 * length) / divisor for stretch in ring),
        (sequence.count("C") + sequence.count("G")) / divisor,
        *(("ACGT".find(base) % 5) for base in sequence[:4].ljust(4) + ends),
    ]


def _longest(sequence, frame):
    longest = run = 0
    for i in range(frame, len(sequence) - 2, 3):
        run = 0 if sequence[i : i + 3] in STOPS else run + 3
        longest = max(longest, run)
    return longest


def test_other_letters_count_in_the_length_alone():
    # Frames: ACN|TNA|GGT, CNT|NAG, NTN|AGG: no stop.
    found = dict(zip(DESCRIPTORS, describe_any(["acNUNAGGu"])[0].tolist(), strict=True))
    assert found["log_length"] == np.float32(np.log(9))
    assert found["stop_free_linear_1"] == 1.0
    assert found["gc"] == np.float32(3 / 9)
    assert [found[f"first_{place}"] for place in (1, 2, 3, 4)] == [0, 1, 4, 3]
    assert [found[f"last_{place}"] for place in (1, 2, 3, 4)] == [0, 2, 2, 3]


@pytest.mark.parametrize(
    ("sequence", "expected"),
    [
        ("", [0, 0, 0, 0, 0, 0, 0, 0, *[4] * 8]),
        # Four copies of one base hold a codon in two frames, of no more than three lengths.
        ("G", [0, 0, 0, 0, 3, 3, 0, 1, 2, 4, 4, 4, 4, 4, 4, 2]),
        ("AC", [np.log(2), 0, 0, 0, 3, 3, 3, 0.5, 0, 1, 4, 4, 4, 4, 0, 1]),
        ("UGA", [np.log(3), 0, 0, 0, 3, 3, 0, 1 / 3, 3, 2, 0, 4, 4, 3, 2, 0]),
    ],
)
def test_short_sequences_lack_end_bases(sequence, expected):
    assert describe_any([sequence])[0].tolist() == np.array(expected, dtype=np.float32).tolist()


def test_rows_do_not_depend_on_their_neighbours():
    rng = np.random.default_rng(2)
    sequences = ["".join(rng.choice(list("ACGTN"), n)) for n in rng.integers(0, 60, 600)]
    alone = np.vstack([describe_any([sequence]) for sequence in sequences])
    assert np.array_equal(describe_any(sequences), alone)


@pytest.mark.parametrize(
    "sequence", ["", "ACG", "ACGTN", "acgt", "ACGU", "ACGT\N{GREEK SMALL LETTER PI}"]
)
def test_refuses_other_than_acgt(sequence):
    with pytest.raises(ValueError, match="ACGT"):
        describe(["ACGT", sequence])


def test_no_sequences_give_no_rows():
    assert describe([]).shape == (0, 16)
    assert describe_any([]).shape == (0, 16)
