"""Clean, label, merge and flag the transcripts of all sources in one table.

The filters run in the order of `clean`. Biotypes go first, so that a transcript which is no
negative at all cannot stand as the kept copy of a duplicate or take a circRNA with it; doubts about
labels come last, when it is settled which transcripts there are.
"""

import argparse
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from circlet.data.merge import merge, same_place, same_sequence
from circlet.data.noise import DOUBTS
from circlet.errors import InputError
from circlet.files import read_table, write_table
from circlet.tables import (
    DATASET_COLUMNS,
    FLAGS,
    LABELS,
    NEGATIVE,
    POSITIVE,
    SUMMARY_COLUMNS,
    TRANSCRIPT_COLUMNS,
    is_hard_negative,
)

log = logging.getLogger(__name__)


def normalise_sequences(table: pd.DataFrame) -> pd.DataFrame:
    """Give a copy whose sequences are upper-case DNA (U read as T), and the share of lower case.

    `soft_masked` is missing for sources that write all bases in one case: they tell of no repeat.
    """
    upper = table["sequence"].str.upper()
    lower_case = table["sequence"].str.count("[a-z]") / table["sequence"].str.len()
    by_source = table["source"]
    tells = (lower_case > 0).groupby(by_source).transform("any")
    tells &= (lower_case < 1).groupby(by_source).transform("any")
    return table.assign(
        sequence=upper.str.replace("U", "T", regex=False),
        aliases=pd.Series(pd.NA, index=table.index, dtype="string"),
        soft_masked=lower_case.astype("Float64").where(tells, pd.NA),
    )


def has_biotype(table: pd.DataFrame, biotypes: Sequence[str]) -> pd.Series:
    """Whether each transcript is a lncRNA of one of the biotypes, or is not asked for one.

    circRNAs, hard negatives and transcripts without a biotype are not asked; no biotypes keep all.
    """
    is_asked = (table["label"] == NEGATIVE) & table["biotype"].notna() & ~is_hard_negative(table)
    return ~(is_asked & bool(biotypes)) | table["biotype"].isin(biotypes)


def is_acgt(table: pd.DataFrame) -> pd.Series:
    """Whether each sequence has the four unambiguous bases alone."""
    return table["sequence"].str.fullmatch("[ACGT]+")


def clean(
    table: pd.DataFrame, min_length: int, biotypes: Sequence[str], drop: Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Filter and merge the transcripts and count what each step took.

    Args:
        table: Transcripts with `TRANSCRIPT_COLUMNS`.
        min_length: Shortest sequence kept, in nt.
        biotypes: Biotypes of lncRNAs kept; see `has_biotype`.
        drop: The doubts of `FLAGS` for which a transcript is left out, not only flagged.

    Returns:
        The kept transcripts with `DATASET_COLUMNS`, and the summary with `SUMMARY_COLUMNS` save
        `reference`.
    """
    steps: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
        "biotype": lambda rows: rows[has_biotype(rows, biotypes)],
        "non_acgt": lambda rows: rows[is_acgt(rows)],
        "too_short": lambda rows: rows[rows["sequence"].str.len() >= min_length],
        "duplicate": lambda rows: merge(rows, same_sequence(rows)),
        "same_place": lambda rows: merge(rows, same_place(rows)),
    }
    sources = table[["source", "label"]].drop_duplicates()
    circrnas = table[table["label"] == POSITIVE]  # of all lengths: their places count
    table = normalise_sequences(table)
    counts = [_count(table, sources, "records")]
    for step, apply in steps.items():
        table = apply(table)
        counts.append(_count(table, sources, step))
    for flag, found in DOUBTS.items():
        table = table.assign(**{flag: found(table, circrnas).astype(bool)})
    for flag in FLAGS:
        flagged = _count(table[table[flag]], sources, flag)["remaining"]
        if flag in drop:
            table = table[~table[flag]]
        counts.append(_count(table, sources, flag).assign(flagged=flagged))
    return table[list(DATASET_COLUMNS)].reset_index(drop=True), _in_order(counts, sources)


def _in_order(steps: list[pd.DataFrame], sources: pd.DataFrame) -> pd.DataFrame:
    """Join the counts of the steps, one source after the other, and tell what each step took."""
    counts = pd.concat(steps, ignore_index=True)
    counts["removed"] = -counts.groupby(["source", "label"], sort=False)["remaining"].diff()
    order = {name: place for place, name in enumerate(sources["source"])}
    counts = counts.sort_values("source", key=lambda names: names.map(order), kind="stable")
    return counts.astype({"removed": "Int64", "flagged": "Int64"}).reset_index(drop=True)


def _count(table: pd.DataFrame, sources: pd.DataFrame, step: str) -> pd.DataFrame:
    """Count the transcripts of each source and label after a step."""
    remaining = table.value_counts(["source", "label"])
    pairs = pd.MultiIndex.from_frame(sources)
    return sources.assign(step=step, remaining=remaining.reindex(pairs, fill_value=0).to_numpy())


def summarise(counts: pd.DataFrame, kept: pd.DataFrame, reference: dict[str, int]) -> pd.DataFrame:
    """Add one total row a label, beside its reference count, to the counts of the steps.

    Hard negatives have a total of their own, `hard_negatives`, if there are any.

    Args:
        counts: Second result of `clean`.
        kept: First result of `clean`.
        reference: Expected number of transcripts of a label; a label may be absent.
    """
    hard = is_hard_negative(kept)
    totals = [
        {
            "source": "total",
            "label": label,
            "step": "kept",
            "remaining": int((kept["label"][~hard] == label).sum()),
            "reference": reference.get(label),
        }
        for label in reversed(LABELS)
    ]
    if hard.any():
        row = {"source": "total", "label": NEGATIVE, "step": "hard_negatives"}
        totals.append({**row, "remaining": int(hard.sum())})
    summary = pd.concat([counts, pd.DataFrame(totals)], ignore_index=True)
    types = dict.fromkeys(("flagged", "removed", "remaining", "reference"), "Int64")
    return summary.reindex(columns=list(SUMMARY_COLUMNS)).astype(types)


def tell_apart(table: pd.DataFrame) -> pd.DataFrame:
    """Give ids that several sources use, such as places, the source's name in front but once.

    Raises:
        InputError: An id stands twice in one source.
    """
    twice = table[table.duplicated(["source", "id"])]
    if len(twice):
        first = twice.iloc[0]
        raise InputError(
            "sources",
            f"the id stands more than once in {first['source']}",
            "give every transcript an id of its own",
            first["id"],
        )
    is_taken = table.duplicated("id")
    if not is_taken.any():
        return table
    log.info("%s ids are of another source already: named source:id", f"{is_taken.sum():,}")
    ids = table["id"].mask(is_taken, table["source"] + ":" + table["id"])
    if ids.duplicated().any():
        raise InputError(
            "sources",
            "the id stands more than once, even behind its source's name",
            "give every transcript an id of its own",
            ids[ids.duplicated()].iloc[0],
        )
    return table.assign(id=ids)


def check_styles(table: pd.DataFrame) -> None:
    """Refuse chromosomes named chr1 by one source and 1 by another of the same assembly.

    Raises:
        InputError: They would never meet.
    """
    placed = table[table["chrom"].notna()]
    first: dict[str, tuple[str, str]] = {}
    for key, names in placed.groupby(["assembly", "source"], sort=False)["chrom"]:
        assembly, source = map(str, key)
        has_prefix = names.str.startswith("chr")
        if has_prefix.any() != has_prefix.all():
            continue  # a source with both styles: scaffolds, most likely
        other, example = first.setdefault(assembly, (source, names.iloc[0]))
        if example.startswith("chr") != has_prefix.all():
            raise InputError(
                "sources",
                f"names chromosomes of {assembly} like '{names.iloc[0]}', but {other} like"
                f" '{example}'",
                "name them alike",
                source,
            )


def log_counts(counts: pd.DataFrame) -> None:
    """Log what each filter took of each source."""
    for (source, label), steps in counts.groupby(["source", "label"], sort=False):
        taken = steps.iloc[1:]
        log.info(
            "%s: %s %s, less %s",
            source,
            f"{steps['remaining'].iloc[0]:,}",
            label,
            ", ".join(_said(row) for row in taken.itertuples()),
        )


def _said(step: Any) -> str:
    """Say in the log what a step took, or how many it flagged and kept."""
    if pd.notna(step.flagged) and step.flagged != step.removed:
        return f"{step.removed:,} {step.step} ({step.flagged:,} flagged)"
    return f"{step.removed:,} {step.step}"


def check_classes(table: pd.DataFrame, summary: pd.DataFrame) -> None:
    """Refuse a dataset without one of the classes, and warn where a reference count differs.

    Raises:
        InputError: A class is empty.
    """
    totals = summary[(summary["source"] == "total") & (summary["step"] == "kept")]
    columns = (totals[name] for name in ("label", "remaining", "reference"))
    for label, remaining, reference in zip(*columns, strict=True):
        if remaining == 0:
            raise InputError(
                "dataset",
                f"no {label} is left after the filters",
                "enable a source of that label, or relax min_length or biotypes",
            )
        if pd.notna(reference) and remaining != reference:
            log.warning(
                "%s: %s transcripts, where the literature counts %s",
                label,
                f"{remaining:,}",
                f"{reference:,}",
            )
    log.info(
        "kept %s transcripts, %s nt", f"{len(table):,}", f"{table['sequence'].str.len().sum():,}"
    )


def build_dataset(
    records: Sequence[str | Path],
    min_length: int,
    biotypes: Sequence[str],
    reference: dict[str, int],
    drop: Sequence[str] = (),
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the parsed sources and make the dataset and its summary.

    Raises:
        InputError: A table is unreadable, an id stands twice in a source, sources name chromosomes
            in two styles, or a class is empty.
    """
    tables = [read_table(path, TRANSCRIPT_COLUMNS) for path in records]
    table = tell_apart(pd.concat(tables, ignore_index=True))
    check_styles(table)
    kept, counts = clean(table, min_length, biotypes, drop)
    log_counts(counts)
    summary = summarise(counts, kept, reference)
    check_classes(kept, summary)
    return kept, summary


def _reference(text: str) -> tuple[str, int]:
    """Read `LABEL=COUNT`."""
    label, _, count = text.partition("=")
    if label not in LABELS or not count.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not LABEL=COUNT with a label of {LABELS}")
    return label, int(count)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    parser.add_argument("--records", nargs="+", required=True, help="tables made by circlet parse")
    parser.add_argument("--min-length", type=int, default=200, help="shortest sequence kept, nt")
    parser.add_argument(
        "--biotypes", nargs="*", default=[], help="biotypes of lncRNAs kept; none keeps all"
    )
    parser.add_argument(
        "--reference", nargs="*", type=_reference, default=[], help="expected counts, LABEL=COUNT"
    )
    parser.add_argument(
        "--drop",
        nargs="*",
        choices=FLAGS,
        default=[],
        help="doubts that cost a transcript its place",
    )
    parser.add_argument("--output", required=True, help="the dataset, Parquet")
    parser.add_argument("--summary", required=True, help="what each filter took, TSV")


def run(args: argparse.Namespace) -> None:
    """Run the step."""
    kept, summary = build_dataset(
        args.records, args.min_length, args.biotypes, dict(args.reference), args.drop
    )
    write_table(args.summary, summary)
    write_table(args.output, kept)
