"""Numbers, strands and exon lists as the sources write them."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circlet.data.sources.places import known, parse_exons, parse_integer, parse_place

ANY = st.none() | st.text(max_size=20)


@pytest.mark.parametrize("text", ["", " ", "n/a", "N/A", "None"])
def test_missing_values_are_none(text):
    assert known(text) is None


def test_known_values_are_stripped():
    assert known(" DYRK1A ") == "DYRK1A"


@pytest.mark.parametrize(
    "text", ["", "-1", "+1", "1_0", " 1", "1.0", "²", "٣", "9" * 19, "9" * 5000]
)
def test_only_plain_digits_are_a_number(text):
    with pytest.raises(ValueError, match=r"start '.*' is not a whole number"):
        parse_integer(text, "start")


def test_half_open_and_closed_places():
    assert parse_place("10", "20", "+") == (10, 20)
    assert parse_place("11", "20", "-", first=1) == (10, 20)
    assert parse_place("5", "5", "+", first=1) == (4, 5)


def test_untold_ends_stay_none():
    assert parse_place(None, None, None) == (None, None)
    assert parse_place("3", None, None) == (3, None)


@pytest.mark.parametrize(
    ("start", "end", "first"), [("5", "5", 0), ("6", "5", 0), ("6", "5", 1), ("0", "5", 1)]
)
def test_empty_places_are_refused(start, end, first):
    with pytest.raises(ValueError, match=f"start {start} and end {end} do not bound a place"):
        parse_place(start, end, "+", first)


def test_other_strands_are_refused():
    with pytest.raises(ValueError, match=r"strand '\.' is neither"):
        parse_place("1", "2", ".")


def test_exon_lists():
    assert parse_exons("2", "73,80,", "0, 3563") == (2, "73,80", "0,3563")
    assert parse_exons(None, "73,80", None) == (2, "73,80", None)
    assert parse_exons("4", None, None) == (4, None, None)
    assert parse_exons(None, None, None) == (None, None, None)


@pytest.mark.parametrize(
    ("count", "lengths", "offsets", "problem"),
    [
        ("3", "73,80", "0,90", "exon_lengths has 2 numbers for 3 exons"),
        (None, "73,80", "0", "exon_offsets has 1 numbers for 2 exons"),
        ("2", "73,,80", "0,90", "exon_lengths '' is not a whole number"),
        ("two", None, None, "exon_count 'two' is not a whole number"),
    ],
)
def test_contradicting_exons_are_refused(count, lengths, offsets, problem):
    with pytest.raises(ValueError, match=problem):
        parse_exons(count, lengths, offsets)


@settings(derandomize=True, deadline=None)
@given(ANY, ANY, ANY)
def test_any_text_is_read_or_refused(first, second, third):
    with contextlib.suppress(ValueError):
        start, end = parse_place(first, second, third)
        assert start is None or end is None or 0 <= start < end
    with contextlib.suppress(ValueError):
        count, lengths, offsets = parse_exons(first, second, third)
        assert all(text.count(",") == count - 1 for text in (lengths, offsets) if text is not None)
