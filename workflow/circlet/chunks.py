"""Records to classify, divided into what is worked on at once.

A window holds neighbours whose sequences may share a batch. Windows are counted from the first
record, so that a piece of a file that begins with one is classified in the same company as in the
whole file. A chunk holds some windows.
"""

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

from circlet.data.records import Entry
from circlet.errors import InputError

WINDOW_RECORDS = 512
CHUNK_WINDOWS = 4
MOST_NT = 4_000_000  # after which a window ends early, and a chunk: bounds the memory


class SeqRecord(Protocol):
    """What is asked of a record of Biopython's."""

    @property
    def id(self) -> str | None:
        """Its identifier."""

    @property
    def seq(self) -> object:
        """Its sequence, of which `str` gives the letters."""


Record = Entry | tuple[str, str] | SeqRecord


def chunks(records: Iterable[Record]) -> Iterator[list[list[Entry]]]:
    """Divide records into chunks, each a list of windows.

    Raises:
        InputError: The records end in one, or one is no record; all before it come first.
    """
    chunk: list[list[Entry]] = []
    in_chunk = in_window = 0  # nt
    try:
        for number, entry in enumerate(map(as_entry, records)):
            if number % WINDOW_RECORDS == 0 or in_window >= MOST_NT:
                if in_chunk >= MOST_NT or len(chunk) >= CHUNK_WINDOWS:
                    yield chunk
                    chunk, in_chunk = [], 0
                chunk.append([])
                in_window = 0
            chunk[-1].append(entry)
            in_window += len(entry.sequence)
            in_chunk += len(entry.sequence)
    except InputError:
        if chunk:
            yield chunk
        raise
    if chunk:
        yield chunk


def as_entry(record: Record) -> Entry:
    """Make an entry of a pair of id and sequence, or of a SeqRecord of Biopython's.

    Raises:
        InputError: It is neither.
    """
    if isinstance(record, Entry):
        return record
    given: Any = record  # whatever it is
    name = sequence = None
    with contextlib.suppress(AttributeError, TypeError, ValueError):
        if getattr(given, "seq", None) is not None:
            name, sequence = given.id, str(given.seq)
        elif isinstance(given, Sequence) and not isinstance(given, str):
            name, sequence = given
    if not isinstance(sequence, str):
        problem = f"is neither a pair of id and sequence nor a SeqRecord: {record!r:.60}"
        raise InputError("records", problem, "give such records")
    return Entry(str(name), sequence, len(sequence))
