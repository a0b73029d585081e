"""Calls as the page shows them and as it gives them away."""

import io
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

import pandas as pd

from circlet.call_rows import FORMULA, OF_SPREADSHEETS, Prediction, open_table
from circlet.data.records import Entry
from circlet.serve.page.words import MEANINGS, shown
from circlet.tables import LABELS, call_columns

# What is given away: name on the button, kind of table, media type.
DOWNLOADS = (
    ("TSV", "tsv", "text/tab-separated-values"),
    ("CSV", "csv", "text/csv"),
    ("JSON lines", "jsonl", "application/x-ndjson"),
)
ID_LETTERS = 200  # of an id in the table of the page; downloads have all


class Results(NamedTuple):
    """What a session has classified.

    Attributes:
        name: Where the records are from.
        entries: The records.
        rows: Their predictions at the model's own threshold, in the same order.
        both_strands: Whether both strands were scored.
    """

    name: str
    entries: list[Entry]
    rows: list[Prediction]
    both_strands: bool

    @property
    def columns(self) -> tuple[str, ...]:
        """Those of the table that `circlet predict` writes."""
        return call_columns(self.both_strands)


def called_at(results: Results, call: Callable[[float], str]) -> Results:
    """Give the same results with the calls of another threshold.

    Args:
        results: See there.
        call: Names the class of a probability.
    """
    rows = [row._replace(call=call(row.p_circrna)) if row.call else row for row in results.rows]
    return results._replace(rows=rows)


def table_bytes(results: Results, kind: str) -> bytes:
    """Give the bytes that `circlet predict` writes for these records in a kind of table.

    In those that are opened in a spreadsheet, a `'` goes before an id that it would take for a
    formula.
    """
    rows, stream = results.rows, io.BytesIO()
    if kind in OF_SPREADSHEETS:
        rows = [row._replace(id=f"'{row.id}") if is_formula(row) else row for row in rows]
    with open_table(stream, kind, results.columns) as table:
        table.write(rows)
    return stream.getvalue()


def is_formula(row: Prediction) -> bool:
    """Whether a spreadsheet would take a row's id for a formula."""
    return row.id.startswith(FORMULA)


def summary(rows: Sequence[Prediction]) -> str:
    """Count the calls in a line."""
    calls = Counter(row.call for row in rows)
    told = [f"{calls[label]:,} called {label}" for label in reversed(LABELS)]
    if calls[""]:
        told.append(f"{calls['']:,} without a call")
    noun = "record" if len(rows) == 1 else "records"
    return f"{len(rows):,} {noun}: {', '.join(told)}"


def shown_table(results: Results) -> pd.DataFrame:
    """Lay the results out for the page, with the columns of what is given away."""
    table = pd.DataFrame(results.rows, columns=Prediction._fields)[list(results.columns)]
    table["id"] = [shown(name, ID_LETTERS) for name in table["id"]]
    table["flags"] = table["flags"].map(", ".join)
    return table


def flags_of(rows: Sequence[Prediction]) -> list[str]:
    """Give the flags that rows bear, in the order of the glossary."""
    borne = {flag for row in rows for flag in row.flags}
    return [flag for flag in MEANINGS if flag in borne]


def stem_of(name: str) -> str:
    """Give a name for downloads that is safe on every system."""
    stem = name.replace("\\", "/").rsplit("/", 1)[-1].split(".", 1)[0]
    safe = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in stem)
    return f"calls_{safe[:40].strip('_') or 'page'}"
