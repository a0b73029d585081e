"""BED and GTF files of a user, whose sequences are spliced one at a time in the file's order."""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from circlet.data.genome import exons_of
from circlet.data.genome_index import Contigs, Exons, open_genome
from circlet.data.records import Entry
from circlet.data.sources.bed12 import (
    LONG_EXON,
    NAME,
    NO_NAME,
    STRAND,
    parse_row,
    parse_rows,
    warn_of_introns,
)
from circlet.data.sources.gencode import FEATURE, parse_feature, parse_features
from circlet.data.sources.gencode import STRAND as GTF_STRAND
from circlet.data.sources.lines import Lines
from circlet.errors import InputError

UNKNOWN_STRAND = "."


def read_bed(lines: Lines, genome: str | Path, any_strand: bool, most: int) -> Iterator[Entry]:
    """Read the sequences of a BED file row by row.

    The name is the id, or, where it is none, the place as `chrom:start-end(strand)`. Without
    blocks, there is a single exon. Columns after the twelfth are passed over.

    Args:
        lines: The file's.
        genome: FASTA file of the genome that it refers to; see `open_genome`.
        any_strand: Whether a place of unknown strand is read along `+`.
        most: Letters kept of a sequence.

    Raises:
        InputError: A line is malformed, or a sequence cannot be spliced.
    """
    total = single = long = 0
    with open_genome(genome, lines.where) as contigs:
        for number, fields in parse_rows(lines.whole(), lines.where, lines.number):
            strand, line = fields[STRAND], f"line {number}"
            fields[STRAND] = _known_strand(strand, any_strand, lines.where, line)
            try:
                record = parse_row(fields)
            except ValueError as error:
                raise InputError(lines.where, str(error), "mend the line", line) from None
            chrom, start, end, read_along = record.place
            place = f"{chrom}:{start}-{end}({strand})"
            name = place if fields[NAME] in NO_NAME else fields[NAME]
            exons = exons_of(record)
            total, single = total + 1, single + (len(exons) == 1)
            long += end - start > LONG_EXON
            yield _entry(contigs, name, (chrom, read_along, exons), most)
    if single == total:
        warn_of_introns(long, total, lines.where)


def _known_strand(strand: str, any_strand: bool, where: str, line: str) -> str:
    """Give `+` for an unknown strand if `any_strand` says so."""
    if strand != UNKNOWN_STRAND:
        return strand
    if any_strand:
        return "+"
    raise InputError(
        where,
        "its strand is unknown ('.')",
        "write + or -, or give --strand both to have both read",
        line,
    )


def _entry(contigs: Contigs, name: str, place: tuple[str, str, Exons], most: int) -> Entry:
    """Splice one transcript, named `name`, of the contig, strand and exons of `place`."""
    sequence = contigs.splice(*place, name, most)
    return Entry(name, sequence, sum(end - start for start, end in place[-1]))


@dataclass(slots=True)
class _Transcript:
    """A transcript of a GTF file, as small as can be: an annotation has some 100,000.

    Attributes:
        chrom: Its contig.
        strand: `+` or `-`.
        ends: Start and end of each exon, one after the other, 0-based half-open.
        place: Start and end of its own line, if it has one.
    """

    chrom: str
    strand: str
    ends: "array[int]" = field(default_factory=lambda: array("q"))
    place: tuple[int, int] | None = None

    def exons(self) -> list[tuple[int, int]]:
        """Start and end of each exon in ascending order; without exons, of the whole place.

        Raises:
            ValueError: Exons overlap, or do not reach the ends of the whole place.
        """
        exons = sorted(zip(self.ends[::2], self.ends[1::2], strict=True))
        if not exons and self.place:
            exons = [self.place]
        if any(end > start for (_, end), (start, _) in pairwise(exons)):
            raise ValueError("its exons overlap")
        if self.place and (exons[0][0], exons[-1][1]) != self.place:
            raise ValueError("its exons do not reach the ends of its own line")
        return exons


def read_gtf(lines: Lines, genome: str | Path, any_strand: bool, most: int) -> Iterator[Entry]:
    """Read the sequences of a GTF file's transcripts, in the order of the first line of each.

    The annotation is held in memory, one sequence at a time beside it. A transcript needs no line
    of its own beside its exons'; without exons it is a single one.

    Args:
        lines: The file's.
        genome: FASTA file of the genome that it refers to; see `open_genome`.
        any_strand: Whether a transcript of unknown strand is read along `+`.
        most: Letters kept of a sequence.

    Raises:
        InputError: A line is malformed, a transcript has two places, there is none, or a sequence
            cannot be spliced.
    """
    transcripts = _annotation(lines, any_strand)
    if not transcripts:
        raise InputError(lines.where, "has no transcript or exon line", "give a GTF file with one")
    with open_genome(genome, lines.where) as contigs:
        for name, found in transcripts.items():
            try:
                exons = found.exons()
            except ValueError as error:
                raise InputError(lines.where, str(error), "mend its lines", name) from None
            yield _entry(contigs, name, (found.chrom, found.strand, exons), most)


def _annotation(lines: Lines, any_strand: bool) -> dict[str, _Transcript]:
    """Collect the transcripts of a GTF file by their ids."""
    transcripts: dict[str, _Transcript] = {}
    where = lines.where
    for number, fields in parse_features(
        lines.whole(), where, ("transcript", "exon"), lines.number
    ):
        line = f"line {number}"
        fields[GTF_STRAND] = _known_strand(fields[GTF_STRAND], any_strand, where, line)
        try:
            _add(transcripts, fields)
        except ValueError as error:
            raise InputError(where, str(error), "give a GTF file", line) from None
    return transcripts


def _add(transcripts: dict[str, _Transcript], fields: list[str]) -> None:
    """Add what a line tells of its transcript.

    Raises:
        ValueError: It is malformed or contradicts another line.
    """
    record = parse_feature(fields, typed=False)
    chrom, start, end, strand = record.place
    found = transcripts.setdefault(record.id, _Transcript(chrom, strand))
    if (found.chrom, found.strand) != (chrom, strand):
        raise ValueError(f"the transcript {record.id} is on another contig or strand before")
    if fields[FEATURE] == "exon":
        found.ends.extend((start, end))
    elif found.place is not None:
        raise ValueError(f"the transcript {record.id} occurs again")
    else:
        found.place = start, end
