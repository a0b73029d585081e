"""GENCODE: the lncRNA transcript sequences, annotated from the GTF file of the same release.

Source: Frankish et al., Nucleic Acids Research 47:D766 (2019).
"""

import logging
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from circlet.data.records import Place, Record
from circlet.data.sources.fasta import read_identified
from circlet.data.sources.lines import pieces_of, whole
from circlet.data.sources.places import check_name, parse_place
from circlet.errors import InputError
from circlet.files import open_text

UNKNOWN_BIOTYPE = "unknown"

# Columns of a GTF line, by position.
CHROM, _, FEATURE, START, END, _, STRAND, _, ATTRIBUTES = range(9)
COLUMNS = 9

NAMED_FIELDS = 6  # of a FASTA header; the length follows, and a last pipe
_ATTRIBUTE = re.compile(r'(\w+)\s+"([^"]*)"')
_VERSION = re.compile(r"\.[0-9]+(?=_|$)")  # ENST00000381192.10_PAR_Y is not ENST00000381192.10

log = logging.getLogger(__name__)


def read(fasta: str | Path, gtf: str | Path) -> Iterator[Record]:
    """Read GENCODE's lncRNA transcripts, which bear their biotype in the GTF file only.

    A transcript absent from the GTF file gets the biotype `unknown` and no place; such are
    counted in the log.

    Args:
        fasta: `gencode.vN.lncRNA_transcripts.fa.gz`.
        gtf: `gencode.vN.long_noncoding_RNAs.gtf.gz` of the same release.

    Raises:
        InputError: A file cannot be read, a line or header is malformed, a sequence is shorter or
            longer than its header says, or no transcript is in the GTF file.
    """
    annotation = read_annotation(gtf)
    unversioned = {_VERSION.sub("", name): record for name, record in annotation.items()}
    total = absent = 0
    for name, title, sequence in read_identified(fasta, "|"):
        # One of the two files may write ids without versions; two versions never join.
        bare = _VERSION.sub("", name)
        others = unversioned if bare == name else annotation
        found = annotation.get(name) or others.get(bare)
        _check_header(fasta, name, title, len(sequence), found is not None)
        total += 1
        absent += found is None
        found = found or Record(name, "", biotype=UNKNOWN_BIOTYPE)
        yield replace(found, id=name, sequence=sequence)
    if absent == total:
        raise InputError(
            fasta, f"no transcript is in {gtf}", "give FASTA and GTF of the same release"
        )
    if absent:
        log.warning("%s: %d of %d transcripts are not in %s", fasta, absent, total, gtf)


def _check_header(fasta: str | Path, name: str, title: str, length: int, annotated: bool) -> None:
    """Check a header's form and the length it states against that of the sequence, in nt."""
    fields = title.split("|")
    if len(fields) < NAMED_FIELDS and not annotated:
        raise InputError(
            fasta,
            "its header has no GENCODE fields and the GTF file has no such transcript",
            "give GENCODE's file of transcripts as it comes",
            name,
        )
    stated = fields[NAMED_FIELDS] if len(fields) > NAMED_FIELDS else ""
    if stated.isdigit() and stated != str(length):
        raise InputError(
            fasta,
            f"the sequence has {length} nt where its header says {stated}: truncated?",
            "fetch the file again",
            name,
        )


def read_annotation(gtf: str | Path, typed: bool = True) -> dict[str, Record]:
    """Read the transcripts of a GTF file, GENCODE's or Ensembl's, with their exons.

    Args:
        gtf: The file, plain or gzip.
        typed: Whether each transcript must tell its biotype.

    Returns:
        Records without sequence, by `transcript_id` as written.

    Raises:
        InputError: The file cannot be read, has a malformed line, names a transcript twice, or
            has none.
    """
    transcripts: dict[str, Record] = {}
    exons: defaultdict[str, list[tuple[tuple[str, str], int, int]]] = defaultdict(list)
    for number, fields in read_features(gtf, ("transcript", "exon")):
        try:
            record = parse_feature(fields, typed)
            if fields[FEATURE] == "exon":
                chrom, start, end, strand = record.place
                exons[record.id].append(((chrom, strand), start, end))
                continue
            if record.id in transcripts:
                raise ValueError(f"the transcript {record.id} occurs again")
        except ValueError as error:
            raise InputError(
                gtf, str(error), "give a GTF file as GENCODE writes it", f"line {number}"
            ) from None
        transcripts[record.id] = record
    if not transcripts:
        raise InputError(gtf, "has no transcript line", "give a GTF file as GENCODE writes it")
    contradictory = 0
    for name, record in transcripts.items():
        found = [(start, end) for place, start, end in sorted(exons.get(name, ()))]
        here = {(record.chrom, record.strand)} >= {place for place, *_ in exons.get(name, ())}
        if here and fills(found, record.place):
            add_exons(record, found)
        contradictory += name in exons and record.exon_count is None
    if contradictory:
        log.warning("%s: transcripts whose exons contradict it, not used: %d", gtf, contradictory)
    return transcripts


def fills(exons: Sequence[tuple[int, int]], place: Place) -> bool:
    """Whether exons lie one after the other and reach both ends of their transcript's place.

    Those of a file that is cut off do not, nor those of trans-splicing.
    """
    follow = all(end <= start for (_, end), (start, _) in pairwise(exons))
    return bool(exons) and follow and (exons[0][0], exons[-1][1]) == (place.start, place.end)


def read_features(gtf: str | Path, kinds: tuple[str, ...]) -> Iterator[tuple[int, list[str]]]:
    """Yield line number and columns of a file's lines of these kinds; see `parse_features`."""
    with open_text(gtf) as handle:
        yield from parse_features(whole(pieces_of(handle), gtf), gtf, kinds)


def parse_features(
    lines: Iterable[str], gtf: str | Path, kinds: tuple[str, ...], first: int = 1
) -> Iterator[tuple[int, list[str]]]:
    """Yield line number and columns of the lines whose feature is one of `kinds`.

    Args:
        lines: Of GTF.
        gtf: Names them in errors.
        kinds: Such as `exon`.
        first: Number of the first line.

    Raises:
        InputError: A line has another number of columns.
    """
    for number, line in enumerate(lines, start=first):
        if line.startswith("#") or not line.strip():
            continue
        fields = line.rstrip("\n").split("\t")
        if len(fields) != COLUMNS:
            raise InputError(
                gtf,
                f"{len(fields)} tab-separated columns instead of {COLUMNS}",
                "give a GTF file",
                f"line {number}",
            )
        if fields[FEATURE] in kinds:
            yield number, fields


def parse_attributes(text: str) -> dict[str, str]:
    """Read the quoted attributes of a GTF line; of a repeated one, the last value."""
    return dict(_ATTRIBUTE.findall(text))


def parse_feature(fields: list[str], typed: bool) -> Record:
    """Make a record without sequence of a transcript or exon line, whose place is 1-based closed.

    Raises:
        ValueError: The place is malformed, or the line lacks the transcript's id or, if `typed`,
            the transcript its biotype.
    """
    attributes = parse_attributes(fields[ATTRIBUTES])
    biotype = attributes.get("transcript_type") or attributes.get("transcript_biotype")
    if not attributes.get("transcript_id"):
        raise ValueError("lacks the attribute transcript_id")
    if typed and not biotype and fields[FEATURE] == "transcript":
        raise ValueError("lacks the attribute transcript_type")
    check_name(attributes["transcript_id"], "transcript_id")
    check_name(fields[CHROM], "chromosome")
    start, end = parse_place(fields[START], fields[END], fields[STRAND], first=1)
    return Record(
        id=attributes["transcript_id"],
        sequence="",
        chrom=fields[CHROM],
        start=start,
        end=end,
        strand=fields[STRAND],
        gene=attributes.get("gene_name") or None,
        gene_id=attributes.get("gene_id") or None,
        biotype=biotype,
        gene_type=attributes.get("gene_type") or attributes.get("gene_biotype") or None,
    )


def add_exons(record: Record, exons: list[tuple[int, int]]) -> None:
    """Fill the exon columns of a record from its exons in genomic order, 0-based half-open."""
    if exons:
        first = record.place.start
        record.exon_count = len(exons)
        record.exon_lengths = ",".join(str(end - start) for start, end in exons)
        record.exon_offsets = ",".join(str(start - first) for start, _ in exons)
