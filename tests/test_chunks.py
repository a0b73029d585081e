import itertools

import numpy as np
import pytest
from Bio.Seq import Seq
from Bio.SeqRecord import SeqRecord
from hypothesis import given
from hypothesis import strategies as st

from circlet import chunks as chunks_module
from circlet.chunks import as_entry, chunks
from circlet.data.records import Entry
from circlet.errors import InputError


@pytest.fixture
def small(monkeypatch):
    """Windows of three records, two of them a chunk, ten nt and more are enough of either."""
    make_small(monkeypatch)


def make_small(patch):
    patch.setattr(chunks_module, "WINDOW_RECORDS", 3)
    patch.setattr(chunks_module, "CHUNK_WINDOWS", 2)
    patch.setattr(chunks_module, "MOST_NT", 10)


def sizes(records):
    """Number of records in each window of each chunk."""
    return [[len(window) for window in chunk] for chunk in chunks(records)]


def records_of(lengths):
    return [(str(number), "A" * length) for number, length in enumerate(lengths)]


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [
        ([], []),
        ([1], [[1]]),
        ([1] * 6, [[3, 3]]),
        ([1] * 8, [[3, 3], [2]]),
        # A window that is full of nt ends; the next one is counted on from the first record.
        ([10, 1, 1, 1], [[1], [2, 1]]),
        ([30, 30, 30, 30], [[1], [1], [1], [1]]),
        ([9, 9, 9, 1], [[2], [1, 1]]),
        ([0] * 7, [[3, 3], [1]]),
    ],
)
def test_windows_end_by_records_and_by_nt(small, lengths, expected):
    assert sizes(records_of(lengths)) == expected


@given(st.lists(st.integers(0, 15), max_size=40))
def test_nothing_is_lost_and_the_memory_is_bounded(lengths):
    records = records_of(lengths)
    with pytest.MonkeyPatch.context() as patch:
        make_small(patch)
        found = list(chunks(records))
        pieces = [list(chunks(records[start : start + 3])) for start in range(0, len(records), 3)]
    windows = list(itertools.chain.from_iterable(found))
    entries = list(itertools.chain.from_iterable(windows))
    assert [(entry.id, entry.sequence) for entry in entries] == records
    for window in windows:
        assert sum(entry.length for entry in window[:-1]) < 10
        assert 0 < len(window) <= 3
    assert all(0 < len(chunk) <= 2 for chunk in found)
    # What begins with a window, as a piece of a file does, has the windows of the whole.
    assert windows == [window for piece in pieces for chunk in piece for window in chunk]


def test_what_breaks_off_comes_after_all_before_it(small):
    def breaking():
        yield from records_of([1] * 7)
        raise InputError("in.fa", "breaks off", "mend it")

    found = []
    with pytest.raises(InputError, match="breaks off"):
        found.extend(chunks(breaking()))
    assert [[len(window) for window in chunk] for chunk in found] == [[3, 3], [1]]


def test_a_chunk_needs_no_more_than_one_record_after_it(small):
    taken = []
    found = chunks(record for record in records_of([1] * 30) if not taken.append(record))
    next(found)
    assert len(taken) == 7


@pytest.mark.parametrize(
    ("record", "entry"),
    [
        (("a", "AC"), Entry("a", "AC", 2)),
        (["a", "AC"], Entry("a", "AC", 2)),
        ((7, ""), Entry("7", "", 0)),
        (SeqRecord(Seq("acgu"), id="x", description="x of mine"), Entry("x", "acgu", 4)),
        (Entry("a", "AC", 9), Entry("a", "AC", 9)),
    ],
)
def test_records_become_entries(record, entry):
    assert as_entry(record) == entry


@pytest.mark.parametrize(
    "record",
    [
        *("ab", "", b"ab", None, 3, (), ("a",), ("a", None), ("a", 3), ("a", "b", "c"), {"a", "b"}),
        *(SeqRecord(None, id="x"), SeqRecord(Seq(None, 5), id="x"), np.array(["a", "b"])),
    ],
)
def test_what_is_no_record_is_refused(record):
    with pytest.raises(InputError, match="is neither a pair of id and sequence nor a SeqRecord: "):
        as_entry(record)


def test_a_long_one_is_named_in_short():
    with pytest.raises(InputError) as caught:
        as_entry("ACGT" * 10_000)
    assert len(str(caught.value)) < 200
