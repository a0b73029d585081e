"""Places on the genome, against implementations that look at every pair."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circlet.data.intervals import components, has_place, on_one_line, overlaps_any
from circlet.data.records import Record, records_to_table

property_test = settings(derandomize=True, deadline=None, max_examples=100)


def places(*rows):
    """A table of (assembly, chrom, strand, start, end); its index is no range."""
    records = [
        Record(str(number), "A", chrom=chrom, strand=strand, start=start, end=end)
        for number, (_, chrom, strand, start, end) in enumerate(rows)
    ]
    table = records_to_table(records, "mine", "circRNA", None)
    table["assembly"] = pd.array([row[0] for row in rows], dtype="string")
    return table.set_axis(range(100, 100 + len(rows)))


def on_plus(start, end):
    return ("hg19", "chr1", "+", start, end)


def meet(one, two):
    """Whether two rows have places that share a base: the definition, for one pair."""
    known = None not in (*one[1:], *two[1:])
    return known and one[:3] == two[:3] and max(one[3], two[3]) < min(one[4], two[4])


spans = st.tuples(st.integers(0, 60), st.integers(1, 25)).map(lambda pair: (pair[0], sum(pair)))
rows = st.tuples(
    st.sampled_from(["hg19", "hg19", "mm10", None]),
    st.sampled_from(["chr1", "chr1", "chr2", None]),
    st.sampled_from(["+", "-", "+", None]),
    spans | st.just((None, None)),
).map(lambda row: (*row[:3], *row[3]))


def test_a_place_is_known_whole_or_not_at_all():
    table = places(
        ("hg19", "chr1", "+", 0, 5),
        (None, "chr1", "+", 0, 5),
        ("hg19", None, "+", 0, 5),
        ("hg19", "chr1", None, 0, 5),
        ("hg19", "chr1", "+", None, 5),
        ("hg19", "chr1", "+", 0, None),
    )
    known = has_place(table)
    assert known.dtype == bool
    assert known.tolist() == [True, True, False, False, False, False]
    assert has_place(table[:0]).tolist() == []


def test_one_line_keeps_the_spans_and_parts_the_chromosomes():
    one = places(on_plus(3, 8), ("hg19", "chr1", "-", 3, 8))
    two = places(on_plus(5, 2**31), ("mm10", "chr1", "+", 3, 8))
    (starts, ends), (left, right) = on_one_line(one, two)
    assert (ends - starts).tolist() == [5, 5]
    assert (right - left).tolist() == [2**31 - 5, 5]
    assert left[0] - starts[0] == 2  # of one chromosome and strand
    others = np.array([starts[1], left[1]])
    assert np.abs(others - starts[0]).min() > 2**32
    assert abs(others[0] - others[1]) > 2**32


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([(0, 5), (5, 9)], [0, 1]),  # end to end
        ([(0, 6), (5, 9)], [0, 0]),
        ([(5, 9), (0, 6), (20, 21)], [0, 0, 1]),
        ([(0, 100), (1, 2), (50, 51), (99, 110)], [0, 0, 0, 0]),  # the longest reaches on
        ([(7, 8), (3, 4), (5, 6)], [2, 0, 1]),
        ([(3, 4), (3, 4)], [0, 0]),
        ([], []),
    ],
)
def test_components_are_numbered_from_left_to_right(found, expected):
    starts, ends = np.array(found, dtype=np.int64).reshape(-1, 2).T
    assert components(starts, ends).tolist() == expected


@property_test
@given(found=st.lists(spans, max_size=25))
def test_components_are_those_of_the_graph_of_overlaps(found):
    starts, ends = np.array(found, dtype=np.int64).reshape(-1, 2).T
    reached = (starts[:, None] < ends) & (starts < ends[:, None])
    for _ in found:  # steps enough for the longest path
        reached = reached @ reached
    number = components(starts, ends)
    assert ((number[:, None] == number) == reached).all()


@property_test
@given(asked=st.lists(rows, max_size=12), known=st.lists(rows, max_size=12))
def test_overlaps_are_those_of_some_pair(asked, known):
    found = overlaps_any(places(*asked), places(*known))
    assert found.dtype == bool
    assert found.tolist() == [any(meet(one, two) for two in known) for one in asked]


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (on_plus(15, 20), True),
        (on_plus(12, 13), True),
        (on_plus(0, 99), True),
        (on_plus(19, 30), True),
        (on_plus(20, 30), False),  # begins where the query ends
        (on_plus(0, 10), False),  # ends where it begins
        (("hg19", "chr1", "-", 10, 20), False),
        (("hg19", "chr2", "+", 10, 20), False),
        (("hg38", "chr1", "+", 10, 20), False),
        (("hg19", "chr1", None, 10, 20), False),
    ],
)
def test_who_meets_a_place(target, expected):
    assert overlaps_any(places(on_plus(10, 20)), places(target)).tolist() == [expected]


def test_a_gap_between_targets_is_no_overlap():
    targets = places(on_plus(0, 10), on_plus(5, 12), on_plus(20, 30))
    asked = places(on_plus(12, 20), on_plus(11, 12), on_plus(29, 40), on_plus(30, 31))
    assert overlaps_any(asked, targets).tolist() == [False, True, True, False]


def test_the_longest_of_nested_targets_reaches_the_query():
    targets = places(on_plus(0, 100), on_plus(10, 20), on_plus(30, 40))
    assert overlaps_any(places(on_plus(90, 95)), targets).tolist() == [True]
