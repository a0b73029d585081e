"""Pieces of long work: which of its items are those of a job that does a share of them."""

import itertools
import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeVar

from circlet.errors import InputError

Item = TypeVar("Item")


class Shard(NamedTuple):
    """One of the contiguous pieces that some work is divided into.

    Attributes:
        number: Which of them, from 1.
        count: How many there are.
    """

    number: int
    count: int  # type: ignore[assignment]  # hides tuple.count, and is a key in files

    def rows(self, total: int, window: int = 1) -> slice:
        """Tell which of `total` items are of this piece; there may be none.

        Args:
            total: Items in all.
            window: Neighbouring items that stay together, counted from the first.
        """
        windows = -(-total // window)
        start, end = (windows * done // self.count for done in (self.number - 1, self.number))
        return slice(start * window, min(end * window, total))


WHOLE = Shard(1, 1)


def shard(text: str) -> Shard:
    """Read `I/N`.

    Raises:
        InputError: It is not that. (One of argparse's own would come with the usage.)
    """
    found = re.fullmatch("([0-9]+)/([0-9]+)", text)
    number, count = map(int, found.groups()) if found else (0, 0)
    if not 1 <= number <= count:
        mend = "give I/N: piece I of N, such as 1/3, 2/3 and 3/3"
        raise InputError("arguments", f"is {text!r}", mend, "--shard")
    return Shard(number, count)


def take(read: Callable[[], Iterable[Item]], piece: Shard, window: int) -> Iterator[Item]:
    """Yield the items of a piece as they are read.

    Args:
        read: Reads all items; of less than the whole it is called twice, to count them first.
        piece: Which of them to yield.
        window: See `Shard.rows`.
    """
    if piece == WHOLE:
        yield from read()
        return
    rows = piece.rows(sum(1 for _ in read()), window)
    yield from itertools.islice(read(), rows.start, rows.stop)
