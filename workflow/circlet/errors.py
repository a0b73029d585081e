"""The one error that a user's input can cause."""

from pathlib import Path
from typing import Self

LONGEST = 500  # letters of the record and of the problem each, which a file can make of any length


def printable(text: str) -> str:
    """Write what does not print, such as a control character that a terminal obeys, as its code."""
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )


def _cut(text: str) -> str:
    """Cut what is too long to be read."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}\N{HORIZONTAL ELLIPSIS}"


class InputError(Exception):
    """Bad input: what is wrong, where, and how to mend it, in one line.

    The command line prints it without a traceback and exits with code 2.

    Args:
        where: The file, config key or URL at fault.
        problem: What is wrong with it.
        mend: What the user can do about it.
        record: The record, line or key inside `where`, if one can be named.
    """

    def __init__(
        self, where: str | Path, problem: str, mend: str, record: str | int | None = None
    ) -> None:
        place = f"{where}" if record is None else f"{where}: {_cut(str(record))}"
        line = f"{place}: {_cut(problem)}; {mend}"
        super().__init__(printable(" ".join(line.split())))
        self._parts = where, problem, mend, record

    def __reduce__(self) -> tuple[type[Self], tuple[str | Path, str, str, str | int | None]]:
        """Pickle by the parts, so that one raised in another process arrives."""
        return type(self), self._parts

    def with_mend(self, more: str) -> Self:
        """Give the same error with something added to what the user can do."""
        where, problem, mend, record = self._parts
        return type(self)(where, problem, f"{mend}; {more}", record)

    def at(self, where: str | Path) -> Self:
        """Give the same error with another name of the place, such as that of an uploaded file."""
        _, problem, mend, record = self._parts
        return type(self)(where, problem, mend, record)
