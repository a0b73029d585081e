"""What others published on this task: quoted with their source, and never mixed with our scores."""

from pathlib import Path

import pandas as pd

from circlet.errors import InputError
from circlet.files import read_table

PATH = Path(__file__).with_name("literature.tsv")

QUOTED, RERUN = KINDS = ("quoted", "rerun")
SCORES = ("accuracy", "f1", "mcc", "auroc")
TEXTS = ("name", "kind", "source", "doi", "data", "split", "test_size", "note")
COLUMNS = (*TEXTS, *SCORES)


def read_literature(path: str | Path = PATH) -> pd.DataFrame:
    """Read the published figures, those of the package by default.

    Returns:
        `COLUMNS`: `kind` is `quoted` (as published) or `rerun` (the published model, run by us),
        `source` what to cite, `data` and `split` what the figures were measured on, `note` where
        they were found. Texts may be empty; a score that was not published is NaN.

    Raises:
        InputError: A column or a name, source, split or note is missing, a kind is another, or a
            score is no number from -1 to 1.
    """
    table = read_table(path, COLUMNS)[list(COLUMNS)]
    mend = "correct the table"
    try:
        table = table.astype(dict.fromkeys(SCORES, "float"))
    except ValueError as error:
        raise InputError(path, f"a score is not a number ({error})", mend) from None
    texts = table[list(TEXTS)].astype(object).where(table[list(TEXTS)].notna(), "").astype(str)
    table[list(TEXTS)] = texts
    for row in table.to_dict("records"):
        if not all(row[key] for key in ("name", "source", "split", "note")):
            raise InputError(path, "a row lacks name, source, split or note", mend, row["name"])
        if row["kind"] not in KINDS:
            raise InputError(path, f"the kind '{row['kind']}' is not of {KINDS}", mend, row["name"])
    if (table[list(SCORES)].abs() > 1).to_numpy().any():
        raise InputError(path, "a score is not from -1 to 1", mend)
    return table
