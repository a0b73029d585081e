import pytest
from hypothesis import given
from hypothesis import strategies as st

from circlet.errors import InputError
from circlet.shards import WHOLE, Shard, shard, take


@given(st.integers(0, 2000), st.integers(1, 40), st.integers(1, 600))
def test_pieces_are_whole_windows_and_together_everything(total, count, window):
    items = list(range(total))
    pieces = [items[Shard(number, count).rows(total, window)] for number in range(1, count + 1)]
    assert [item for piece in pieces for item in piece] == items
    assert all(piece[0] % window == 0 for piece in pieces if piece)
    # As even as windows allow.
    windows = [-(-len(piece) // window) for piece in pieces]
    assert max(windows) - min(windows) <= 1


def test_pieces_of_a_known_number():
    assert [Shard(number, 3).rows(11, 2) for number in (1, 2, 3)] == [
        slice(0, 4),
        slice(4, 8),
        slice(8, 11),
    ]
    assert WHOLE.rows(11, 2) == slice(0, 11)


@given(st.integers(0, 40), st.integers(1, 9), st.integers(1, 9), st.data())
def test_items_are_taken_by_the_piece(total, count, window, data):
    piece = Shard(data.draw(st.integers(1, count)), count)
    taken = list(take(lambda: iter(range(total)), piece, window))
    assert taken == list(range(total))[piece.rows(total, window)]


def test_the_whole_is_read_once():
    reads = []

    def read():
        reads.append(1)
        yield from "abc"

    assert list(take(read, WHOLE, 2)) == ["a", "b", "c"]
    assert len(reads) == 1


def test_a_piece_is_named_by_its_number():
    assert shard("2/3") == Shard(2, 3)
    assert shard("1/1") == WHOLE


@pytest.mark.parametrize(
    "text", ["0/3", "4/3", "1/0", "-1/3", "1", "1/", "a/b", "1/2/3", "1.0/2", ""]
)
def test_what_names_no_piece_is_refused(text):
    with pytest.raises(InputError, match=r"^arguments: --shard: is .*; give I/N: piece I of N"):
        shard(text)
