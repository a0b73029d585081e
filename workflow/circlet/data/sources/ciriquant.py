"""CIRIquant: a GTF file of circRNAs, whose exons are taken from an annotation.

Source: Zhang et al., Nature Communications 11:90 (2020).
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from circlet.data.genome import exons_of, splice
from circlet.data.records import Record
from circlet.data.sources.gencode import (
    ATTRIBUTES,
    CHROM,
    END,
    START,
    STRAND,
    add_exons,
    parse_attributes,
    read_annotation,
    read_features,
)
from circlet.data.sources.places import check_name, parse_place
from circlet.errors import InputError

FEATURE = "circRNA"
EXONIC = "exon"  # the circ_type of circRNAs both of whose ends lie in exons

log = logging.getLogger(__name__)

Exons = list[tuple[int, int]]


def read(gtf: str | Path, annotation: str | Path, genome: str | Path) -> Iterator[Record]:
    """Read the exonic circRNAs of CIRIquant, spliced as a transcript of the annotation is.

    CIRIquant tells where a circRNA starts and ends and no exons. Its exons are those of a
    transcript on the same strand, from an exon that starts where it does to one that ends where
    it does. Of several such transcripts, those of the gene that CIRIquant names go first, then
    the one that gives the longest sequence, then the first by id; its gene is the circRNA's.
    circRNAs without such a transcript and those of another `circ_type` than `exon` are left out
    and counted in the log.

    Args:
        gtf: CIRIquant's output, plain or gzip.
        annotation: GTF file with transcript and exon lines, the one that CIRIquant was run with.
        genome: FASTA file of the genome that both refer to; see `splice`.

    Raises:
        InputError: A file cannot be read, a line is malformed or lacks an attribute, a circRNA
            occurs twice, none is exonic or fits a transcript, or a sequence cannot be spliced.
    """
    calls = _read_calls(gtf)
    candidates = _index(read_annotation(annotation, typed=False).values(), calls)
    chosen = [_choose(call, candidates.get(_site(call, call.place.start), ())) for call in calls]
    found = [record for record in chosen if record is not None]
    if not found:
        raise InputError(
            annotation,
            f"no transcript has exons that start and end where a circRNA of {gtf} does",
            "give the annotation that CIRIquant was run with",
        )
    absent = len(calls) - len(found)
    log.info("%s: without a fitting transcript, left out: %d of %d", gtf, absent, len(calls))
    yield from splice(found, genome, gtf)


def _read_calls(gtf: str | Path) -> list[Record]:
    """Read the exonic circRNAs.

    Returns:
        Records without sequence and exons; several `gene_id` are a comma list.

    Raises:
        InputError: A line is malformed, a circRNA occurs twice, or none is exonic.
    """
    calls: dict[str, Record] = {}
    left_out: Counter[str] = Counter()
    for number, fields in read_features(gtf, (FEATURE,)):
        try:
            record, kind = _parse_call(fields)
            if record.id in calls:
                raise ValueError(f"the circRNA {record.id} occurs again")
        except ValueError as error:
            raise InputError(
                gtf, str(error), "give a GTF file as CIRIquant writes it", f"line {number}"
            ) from None
        if kind == EXONIC:
            calls[record.id] = record
        else:
            left_out[kind] += 1
    for kind, count in sorted(left_out.items()):
        log.info("%s: circ_type %s, left out: %d", gtf, kind, count)
    if not calls:
        raise InputError(
            gtf, f"has no {FEATURE} of circ_type {EXONIC}", "give CIRIquant's GTF file"
        )
    return list(calls.values())


def _parse_call(fields: list[str]) -> tuple[Record, str]:
    """Make a record without sequence of a line, and give the circRNA's type.

    Raises:
        ValueError: The place is malformed, or an attribute is missing.
    """
    attributes = parse_attributes(fields[ATTRIBUTES])
    for name in ("circ_id", "circ_type"):
        if not attributes.get(name):
            raise ValueError(f"lacks the attribute {name}")
    check_name(attributes["circ_id"], "circ_id")
    check_name(fields[CHROM], "chromosome")
    start, end = parse_place(fields[START], fields[END], fields[STRAND], first=1)
    record = Record(
        id=attributes["circ_id"],
        sequence="",
        chrom=fields[CHROM],
        start=start,
        end=end,
        strand=fields[STRAND],
        gene_id=attributes.get("gene_id"),
    )
    return record, attributes["circ_type"]


def _site(record: Record, position: int) -> tuple[str, str, int]:
    """Key of a position on a record's strand."""
    chrom, _, _, strand = record.place
    return chrom, strand, position


def _index(
    transcripts: Iterable[Record], calls: list[Record]
) -> dict[tuple[str, str, int], list[tuple[Record, Exons]]]:
    """Find the transcripts with an exon that starts where a circRNA does.

    Returns:
        By the circRNA's start: the transcripts, each with its exons from that one on.
    """
    wanted = {_site(call, call.place.start) for call in calls}
    index = defaultdict(list)
    for transcript in transcripts:
        exons = exons_of(transcript)
        for number, (start, _) in enumerate(exons):
            site = _site(transcript, start)
            if site in wanted:
                index[site].append((transcript, exons[number:]))
    return index


def _choose(call: Record, candidates: Iterable[tuple[Record, Exons]]) -> Record | None:
    """Give a circRNA the exons and gene of the best transcript; None if none ends where it does."""
    named = (call.gene_id or "").split(",")
    fitting, last = [], call.place.end
    for transcript, exons in candidates:
        inner = [(start, end) for start, end in exons if end <= last]
        if inner and inner[-1][1] == last:
            length = sum(end - start for start, end in inner)
            rank = (transcript.gene_id not in named, -length, transcript.id)
            fitting.append((rank, transcript, inner))
    if not fitting:
        return None
    _, host, exons = min(fitting, key=lambda entry: entry[0])
    record = replace(call, gene=host.gene, gene_id=host.gene_id, gene_type=host.gene_type)
    add_exons(record, exons)
    return record
