"""circBase: the FASTA file of putative spliced circRNA sequences.

Source: Glazar, Papavasileiou and Rajewsky, RNA 20:1666 (2014).
"""

import re
from collections.abc import Iterator
from pathlib import Path

from circlet.data.records import Record
from circlet.data.sources.fasta import read_identified
from circlet.data.sources.places import check_name, known, parse_place
from circlet.errors import InputError

# >hsa_circ_0000002|chr1:1158623-1159348-|NM_016176|SDF4
_TITLE = re.compile(r"[^|]+\|([^|:\s]+):([0-9]+)-([0-9]+)([+-])\|[^|]*\|([^|]*)")


def read(fasta: str | Path) -> Iterator[Record]:
    """Read circBase's circRNAs; their places are 0-based half-open already.

    Args:
        fasta: `human_hg19_circRNAs_putative_spliced_sequence.fa.gz`, or its like.

    Raises:
        InputError: See `read_identified`; also for a header of another form.
    """
    for name, title, sequence in read_identified(fasta, "|"):
        try:
            yield _record(name, title, sequence)
        except ValueError as error:
            raise InputError(
                fasta, str(error), "give circBase's file of spliced sequences as it comes", name
            ) from None


def _record(name: str, title: str, sequence: str) -> Record:
    """Make a record of its header.

    Raises:
        ValueError: The header has another form or names no place.
    """
    match = _TITLE.fullmatch(title)
    if match is None:
        raise ValueError("its header is not 'id|chrom:start-endstrand|transcript|gene'")
    chrom, first, last, strand, gene = match.groups()
    check_name(chrom, "chromosome")
    start, end = parse_place(first, last, strand)
    return Record(name, sequence, chrom, start, end, strand, gene=known(gene))
