"""Divide the transcripts into train, validation and test, and into folds, without cutting a group.

Related sequences must not stand on both sides of a split, else a score tells how well a model
remembers. What counts as related is the scheme; see `groups`.

Hard negatives are divided with the rest, but none of them is in the parts that are trained on and
scored by default: those of the test groups make the part `hard`, the others are `unused`.
"""

import argparse
import logging
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from circlet.arguments import seed
from circlet.data.groups import CHROMOSOME, group
from circlet.errors import InputError
from circlet.files import read_table, write_table
from circlet.tables import (
    DATASET_COLUMNS,
    FOLD_COLUMNS,
    HARD,
    HOMOLOGY_COLUMNS,
    LABELS,
    PARTS,
    SCHEMES,
    TEST,
    TRAIN,
    UNUSED,
    VALIDATION,
    is_hard_negative,
)

# Of a scheme that is audited although no run uses it.
LEFT_OUT = ", or leave this one out of split.audit"

log = logging.getLogger(__name__)


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
    for row in order:
        cost = (counts[row] * (2 * filled + counts[row]) / wanted).sum(axis=1)
        parts[row] = cost.argmin()
        filled[parts[row]] += counts[row]
    return parts


def split_dataset(
    table: pd.DataFrame,
    clusters: pd.Series,
    scheme: str,
    fractions: Sequence[float],
    folds: int,
    held_out: Mapping[str, Sequence[str]],
    seed: int,
) -> pd.DataFrame:
    """Divide a dataset under a scheme.

    Args:
        table: Transcripts with `DATASET_COLUMNS`.
        clusters: The homology cluster of each row.
        scheme: One of `SCHEMES`.
        fractions: Share of each of `PARTS`; they sum to 1.
        folds: Number of folds, at least 2.
        held_out: Chromosomes of the parts `validation` and `test`, for the scheme `chromosome`.
        seed: Seed of the choice.

    Returns:
        A table with `FOLD_COLUMNS`, in the order of the dataset.

    Raises:
        InputError: The scheme finds no group or fewer than parts, a chromosome is not in the
            dataset, or a part would lack a class.
    """
    split = group(table, scheme, clusters)
    split["id"] = table["id"]
    is_hard = is_hard_negative(table).to_numpy()
    classes = table["label"].astype("str").mask(is_hard, HARD)
    counts = pd.crosstab(split["group"], classes)
    if len(counts) < len(PARTS):
        raise InputError(
            "dataset",
            f"only {len(counts)} groups under the scheme '{scheme}' for {len(PARTS)} parts",
            f"use more data or another split scheme{LEFT_OUT}",
        )
    members = counts.to_numpy()
    parts = pd.Series(np.array(PARTS)[assign_parts(members, fractions, seed)], index=counts.index)
    if scheme == "chromosome":
        parts = hold_out(parts, held_out)
    fold = pd.Series(assign_parts(members, [1 / folds] * folds, seed), index=counts.index)
    split["group_part"] = split["group"].map(parts)
    split["fold"] = split["group"].map(fold)
    split["part"] = parts_of(split["group_part"], is_hard, hard_negatives=False)
    types = dict.fromkeys(("id", "group", "part", "group_part"), "string")
    split = split[list(FOLD_COLUMNS)].astype({**types, "fold": "int64", "fallback": bool})
    check_split(split, table["label"], scheme)
    if lack := lack_of_folds(split, table["label"], folds):
        log.warning("%s: %s: nothing can be tested on the folds", scheme, lack)
    return split


def lack_of_folds(split: pd.DataFrame, labels: pd.Series, folds: int) -> str:
    """Tell of the first fold without transcripts of a class, as where groups are few; or nothing.

    Hard negatives count for no class.

    Args:
        split: A table with `FOLD_COLUMNS`.
        labels: The label of each row.
        folds: How many folds there are to be.
    """
    counted = ~split["part"].isin([HARD, UNUSED]).to_numpy(bool)
    counts = pd.crosstab(split["fold"][counted], labels.to_numpy()[counted])
    counts = counts.reindex(index=range(folds), columns=list(LABELS), fill_value=0)
    for fold, row in counts.iterrows():
        if row.min() == 0:
            return f"the fold {fold} of {folds} has no {row.idxmin()}"
    return ""


def parts_of(group_part: pd.Series, is_hard: np.ndarray, hard_negatives: bool) -> pd.Series:
    """Give each transcript its part: its group's, unless it is a hard negative.

    Args:
        group_part: The part of each transcript's group.
        is_hard: Whether it is a hard negative, bool (n,).
        hard_negatives: Whether hard negatives are trained on; those of the test groups never are.
    """
    trained_on = group_part if hard_negatives else UNUSED
    hard_part = pd.Series(HARD, index=group_part.index).where(group_part == TEST, trained_on)
    return group_part.mask(is_hard, hard_part)


def hold_out(parts: pd.Series, held_out: Mapping[str, Sequence[str]]) -> pd.Series:
    """Give chromosomes the parts that they are named for, and all others to the training part.

    Args:
        parts: The part of each group by its name; those of the fallback keep theirs.
        held_out: Chromosomes of `validation` and `test`.

    Raises:
        InputError: A chromosome is not in the dataset, or is named twice.
    """
    named = [chromosome for names in held_out.values() for chromosome in names]
    is_chromosome = parts.index.str.startswith(CHROMOSOME)
    present = sorted(parts.index[is_chromosome].str.removeprefix(CHROMOSOME))
    parts = parts.mask(is_chromosome, TRAIN)
    for chromosome in named:
        if chromosome not in present:
            raise InputError(
                "split.chromosomes",
                "no transcript is on this chromosome",
                f"name others, of {', '.join(present[:30])}{LEFT_OUT}",
                chromosome,
            )
        if named.count(chromosome) > 1:
            raise InputError("split.chromosomes", "named twice", "name it once", chromosome)
    for part, names in held_out.items():
        parts[[CHROMOSOME + chromosome for chromosome in names]] = part
    return parts


def check_split(split: pd.DataFrame, labels: pd.Series, scheme: str) -> None:
    """Check that no group is cut and no part lacks a class, and log the sizes.

    Raises:
        InputError: A part lacks a class.
        AssertionError: A group lies in two parts or folds.
    """
    # What a model or a score sees, whatever the columns beside it say.
    seen = split["part"].replace(HARD, TEST).mask(split["part"] == UNUSED)
    for name, column in {"part": seen, "fold": split["fold"]}.items():
        in_parts = column.groupby(split["group"]).nunique()
        assert (in_parts <= 1).all(), f"the group {in_parts.idxmax()} lies in two {name}s"
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
                f"use more data, a larger fraction or another split scheme{LEFT_OUT}",
            )
    if fallback := int(split["fallback"].sum()):
        log.info("%s: %s transcripts fell back to their homology cluster", scheme, f"{fallback:,}")


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
    parser.add_argument("--homology", required=True, help="id and cluster, Parquet")
    parser.add_argument("--scheme", choices=SCHEMES, default="gene", help="what stays together")
    parser.add_argument(
        "--fractions",
        nargs=len(PARTS),
        type=float,
        default=[0.7, 0.1, 0.2],
        metavar=tuple(part.upper() for part in PARTS),
        help="share of each part",
    )
    parser.add_argument("--folds", type=int, default=5, help="number of folds")
    for part in (VALIDATION, TEST):
        parser.add_argument(
            f"--{part}-chromosomes",
            nargs="*",
            default=[],
            metavar="NAME",
            help=f"of the part {part} under the scheme chromosome",
        )
    parser.add_argument("--seed", type=seed, default=1, help="seed of the choice")
    parser.add_argument("--output", required=True, help="id, group, part and fold, Parquet")


def run(args: argparse.Namespace) -> None:
    """Run the step."""
    if args.folds < 2:
        raise InputError("--folds", f"{args.folds} is too few", "give 2 or more")
    table = read_table(args.transcripts, DATASET_COLUMNS)
    homology = read_table(args.homology, HOMOLOGY_COLUMNS)
    if list(homology["id"]) != list(table["id"]):
        raise InputError(args.homology, f"is not of {args.transcripts}", "make it again")
    held_out = {VALIDATION: args.validation_chromosomes, TEST: args.test_chromosomes}
    split = split_dataset(
        table,
        homology["cluster"],
        args.scheme,
        _fractions(args.fractions),
        args.folds,
        held_out,
        args.seed,
    )
    write_table(args.output, split)
