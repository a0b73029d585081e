"""Genomic places in the words of the sources, checked: numbers, strands, exon lists.

The functions raise `ValueError` with the problem in words; a source turns it into an
`InputError` that names its file and record.
"""

import re
from typing import overload

# At most 18 digits fit 64 bits. `int` alone would also take '1_0', '+1', ' 1' and other scripts.
_INTEGER = re.compile(r"[0-9]{1,18}")
_MISSING = {"", "n/a", "none"}


def known(text: str) -> str | None:
    """Give `text`, or None where it is how an upstream writes a missing value."""
    text = text.strip()
    return None if text.lower() in _MISSING else text


def check_name(text: str, name: str) -> None:
    """Refuse a name that cannot be printed: control characters, and marks that show nothing.

    A terminal, an editor or a page would show another name than programs read, or obey it.

    Args:
        text: The name.
        name: What is named, for the message.

    Raises:
        ValueError: It is empty, begins or ends with a space, or one of its characters does not
            print.
    """
    if not text:
        raise ValueError(f"the {name} is empty")
    if text != text.strip():
        raise ValueError(f"the {name} begins or ends with a space")
    if not text.isprintable():
        codes = {f"U+{ord(letter):04X}" for letter in text if not letter.isprintable()}
        raise ValueError(f"the {name} has a character that does not print ({min(codes)})")


def parse_integer(text: str, name: str) -> int:
    """Read a whole number that is not negative.

    Args:
        text: The digits.
        name: What the number is, for the message.

    Raises:
        ValueError: `text` is anything else, or has more than 18 digits.
    """
    if not _INTEGER.fullmatch(text):
        raise ValueError(f"{name} '{text}' is not a whole number")
    return int(text)


@overload
def parse_place(start: str, end: str, strand: str | None, first: int = 0) -> tuple[int, int]: ...


@overload
def parse_place(
    start: str | None, end: str | None, strand: str | None, first: int = 0
) -> tuple[int | None, int | None]: ...


def parse_place(
    start: str | None, end: str | None, strand: str | None, first: int = 0
) -> tuple[int | None, int | None]:
    """Read the ends of a place and check its strand; None stands for what is not told.

    Args:
        start: First position of the place.
        end: With `first` 0 the position after the last one, with `first` 1 the last one.
        strand: `+` or `-`.
        first: Number of a chromosome's first base, 0 (half-open places) or 1 (closed places).

    Returns:
        Start and end, 0-based half-open.

    Raises:
        ValueError: A position is not a number, the place is empty, or the strand is another word.
    """
    begin = None if start is None else parse_integer(start, "start") - first
    stop = None if end is None else parse_integer(end, "end")
    if begin is not None and (begin < 0 or (stop is not None and begin >= stop)):
        raise ValueError(f"start {start} and end {end} do not bound a place")
    if strand not in (None, "+", "-"):
        raise ValueError(f"strand '{strand}' is neither + nor -")
    return begin, stop


def parse_exons(
    count: str | None, lengths: str | None, offsets: str | None
) -> tuple[int | None, str | None, str | None]:
    """Read an exon count and its comma lists, which may end in a comma as UCSC writes them.

    Returns:
        The count, taken from a list if it is not told itself, and the two lists without spaces.

    Raises:
        ValueError: A number is not whole, or count and lists differ in size.
    """
    number = None if count is None else parse_integer(count, "exon_count")
    for name, text in (("exon_lengths", lengths), ("exon_offsets", offsets)):
        if text is None:
            continue
        size = len([parse_integer(item, name) for item in _items(text)])
        number = size if number is None else number
        if size != number:
            raise ValueError(f"{name} has {size} numbers for {number} exons")
    return number, _tidy(lengths), _tidy(offsets)


def _items(text: str) -> list[str]:
    """Divide a comma list."""
    return [item.strip() for item in text.removesuffix(",").split(",")]


def _tidy(text: str | None) -> str | None:
    """Write a comma list without spaces and last comma."""
    return None if text is None else ",".join(_items(text))
