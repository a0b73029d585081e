"""Doubts about labels: which transcripts may stand under the wrong one.

- `overlaps_circrna`: a negative whose span overlaps a circRNA's on the same strand; its exons may
  be those of a circle that the database calls by the host transcript.
- `both_labels`: the same sequence stands under both labels.
- `coding_gene`: a negative transcribed from a gene of type protein_coding, so that its exons may
  be coding exons.

Hard negatives (`linear_exons`) are coding exons by design and not asked the last one.
"""

from collections.abc import Callable

import pandas as pd

from circlet.data.intervals import overlaps_any
from circlet.tables import FLAGS, NEGATIVE, is_hard_negative

CODING = "protein_coding"


def overlaps_circrna(table: pd.DataFrame, circrnas: pd.DataFrame) -> pd.Series:
    """Whether each negative overlaps a circRNA on its strand, those that a filter took included."""
    overlaps = pd.Series(overlaps_any(table, circrnas), index=table.index)
    return overlaps & (table["label"] == NEGATIVE)


def both_labels(table: pd.DataFrame, circrnas: pd.DataFrame) -> pd.Series:
    """Whether each transcript's sequence stands under both labels."""
    return table.groupby("sequence")["label"].transform("nunique") > 1


def coding_gene(table: pd.DataFrame, circrnas: pd.DataFrame) -> pd.Series:
    """Whether each negative that is not a hard one comes from a protein-coding gene."""
    is_coding = (table["gene_type"] == CODING).fillna(False).astype(bool)
    return is_coding & ~is_hard_negative(table) & (table["label"] == NEGATIVE)


# What raises each doubt, asked with the dataset and all circRNAs of the sources.
DOUBTS: dict[str, Callable[[pd.DataFrame, pd.DataFrame], pd.Series]] = {
    "overlaps_circrna": overlaps_circrna,
    "both_labels": both_labels,
    "coding_gene": coding_gene,
}
assert tuple(DOUBTS) == FLAGS
