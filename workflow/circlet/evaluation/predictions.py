"""Predictions read back from their table, checked."""

from pathlib import Path

import pandas as pd

from circlet.errors import InputError
from circlet.files import read_table
from circlet.tables import HARD, LABELS, POSITIVE, PREDICTION_COLUMNS, TEST


def read_predictions(path: str | Path) -> pd.DataFrame:
    """Read a table of predictions for the dataset.

    Raises:
        InputError: A probability, label or call is not usable.
    """
    table = read_table(path, PREDICTION_COLUMNS)
    table["p_circrna"] = pd.to_numeric(table["p_circrna"], errors="coerce")
    faults = {
        "p_circrna is not a probability": ~table["p_circrna"].between(0, 1),
        f"label is not {' or '.join(LABELS)}": ~table["label"].isin(LABELS),
        f"call is not {' or '.join(LABELS)}": ~table["call"].isin(LABELS),
    }
    for problem, is_faulty in faults.items():
        if is_faulty.any():
            record = table["id"][is_faulty].iloc[0]
            raise InputError(path, problem, "make the predictions again", record)
    return table


def select_part(table: pd.DataFrame, part: str, path: str | Path) -> pd.DataFrame:
    """Rows of one part of the predictions in `path`.

    The part `hard` are the hard negatives held out, against the circRNAs of the test part.

    Raises:
        InputError: The part lacks a label.
    """
    is_asked = table["part"] == part
    if part == HARD:
        is_asked |= (table["part"] == TEST) & (table["label"] == POSITIVE)
    rows = table[is_asked]
    if missing := [label for label in LABELS if label not in set(rows["label"])]:
        raise InputError(
            path,
            f"the part {part} has no {' and no '.join(missing)}",
            "scores and curves need both: make the split again, or give more transcripts",
        )
    return rows
