"""Spliced sequences of places on a genome, whose FASTA file is read once from end to end."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from Bio.Seq import reverse_complement

from circlet.data.records import Record
from circlet.data.sources.fasta import read_identified
from circlet.errors import InputError
from circlet.progress import track


def exons_of(record: Record) -> list[tuple[int, int]]:
    """Give start and end of each exon of a record.

    Returns:
        Positions on the chromosome, 0-based half-open, in ascending order; an empty list where
        the record's source does not tell its exons.
    """
    first = record.start
    if first is None or not record.exon_lengths or not record.exon_offsets:
        return []
    starts = [first + int(offset) for offset in record.exon_offsets.split(",")]
    lengths = map(int, record.exon_lengths.split(","))
    return [(start, start + length) for start, length in zip(starts, lengths, strict=True)]


def splice(records: Sequence[Record], genome: str | Path, where: str | Path) -> list[Record]:
    """Read the spliced, sense-strand sequences of many records out of a genome.

    One contig at a time is in memory, never the whole genome.

    Args:
        records: Each with a place and the lists of its exons, which lie within the place.
        genome: FASTA file, plain, gzip or bgzip, with a contig's name as its title's first word.
        where: The file that the records come from, for errors.

    Returns:
        The records in their order with sequences as the genome writes them: lower case, which
        marks repeats, is kept.

    Raises:
        InputError: The genome cannot be read, names a contig twice or holds other than ASCII
            letters, a place lies on a contig that it lacks or ends outside its contig.
    """
    waiting: defaultdict[str, list[int]] = defaultdict(list)
    for position, record in enumerate(records):
        waiting[record.place.chrom].append(position)
    spliced, names = list(records), []
    for name, _, contig in track(read_identified(genome), f"contigs of {Path(genome).name}"):
        names.append(name)
        if not contig.isascii():
            raise InputError(genome, "has a character that is no base", "mend the sequence", name)
        for position in waiting.pop(name, ()):
            record = spliced[position]
            check_end(name, record.place.end, len(contig), genome, where, record.id)
            sequence = _splice(record, contig)
            if not sequence.isalpha():
                raise InputError(
                    genome, "has a character that is no base", "mend the sequence", name
                )
            spliced[position] = replace(record, sequence=sequence)
    for absent, positions in waiting.items():
        raise lacks(absent, names, genome, where, records[positions[0]].id)
    return spliced


def _splice(record: Record, contig: str) -> str:
    """Join a record's exons, read along its own strand."""
    joined = "".join(contig[start:end] for start, end in exons_of(record))
    return reverse_complement(joined) if record.strand == "-" else joined


def check_end(
    chrom: str, end: int, length: int, genome: str | Path, where: str | Path, record: str
) -> None:
    """Check that the place of `record`, which `end` bounds, lies within its contig's `length` nt.

    Raises:
        InputError: It does not.
    """
    if end > length:
        raise InputError(
            where,
            f"its end {end} lies outside {chrom}, which has {length} nt in {genome}",
            "give the genome of the assembly that the places refer to",
            record,
        )


def lacks(
    chrom: str, names: Sequence[str], genome: str | Path, where: str | Path, record: str
) -> InputError:
    """Make the error of a contig that the genome lacks; it tells how either side writes names."""
    other = chrom.removeprefix("chr") if chrom.startswith("chr") else f"chr{chrom}"
    example = other if other in names else names[0]
    if example.startswith("chr") == chrom.startswith("chr"):
        problem, mend = f"{genome} has no contig '{chrom}'", "give the genome of the same assembly"
    else:
        problem = (
            f"its contig is not in {genome}: the places name contigs like '{chrom}', "
            f"the genome like '{example}'"
        )
        mend = "give both files of the same assembly with the same names of contigs"
    return InputError(where, problem, mend, record)
