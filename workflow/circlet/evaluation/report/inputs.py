"""What the report page shows, read from the files of the steps before it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from circlet.errors import InputError
from circlet.evaluation.resources import COLUMNS as RESOURCE_COLUMNS
from circlet.evaluation.resources import MEASURES
from circlet.evaluation.scores import METRICS
from circlet.files import read_json, read_table
from circlet.parts import with_parts
from circlet.tables import (
    CONFOUND_COLUMNS,
    DIFFERENCE_COLUMNS,
    HARD,
    LABELS,
    LEAKAGE_COLUMNS,
    MEMBER_ABOUT,
    MISTAKE_COLUMNS,
    PARTS,
    SPLIT_COLUMNS,
    STRATUM_COLUMNS,
    UNUSED,
    is_hard_negative,
    records_of,
)

Scored = tuple[str, str, str]  # name, scheme and test set
EPOCH_SCORES = ("train_loss", "validation_loss", "validation_auroc")


def load_metrics(paths: Iterable[Path]) -> dict[Scored, dict[str, Any]]:
    """Read what the comparison does not hold: `bootstrap` and `confusion` of what was scored.

    Raises:
        InputError: A file is not one that `circlet evaluate` writes.
    """
    found: dict[Scored, dict[str, Any]] = {}
    for path in paths:
        content = read_json(path)
        try:
            for entry in content if isinstance(content, list) else [content]:
                key = str(entry["name"]), str(entry["scheme"]), str(entry["test_set"])
                found[key] = _details(entry)
        except (KeyError, TypeError, ValueError) as error:
            mend = "make it again with 'circlet evaluate'"
            raise InputError(path, f"not a file of metrics ({error})", mend) from None
    return found


def _details(entry: Mapping[str, Any]) -> dict[str, Any]:
    """What is shown of the scores on one test set."""
    names = ("unit", "replicates", "confidence", "undefined_replicates")
    return {
        "bootstrap": {name: entry["bootstrap"][name] for name in names},
        "confusion": {name: int(entry["confusion"][name]) for name in ("tp", "fp", "tn", "fn")},
    }


@dataclass(frozen=True)
class Kind:
    """A kind of table that is shown row by row.

    Attributes:
        step: The step that writes it.
        columns: What it must have.
        texts: Columns that are never missing and are text, whatever they look like.
        numbers: Columns of numbers, which may be missing.
    """

    step: str
    columns: Sequence[str]
    texts: Sequence[str]
    numbers: Sequence[str]


ABOUT = ("name", "scheme", "part")
DIFFERENCES = Kind(
    "differences",
    DIFFERENCE_COLUMNS,
    (*ABOUT, "rival", "rival_scheme", "test_set", "metric"),
    ("difference", "low", "high", "p_value", "p_holm"),
)
STRATA = Kind("strata", STRATUM_COLUMNS, (*ABOUT, "description", "stratum"), STRATUM_COLUMNS[5:])
MISTAKES = Kind(
    "strata", MISTAKE_COLUMNS, (*ABOUT, "id", "label"), ("doubt", "length", "stop_free", "gc")
)
SEED_SCORES = tuple(f"{metric}{end}" for metric in METRICS for end in ("", "_low", "_high"))
SEEDS = Kind(
    "seeds", (*MEMBER_ABOUT, *SEED_SCORES), (*ABOUT, "member"), ("threshold", *SEED_SCORES)
)
LEAKAGE = Kind("leakage", LEAKAGE_COLUMNS, ("scheme", "label"), LEAKAGE_COLUMNS[2:])
CONFOUNDS = Kind(
    "confounds", CONFOUND_COLUMNS, ("scheme", "test_set", "descriptor"), CONFOUND_COLUMNS[3:]
)
RESOURCES = Kind("resources", RESOURCE_COLUMNS, ("step",), tuple(MEASURES))


def load_rows(paths: Iterable[Path], kind: Kind) -> list[dict[str, Any]]:
    """Read the rows of the tables of all runs; missing numbers are NaN, other values None.

    Raises:
        InputError: A file is not one that its step writes.
    """
    found = []
    for path in paths:
        table = read_table(path, tuple(kind.columns))
        types = dict.fromkeys(kind.texts, "str") | dict.fromkeys(kind.numbers, "float")
        try:
            table = table.astype(types)
        except ValueError as error:
            mend = f"make it again with 'circlet {kind.step}'"
            raise InputError(path, f"holds what is not a number ({error})", mend) from None
        others = table.columns.difference(list(kind.numbers))
        table[others] = table[others].astype(object).where(table[others].notna(), None)
        found += records_of(table)
    return found


def load_training(paths: Iterable[Path]) -> dict[str, list[dict[str, Any]]]:
    """Read the records of each run's trainings, one a seed, by the name of their folder.

    Raises:
        InputError: A file is not one that `circlet assemble` writes.
    """
    found = {}
    for path in paths:
        records = read_json(path)
        try:
            if not isinstance(records, list):
                raise ValueError("no list")
            told = [{**record, "epochs": list(record["epochs"])} for record in records]
            for epoch in (epoch for record in told for epoch in record["epochs"]):
                {name: epoch[name] for name in ("epoch", *EPOCH_SCORES)}
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            mend = "make it again with 'circlet assemble'"
            raise InputError(path, f"not the records of trainings ({error})", mend) from None
        found[path.resolve().parent.name] = told
    return found


def split_rows(split: pd.DataFrame) -> list[dict[str, Any]]:
    """Count transcripts, groups and, where `label` is known, classes of each part and in all.

    Hard negatives are counted by themselves, as the class `hard`.
    """
    others = [part for part in (HARD, UNUSED) if (split["part"] == part).any()]
    parts = [(part, split[split["part"] == part]) for part in (*PARTS, *others)]
    rows = []
    for part, members in [*parts, ("all", split)]:
        row = {"part": part, "transcripts": len(members), "groups": members["group"].nunique()}
        if "label" in split:
            is_hard = is_hard_negative(members)
            row |= {label: int(((members["label"] == label) & ~is_hard).sum()) for label in LABELS}
            row[HARD] = int(is_hard.sum())
        rows.append(row)
    return rows


def load_splits(
    paths: Iterable[Path], transcripts_path: Path | None
) -> dict[str, list[dict[str, Any]]]:
    """Read the splits and count their parts, by the scheme that the file's stem names."""
    transcripts = None
    if transcripts_path is not None:
        columns = ("id", "label", "biotype")
        transcripts = read_table(transcripts_path, columns)[list(columns)]
    found = {}
    for path in paths:
        split = read_table(path, SPLIT_COLUMNS)
        if transcripts is not None and transcripts_path is not None:
            split = with_parts(transcripts, split, transcripts_path, path)
        found[path.stem] = split_rows(split)
    return found
