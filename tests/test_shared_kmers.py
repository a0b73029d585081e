"""Shared 31-mers and the memoriser."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from circlet import shared_kmers
from circlet.shared_kmers import PAIR, K, encode, look_up, partition, read_bucket

ROOT = "ACGTTGCATGCCATTAGGACCATGATTACAGATTACAGGCATCAGGACTA"  # 50 nt, 20 different 31-mers


def rows_of(*parts):
    """Bool rows (splits, n) from one text a split: T is training, ? test, . neither."""
    text = np.array([list(part) for part in parts])
    return text == "T", text == "?"


def naive(sequences, is_circrna, is_train, is_test):
    """The definition, with sets of Python strings."""
    kmers = [
        {w for i in range(len(s) - K + 1) if set(w := s[i : i + K]) <= set("ACGT")}
        for s in sequences
    ]
    shared = np.zeros(is_test.shape, dtype=bool)
    scores = np.zeros(is_test.shape)
    for split in range(len(is_train)):
        trained = np.flatnonzero(is_train[split])
        for row in np.flatnonzero(is_test[split]):
            votes = []
            for kmer in kmers[row]:
                signs = [1 if is_circrna[t] else -1 for t in trained if kmer in kmers[t]]
                votes.append(np.mean(signs) if signs else 0)
                shared[split, row] |= bool(signs)
            scores[split, row] = np.mean(votes) if votes else 0
    return shared, scores


def test_a_window_is_two_bits_a_base_from_the_left():
    sequence = "ACGT" * 8  # two windows
    expected = [
        int("".join("0123"["ACGT".index(b)] for b in sequence[i : i + 31]), 4) for i in (0, 1)
    ]
    pairs = encode([sequence, "A" * 31], np.array([0, 1]))
    assert pairs["code"].tolist() == [*expected, 0]
    assert pairs["row"].tolist() == [0, 0, 1]


def test_windows_with_other_letters_or_across_sequences_are_passed_over():
    assert len(encode(["A" * 30, "A" * 30], np.array([0, 1]))) == 0
    pairs = encode(["A" * 30 + "N" + "C" * 31, "é" + "T" * 31], np.array([0, 1]))
    assert pairs["row"].tolist() == [0, 1]
    assert pairs["code"].tolist() == [int("1" * 31, 4), int("3" * 31, 4)]
    assert len(encode(["ACG"], np.array([0]))) == 0


def test_a_bucket_tells_each_kmer_of_a_sequence_once(tmp_path):
    sequences = ["C" * 40, "A" * 33, "C" * 31]
    partition(sequences, np.array([0, 1, 2]), [tmp_path / "0"])
    assert (tmp_path / "0").stat().st_size == (10 + 3 + 1) * PAIR.itemsize
    kmers, rows = read_bucket(tmp_path / "0")
    assert (kmers.tolist(), rows.tolist()) == ([0, 1, 1], [1, 0, 2])


def test_scores_by_hand():
    # The test sequence is 35 bases of ROOT: 5 windows. Row 0 (circRNA) has the first three of them,
    # row 1 (lncRNA) the third to fifth, row 2 (lncRNA) the fifth alone.
    sequences = [ROOT[:33], ROOT[2:35], ROOT[4:35], ROOT[:35]]
    is_train, is_test = rows_of("TTT?", "T..?", "..??")
    shared, scores = look_up(sequences, np.array([True, False, False, True]), is_train, is_test)
    # Votes: 1, 1, (1 - 1) / 2, -1, (0 - 2) / 2.
    np.testing.assert_array_equal(scores[:, 3], [0.0, 3 / 5, 0.0])
    assert shared.tolist() == [[False] * 3 + [True], [False] * 3 + [True], [False] * 4]


def test_the_other_strand_and_the_junction_of_a_ring_do_not_count():
    reverse = ROOT[::-1].translate(str.maketrans("ACGT", "TGCA"))
    sequences = [ROOT, reverse, ROOT[25:] + ROOT[:25]]
    is_train, is_test = rows_of("T??")
    shared, _ = look_up(sequences, np.ones(3, dtype=bool), is_train, is_test)
    assert not shared.any()


@st.composite
def cases(draw):
    """Fragments of few sequences, at times with an N, under two splits."""
    bases = st.text("ACGT", min_size=31, max_size=80)
    pool = draw(st.lists(bases, min_size=1, max_size=3))
    sequences = []
    for _ in range(draw(st.integers(2, 9))):
        text = draw(st.sampled_from(pool)) + draw(st.sampled_from(["", "N", *pool]))
        begin = draw(st.integers(0, 40))
        sequences.append(text[begin : begin + draw(st.integers(1, 90))] or "A")
    size = len(sequences)
    parts = [draw(st.text("T?.", min_size=size, max_size=size)) for _ in range(2)]
    labels = draw(st.lists(st.booleans(), min_size=size, max_size=size))
    return sequences, np.array(labels), *rows_of(*parts)


@settings(max_examples=150)
@given(cases(), st.sampled_from([1, 7, 50, shared_kmers.BUCKET]))
def test_is_what_sets_of_strings_give(case, bucket_size):
    shared, scores = look_up(*case, bucket_size=bucket_size)
    expected_shared, expected_scores = naive(*case)
    np.testing.assert_array_equal(shared, expected_shared)
    np.testing.assert_allclose(scores, expected_scores, atol=1e-8)


def test_buckets_and_chunks_do_not_change_a_bit(monkeypatch):
    rng = np.random.default_rng(5)
    pool = "".join(rng.choice(list("ACGT"), 900))
    starts = rng.integers(0, 800, 60)
    sequences = [pool[start : start + 31 + int(rng.integers(0, 99))] for start in starts]
    is_train, is_test = rows_of("TT?" * 20, "T?T" * 20)
    is_circrna = rng.random(60) < 0.4
    shared, scores = look_up(sequences, is_circrna, is_train, is_test)
    assert len(np.unique(scores)) > 30
    for size, chunk in ((3, 1 << 20), (100, 50), (1 << 21, 700)):
        monkeypatch.setattr(shared_kmers, "CHUNK", chunk)
        again = look_up(sequences, is_circrna, is_train, is_test, bucket_size=size)
        assert again[0].tobytes() == shared.tobytes()
        assert again[1].tobytes() == scores.tobytes()
