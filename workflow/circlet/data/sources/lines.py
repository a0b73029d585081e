"""Lines of text in front of the parsers: the kind of file they are, and none without bounds."""

import itertools
from collections.abc import Callable, Iterator
from functools import partial
from typing import TextIO

from circlet.data.sources.bed12 import BED_HEADERS
from circlet.errors import InputError

PIECE = 1 << 20  # characters; a longer line comes in pieces
_NO_LINES = [[word] for word in BED_HEADERS]


class Lines:
    """The lines of a text from the first one that counts on, each with its line break.

    Blank lines and comments before it are passed over.

    Args:
        handle: The text.
        where: Its name in errors.

    Attributes:
        first: That line, or its first `PIECE` characters; empty if there is none.
        number: Its number, from 1.
    """

    def __init__(self, handle: TextIO, where: str) -> None:
        self.where = where
        self._pieces = iter(partial(handle.readline, PIECE), "")
        self.first, self.number, begins, is_comment = "", 1, True, False
        for piece in self._pieces:
            if begins:
                is_comment = piece[0] == "#" or piece.split(maxsplit=1)[:1] in _NO_LINES
            if not is_comment and not piece.isspace():
                self.first = piece
                break
            begins = piece[-1] == "\n"
            self.number += begins

    def pieces(self) -> Iterator[str]:
        """Give all that is left; a line longer than `PIECE` comes in several pieces."""
        return itertools.chain([self.first] if self.first else [], self._pieces)

    def whole(self) -> Iterator[str]:
        """Yield whole lines.

        Raises:
            InputError: One is longer than `PIECE`.
        """
        for number, piece in enumerate(self.pieces(), start=self.number):
            if len(piece) == PIECE and piece[-1] != "\n":
                raise InputError(
                    self.where,
                    f"is longer than {PIECE:,} characters",
                    "give a file with line breaks",
                    f"line {number}",
                )
            yield piece


def tell_kind(line: str) -> str | None:
    """Tell by the first line that counts whether a file is `fasta`, `fastq`, `bed` or `gtf`."""
    if line.lstrip()[:1] in _MARKS:
        return _MARKS[line.lstrip()[0]]
    fields = [field.strip() for field in line.split("\t")]
    return next((kind for kind, is_kind in _TABLES.items() if is_kind(fields)), None)


def _are_integers(fields: list[str]) -> bool:
    """Whether both ends of a place are numbers."""
    return len(fields) == 2 and all(field.isdecimal() for field in fields)


_MARKS = {">": "fasta", "@": "fastq"}
_TABLES: dict[str, Callable[[list[str]], bool]] = {
    "bed": lambda fields: _are_integers(fields[1:3]),
    "gtf": lambda fields: len(fields) == 9 and _are_integers(fields[3:5]),
}
