"""The record that every source yields, and the table made of them."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import NamedTuple

import pandas as pd

from circlet.tables import INTEGER_COLUMNS, TRANSCRIPT_COLUMNS


class Place(NamedTuple):
    """A place on a genome; see `Record`."""

    chrom: str
    start: int
    end: int
    strand: str


@dataclass(slots=True)
class Record:
    """One transcript as its upstream gives it; None where the upstream does not tell.

    Attributes:
        id: Identifier, unique within the source.
        sequence: Spliced, sense-strand bases, as written upstream.
        chrom: Chromosome, as the assembly names it.
        start: First position, 0-based.
        end: Position after the last one.
        strand: `+` or `-`.
        gene: Symbol of the host gene.
        gene_id: Accession of the host gene.
        biotype: Class of the transcript, in GENCODE's words.
        exon_count: Number of exons.
        exon_lengths: Lengths of the exons in nt, a comma list in ascending genomic order.
        exon_offsets: Starts of the exons relative to `start`, a comma list likewise.
        gene_type: Class of the host gene, in GENCODE's words.
    """

    id: str
    sequence: str
    chrom: str | None = None
    start: int | None = None
    end: int | None = None
    strand: str | None = None
    gene: str | None = None
    gene_id: str | None = None
    biotype: str | None = None
    exon_count: int | None = None
    exon_lengths: str | None = None
    exon_offsets: str | None = None
    gene_type: str | None = None

    @property
    def place(self) -> Place:
        """Where it lies, of a record whose upstream tells it.

        Raises:
            ValueError: It does not.
        """
        if self.chrom is None or self.start is None or self.end is None or self.strand is None:
            raise ValueError(f"the place of {self.id} is not known")
        return Place(self.chrom, self.start, self.end, self.strand)


class Entry(NamedTuple):
    """A sequence to classify, from whichever format.

    Attributes:
        id: Identifier; another entry may have it too.
        sequence: Letters as written, without white space; their beginning alone if it was cut.
        length: Letters in all, even where the sequence was cut.
    """

    id: str
    sequence: str
    length: int


def records_to_table(
    records: Iterable[Record], source: str, label: str, assembly: str | None
) -> pd.DataFrame:
    """Collect records of one source into a table with `TRANSCRIPT_COLUMNS`.

    Args:
        records: The transcripts.
        source: Name of the source in the config.
        label: `circRNA` or `lncRNA`.
        assembly: Name of the genome assembly that the positions refer to.
    """
    names = [field.name for field in fields(Record)]
    rows = [tuple(getattr(record, name) for name in names) for record in records]
    table = pd.DataFrame(rows, columns=names, dtype=object)
    table["source"], table["label"], table["assembly"] = source, label, assembly
    types = {name: "Int64" if name in INTEGER_COLUMNS else "string" for name in TRANSCRIPT_COLUMNS}
    return table[list(TRANSCRIPT_COLUMNS)].astype(types)
