"""Clean, label and deduplicate the transcripts of all sources into one table.

The filters run in the order of `FILTERS`. Biotypes go first, so that a transcript which is no
negative at all cannot stand as the kept copy of a duplicate or take a circRNA with it.
"""

import argparse
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from circlet.errors import InputError
from circlet.files import read_table, write_table
from circlet.tables import LABELS, NEGATIVE, SUMMARY_COLUMNS, TRANSCRIPT_COLUMNS

log = logging.getLogger(__name__)


def normalise_sequences(table: pd.DataFrame) -> pd.DataFrame:
    """Give a copy whose sequences are upper-case DNA (U read as T)."""
    return table.assign(sequence=table["sequence"].str.upper().str.replace("U", "T", regex=False))


def has_biotype(table: pd.DataFrame, biotypes: Sequence[str]) -> pd.Series:
    """Whether each transcript is a negative of one of the biotypes, or is not asked for one.

    circRNAs and transcripts without a biotype are not asked; no biotypes keep all.
    """
    is_asked = (table["label"] == NEGATIVE) & table["biotype"].notna() & bool(biotypes)
    return ~is_asked | table["biotype"].isin(biotypes)


def is_acgt(table: pd.DataFrame) -> pd.Series:
    """Whether each sequence has the four unambiguous bases alone."""
    return table["sequence"].str.fullmatch("[ACGT]+")


def is_first_copy(table: pd.DataFrame) -> pd.Series:
    """Whether each transcript is the first of its label with its sequence."""
    return ~table.duplicated(["label", "sequence"])


def has_one_label(table: pd.DataFrame) -> pd.Series:
    """Whether each transcript's sequence stands under one label only."""
    return table.groupby("sequence")["label"].transform("nunique") == 1


def clean(
    table: pd.DataFrame, min_length: int, biotypes: Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Filter the transcripts and count what each filter took.

    Args:
        table: Transcripts with `TRANSCRIPT_COLUMNS`.
        min_length: Shortest sequence kept, in nt.
        biotypes: Biotypes of lncRNAs kept; see `has_biotype`.

    Returns:
        The kept transcripts, and the summary with `SUMMARY_COLUMNS` save `reference`.
    """
    filters: dict[str, Callable[[pd.DataFrame], pd.Series]] = {
        "biotype": lambda rows: has_biotype(rows, biotypes),
        "non_acgt": is_acgt,
        "too_short": lambda rows: rows["sequence"].str.len() >= min_length,
        "duplicate": is_first_copy,
        "both_labels": has_one_label,
    }
    sources = table[["source", "label"]].drop_duplicates()
    table = normalise_sequences(table)
    steps = [_count(table, sources, "records")]
    for step, keep in filters.items():
        table = table[keep(table)]
        steps.append(_count(table, sources, step))
    counts = pd.concat(steps, ignore_index=True)
    counts["removed"] = -counts.groupby(["source", "label"], sort=False)["remaining"].diff()
    counts = counts.astype({"removed": "Int64"})
    order = {name: place for place, name in enumerate(sources["source"])}
    counts = counts.sort_values("source", key=lambda names: names.map(order), kind="stable")
    return table.reset_index(drop=True), counts.reset_index(drop=True)


def _count(table: pd.DataFrame, sources: pd.DataFrame, step: str) -> pd.DataFrame:
    """Count the transcripts of each source and label after a step."""
    remaining = table.value_counts(["source", "label"])
    pairs = pd.MultiIndex.from_frame(sources)
    return sources.assign(step=step, remaining=remaining.reindex(pairs, fill_value=0).to_numpy())


def summarise(counts: pd.DataFrame, reference: dict[str, int]) -> pd.DataFrame:
    """Add one total row a label, beside its reference count, to the counts of the steps.

    Args:
        counts: Second result of `clean`.
        reference: Expected number of transcripts of a label; a label may be absent.
    """
    last = counts.groupby(["source", "label"], sort=False).tail(1)
    totals = pd.DataFrame(
        {
            "source": "total",
            "label": label,
            "step": "kept",
            "remaining": int(last.loc[last["label"] == label, "remaining"].sum()),
            "reference": reference.get(label),
        }
        for label in reversed(LABELS)
    )
    summary = pd.concat([counts, totals], ignore_index=True)
    types = {"removed": "Int64", "remaining": "Int64", "reference": "Int64"}
    return summary.reindex(columns=list(SUMMARY_COLUMNS)).astype(types)


def check_ids(table: pd.DataFrame) -> None:
    """Refuse two transcripts with one id.

    Raises:
        InputError: An id stands twice, in one source or in two.
    """
    twice = table[table.duplicated("id", keep=False)]
    if len(twice):
        first = twice.iloc[0]["id"]
        sources = sorted(set(twice.loc[twice["id"] == first, "source"]))
        raise InputError(
            "sources",
            f"the id stands more than once, in {' and '.join(sources)}",
            "give every transcript an id of its own, or enable one of the sources",
            first,
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
            ", ".join(f"{row.removed:,} {row.step}" for row in taken.itertuples()),
        )


def check_classes(table: pd.DataFrame, summary: pd.DataFrame) -> None:
    """Refuse a dataset without one of the classes, and warn where a reference count differs.

    Raises:
        InputError: A class is empty.
    """
    for row in summary[summary["source"] == "total"].itertuples():
        if row.remaining == 0:
            raise InputError(
                "dataset",
                f"no {row.label} is left after the filters",
                "enable a source of that label, or relax min_length or biotypes",
            )
        if pd.notna(row.reference) and row.remaining != row.reference:
            log.warning(
                "%s: %s transcripts, where the literature counts %s",
                row.label,
                f"{row.remaining:,}",
                f"{row.reference:,}",
            )
    log.info(
        "kept %s transcripts, %s nt", f"{len(table):,}", f"{table['sequence'].str.len().sum():,}"
    )


def build_dataset(
    records: Sequence[str | Path],
    min_length: int,
    biotypes: Sequence[str],
    reference: dict[str, int],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the parsed sources and make the dataset and its summary.

    Raises:
        InputError: A table is unreadable, an id stands twice, or a class is empty.
    """
    tables = [read_table(path, TRANSCRIPT_COLUMNS) for path in records]
    table = pd.concat(tables, ignore_index=True)
    check_ids(table)
    kept, counts = clean(table, min_length, biotypes)
    log_counts(counts)
    summary = summarise(counts, reference)
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
    parser.add_argument("--output", required=True, help="the dataset, Parquet")
    parser.add_argument("--summary", required=True, help="what each filter took, TSV")


def run(args: argparse.Namespace) -> None:
    """Run the step."""
    kept, summary = build_dataset(
        args.records, args.min_length, args.biotypes, dict(args.reference)
    )
    write_table(args.summary, summary)
    write_table(args.output, kept)
