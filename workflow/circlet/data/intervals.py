"""Places on the genome, many at a time: which overlap, and which hang together.

A place is an assembly, chromosome and strand with a 0-based half-open span. Rows without one
overlap nothing.
"""

import numpy as np
import pandas as pd

# Places of one chromosome and strand are shifted by a multiple of this, so that all of them lie on
# one line and only those of one chromosome can meet. Far above the length of any chromosome.
STRIDE = 1 << 40

ON_STRAND = ("assembly", "chrom", "strand")


def has_place(table: pd.DataFrame) -> np.ndarray:
    """Whether each row knows chromosome, strand, start and end, bool (n,)."""
    return table[["chrom", "strand", "start", "end"]].notna().all(axis=1).to_numpy(bool)


def on_one_line(*tables: pd.DataFrame) -> list[tuple[np.ndarray, np.ndarray]]:
    """Lay the places of tables that all have one on a line on which only true neighbours meet.

    Args:
        tables: Each with `assembly`, `chrom`, `strand`, `start` and `end`; all rows have a place.

    Returns:
        For each table starts and ends, int64 (n,).
    """
    joined = pd.concat([table[[*ON_STRAND, "start", "end"]] for table in tables])
    shift = joined.groupby(list(ON_STRAND), dropna=False).ngroup().to_numpy(np.int64) * STRIDE
    starts = joined["start"].to_numpy(np.int64) + shift
    ends = joined["end"].to_numpy(np.int64) + shift
    bounds = np.cumsum([len(table) for table in tables])[:-1]
    return list(zip(np.split(starts, bounds), np.split(ends, bounds), strict=True))


def components(starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Number the connected components of overlapping spans from left to right, int64 (n,)."""
    order = np.argsort(starts, kind="stable")
    reach = np.maximum.accumulate(ends[order])
    is_new = (
        np.append(True, starts[order][1:] >= reach[:-1]) if len(order) else np.empty(0, dtype=bool)
    )
    found = np.empty(len(starts), dtype=np.int64)
    found[order] = np.cumsum(is_new) - 1
    return found


def overlaps_any(queries: pd.DataFrame, targets: pd.DataFrame) -> np.ndarray:
    """Whether each query's place shares a base with that of any target on its strand.

    Args:
        queries: Rows with or without a place.
        targets: Likewise.

    Returns:
        bool (queries,).
    """
    asked = has_place(queries)
    found = np.zeros(len(queries), dtype=bool)
    known = targets[has_place(targets)]
    if not len(known) or not asked.any():
        return found
    (starts, ends), (left, right) = on_one_line(queries[asked], known)
    # Merged into spans apart from each other, the last that begins before a query's end decides.
    component = components(left, right)
    first = np.full(component.max() + 1, np.iinfo(np.int64).max)
    last = np.zeros_like(first)
    np.minimum.at(first, component, left)
    np.maximum.at(last, component, right)
    before = np.searchsorted(first, ends) - 1
    found[asked] = (before >= 0) & (last[before] > starts)
    return found
