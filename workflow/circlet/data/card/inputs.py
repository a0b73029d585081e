"""Reading what the steps before the dataset card wrote, into what JSON knows."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from circlet.errors import InputError
from circlet.files import read_json, read_table
from circlet.pages import download_rows
from circlet.tables import CONFOUND_COLUMNS, LEAKAGE_COLUMNS, SUMMARY_COLUMNS, records_of

Sheet = dict[str, Any]

SETTINGS = ("sources", "dataset", "split")  # sections of the config that the card tells of

LEAKAGE_WORDS, LEAKAGE_NUMBERS = LEAKAGE_COLUMNS[:2], LEAKAGE_COLUMNS[2:]
CONFOUND_WORDS, CONFOUND_NUMBERS = CONFOUND_COLUMNS[:3], CONFOUND_COLUMNS[3:]


@dataclass(frozen=True)
class Inputs:
    """Files of the steps before, as the options of `circlet card` name them."""

    transcripts: Path
    summary: Path
    downloads: Sequence[Path]
    splits: Sequence[Path]
    leakage: Path
    confounds: Path
    subsets: Path
    settings: Path | None


def read_download(path: Path) -> Sheet:
    """Tell what was fetched: never when, nor from where on this machine.

    `address` is where the file came from, of a mirror's the upstream's own; of a local file None.
    """
    (row,) = download_rows([path])
    return {
        "file": row["file"],
        "address": row["upstream"] if row["is_web"] else None,
        "mirror": row["is_mirrored"],
        "size": row["size"],
        "sha256": row["sha256"],
    }


def read_summary(path: Path) -> pd.DataFrame:
    """Read what each filter took, its counts as whole numbers.

    Raises:
        InputError: The file cannot be read, lacks a column or has other things for counts.
    """
    summary = read_table(path, SUMMARY_COLUMNS)
    try:
        return summary.astype(dict.fromkeys(SUMMARY_COLUMNS[3:], "Int64"))
    except (TypeError, ValueError) as error:
        raise InputError(path, f"a count is not a number ({error})", "make it again") from None


def read_numbers(path: Path, words: Sequence[str], numbers: Sequence[str]) -> list[Sheet]:
    """Read a table of numbers as records; a missing number is None.

    Args:
        path: The table.
        words: Its columns of text.
        numbers: Its columns of numbers.

    Raises:
        InputError: The file cannot be read, lacks a column or has words for numbers.
    """
    table = read_table(path, (*words, *numbers))[[*words, *numbers]]
    try:
        return as_records(
            table.astype(dict.fromkeys(words, "str")).assign(
                **{name: pd.to_numeric(table[name]) for name in numbers}
            )
        )
    except (TypeError, ValueError) as error:
        raise InputError(path, f"a value is not a number ({error})", "make it again") from None


def as_records(table: pd.DataFrame) -> list[Sheet]:
    """The rows as dictionaries of what JSON knows, with None for what is missing."""
    return records_of(table.astype("object").where(table.notna(), None))


def read_settings(path: Path | None) -> Sheet:
    """Read what the config says of `sources`, `dataset` and `split`; empty where it is not given.

    Raises:
        InputError: The file is not JSON, or holds something else.
    """
    if path is None:
        return {key: {} for key in SETTINGS}
    content = read_json(path)
    try:
        return {key: dict(content.get(key, {})) for key in SETTINGS}
    except (AttributeError, TypeError, ValueError):
        raise InputError(
            path, "not settings", "give an object with sources, dataset and split"
        ) from None
