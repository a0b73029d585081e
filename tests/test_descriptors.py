import numpy as np
import pytest

from circlet.evaluation.descriptors import DESCRIPTORS, describe, longest_stop_free_fraction


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
    sequences = ["".join(rng.choice(list("ACGT"), rng.integers(4, 400))) for _ in range(60)]
    found = describe(sequences)
    for i, sequence in enumerate(sequences):
        length = len(sequence)
        linear = sorted((_longest(sequence, f) / length for f in range(3)), reverse=True)
        ring = sorted((min(_longest(sequence * 4, f), 3 * length) for f in range(3)), reverse=True)
        assert found.iloc[i, 1:4].tolist() == linear
        assert found.iloc[i, 4:7].tolist() == [stretch / length for stretch in ring]
    assert np.array_equal(longest_stop_free_fraction(sequences), found["stop_free_linear_1"])


def _longest(sequence, frame):
    longest = run = 0
    for i in range(frame, len(sequence) - 2, 3):
        run = 0 if sequence[i : i + 3] in {"TAA", "TAG", "TGA"} else run + 3
        longest = max(longest, run)
    return longest


@pytest.mark.parametrize(
    "sequence", ["", "ACG", "ACGTN", "acgt", "ACGU", "ACGT\N{GREEK SMALL LETTER PI}"]
)
def test_refuses_other_than_acgt(sequence):
    with pytest.raises(ValueError, match="ACGT"):
        describe(["ACGT", sequence])


def test_no_sequences_give_no_rows():
    assert describe([]).shape == (0, 16)
