"""What must hold of a command's outcome, whatever its input is."""

import contextlib
import faulthandler
import io
import json
import math
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
from cases import MODEL, Case

from circlet.call_rows import TYPES
from circlet.cli import main
from circlet.compression import as_stream, unpack
from circlet.tables import CALL_COLUMNS, STRAND_COLUMNS

LONGEST_TRY = 60  # seconds, after which it hangs
LOG_LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (INFO|WARNING) ")
TERMINAL = os.dup(2)  # whatever standard error is later on
STREAMS = (1, 2)  # standard output and error


class FaultError(AssertionError):
    """What must hold does not."""


@contextlib.contextmanager
def caught(folder: Path) -> Iterator[list[bytes]]:
    """Catch what is written to standard output and error, by whatever library."""
    kept, found = [os.dup(stream) for stream in STREAMS], []
    paths = [folder / f"stream{stream}" for stream in STREAMS]
    try:
        for path, stream in zip(paths, STREAMS, strict=True):
            handle = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_APPEND)
            os.dup2(handle, stream)
            os.close(handle)
        yield found
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for copy, stream in zip(kept, STREAMS, strict=True):
            os.dup2(copy, stream)
            os.close(copy)
        found += [path.read_bytes() for path in paths]


def check(case: Case, folder: Path, model: Path) -> str:
    """Run a case; tell how it ended, in a word.

    Args:
        case: What to run.
        folder: Scratch, made anew.
        model: The checkpoint that is as it should be.

    Raises:
        FaultError: Its outcome is not one of those that are stated.
        Exception: Whatever the command lets through.
    """
    work, beside = folder / "case", folder / "beside"
    case.write(work)
    beside.mkdir(exist_ok=True)
    tempfile.tempdir = str(beside)
    before = set(_listed(work))
    words = [str(model) if word == MODEL else word for word in case.words]
    faulthandler.dump_traceback_later(LONGEST_TRY, exit=True, file=TERMINAL)
    with caught(folder) as streams, contextlib.chdir(work):
        try:
            code = main(words)
        except SystemExit as ended:  # of argparse
            code = ended.code
    faulthandler.cancel_dump_traceback_later()
    out, err = streams[0], streams[1].decode("utf-8")
    _require(code in (0, 2), f"exit code {code}: {err}")
    message = _message(err, case.words[0], code)
    left = [path.name for path in beside.iterdir()]
    if left := [name for name in left if not name.startswith("torchinductor")]:  # torch's cache
        raise FaultError(f"left in the temporary folder: {left}")
    _check_folder(work, before, case, code, message)
    if case.rows is not None and code == 2:
        raise FaultError(f"refused, though the input is as it should be: {message}")
    if code == 0 and case.words[0] in ("predict", "gather"):
        _check_table(case, work, out)
    return "well" if code == 0 else "in a stated error"


def _listed(folder: Path) -> list[str]:
    """Name all files in a folder."""
    return [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]


def _require(holds: bool, problem: str) -> None:
    """Raise a fault unless something holds."""
    if not holds:
        raise FaultError(problem)


def _message(err: str, step: str, code: int) -> str:
    """Check standard error; give the line of the error, if there is one."""
    lines = err.removesuffix("\n").split("\n") if err else []
    if code == 2 and lines and lines[0].startswith(f"usage: circlet {step}"):
        return lines[-1]
    lines = [line for line in lines if not LOG_LINE.match(line)]
    _require(len(lines) == (code == 2), f"with exit code {code} standard error is:\n{err}")
    begin = f"circlet {step}: error: "
    _require(not lines or lines[0].startswith(begin), f"does not begin with {begin!r}:\n{err}")
    return lines[0] if lines else ""


def _check_folder(work: Path, before: set[str], case: Case, code: int, message: str) -> None:
    """Check that nothing but the stated files came to be."""
    new = set(_listed(work)) - before - {"genome.fai"}
    new -= {f"{name}.fai" for name in case.files}
    output = case.output
    if code == 0:
        _require(new == ({output} if output else set()), f"files are left: {sorted(new)}")
    elif new:
        _require(new == {f"{output}.partial"}, f"files are left: {sorted(new)}")
        _require(f"{output}.partial" in message, f"a file is left and not named: {message}")


def _check_table(case: Case, work: Path, out: bytes) -> None:
    """Check a table that is there."""
    content = out
    if case.output:
        _require(not out, "something is on standard output beside the file")
        content = (work / case.output).read_bytes()
        if case.table != "parquet":
            content = as_stream(unpack(io.BytesIO(content))).read()
    strands = [word for before, word in pairwise(case.words) if before == "--strand"]
    both = strands[-1:] == ["both"]
    columns = (*CALL_COLUMNS, *STRAND_COLUMNS) if both else CALL_COLUMNS
    if case.words[0] == "gather":
        return
    rows = read_rows(content, case.table, columns)
    for row in rows:
        _check_row(row, both)
    if case.rows is not None:
        found = [(row["id"], row["length"]) for row in rows]
        _require(found == case.rows, f"rows are {found} of {case.rows}")


def read_rows(content: bytes, kind: str, columns: tuple[str, ...]) -> list[dict]:
    """Read a table of calls by another program's means; None is what is missing."""
    if kind == "jsonl":
        rows = [
            json.loads(line) for line in content.decode().removesuffix("\n").split("\n") if line
        ]
        _require(all(tuple(row) == columns for row in rows), "other keys")
        return rows
    if kind == "parquet":
        table = pq.read_table(io.BytesIO(content))
        _require(tuple(table.column_names) == columns, f"columns {table.column_names}")
        _require(all(table.schema.field(name).type == TYPES[name] for name in columns), "types")
        return table.to_pylist()
    tab = {"tsv": {"sep": "\t", "quoting": 3, "lineterminator": "\n"}, "csv": {}}[kind]
    plain = {"keep_default_na": False, "dtype": str, "encoding": "utf-8"}
    table = pd.read_csv(io.BytesIO(content), **tab, **plain)
    _require(tuple(table) == columns, f"columns {list(table)}")
    _require(content.count(b"\n") >= len(table) + 1, "lines")
    rows = table.to_dict("records")
    for row in rows:
        row["length"] = int(row["length"])
        for name in ("p_circrna", "spread", "p_other_strand"):
            if name in row:
                row[name] = float(row[name]) if row[name] else None
        row["flags"] = row["flags"].split(";") if row["flags"] else []
    return rows


def _check_row(row: dict, both: bool) -> None:
    """Check a row against itself."""
    p, call = row["p_circrna"], row["call"] or None
    _require(row["id"] != "" and row["length"] >= 0, f"{row}")
    _require((p is None) == (call is None), f"call and p do not fit: {row}")
    _require(p is None or 0 <= p <= 1, f"no probability: {row}")
    _require(call in (None, "circRNA", "lncRNA"), f"{row}")
    _require(call is not None or bool(row["flags"]), f"no reason: {row}")
    if row["spread"] is not None:
        _require(0 <= row["spread"] <= 1 and not math.isnan(row["spread"]), f"{row}")
    if both:
        other = row["p_other_strand"]
        _require((other is None) == (p is None) and (p is None or 0 <= other <= p), f"{row}")
