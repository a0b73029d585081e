"""A user's sequences to classify, in whichever format they come; all are streamed."""

from collections.abc import Generator, Iterator
from pathlib import Path

from Bio.SeqIO.FastaIO import SimpleFastaParser

from circlet.arguments import SEQUENCE_KINDS as KINDS
from circlet.data.records import Entry
from circlet.data.sources.fastq import parse_fastq
from circlet.data.sources.lines import Lines, endless_header, tell_kind
from circlet.data.sources.places import check_name
from circlet.data.sources.spliced import read_bed, read_gtf
from circlet.errors import InputError
from circlet.files import named, open_text

__all__ = ["KINDS", "LONGEST", "Entry", "parse_fasta", "read_sequences"]

# nt kept of a record, which bounds the memory if a chromosome is given by mistake.
LONGEST = 10_000_000

_OF_PLACES = {"bed": ("BED", read_bed), "gtf": ("GTF", read_gtf)}


def read_sequences(
    path: str | Path, genome: str | Path | None = None, kind: str = "auto", any_strand: bool = False
) -> Generator[Entry, None, None]:
    """Read sequences one by one, in the order of the file and with memory that is bounded.

    Nothing is left out: a record without a sequence is an entry of length 0, ids may be shared,
    and of a sequence longer than `LONGEST` the beginning comes with the whole length.

    Args:
        path: The file, plain or compressed, a pipe, or `-` for standard input.
        genome: FASTA file of the genome that BED and GTF refer to.
        kind: One of `KINDS`; `auto` tells it by the first line that is not blank or a comment.
        any_strand: Whether a place of unknown strand, `.` in BED and GTF, is read along `+`.

    Raises:
        InputError: The file cannot be read, is of no known kind, has no record, or is broken in
            structure; or there is no genome where one is needed, or not the right one.
    """
    where = named(path)
    with open_text(path) as handle:
        lines = Lines(handle, where)
        if not lines.first:
            raise InputError(where, "has no record", "give a file with at least one")
        found = tell_kind(lines.first) if kind == "auto" else kind
        if found is None:
            raise InputError(
                where,
                "is neither FASTA, FASTQ, BED nor GTF",
                "give one of these, plain or compressed",
                f"line {lines.number}",
            )
        if found in _OF_PLACES:
            name, read = _OF_PLACES[found]
            if genome is None:
                problem = f"is {name}, which has places and no sequences"
                raise InputError(where, problem, "give the FASTA file of its genome by --genome")
            yield from _printable(read(lines, genome, any_strand, LONGEST), where)
        else:
            parse = {"fasta": parse_fasta, "fastq": parse_fastq}[found]
            yield from _printable(parse(lines.pieces(), where, LONGEST), where)


def parse_fasta(pieces: Iterator[str], where: str, most: int) -> Iterator[Entry]:
    """Read FASTA.

    Args:
        pieces: The lines, a long one in several pieces that all but the last lack a line break.
        where: Names them in errors.
        most: Letters kept of a sequence; further ones are only counted.

    Raises:
        InputError: There is text before the first header, a header has no name, or a `>` is within
            a sequence.
    """
    lengths: list[int] = []
    bounded = _bounded_lines(pieces, where, most, lengths)
    for number, (title, sequence) in enumerate(SimpleFastaParser(bounded), start=1):
        words = title.split(maxsplit=1)
        if not words:
            raise InputError(where, "has no name", "write one after '>'", f"record {number}")
        yield Entry(words[0], sequence, lengths.pop(0))


def _printable(entries: Iterator[Entry], where: str) -> Iterator[Entry]:
    """Pass on entries whose ids can be printed.

    Raises:
        InputError: One cannot.
    """
    for number, entry in enumerate(entries, start=1):
        if not entry.id.isprintable():
            try:
                check_name(entry.id, "id")
            except ValueError as error:
                raise InputError(where, str(error), "mend the id", f"record {number}") from None
        yield entry


def _bounded_lines(
    pieces: Iterator[str], where: str, most: int, lengths: list[int]
) -> Iterator[str]:
    """Pass on headers and no more than `most` letters of each record, without white space.

    The parser that reads them sees the end of a record only at the next header: by then the
    record's length has been added to `lengths`.
    """
    first = next(pieces).lstrip()
    if first[0] != ">":
        mend = "give a FASTA file, plain or compressed"
        raise InputError(where, "does not begin with '>', so it is not FASTA", mend)
    yield first
    title, length, begins, is_title = first, 0, first[-1] == "\n", True
    for piece in pieces:
        if begins and piece[0] == ">":
            lengths.append(length)
            title, length, is_title = piece, 0, True
            yield piece
        elif is_title and not begins:
            raise endless_header(where)
        else:
            is_title = False
            letters = "".join(piece.split())
            if ">" in letters:
                name = next(iter(title[1:].split(maxsplit=1)), None)
                mend = "begin each header on its own line"
                raise InputError(where, "has a '>' within its sequence", mend, name)
            if letters and length < most:
                yield letters[: most - length]
            length += len(letters)
        begins = piece[-1] == "\n"
    lengths.append(length)
