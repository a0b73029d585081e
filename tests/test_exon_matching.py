"""Matching runs of exons to circRNAs."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circlet.data.exon_matching import CALIPER, RUNS_PER_GENE, Pool, Stock, match_runs
from circlet.data.exon_runs import Runs, with_exons
from circlet.data.records import Record


def host(number, lengths, gene=None, base="C"):
    """A transcript with these internal exons, all of one base, and two outer ones of one nt."""
    sizes = [1, *lengths, 1]
    offsets = np.cumsum([0, *(size + 5 for size in sizes[:-1])])
    return with_exons(
        Record(
            f"NM_{number}",
            "A" + base * sum(lengths) + "A",
            "chr1",
            1000 * number,
            1000 * number + int(offsets[-1]) + 1,
            "+",
            gene=gene,
            exon_lengths=",".join(map(str, sizes)),
            exon_offsets=",".join(map(str, offsets)),
        )
    )


def single_exons(lengths, genes=None, counts=None):
    """One transcript a length, cut into one run of `counts` exons; the runs and the transcripts."""
    counts = counts or [1] * len(lengths)
    transcripts = [
        host(number, [length - count + 1, *[1] * (count - 1)], genes and genes[number])
        for number, (length, count) in enumerate(zip(lengths, counts, strict=True))
    ]
    ones = np.ones(len(lengths), dtype=np.int64)
    runs = Runs(np.arange(len(lengths)), ones, ones * counts, np.array(lengths))
    return runs, transcripts


def circrnas(lengths, counts):
    return pd.DataFrame({"exon_count": pd.array(counts, dtype="Int64"), "length": lengths})


def matched(wanted, runs, transcripts, per_circrna=1, known=(), seed=1):
    """Each circRNA's runs, in the order of the rounds."""
    stock = Stock(runs, transcripts, known)
    pairs = match_runs(wanted, runs, stock, per_circrna, seed)
    return {row: pairs[pairs[:, 0] == row, 1].tolist() for row in range(len(wanted))}


def test_the_nearest_of_the_exon_number_is_taken():
    runs, transcripts = single_exons([205, 199, 202, 200], counts=[1, 1, 1, 2])
    assert matched(circrnas([200], [1]), runs, transcripts, 4) == {0: [1, 2, 0]}
    assert matched(circrnas([200], [2]), runs, transcripts, 4) == {0: [3]}
    assert matched(circrnas([200], [3]), runs, transcripts, 4) == {0: []}


def test_without_an_exon_number_any_is_taken():
    runs, transcripts = single_exons([205, 199, 202, 200], counts=[1, 1, 1, 2])
    assert matched(circrnas([200], [None]), runs, transcripts, 4) == {0: [3, 1, 2, 0]}
    both = matched(circrnas([200, 200], [None, 2]), runs, transcripts, 2)
    assert both in ({0: [3, 1], 1: []}, {0: [1, 2], 1: [3]})


def test_nothing_beyond_the_caliper_is_taken():
    assert pytest.approx(math.log(1.1)) == CALIPER
    runs, transcripts = single_exons([1111, 1099, 901, 912])
    assert matched(circrnas([1000], [1]), runs, transcripts, 4) == {0: [3, 1]}


@pytest.mark.parametrize("seed", range(5))
def test_every_circrna_gets_its_first_before_any_gets_its_second(seed):
    runs, transcripts = single_exons([300, 301, 302, 303])
    found = matched(circrnas([300] * 3, [1] * 3), runs, transcripts, 2, seed=seed)
    assert sorted(map(len, found.values())) == [1, 1, 2]
    assert sorted(run for runs_of_one in found.values() for run in runs_of_one) == [0, 1, 2, 3]


def test_sequences_are_taken_once_and_never_those_known():
    runs, transcripts = single_exons([300, 300, 301])
    assert matched(circrnas([300], [1]), runs, transcripts, 9) in ({0: [0, 2]}, {0: [1, 2]})
    assert matched(circrnas([300], [1]), runs, transcripts, 9, known=["C" * 300]) == {0: [2]}
    for transcript in transcripts:
        transcript.record.sequence = transcript.record.sequence.lower()
    assert matched(circrnas([300], [1]), runs, transcripts, 9, known=["C" * 300]) == {0: [2]}


@pytest.mark.parametrize("genes", [["ABC"] * 40, None])
def test_a_gene_gives_a_limited_number(genes):
    lengths = range(1000, 1040)
    runs, transcripts = single_exons(lengths, genes=genes)
    found = matched(circrnas([1020], [1]), runs, transcripts, 40)
    assert len(found[0]) == (40 if genes is None else RUNS_PER_GENE)


def test_a_gene_without_a_name_is_known_by_its_accession():
    runs, transcripts = single_exons(range(1000, 1040))
    for number, transcript in enumerate(transcripts):
        transcript.record.gene_id = "ENSG1" if number < 35 else "ENSG2"
    found = matched(circrnas([1020], [1]), runs, transcripts, 40)[0]
    assert len(found) == RUNS_PER_GENE + 5
    assert {35, 36, 37, 38, 39} < set(found)


def test_a_transcript_without_gene_gives_a_limited_number():
    transcripts = [host(0, range(1000, 1040))]
    count = 40
    runs = Runs(
        np.zeros(count, dtype=np.int64),
        np.arange(1, count + 1),
        np.ones(count, dtype=np.int64),
        np.arange(1000, 1040),
    )
    assert len(matched(circrnas([1020], [1]), runs, transcripts, 40)[0]) == RUNS_PER_GENE


def test_the_seed_decides_among_equals():
    runs, transcripts = single_exons([300, 301] * 10)
    for number, transcript in enumerate(transcripts):  # so that no two have one sequence
        transcript.record.sequence = "A" * number + transcript.record.sequence[number:]
    wanted = circrnas([300, 301, 300], [1, 1, 1])
    draws = [matched(wanted, runs, transcripts, 2, seed=seed) for seed in (1, 1, 2, 3, 4)]
    assert draws[0] == draws[1]
    assert len({str(draw) for draw in draws}) > 1


@settings(derandomize=True, max_examples=80)
@given(
    st.lists(st.integers(200, 260), min_size=1, max_size=30),
    st.lists(st.integers(190, 270), min_size=1, max_size=40),
    st.data(),
)
def test_a_pool_takes_what_a_search_through_all_would(lengths, targets, data):
    usable = data.draw(st.lists(st.booleans(), min_size=len(lengths), max_size=len(lengths)))

    class Shelf:
        def take(self, run):
            return usable[run]

    logs = np.log(lengths)
    pool, left = Pool(np.arange(len(lengths)), logs), set(np.flatnonzero(usable).tolist())
    for target in np.log(targets):
        run = pool.take_nearest(target, Shelf())
        gaps = {other: abs(logs[other] - target) for other in left}
        nearest = min(gaps.values(), default=math.inf)
        if run is None:
            assert nearest > CALIPER
        else:
            assert gaps[run] == nearest <= CALIPER
            left.remove(run)
