"""Records of several sources that are one molecule, merged into the first of them.

Databases of circRNAs share much of their content under other ids. Two records of one label are
one when their sequences are equal, or when they have the same place and the same exons.
"""

import numpy as np
import pandas as pd

from circlet.data.intervals import ON_STRAND, has_place

PLACE = ["label", *ON_STRAND, "start", "end", "exon_lengths", "exon_offsets"]

# What a record without a place takes, as one, from the first of its molecule that has one.
ORIGIN = [*ON_STRAND, "start", "end", "exon_count", "exon_lengths", "exon_offsets"]
ORIGIN += ["gene", "gene_id", "gene_type"]


def with_known_exons(table: pd.DataFrame) -> pd.DataFrame:
    """Give the place columns, the exons filled in where a sequence is as long as its span.

    Such a transcript has a single exon, whether its source says so or not.
    """
    place = table[PLACE].copy()
    is_single = (place["end"] - place["start"] == table["sequence"].str.len()).fillna(False)
    is_single &= place["exon_lengths"].isna()
    place.loc[is_single, "exon_lengths"] = table.loc[is_single, "sequence"].str.len().astype(str)
    place.loc[is_single, "exon_offsets"] = "0"
    return place


def same_sequence(table: pd.DataFrame) -> pd.Series:
    """The position of the first row with the same label and sequence, for each row."""
    return _first_of(table.groupby(["label", "sequence"], sort=False).ngroup(), table)


def same_place(table: pd.DataFrame) -> pd.Series:
    """The position of the first row with the same label, place and exons, for each row.

    A row that does not know all of them is its own.
    """
    place = with_known_exons(table).reset_index(drop=True)
    is_known = place.notna().all(axis=1).to_numpy()
    first = pd.Series(range(len(table)), index=table.index)
    known = place[is_known]
    found = _first_of(known.groupby(PLACE, sort=False).ngroup(), known)
    first[is_known] = known.index.to_numpy()[found.to_numpy()]
    return first


def _first_of(groups: pd.Series, table: pd.DataFrame) -> pd.Series:
    """The position in `table` of the first member of each row's group, given by number."""
    _, first, number = np.unique(groups, return_index=True, return_inverse=True)
    return pd.Series(first[number], index=table.index)


def merge(table: pd.DataFrame, first: pd.Series) -> pd.DataFrame:
    """Keep the first record of each molecule, which takes the ids of the others as aliases.

    One without a place also takes that of the first that has one, with its exons and gene.

    Args:
        table: Transcripts with `id`, `source` and `aliases`.
        first: See `same_sequence` and `same_place`.
    """
    keeper = first.to_numpy()
    is_kept: np.ndarray = keeper == range(len(table))
    if is_kept.all():
        return table
    names = table["source"].str.cat(table["id"], sep=":")
    # An id that another source has as well bears its source's name already.
    pairs = zip(table["id"], table["source"], strict=True)
    bears = [name.startswith(f"{source}:") for name, source in pairs]
    names = names.mask(np.array(bears), table["id"])
    names = names.str.cat(table["aliases"], sep=" ").fillna(names)
    gained = names[~is_kept].groupby(keeper[~is_kept]).agg(" ".join)
    own = table["aliases"].iloc[gained.index]
    joined = own.str.cat(gained.to_list(), sep=" ").fillna(
        pd.Series(gained.to_numpy(), index=own.index, dtype="string")
    )
    merged = table.copy()
    merged.loc[own.index, "aliases"] = joined
    placed = pd.Series(np.flatnonzero(has_place(table)))
    donor = placed.groupby(keeper[placed]).first()
    donor = donor[~has_place(table.iloc[donor.index])]
    for column in ORIGIN:
        merged.loc[merged.index[donor.index], column] = table[column].iloc[donor].array
    return merged[is_kept]
