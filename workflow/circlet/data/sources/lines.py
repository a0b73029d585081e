"""Lines of text in front of the parsers: the kind of file they are, and none without bounds."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TextIO

from circlet.errors import InputError

PIECE = 1 << 20  # characters; a longer line comes in pieces
BED_HEADERS = ("track", "browser")  # first words of lines of BED that are no transcript
_NO_LINES = [[word] for word in BED_HEADERS]


def pieces_of(handle: TextIO) -> Iterator[str]:
    """Give the lines of a text; one longer than `PIECE` comes in several pieces."""
    return iter(partial(handle.readline, PIECE), "")


def whole(pieces: Iterable[str], where: str | Path, first: int = 1) -> Iterator[str]:
    """Yield lines, so that none fills the memory.

    Args:
        pieces: See `pieces_of`.
        where: Names the text in errors.
        first: Number of the first line.

    Raises:
        InputError: One is longer than `PIECE`.
    """
    for number, piece in enumerate(pieces, start=first):
        if len(piece) == PIECE and piece[-1] != "\n":
            raise InputError(
                where,
                f"is longer than {PIECE:,} characters",
                "give a file with line breaks",
                f"line {number}",
            )
        yield piece


def endless_header(where: str | Path) -> InputError:
    """Make the error of a header that comes in several pieces: nobody's, and never kept."""
    return InputError(
        where,
        f"has a header of more than {PIECE:,} characters",
        "give a file with line breaks",
    )


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
        self._pieces = pieces_of(handle)
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
        """Give whole lines.

        Raises:
            InputError: One is longer than `PIECE`.
        """
        return whole(self.pieces(), self.where, self.number)


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
