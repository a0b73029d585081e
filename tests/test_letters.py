import pytest

from circlet.letters import Letters, count_letters


@pytest.mark.parametrize(
    ("sequence", "counts"),
    [
        ("", (0, 0, 0)),
        ("ACGTUacgtu", (10, 0, 0)),
        ("RYSWKMBDHVN", (0, 11, 0)),
        ("ryswkmbdhvn", (0, 11, 0)),
        ("ACNNGT", (4, 2, 0)),
        ("AC-G.T*", (4, 0, 3)),
        ("MKVLAARE", (2, 4, 2)),  # of a protein, L and E are no codes
        ("AX1é", (1, 0, 3)),
        ("A😀", (1, 0, 1)),
        ("A C\n", (2, 0, 2)),
        ("\ud800A", (1, 0, 1)),
    ],
)
def test_letters_are_counted_by_their_kind(sequence, counts):
    assert count_letters(sequence) == Letters(*counts)


def test_every_letter_is_of_one_kind():
    text = "".join(map(chr, range(300)))
    assert sum(count_letters(text)) == 300
    assert count_letters(text) == (10, 22, 268)
