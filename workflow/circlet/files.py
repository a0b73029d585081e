"""Reading and writing files: compression by content, outputs by atomic rename, hashes."""

import contextlib
import errno
import gzip
import hashlib
import io
import json
import os
import sys
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO, cast

import pandas as pd

from circlet.compression import ENDINGS, DamagedError, Source, as_stream, compressor, unpack
from circlet.errors import InputError

STANDARD_INPUT = "-"
# What the system says when no more can be written: the disk, a quota or a limit is met.
MOST_COLUMNS, LONGEST_HEAD = 10_000, 1 << 20  # of a table of text; letters of a line looked at
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextlib.contextmanager
def reading(path: str | Path) -> Iterator[None]:
    """Turn the errors of reading `path` into an `InputError` that names it.

    Raises:
        InputError: The file is missing, unreadable, not text, or a damaged compressed stream.
    """
    try:
        yield
    except FileNotFoundError:
        raise InputError(path, "no such file", "check the path") from None
    except (DamagedError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        kind = getattr(error, "kind", "gzip")
        raise InputError(
            path, f"the {kind} stream is truncated or damaged", "fetch or compress it again"
        ) from None
    except UnicodeDecodeError:
        raise InputError(
            path, "the file is not plain text", "give an uncompressed or gzip text file"
        ) from None
    except OSError as error:
        raise InputError(
            path, f"cannot be read ({error.strerror or error})", "check path and permissions"
        ) from None


def named(path: str | Path) -> str:
    """Name a source in errors: its path, or in words what `-` stands for."""
    return "standard input" if str(path) == STANDARD_INPUT else str(path)


@contextlib.contextmanager
def open_text(path: str | Path) -> Iterator[TextIO]:
    """Open a text file, compressed or plain as its first bytes say, for reading.

    Its lines may end as on any system, and a byte order mark is passed over.

    Args:
        path: The file, a pipe, or `-` for standard input.

    Raises:
        InputError: See `reading`; also for damage met while the block reads on.
    """
    with reading(named(path)), _open_bytes(path) as raw:
        binary = as_stream(of_text(unpack(raw)))
        with io.TextIOWrapper(binary, encoding="utf-8-sig") as handle:
            yield handle


def _open_bytes(path: str | Path) -> contextlib.AbstractContextManager[Source]:
    """Open a file for reading; standard input stays open afterwards."""
    if str(path) == STANDARD_INPUT:
        if sys.stdin is None:
            raise OSError("it is closed")
        try:
            # A stream of its own: a thread that waits in that of sys.stdin is, when the
            # interpreter ends, a fatal error.
            return open(sys.stdin.fileno(), "rb", closefd=False)
        except io.UnsupportedOperation:  # what stands for it is no file of the system
            return contextlib.nullcontext(cast("io.BufferedReader", sys.stdin.buffer))
    return open(path, "rb")


def of_text(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Pass on what may be text: a NUL, which decodes as well, is none.

    Raises:
        UnicodeDecodeError: There is one.
    """
    for chunk in chunks:
        if b"\0" in chunk:
            raise UnicodeDecodeError("utf-8", b"\0", 0, 1, "a NUL is no text")
        yield chunk


@contextlib.contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """Turn the error of a full disk, whichever library meets it, into an `InputError`.

    Raises:
        InputError: There is no space left for `path`.
    """
    try:
        yield
    except Exception as error:
        if (reason := _fullness(error)) is None:
            raise
        mend = "free space there, and start again"
        raise InputError(path, f"cannot be written ({reason})", mend) from None


def _fullness(error: Exception) -> str | None:
    """Say in the system's words that a disk is full, if that is the error.

    Some libraries tell it in their message alone: safetensors, which has an error of its own.
    """
    if isinstance(error, InputError):
        return None
    for number in FULL:
        reason = os.strerror(number)
        if getattr(error, "errno", None) == number or reason in str(error):
            return reason
    return None


@contextlib.contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside `path` that becomes `path` only if the block succeeds.

    The temporary name keeps the file's suffixes, since writers look at them.

    Raises:
        InputError: No file can be made there, something other than a file is there, or the disk is
            full.
    """
    path = Path(path)
    with writing(path):
        temporary = _temporary_beside(path)
        try:
            yield temporary
            _apply_umask(temporary)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def _temporary_beside(path: Path) -> Path:
    """Make an empty file with a name of its own beside `path`.

    Raises:
        InputError: It cannot be made, or `path` is a folder or a device.
    """
    try:
        if path.exists() and not path.is_file():
            raise InputError(path, "is there and is not a file", "give another output")
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=f".{path.name}")
    except OSError as error:
        if error.errno in FULL:
            raise
        raise InputError(
            path, f"cannot be written ({error.strerror})", "check path and permissions"
        ) from None
    os.close(handle)
    return Path(name)


def _apply_umask(path: Path) -> None:
    """Give a file made by mkstemp (mode 600) the mode that `open` would have given it."""
    mask = os.umask(0)
    os.umask(mask)
    path.chmod(0o666 & ~mask)


@contextlib.contextmanager
def atomic_text(path: str | Path) -> Iterator[TextIO]:
    """Open `path` for writing text; it appears when the block ends without an error.

    A name with one of `compression.ENDINGS` is compressed, so that the same text gives the same
    bytes.
    """
    with atomic_path(path) as temporary, contextlib.ExitStack() as stack:
        raw = stack.enter_context(open(temporary, "wb"))
        binary = compressor(raw, Path(path).name)
        yield stack.enter_context(io.TextIOWrapper(binary, encoding="utf-8", newline="\n"))


def write_json(path: str | Path, content: Any) -> None:
    """Write `content` as indented JSON, atomically. NaN is refused: JSON has none."""
    with atomic_text(path) as handle:
        handle.write(json_bytes(content).decode())


def json_bytes(content: Any) -> bytes:
    """Give what `write_json` writes."""
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    return f"{text}\n".encode()


def read_json(path: str | Path) -> Any:
    """Read a JSON file.

    Raises:
        InputError: The file is missing or is not JSON.
    """
    with open_text(path) as handle:
        text = handle.read()
    return parse_json(text, path)


def parse_json(text: str | bytes, path: str | Path) -> Any:
    """Read JSON; `path` names it in errors.

    Raises:
        InputError: It is not JSON.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(
            path, f"not valid JSON ({error.msg})", "make the file again", f"line {error.lineno}"
        ) from None
    except (ValueError, RecursionError) as error:  # a number or a nesting without bounds
        raise InputError(path, f"not usable JSON ({error})", "make the file again") from None


def write_table(path: str | Path, table: pd.DataFrame, digits: int = 6) -> None:
    """Write a table as Parquet or TSV, by the ending of `path`, atomically.

    In a TSV, missing values are empty.

    Args:
        path: Where to write.
        table: What to write.
        digits: Significant digits of the floats in a TSV; six are enough for a probability.
    """
    if Path(path).suffix == ".parquet":
        with atomic_path(path) as temporary:
            table.to_parquet(temporary, index=False, compression="zstd")
    else:
        with atomic_text(path) as handle:
            table.to_csv(
                handle, sep="\t", index=False, float_format=f"%.{digits}g", lineterminator="\n"
            )


def read_table(path: str | Path, columns: tuple[str, ...] = ()) -> pd.DataFrame:
    """Read a Parquet or TSV table written by `write_table`.

    Args:
        path: The table, its kind told by its ending.
        columns: Names that it must have.

    Raises:
        InputError: The file cannot be read or lacks a column.
    """
    with reading(path):
        try:
            if Path(path).suffix == ".parquet":
                # By this thread alone: where no memory is left for others, Arrow waits for them.
                table = pd.read_parquet(path, use_threads=False, pre_buffer=False)
            elif Path(path).suffix in ENDINGS[1:]:  # of zstd, pandas would take a half for a whole
                with open_text(path) as handle:
                    table = _parse_table(handle)
            else:
                _check_width(path)
                table = _parse_table(path)
        except ValueError as error:  # of pandas and pyarrow: not a table of that kind
            raise InputError(
                path, f"not a readable table ({error})", "make the file again"
            ) from None
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise InputError(path, f"lacks the columns {missing}", "make the file again")
    return table


def _check_width(path: str | Path) -> None:
    """Refuse a table of very many columns, of which pandas would make an object each.

    Raises:
        InputError: It has more than `MOST_COLUMNS`.
    """
    lines: list[str] = []
    if Path(path).is_file():  # a pipe can be read once
        with contextlib.suppress(InputError), open_text(path) as handle:  # pandas tells it
            lines += [handle.readline(LONGEST_HEAD) for _ in range(2)]
    if any(line.count("\t") >= MOST_COLUMNS for line in lines):
        raise InputError(path, f"has more than {MOST_COLUMNS:,} columns", "make the file again")


def _parse_table(source: str | Path | TextIO) -> pd.DataFrame:
    """Read a TSV table, in which only what is empty is missing, and names may be of digits."""
    names = {"id": "str", "source": "str"}
    return pd.read_csv(source, sep="\t", keep_default_na=False, na_values=[""], dtype=names)


def sha256_of(path: str | Path) -> str:
    """SHA-256 of a file's content, as hexadecimal digits."""
    with reading(path), open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
