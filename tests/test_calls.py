import logging
import subprocess
import sys
from types import SimpleNamespace

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from call_inputs import ALL_ENDINGS, BROKEN, NAN, ROWS, TEXTS, TSV, breaking, many, write

from circlet import call_rows, calls
from circlet.calls import KINDS, Prediction, open_calls, write_calls
from circlet.errors import InputError
from circlet.tables import CALL_COLUMNS

# A writer that is left behind must not write its end, to a file that is closed.
pytestmark = pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")


# A stream that breaks off


@pytest.mark.parametrize("ending", ALL_ENDINGS)
def test_what_was_scored_before_a_break_is_kept(tmp_path, ending):
    path = tmp_path / f"out.{ending}"
    with pytest.raises(InputError) as caught:
        write_calls(path, breaking(ROWS), "in.fa.gz")
    partial = tmp_path / f"out.{ending}.partial"
    assert str(caught.value) == (
        "in.fa.gz: r5: the gzip stream is truncated; fetch it again; "
        f"the 4 records classified before it are in {partial}"
    )
    assert list(tmp_path.iterdir()) == [partial]
    write(path, ROWS)  # the next try, which comes to its end
    assert list(tmp_path.iterdir()) == [path]
    whole = path.read_bytes()
    with pytest.raises(InputError):
        write_calls(path, breaking(ROWS), "in.fa.gz")
    assert partial.read_bytes() == whole
    assert path.read_bytes() == whole  # that of the try before is left as it was


def test_one_row_in_a_partial_table(tmp_path):
    path = tmp_path / "out.tsv"
    with pytest.raises(InputError, match=r"; the 1 record classified before it is in .*partial$"):
        write_calls(path, breaking(ROWS[:1]), "in.fa.gz")


def test_rows_of_whole_and_broken_blocks_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(calls, "BLOCK_ROWS", 100)
    with pytest.raises(InputError, match="the 1,234 records classified before it are in"):
        write_calls(tmp_path / "out.tsv.gz", breaking(many(1234)), "in.fa.gz")
    table = pd.read_csv(tmp_path / "out.tsv.gz.partial", sep="\t", compression="gzip")
    assert table["id"].tolist() == [f"r{row}" for row in range(1234)]


@pytest.mark.parametrize("kind", KINDS)
def test_without_rows_there_is_no_partial_table(tmp_path, kind):
    with pytest.raises(InputError) as caught:
        write_calls(tmp_path / f"out.{kind}", breaking([]), "in.fa.gz")
    assert caught.value is BROKEN
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(143), ValueError("a bug")])
@pytest.mark.parametrize("ending", ["tsv.gz", "csv.zst", "parquet"])
def test_other_errors_leave_nothing(tmp_path, error, ending):
    with pytest.raises(type(error)) as caught:
        write_calls(tmp_path / f"out.{ending}", breaking(many(600), error), "in.fa")
    assert caught.value is error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", ["tsv", "tsv.gz", "csv.zst", "parquet"])
def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch, ending, recwarn):
    """It is met by the block, by the last bytes, and while what came before a break is kept."""

    def full(*arguments):
        raise OSError(28, "No space left on device")

    for method, rows in (("write", ROWS), ("close", ROWS), ("close", breaking(ROWS))):
        table = call_rows.ParquetTable if ending == "parquet" else call_rows.TextTable
        with monkeypatch.context() as patch:
            patch.setattr(table, method, full)
            with pytest.raises(InputError) as caught:
                write_calls(tmp_path / f"out.{ending}", rows, "in.fa")
        told = f"{tmp_path}/out.{ending}: cannot be written (No space left on device); free space"
        assert str(caught.value).startswith(told)
        assert list(tmp_path.iterdir()) == []
    assert not recwarn.list


def test_a_folder_where_the_partial_table_would_be(tmp_path):
    (tmp_path / "out.tsv.partial").mkdir()
    with pytest.raises(InputError, match=r"partial: is there and is not a file"):
        write_calls(tmp_path / "out.tsv", breaking(ROWS), "in.fa")
    write_calls(tmp_path / "out.tsv", ROWS, "in.fa")
    assert (tmp_path / "out.tsv").read_text("utf-8") == TSV


@pytest.mark.parametrize("path", ["", ".", "/"])
def test_a_path_without_a_name_is_refused(path):
    with pytest.raises(InputError, match=r"^[./]: is there and is not a file"):
        write_calls(path, ROWS, "in.fa")


# Standard output


@pytest.mark.parametrize("kind", TEXTS)
def test_text_goes_to_standard_output(capfdbinary, kind):
    with open_calls("-", None if kind == "tsv" else kind) as put:
        lines = TEXTS[kind].encode().splitlines(keepends=True)
        first = 1 if kind == "jsonl" else 2
        put(ROWS[:1])
        assert capfdbinary.readouterr().out == b"".join(lines[:first])  # at once
        put(ROWS[1:])
    assert capfdbinary.readouterr().out == b"".join(lines[first:])


def test_an_empty_table_on_standard_output_is_its_header(capfd):
    write("-")
    assert capfd.readouterr().out == "\t".join(CALL_COLUMNS) + "\n"


def test_a_break_on_standard_output_tells_what_was_written(capfd):
    with pytest.raises(
        InputError, match="again; the 4 records classified before it are on standard"
    ):
        write_calls("-", breaking(ROWS), "in.fa")
    assert capfd.readouterr().out == TSV


SCRIPT = """
import sys
from circlet.calls import Prediction, write_calls
from circlet.errors import InputError
rows = (Prediction(f"r{row}", 9, 0.5, "circRNA", 0.1) for row in range(int(sys.argv[2])))
try:
    write_calls("-", rows, "in.fa", sys.argv[1])
except InputError as error:
    sys.exit(f"error: {error}")
except BrokenPipeError:
    sys.exit("broken pipe")
"""


def python(kind, rows, **options):
    """Write rows to standard output in a process of its own."""
    command = [sys.executable, "-c", SCRIPT, kind, str(rows)]
    return subprocess.run(command, check=False, stderr=subprocess.PIPE, **options)


def test_parquet_goes_to_a_pipe(tmp_path):
    done = python("parquet", 70_000, stdout=subprocess.PIPE)
    table = pq.read_table(pa.BufferReader(done.stdout))
    assert table["id"].to_pylist() == [f"r{row}" for row in range(70_000)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_full_disk_on_standard_output_is_one_line(kind):
    with open("/dev/full", "wb") as full:
        done = python(kind, 10, stdout=full)
    told = b"error: standard output: cannot be written (No space left on device); free space there"
    assert done.stderr.splitlines() == [told + b", and start again"]
    assert done.returncode == 1  # the script's own


@pytest.mark.parametrize("kind", KINDS)
def test_a_broken_pipe_is_left_to_the_command_line(kind):
    command = [sys.executable, "-c", SCRIPT, kind, "3000000"]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, **options) as process:
        process.stdout.read(3)
        process.stdout.close()
        told = process.stderr.read()
    assert told == b"broken pipe\n"


# Messages


def test_the_log_tells_how_many_calls_there_are_and_why_not(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    none = [Prediction(f"x{row}", 2, NAN, "", NAN, ("too_short", "b")) for row in range(1000)]
    none += [Prediction("y", 9, NAN, "", NAN, ("not_nucleotides", "too_short"))] * 2
    none += [Prediction("z", 9, NAN, "", NAN)]
    write_calls(tmp_path / "out.tsv", [*ROWS[:2], *none], "in.fa")
    assert caplog.messages == [
        "in.fa: classified 2 records",
        "in.fa: 1,003 records have no call: 1,000 too_short, 2 not_nucleotides, 1 no reason",
    ]


def test_one_record_without_a_call(tmp_path, caplog):
    write_calls(tmp_path / "out.tsv", ROWS, "in.fa")
    assert caplog.messages == ["in.fa: 1 record has no call: 1 too_short"]


@pytest.mark.parametrize(
    ("path", "terminal", "shown"), [("out.tsv", True, 4), ("-", False, 4), ("-", True, 0)]
)
def test_progress_is_not_shown_over_the_table_itself(tmp_path, monkeypatch, path, terminal, shown):
    done = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("circlet.progress.Progress.update", lambda self, count: done.append(count))
    stdout = open(tmp_path / "terminal", "w")  # noqa: SIM115
    seen = SimpleNamespace(isatty=lambda: terminal, flush=stdout.flush, fileno=stdout.fileno)
    monkeypatch.setattr(calls, "sys", SimpleNamespace(stdout=seen))
    write_calls(path, ROWS, "in.fa")
    stdout.close()
    assert sum(done) == shown
    assert (tmp_path / ("terminal" if path == "-" else path)).read_text("utf-8") == TSV


@pytest.mark.parametrize(("kind", "count"), [("tsv", 1), ("csv", 1), ("jsonl", 0), ("parquet", 0)])
def test_ids_that_a_spreadsheet_takes_for_formulas_are_told_and_kept(tmp_path, caplog, kind, count):
    ids = ["=1+1", "a=b", "+1", "-1", "@x", "'=1", "b-"]
    rows = [Prediction(name, 30, 0.5, "circRNA", 0.1) for name in ids]
    write_calls(tmp_path / f"out.{kind}", rows, "in.fa")
    assert caplog.messages == count * [
        "in.fa: 4 ids begin with =, +, - or @ (the first is =1+1): a spreadsheet may take that for"
        " a formula; import them as text"
    ]
    write_calls(tmp_path / "out.tsv", rows, "in.fa")
    assert (tmp_path / "out.tsv").read_text().split("\n")[1].startswith("=1+1\t")
    assert pd.read_table(tmp_path / "out.tsv")["id"].tolist() == ids
    caplog.clear()
    write_calls(tmp_path / "out.tsv", rows[:2], "in.fa")
    assert caplog.messages[0].startswith("in.fa: 1 id begins with =, +, - or @ (the first is =1+1)")
