"""Rows of a table joined with the split that says their group and part."""

from pathlib import Path

import pandas as pd

from circlet.errors import InputError
from circlet.tables import SPLIT_COLUMNS


def with_parts(
    table: pd.DataFrame, split: pd.DataFrame, table_path: str | Path, split_path: str | Path
) -> pd.DataFrame:
    """Give each row of `table` the `group` and `part` of its id; row order is kept.

    Args:
        table: Transcripts or predictions, by `id`.
        split: A table with `SPLIT_COLUMNS`.
        table_path: File of `table`, for messages.
        split_path: File of `split`, for messages.

    Raises:
        InputError: An id is repeated or stands in one table alone, or the split has a gap.
    """
    ids = {table_path: table["id"], split_path: split["id"]}
    for path, column in ids.items():
        _refuse(path, column[column.duplicated()], "the id occurs more than once")
    _refuse(table_path, table["id"][~table["id"].isin(split["id"])], f"not in {split_path}")
    _refuse(split_path, split["id"][~split["id"].isin(table["id"])], f"not in {table_path}")
    split = split[list(SPLIT_COLUMNS)]  # what else it tells may be missing
    _refuse(split_path, split["id"][split.isna().any(axis=1)], "without group or part")
    return table.drop(columns=["group", "part"], errors="ignore").merge(
        split, on="id", how="left", validate="one_to_one"
    )


def _refuse(path: str | Path, ids: pd.Series, problem: str) -> None:
    """Raise an error that names the first of `ids`, if there is one."""
    if len(ids):
        raise InputError(path, problem, "make both tables from one dataset", ids.iloc[0])
