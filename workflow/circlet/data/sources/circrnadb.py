"""circRNADb: a zip archive with a table of exonic circRNAs and their spliced sequences.

Source: Chen et al., Scientific Reports 6:34985 (2016).
"""

import contextlib
import io
import logging
import lzma
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TextIO

from circlet.compression import CHUNK, as_stream
from circlet.data.records import Record
from circlet.data.sources.fasta import identify, parse_fasta
from circlet.data.sources.lines import pieces_of, whole
from circlet.data.sources.places import check_name, known, parse_exons, parse_integer, parse_place
from circlet.errors import InputError
from circlet.files import of_text, reading

TABLE, SEQUENCES = "circRNA_dataset.txt", "circRNA_fasta"

# Columns of the table, by position.
ID, CHROM, START, END, STRAND, GENE = range(6)
SPLICED_LENGTH, EXON_COUNT, EXON_LENGTHS, EXON_OFFSETS = range(8, 12)
COLUMNS = 15

_ID_PATTERN = re.compile(r"hsa_circ_[0-9]+")  # tells a row from a header line, no more
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,  # a compression or version that zipfile does not know
    RuntimeError,  # an encrypted member
)

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Row:
    """A row of the table: a record that waits for its sequence, and the length promised for it."""

    record: Record
    spliced_length: int | None


def read(archive: str | Path) -> Iterator[Record]:
    """Read circRNADb's circRNAs in the order of their sequences.

    Rows without sequence are left out; sequences without row are kept, without a place. Both
    are counted in the log, and so are lengths and exon columns that contradict the rest.

    Args:
        archive: `circRNA_dataset.zip`; its members are found by name at any depth.

    Raises:
        InputError: The archive is damaged or lacks a member, a row is malformed, an id occurs
            twice, or no sequence has a row.
    """
    rows = _read_table(archive)
    unplaced = differing = joined = 0
    with _member(archive, SEQUENCES) as (lines, where):
        for name, _, sequence in identify(parse_fasta(pieces_of(lines), where), where, "|"):
            row = rows.pop(name, None)
            if row is None:
                unplaced += 1
                yield Record(name, sequence)
                continue
            joined += 1
            differing += row.spliced_length not in (None, len(sequence))
            row.record.sequence = sequence
            yield row.record
    if not joined:
        raise InputError(archive, "no sequence has a row in the table", "fetch it again")
    _warn(archive, len(rows), "rows without sequence, left out")
    _warn(archive, unplaced, "sequences without row, so without place")
    _warn(archive, differing, "sequences that differ in length from spliced_length")


def _warn(archive: str | Path, count: int, what: str) -> None:
    """Log how many records have a defect, if any has."""
    if count:
        log.warning("%s: %s: %d", archive, what, count)


def _read_table(archive: str | Path) -> dict[str, _Row]:
    """Read the table into rows by id, still without their sequences."""
    rows: dict[str, _Row] = {}
    contradictory = 0
    with _member(archive, TABLE) as (lines, where):
        for number, fields in _data_lines(lines, where):
            try:
                row = _parse_row(fields)
                if row.record.id in rows:
                    raise ValueError(f"the id {row.record.id} occurs again")
            except ValueError as error:
                raise InputError(where, str(error), "mend the row", f"line {number}") from None
            contradictory += not _add_exons(row.record, fields)
            rows[row.record.id] = row
    if not rows:
        raise InputError(where, "has no row", "fetch the archive again")
    _warn(archive, contradictory, "rows whose exon columns contradict each other, not used")
    return rows


def _data_lines(lines: TextIO, where: str) -> Iterator[tuple[int, list[str]]]:
    """Yield line number and columns of each row; a header line and blank lines are passed over.

    Raises:
        InputError: A line has another number of columns.
    """
    for number, line in enumerate(whole(pieces_of(lines), where), start=1):
        if not line.strip():
            continue
        fields = [field.strip() for field in line.split("\t")]
        if len(fields) != COLUMNS:
            raise InputError(
                where,
                f"{len(fields)} tab-separated columns instead of {COLUMNS}",
                "fetch the archive again or mend the line",
                f"line {number}",
            )
        if number == 1 and not (fields[START].isdigit() or _ID_PATTERN.fullmatch(fields[ID])):
            continue
        yield number, fields


def _parse_row(fields: list[str]) -> _Row:
    """Make a row of its columns, but for the exons.

    Raises:
        ValueError: It has no id, no place, or a spliced length that is not a number.
    """
    check_name(fields[ID], "id")
    check_name(fields[CHROM], "chromosome")
    start, end = parse_place(fields[START], fields[END], fields[STRAND])
    gene, length = known(fields[GENE]), known(fields[SPLICED_LENGTH])
    record = Record(fields[ID], "", fields[CHROM], start, end, fields[STRAND], gene)
    return _Row(record, None if length is None else parse_integer(length, "spliced_length"))


def _add_exons(record: Record, fields: list[str]) -> bool:
    """Fill the exon columns of a record; False if they contradict each other and stay empty."""
    try:
        record.exon_count, record.exon_lengths, record.exon_offsets = parse_exons(
            known(fields[EXON_COUNT]), known(fields[EXON_LENGTHS]), known(fields[EXON_OFFSETS])
        )
    except ValueError:
        return False
    return True


@contextlib.contextmanager
def _member(archive: str | Path, name: str) -> Iterator[tuple[TextIO, str]]:
    """Open the archive's one member of that base name; nothing is extracted to a path.

    Yields:
        The member's text, in which bytes that are not UTF-8 are replaced, and its name for errors.

    Raises:
        InputError: The archive is damaged, is no zip file, or has no or several such members.
    """
    with reading(archive):
        try:
            with zipfile.ZipFile(archive) as opened:
                info = _find(opened, archive, name)
                with opened.open(info) as packed:
                    binary = as_stream(of_text(iter(partial(packed.read, CHUNK), b"")))
                    text = io.TextIOWrapper(binary, "utf-8-sig", errors="replace")
                    yield text, f"{archive}: {info.filename}"
        except _DAMAGE as error:
            raise InputError(
                archive,
                f"not a whole zip archive ({error})",
                "fetch it again; a server's error page may lie in its place",
            ) from None


def _find(opened: zipfile.ZipFile, archive: str | Path, name: str) -> zipfile.ZipInfo:
    """Find a member by base name; a folder's own entry has none."""
    found = [info for info in opened.infolist() if info.filename.rsplit("/", 1)[-1] == name]
    if len(found) != 1:
        raise InputError(
            archive,
            f"has {len(found)} members named {name} instead of one",
            "give circRNADb's circRNA_dataset.zip as it comes",
        )
    return found[0]
