"""FASTQ: sequences alone, of records whose lines may be wrapped and of any length.

Biopython's parser holds a record whole, however long it is, and takes no blank lines. Source: Cock
et al., Nucleic Acids Research 38:1767 (2010).
"""

from collections.abc import Iterator

from circlet.data.records import Entry
from circlet.data.sources.lines import endless_header
from circlet.errors import InputError


def parse_fastq(pieces: Iterator[str], where: str, most: int) -> Iterator[Entry]:
    """Read FASTQ; the qualities are counted and passed over.

    Args:
        pieces: The lines, a long one in several pieces that all but the last lack a line break.
        where: Names them in errors.
        most: Letters kept of a sequence; further ones are only counted.

    Raises:
        InputError: A record does not begin with `@`, has no name, has more or fewer qualities than
            letters, or is cut off by the end of the file.
    """
    for number, piece in enumerate(_headers(pieces), start=1):
        if piece[0] != "@":
            raise InputError(
                where,
                "does not begin with '@': more qualities than letters before it, or no FASTQ",
                "give whole FASTQ records",
                f"record {number}",
            )
        name = next(iter(piece[1:].split(maxsplit=1)), None)
        if name is None:
            raise InputError(where, "has no name", "write one after '@'", f"record {number}")
        if piece[-1] != "\n" and next(pieces, ""):
            raise endless_header(where)
        kept, length = _read_letters(pieces, where, name, most)
        _pass_qualities(pieces, where, name, length)
        yield Entry(name, kept, length)


def _headers(pieces: Iterator[str]) -> Iterator[str]:
    """Yield what is not blank; each record is read from `pieces` before the next is asked for."""
    return (piece for piece in pieces if not piece.isspace())


def _end_line(piece: str, pieces: Iterator[str]) -> None:
    """Pass over the rest of a line that came in pieces."""
    while piece and piece[-1] != "\n":
        piece = next(pieces, "")


def _read_letters(pieces: Iterator[str], where: str, name: str, most: int) -> tuple[str, int]:
    """Read a record's letters up to the line with `+`: those kept, and how many there are."""
    kept: list[str] = []
    length, begins = 0, True
    for piece in pieces:
        if begins and piece[0] == "+":
            _end_line(piece, pieces)
            return "".join(kept), length
        letters = "".join(piece.split())
        if length < most:
            kept.append(letters[: most - length])
        length += len(letters)
        begins = piece[-1] == "\n"
    raise _cut_off(where, name)


def _pass_qualities(pieces: Iterator[str], where: str, name: str, length: int) -> None:
    """Pass over as many qualities as there are letters, to the end of their last line."""
    count = 0
    while count < length:
        piece = next(pieces, "")
        if not piece:
            raise _cut_off(where, name)
        count += len(piece.rstrip())
    if count > length:
        raise InputError(
            where, f"has {length} letters and more qualities", "give whole FASTQ records", name
        )


def _cut_off(where: str, name: str) -> InputError:
    """Make the error of a file that ends within a record."""
    return InputError(where, "is cut off: the file ends within it", "fetch it again", name)
