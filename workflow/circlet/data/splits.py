"""Divide the transcripts into train, validation and test without cutting a group.

Related sequences must not stand on both sides of a split, else a score tells how well a model
remembers. What counts as related is the scheme: `gene` keeps the transcripts of one host gene
together, `random` keeps nothing together and is there to compare with the literature.
"""

import argparse
import logging
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from circlet.arguments import seed
from circlet.errors import InputError
from circlet.files import read_table, write_table
from circlet.tables import LABELS, PARTS, SPLIT_COLUMNS, TRANSCRIPT_COLUMNS

log = logging.getLogger(__name__)


def group_alone(table: pd.DataFrame) -> pd.Series:
    """Group every transcript by itself."""
    return "transcript:" + table["id"]


def group_by_gene(table: pd.DataFrame) -> pd.Series:
    """Group the transcripts by the symbol of their host gene; those without one stand alone."""
    return ("gene:" + table["gene"]).fillna(group_alone(table))


SCHEMES: dict[str, Callable[[pd.DataFrame], pd.Series]] = {
    "random": group_alone,
    "gene": group_by_gene,
}


def assign_parts(counts: np.ndarray, fractions: Sequence[float], seed: int) -> np.ndarray:
    """Choose a part for each group so that every part gets its share of every class.

    Groups are taken from the largest to the smallest, in seeded order among equals; each goes
    where it adds least to the sum over parts and classes of (members² / wanted members), which is
    smallest when all parts are filled in proportion.

    Args:
        counts: Members of each class, shape (groups, classes).
        fractions: Wanted share of each part.
        seed: Seed of the order among groups of one size.

    Returns:
        The index of each group's part, shape (groups,).
    """
    shuffled = np.random.default_rng(seed).permutation(len(counts))
    order = shuffled[np.argsort(-counts[shuffled].sum(axis=1), kind="stable")]
    wanted = np.outer(fractions, counts.sum(axis=0))  # (parts, classes)
    filled = np.zeros_like(wanted)
    parts = np.empty(len(counts), dtype=np.int64)
    for group in order:
        cost = (counts[group] * (2 * filled + counts[group]) / wanted).sum(axis=1)
        parts[group] = cost.argmin()
        filled[parts[group]] += counts[group]
    return parts


def split_dataset(
    table: pd.DataFrame, scheme: str, fractions: Sequence[float], seed: int
) -> pd.DataFrame:
    """Divide a dataset under a scheme.

    Args:
        table: Transcripts with `TRANSCRIPT_COLUMNS`.
        scheme: One of `SCHEMES`.
        fractions: Share of each of `PARTS`; they sum to 1.
        seed: Seed of the choice.

    Returns:
        A table with `SPLIT_COLUMNS`, in the order of the dataset.

    Raises:
        InputError: There are fewer groups than parts, or a part would lack a class.
    """
    groups = SCHEMES[scheme](table)
    counts = pd.crosstab(groups, table["label"]).reindex(columns=list(LABELS), fill_value=0)
    if len(counts) < len(PARTS):
        raise InputError(
            "dataset",
            f"only {len(counts)} groups under the scheme '{scheme}' for {len(PARTS)} parts",
            "use more data or another split scheme",
        )
    parts = assign_parts(counts.to_numpy(dtype=np.float64), fractions, seed)
    part_of = pd.Series(np.array(PARTS)[parts], index=counts.index)
    split = pd.DataFrame({"id": table["id"], "group": groups, "part": groups.map(part_of)})
    split = split[list(SPLIT_COLUMNS)].astype("string")
    check_split(split, table["label"], scheme)
    return split


def check_split(split: pd.DataFrame, labels: pd.Series, scheme: str) -> None:
    """Check that no group is cut and no part lacks a class, and log the sizes.

    Raises:
        InputError: A part lacks a class.
        AssertionError: A group lies in two parts.
    """
    assert (split.groupby("group")["part"].nunique() == 1).all(), "a group lies in two parts"
    sizes = pd.crosstab(split["part"], labels.to_numpy())
    sizes = sizes.reindex(index=list(PARTS), columns=list(LABELS), fill_value=0)
    for part, row in sizes.iterrows():
        log.info(
            "%s, %s: %s, %s groups",
            scheme,
            part,
            ", ".join(f"{row[label]:,} {label}" for label in reversed(LABELS)),
            f"{split.loc[split['part'] == part, 'group'].nunique():,}",
        )
        if row.min() == 0:
            raise InputError(
                "dataset",
                f"the {part} part has no {row.idxmin()} under the scheme '{scheme}'",
                "use more data, a larger fraction or another split scheme",
            )


def _fractions(values: Sequence[float]) -> Sequence[float]:
    """Check the shares of the parts.

    Raises:
        InputError: They are not positive or do not sum to 1.
    """
    # So written that NaN, which compares false with anything, is refused.
    if not (min(values) > 0 and abs(sum(values) - 1) <= 1e-6):
        raise InputError(
            "fractions", f"{values} are not positive shares of 1", f"give one for each of {PARTS}"
        )
    return values


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    parser.add_argument("--transcripts", required=True, help="the dataset, Parquet")
    parser.add_argument(
        "--scheme", choices=list(SCHEMES), default="gene", help="what stays together"
    )
    parser.add_argument(
        "--fractions",
        nargs=len(PARTS),
        type=float,
        default=[0.7, 0.1, 0.2],
        metavar=tuple(part.upper() for part in PARTS),
        help="share of each part",
    )
    parser.add_argument("--seed", type=seed, default=1, help="seed of the choice")
    parser.add_argument("--output", required=True, help="id, group and part, Parquet")


def run(args: argparse.Namespace) -> None:
    """Run the step."""
    table = read_table(args.transcripts, TRANSCRIPT_COLUMNS)
    write_table(
        args.output, split_dataset(table, args.scheme, _fractions(args.fractions), args.seed)
    )
