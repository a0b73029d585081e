"""BED6 and BED12: places of transcripts, whose sequences are spliced out of the genome.

CIRCexplorer's calls are BED12 with further columns. Source: Zhang et al., Cell 159:134 (2014).
"""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

from circlet.data.genome import exons_of, splice
from circlet.data.records import Record
from circlet.data.sources.lines import BED_HEADERS, pieces_of, whole
from circlet.data.sources.places import check_name, known, parse_exons, parse_place
from circlet.errors import InputError
from circlet.files import open_text

# Columns, by position: the first six, the blocks, and what CIRCexplorer adds.
CHROM, START, END, NAME, _, STRAND = range(6)
BLOCK_COUNT, BLOCK_SIZES, BLOCK_STARTS = range(9, 12)
READS, KIND, GENE = range(12, 15)

BED6, BED12, CIRCEXPLORER = 6, 12, 17  # columns; CIRCexplorer 1.1.6 and later write 18
EXONIC, INTRONIC = "circRNA", "ciRNA"  # CIRCexplorer's words, since version 1.1.1

NO_NAME = {"", "."}
LONG_EXON = 10_000  # nt; hardly any exon is longer

log = logging.getLogger(__name__)

Row = tuple[int, list[str]]


def read(bed: str | Path, genome: str | Path) -> Iterator[Record]:
    """Read the transcripts of a BED file; without blocks, one has a single exon.

    The name is the id if no two lines share it, none is `.` and none has a space; else all ids of
    the file are places, `chrom:start-end(strand)`, of which a second one with other blocks ends
    in `/2`, and so on in the order of the lines. Columns after the twelfth are passed over, but
    for those of CIRCexplorer: where every line has them, the symbol of the gene is taken, and
    intronic ciRNAs, which are not spliced, are left out and counted in the log.

    Args:
        bed: BED file, plain or gzip, with 6 or at least 12 tab-separated columns.
        genome: FASTA file of the genome that it refers to; see `splice`.

    Raises:
        InputError: A line is malformed, its blocks overlap or do not fill its place, two lines
            are the same transcript, the file has none, or a sequence cannot be spliced.
    """
    rows = list(read_rows(bed))
    called = bool(rows) and all(_is_call(fields) for _, fields in rows)
    if called:
        count = len(rows)
        rows = [row for row in rows if row[1][KIND] == EXONIC]
        log.info("%s: CIRCexplorer's ciRNAs, left out: %d of %d", bed, count - len(rows), count)
    if not rows:
        raise InputError(bed, "has no transcript", "give a file with at least one")
    records = _records(rows, bed, called)
    _warn_of_introns(records, bed)
    _identify(records, bed)
    yield from splice(records, genome, bed)


def _warn_of_introns(records: list[Record], bed: str | Path) -> None:
    """Log that places without blocks are too long for exons: most likely those of junctions."""
    if all(record.exon_count == 1 for record in records):
        places = [record.place for record in records]
        count = sum(place.end - place.start > LONG_EXON for place in places)
        warn_of_introns(count, len(records), bed)


def warn_of_introns(count: int, total: int, bed: str | Path) -> None:
    """Log that `count` of `total` places, all without blocks, are longer than `LONG_EXON`."""
    if count:
        log.warning(
            "%s: %d of %d places are single exons of more than %d nt: it has no blocks, so that"
            " introns stay in the sequences",
            *(bed, count, total, LONG_EXON),
        )


def read_rows(bed: str | Path) -> Iterator[Row]:
    """Yield line number and columns of each transcript of a file; see `parse_rows`."""
    with open_text(bed) as handle:
        yield from parse_rows(whole(pieces_of(handle), bed), bed)


def parse_rows(lines: Iterable[str], bed: str | Path, first: int = 1) -> Iterator[Row]:
    """Yield line number and columns of each transcript.

    Args:
        lines: Of BED.
        bed: Names them in errors.
        first: Number of the first line.

    Raises:
        InputError: A line has another number of columns.
    """
    for number, line in enumerate(lines, start=first):
        if line.startswith("#") or not line.strip():
            continue
        if line.split(maxsplit=1)[0] in BED_HEADERS:
            continue
        fields = [field.strip() for field in line.split("\t")]
        if len(fields) != BED6 and len(fields) < BED12:
            raise InputError(
                bed,
                f"{len(fields)} tab-separated columns instead of {BED6} or at least {BED12}",
                "give BED6 or BED12",
                f"line {number}",
            )
        yield number, fields


def _is_call(fields: list[str]) -> bool:
    """Tell whether a line has CIRCexplorer's further columns."""
    return (
        len(fields) >= CIRCEXPLORER
        and fields[READS].isdigit()
        and fields[KIND] in (EXONIC, INTRONIC)
    )


def _records(rows: list[Row], bed: str | Path, called: bool) -> list[Record]:
    """Make records without sequence, their names as ids.

    Raises:
        InputError: A line is malformed, or has the place and blocks of another.
    """
    records: list[Record] = []
    seen: dict[tuple[object, ...], int] = {}
    for number, fields in rows:
        try:
            record = parse_row(fields)
            key = (record.chrom, record.strand, *exons_of(record))
            if key in seen:
                raise ValueError(f"place and blocks are those of line {seen[key]}")
        except ValueError as error:
            raise InputError(bed, str(error), "mend the line", f"line {number}") from None
        seen[key] = number
        record.gene = known(fields[GENE]) if called else None
        records.append(record)
    return records


def parse_row(fields: list[str]) -> Record:
    """Make a record without sequence of a line's columns.

    Raises:
        ValueError: They do not tell a place on a strand, or blocks that fill it.
    """
    check_name(fields[CHROM], "chromosome")
    if fields[NAME]:
        check_name(fields[NAME], "name")
    start, end = parse_place(fields[START], fields[END], fields[STRAND])
    blocks = ("1", str(end - start), "0")
    if len(fields) >= BED12:
        blocks = (fields[BLOCK_COUNT], fields[BLOCK_SIZES], fields[BLOCK_STARTS])
    count, lengths, offsets = parse_exons(*blocks)
    record = Record(
        id=fields[NAME],
        sequence="",
        chrom=fields[CHROM],
        start=start,
        end=end,
        strand=fields[STRAND],
        exon_count=count,
        exon_lengths=lengths,
        exon_offsets=offsets,
    )
    _check_blocks(record)
    return record


def _check_blocks(record: Record) -> None:
    """Check that a record's exons lie one after the other and reach both ends of its place.

    Raises:
        ValueError: They do not, or one is empty.
    """
    exons = exons_of(record)
    if any(start == end for start, end in exons):
        raise ValueError("a block has no length")
    if any(end > start for (_, end), (start, _) in pairwise(exons)):
        raise ValueError("blocks overlap or are not in ascending order")
    if exons[0][0] != record.start or exons[-1][1] != record.end:
        raise ValueError(
            f"the blocks span {exons[0][0]} to {exons[-1][1]} and not the place, "
            f"{record.start} to {record.end}"
        )


def _identify(records: list[Record], bed: str | Path) -> None:
    """Put places in the stead of names that are not unique; see `read`."""
    names = {record.id for record in records}
    is_word = all(len(name.split()) == 1 for name in names)
    if len(names) == len(records) and is_word and not names & NO_NAME:
        return
    log.info("%s: its names are no ids, the places are taken instead", bed)
    seen: Counter[str] = Counter()
    for record in records:
        place = f"{record.chrom}:{record.start}-{record.end}({record.strand})"
        seen[place] += 1
        record.id = place if seen[place] == 1 else f"{place}/{seen[place]}"
