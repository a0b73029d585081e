"""What hangs together and must not be cut by a split, under each scheme.

- `random`: nothing; as in much of the literature, and too kind to a model that remembers.
- `gene`: the transcripts of one host gene, and of any gene that shares a locus with it.
- `locus`: transcripts whose spans overlap on one strand, directly or through others.
- `homology`: the clusters of similar sequences of `circlet homology`.
- `chromosome`: the transcripts of one chromosome.

A transcript without the place or gene that a scheme asks for falls back to its homology cluster: it
joins the group of the first member that has one, or else the cluster is its group.
"""

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from circlet.data.intervals import components, has_place, on_one_line
from circlet.errors import InputError

CHROMOSOME = "chromosome:"  # begins the name of such a group


def group(table: pd.DataFrame, scheme: str, clusters: pd.Series) -> pd.DataFrame:
    """Give each transcript its group under a scheme.

    Args:
        table: Transcripts with `TRANSCRIPT_COLUMNS`.
        scheme: One of `SCHEMES`.
        clusters: The homology cluster of each row.

    Returns:
        `group` (text) and `fallback` (bool), row by row.

    Raises:
        InputError: No transcript has what the scheme asks for.
    """
    groups = pd.Series(GROUPERS[scheme](table, clusters), index=table.index, dtype="string")
    fallback = groups.isna()
    if fallback.all():
        raise InputError(
            "dataset",
            f"no transcript has the place or gene that the scheme '{scheme}' asks for",
            "use sources that tell places, or the scheme homology; leave this out of split.audit",
        )
    borrowed = clusters.map(groups[~fallback].groupby(clusters[~fallback]).first())
    groups = groups.fillna(borrowed.astype("string")).fillna("homology:" + clusters)
    return pd.DataFrame({"group": groups, "fallback": fallback})


def by_itself(table: pd.DataFrame, clusters: pd.Series) -> pd.Series:
    """Name a group for each transcript."""
    return "transcript:" + table["id"]


def by_homology(table: pd.DataFrame, clusters: pd.Series) -> pd.Series:
    """Name the homology clusters."""
    return "homology:" + clusters


def by_chromosome(table: pd.DataFrame, clusters: pd.Series) -> pd.Series:
    """Name the chromosomes."""
    return CHROMOSOME + table["chrom"]


def by_locus(table: pd.DataFrame, clusters: pd.Series) -> pd.Series:
    """Name the loci by assembly, chromosome, span and strand."""
    names = pd.Series(pd.NA, index=table.index, dtype="string")
    placed = table[has_place(table)]
    if len(placed):
        (line,) = on_one_line(placed)
        spans = placed.groupby(components(*line))
        start, end = spans["start"].transform("min"), spans["end"].transform("max")
        span = start.astype("string") + "-" + end.astype("string")
        chromosome = placed["assembly"].fillna("") + ":" + placed["chrom"]
        names[placed.index] = "locus:" + chromosome + ":" + span + ":" + placed["strand"]
    return names


def by_gene(table: pd.DataFrame, clusters: pd.Series) -> pd.Series:
    """Name the components that genes and loci make together by their first gene, or their locus.

    A gene is known by its symbol or its accession; two loci of one gene are one component.
    """
    gene, accession, locus = table["gene"], table["gene_id"], by_locus(table, clusters)
    known = gene.notna() | accession.notna() | locus.notna()
    names = pd.Series(pd.NA, index=table.index, dtype="string")
    if known.any():
        found = joined_components(gene[known], accession[known], locus[known])
        gene = gene.fillna(accession)
        first_gene = ("gene:" + gene[known]).groupby(found).transform("min")
        first_locus = locus[known].groupby(found).transform("min")
        names[known] = first_gene.fillna(first_locus)
    return names


def joined_components(*names: pd.Series) -> np.ndarray:
    """Number the components of rows that share a name in any of the columns; a missing one is none.

    Returns:
        The component of each row, int (n,).
    """
    rows = np.arange(len(names[0]))
    size, edges = len(rows), []
    for column in names:
        codes, values = pd.factorize(column)
        edges.append((rows[codes >= 0], codes[codes >= 0] + size))
        size += len(values)
    start, end = (np.concatenate(side) for side in zip(*edges, strict=True))
    graph = coo_array((np.ones(len(start), dtype=bool), (start, end)), shape=(size, size))
    numbers: np.ndarray = connected_components(graph, directed=False)[1]
    return numbers[: len(rows)]


GROUPERS = {
    "random": by_itself,
    "gene": by_gene,
    "locus": by_locus,
    "homology": by_homology,
    "chromosome": by_chromosome,
}
