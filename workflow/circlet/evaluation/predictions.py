"""Predictions read back from their table, checked."""

from pathlib import Path

import pandas as pd

from circlet.errors import InputError
from circlet.files import read_table
from circlet.parts import with_parts
from circlet.tables import HARD, LABELS, POSITIVE, PREDICTION_COLUMNS, SPLIT_COLUMNS, TEST


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


def load_scored(predictions_path: Path, split_path: Path) -> pd.DataFrame:
    """Read predictions with the groups of their rows, all parts.

    Raises:
        InputError: A prediction is not usable, the tables do not fit each other, or the
            predictions were made with another split.
    """
    predictions = read_predictions(predictions_path)
    scored = with_parts(
        predictions, read_table(split_path, SPLIT_COLUMNS), predictions_path, split_path
    )
    other_part = predictions["part"].to_numpy() != scored["part"].to_numpy()
    if other_part.any():
        raise InputError(
            predictions_path,
            f"part is another than in {split_path}",
            "make the predictions again",
            scored["id"][other_part].iloc[0],
        )
    return scored
