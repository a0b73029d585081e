"""What a user pastes or uploads, read within bounds: bad input is one line with its mend.

Whatever it is, it is parsed as `circlet predict` parses a file, so that the calls are the same.
"""

import io
import re
import tempfile
from collections.abc import Iterable, Iterator
from importlib.resources import files
from pathlib import Path

from circlet.compression import kind_of, unpack
from circlet.data.records import Entry
from circlet.data.sources.lines import Lines, tell_kind
from circlet.data.sources.sequences import read_sequences
from circlet.errors import InputError
from circlet.files import open_text, reading

MOST_RECORDS = 5_000
MOST_NT = 5_000_000  # of all records together; less than a minute on one core
LONGEST = 1_000_000  # nt of one record
MOST_UPLOAD_MIB = 20  # as it is sent
MAGIC_BYTES = 6  # by which a compressed file is known
MOST_BYTES = 60 * 2**20  # once it is unpacked
PASTED = "pasted text"
BARE_ID = "sequence"  # of a sequence that is pasted without a header
ELSEWHERE = "give a part of it, or classify it by 'circlet predict', which has no such bound"


def examples() -> dict[str, str]:
    """Give FASTA of one transcript of each class, by the class; neither was used in training."""
    text = (files("circlet.serve.page") / "examples.fa").read_text(encoding="utf-8")
    records = [f">{record}" for record in text.split(">")[1:]]
    return {re.findall(r"label=(\w+)", record)[0]: record for record in records}


def read_pasted(text: str) -> list[Entry]:
    """Read FASTA, FASTQ or one bare sequence.

    Raises:
        InputError: See `read_upload`.
    """
    if re.fullmatch(r"[A-Za-z\s]*[A-Za-z][A-Za-z\s]*", text):
        text = f">{BARE_ID}\n{text}\n"
    return read_upload(text.encode(errors="replace"), PASTED)


def read_upload(content: bytes, name: str) -> list[Entry]:
    """Read FASTA or FASTQ, plain or compressed.

    Args:
        content: Bytes of the file.
        name: Its name in errors.

    Raises:
        InputError: It is of another kind, broken, has no record, or exceeds a bound.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "upload"
        with open(path, "wb") as stream:
            for chunk in _unpacked(content, name):
                stream.write(chunk)
        try:
            _check_kind(path)
            return list(_bounded(read_sequences(path), name))
        except InputError as error:
            raise error.at(name) from None


def _unpacked(content: bytes, name: str) -> Iterator[bytes]:
    """Yield the content unpacked.

    Raises:
        InputError: It is damaged, or more than `MOST_BYTES`.
    """
    size = 0
    with reading(name):
        for chunk in unpack(io.BytesIO(content)):
            size += len(chunk)
            if size > MOST_BYTES:
                problem = f"is more than {MOST_BYTES >> 20} MiB once it is unpacked"
                raise InputError(name, problem, ELSEWHERE)
            yield chunk


def _check_kind(path: Path) -> None:
    """Refuse files of places, which would need a genome, and what is compressed in itself.

    The latter would be unpacked once more, and then without a bound.

    Raises:
        InputError: It is one.
    """
    with open(path, "rb") as stream:
        if (kind := kind_of(stream.read(MAGIC_BYTES))) is not None:
            mend = "compress it once, or give it plain"
            raise InputError(path, f"is {kind} within a compressed file", mend)
    with open_text(path) as handle:
        kind = tell_kind(Lines(handle, str(path)).first)
    if kind in ("bed", "gtf"):
        mend = "give the sequences as FASTA, or use 'circlet predict --genome'"
        raise InputError(path, f"is {kind.upper()}, which has places and no sequences", mend)


def _bounded(entries: Iterable[Entry], name: str) -> Iterator[Entry]:
    """Pass on entries within the bounds.

    Raises:
        InputError: There are too many, or one is or all together are too long.
    """
    total = 0
    for number, entry in enumerate(entries, start=1):
        total += entry.length
        if entry.length > LONGEST:
            problem = f"has {entry.length:,} nt, more than the {LONGEST:,} that this page reads"
            raise InputError(name, problem, "remove it, or use 'circlet predict'", entry.id)
        if number > MOST_RECORDS:
            problem = f"is one record more than the {MOST_RECORDS:,} that this page reads"
            raise InputError(name, problem, ELSEWHERE, entry.id)
        if total > MOST_NT:
            problem = f"exceeds the {MOST_NT:,} nt that this page reads at once"
            raise InputError(name, problem, ELSEWHERE, entry.id)
        yield entry
