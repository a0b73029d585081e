import pytest

from circlet.evaluation.coding import fickett


def test_strongest_position_and_content():
    # A, C and G each fill one codon position, 10 / (0 + 1): the last interval of each; no T.
    position = 0.26 * 0.94 + 0.18 * 0.80 + 0.31 * 0.90 + 0.33 * 0.09
    content = 0.11 * 0.28 + 0.12 * 0.82 + 0.15 * 0.40 + 0.14 * 0.58
    assert position + content == pytest.approx(0.9675)
    assert fickett(["ACG" * 10]) == pytest.approx([0.9675])


def test_even_position_and_content():
    # Each base 9, 8 and 8 times in the three positions, 9 / (8 + 1) = 1, and a share of .25.
    position = 0.26 * 0.22 + 0.18 * 0.23 + 0.31 * 0.08 + 0.33 * 0.09
    content = 0.11 * 0.62 + 0.12 * 0.59 + 0.15 * 0.64 + 0.14 * 0.55
    assert position + content == pytest.approx(0.4651)
    assert fickett(["ACGT" * 25]) == pytest.approx([0.4651])


def _placed(first, second, third):
    """Sequence whose codon positions hold the bases of three strings of one length."""
    return "".join(base for codon in zip(first, second, third, strict=True) for base in codon)


@pytest.mark.parametrize(
    ("most", "parameter", "probability"),
    [(10, "10/10", 0.22), (11, "11/10", 0.20), (12, "12/10", 0.34), (19, "19/10", 0.94)],
)
def test_intervals_of_position_hold_their_lower_edge(most, parameter, probability):
    # A is `most`, 9 and 9 times in the positions of 100 codons, C fills the rest.
    sequence = _placed(*("A" * count + "C" * (100 - count) for count in (most, 9, 9)))
    c_parameter = 91 / (100 - most + 1)
    c_probability = 0.23 if c_parameter < 1.1 else 0.30
    position = 0.26 * probability + 0.18 * c_probability + 0.31 * 0.08 + 0.33 * 0.09
    content = 0.11 * 0.21 + 0.12 * 0.82 + 0.15 * 0.29 + 0.14 * 0.58
    assert fickett([sequence]) == pytest.approx([position + content]), parameter


@pytest.mark.parametrize(
    ("share", "probability"),
    [(16, 0.21), (17, 0.81), (18, 0.81), (19, 0.65), (20, 0.65), (21, 0.67), (33, 0.28)],
)
def test_intervals_of_content_hold_their_lower_edge(share, probability):
    # 100 codons, in each position `share` As and Cs else: both parameters of position below 1.
    sequence = _placed(*["A" * share + "C" * (100 - share)] * 3)
    position = 0.26 * 0.22 + 0.18 * 0.23 + 0.31 * 0.08 + 0.33 * 0.09
    content = 0.11 * probability + 0.12 * 0.82 + 0.15 * 0.29 + 0.14 * 0.58
    assert fickett([sequence]) == pytest.approx([position + content])


def test_codon_positions_may_be_renamed_but_not_mixed():
    sequence = "ATGGCCAAGGAGCTGTTCACC" * 12
    shifted, shuffled = sequence[1:] + sequence[:1], "".join(sorted(sequence))
    first, second, third = fickett([sequence, shifted, shuffled])
    assert first == pytest.approx(second)
    assert first > third + 0.2


def test_no_sequences():
    assert fickett([]).shape == (0,)
