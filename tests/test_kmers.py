import itertools
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from circlet.cli import main
from circlet.errors import InputError
from circlet.files import read_json, write_json, write_table
from circlet.model.kmers import KmerVocab, check_shape

VALID = {
    "format": 1,
    "k": 2,
    "stride": 1,
    "window": None,
    "specials": ["[PAD]", "[UNK]"],
    "kmers": ["AA", "AC", "GT"],
}

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 12)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text("ACGT0aN", max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


def all_kmers(k, letters="ACGT"):
    return tuple("".join(kmer) for kmer in itertools.product(letters, repeat=k))


def encode_naively(vocabulary, sequence):
    """Token ids by the definition, one k-mer at a time."""
    sequence = sequence.upper().replace("U", "T")
    if vocabulary.window is not None:
        sequence = sequence[: vocabulary.window]
        sequence += "0" * (vocabulary.window - len(sequence))
    ids = []
    for start in range(0, len(sequence) - vocabulary.k + 1, vocabulary.stride):
        kmer = sequence[start : start + vocabulary.k]
        if vocabulary.window is not None and kmer == "0" * vocabulary.k:
            ids.append(0)
        elif kmer in vocabulary.kmers:
            ids.append(2 + vocabulary.kmers.index(kmer))
        else:
            ids.append(1)
    return ids


@given(
    training=st.lists(st.text("ACGT", min_size=4, max_size=30), min_size=1, max_size=4),
    sequence=st.text("ACGTUNacgtun*é", max_size=40),
    k=st.integers(1, 4),
    stride=st.integers(1, 5),
    window=st.none() | st.integers(4, 35),
)
def test_encode_is_as_defined(training, sequence, k, stride, window):
    vocabulary = KmerVocab.build(training, k, stride, window)
    tokens = vocabulary.encode(sequence)
    assert tokens.dtype == np.int32
    assert tokens.tolist() == encode_naively(vocabulary, sequence)
    assert vocabulary.token_count(len(sequence)) == len(tokens)


def test_ids_by_hand():
    vocabulary = KmerVocab.build(["ACGTA"], 2)
    assert vocabulary.kmers == ("AC", "CG", "GT", "TA")
    assert len(vocabulary) == 6
    assert vocabulary.encode("ACGTACNAguuA").tolist() == [2, 3, 4, 5, 2, 1, 1, 1, 4, 1, 5]
    assert vocabulary.encode("A").tolist() == []
    assert vocabulary.encode("").tolist() == []


def test_stride_skips_kmers():
    vocabulary = KmerVocab.build(["ACGTACG"], 3, stride=3)
    assert vocabulary.kmers == ("ACG", "TAC")
    assert vocabulary.encode("ACGTACGG").tolist() == [2, 3]


def test_window_cuts_and_fills():
    vocabulary = KmerVocab.build(["ACGT", "AC"], 2, window=4)
    # Of AC00: AC, C0 and the padding 00.
    assert vocabulary.kmers == ("AC", "CG", "C0", "GT")
    assert vocabulary.encode("AC").tolist() == [2, 4, 0]
    assert vocabulary.encode("ACGTTTTT").tolist() == [2, 3, 5]
    assert vocabulary.encode("A").tolist() == [1, 0, 0]  # A0 was not seen
    assert vocabulary.token_count(0) == vocabulary.token_count(99) == 3


def test_vocabulary_of_the_comparator_has_1366_ids():
    heads = all_kmers(5)
    tails = [
        base + "".join(rest) for base in "ACGT" for rest in itertools.product("ACGT", repeat=4)
    ]
    vocabulary = KmerVocab.build([*heads, *tails, "".join(heads)], 5, window=400)
    assert len(vocabulary) == 1366
    assert sum("0" in kmer for kmer in vocabulary.kmers) == 340
    assert vocabulary.token_count(123) == 396
    # 200 nt: 196 whole k-mers, 4 that hold some fill, 196 of fill alone.
    tokens = vocabulary.encode("ACGTT" * 40)
    assert (tokens == 0).tolist() == [False] * 200 + [True] * 196
    assert (tokens != 1).all()


def test_save_and_load(tmp_path):
    vocabulary = KmerVocab.build(["ACGTTGCA", "GGG"], 3, 2, 6)
    vocabulary.save(tmp_path / "vocabulary.json")
    loaded = KmerVocab.load(tmp_path / "vocabulary.json")
    assert loaded == vocabulary
    assert loaded.encode("GGGACG").tolist() == vocabulary.encode("GGGACG").tolist()
    assert read_json(tmp_path / "vocabulary.json") == {
        "format": 1,
        "k": 3,
        "stride": 2,
        "window": 6,
        "specials": ["[PAD]", "[UNK]"],
        "kmers": ["ACG", "GGG", "GTT", "G00"],
    }


def test_ids_are_in_lexicographic_order_whatever_the_order_of_sequences(tmp_path):
    sequences = ["TTTA", "GGGC", "ACCA"]
    first, second = KmerVocab.build(sequences, 2), KmerVocab.build(sequences[::-1], 2)
    assert first.kmers == ("AC", "CA", "CC", "GC", "GG", "TA", "TT")
    first.save(tmp_path / "first.json")
    second.save(tmp_path / "second.json")
    assert (tmp_path / "first.json").read_bytes() == (tmp_path / "second.json").read_bytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "not a vocabulary of format 1"),
        ({"specials": ["[UNK]", "[PAD]"]}, "the special tokens are not"),
        ({"specials": None}, "the special tokens are not"),
        ({"k": 3}, "'AA' is not a k-mer of 3 bases"),
        ({"k": 11}, "k: k is 11"),
        ({"k": "2"}, "k: k is '2'"),
        ({"k": True}, "k: k is True"),
        ({"stride": 0}, "stride: stride is 0"),
        ({"window": 1}, "window: window is 1"),
        ({"kmers": ["AA", "AA"]}, "a k-mer stands twice"),
        ({"kmers": ["AN"]}, "'AN' is not a k-mer"),
        ({"kmers": ["A0"]}, "'A0' is not a k-mer"),
        ({"kmers": ["aa"]}, "'aa' is not a k-mer"),
        ({"window": 9, "kmers": ["AA", "00"]}, "'00' is not a k-mer"),
        ({"kmers": [7]}, "7 is not a k-mer"),
        ({"kmers": 7}, "lacks k, stride, window or kmers"),
    ],
)
def test_contradictory_vocabulary_is_refused(tmp_path, change, message):
    path = tmp_path / "vocabulary.json"
    write_json(path, VALID | change)
    with pytest.raises(InputError, match=message) as caught:
        KmerVocab.load(path)
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize("missing", ["k", "stride", "window", "kmers"])
def test_vocabulary_without_a_key_is_refused(tmp_path, missing):
    path = tmp_path / "vocabulary.json"
    write_json(path, {key: value for key, value in VALID.items() if key != missing})
    with pytest.raises(InputError, match="lacks k, stride, window or kmers"):
        KmerVocab.load(path)


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", "null", '"ACG"', json.dumps(VALID)[:-8]])
def test_damaged_file_is_refused(tmp_path, text):
    path = tmp_path / "vocabulary.json"
    path.write_text(text)
    with pytest.raises(InputError, match="vocabulary"):
        KmerVocab.load(path)


@given(changes=st.dictionaries(st.sampled_from(list(VALID)), json_values, max_size=3))
def test_any_json_is_a_vocabulary_or_refused(tmp_path_factory, changes):
    path = tmp_path_factory.getbasetemp() / "any_vocabulary.json"
    path.write_text(json.dumps(VALID | changes))
    try:
        vocabulary = KmerVocab.load(path)
    except InputError:
        return
    for kmer in vocabulary.kmers:
        assert len(kmer) == vocabulary.k
    if vocabulary.k <= 4:  # a look-up table of k 10 is large
        assert vocabulary.encode("ACGTNACGT").tolist() == encode_naively(vocabulary, "ACGTNACGT")


@pytest.mark.parametrize(
    ("shape", "name"),
    [
        ((0, 1, None), "k"),
        ((11, 1, None), "k"),
        ((3, 0, None), "stride"),
        ((3, 1001, None), "stride"),
        ((3, 1, 2), "window"),
        ((3, 1, 1_000_001), "window"),
        ((3.0, 1, None), "k"),
    ],
)
def test_shape_out_of_range_is_refused(shape, name):
    with pytest.raises(InputError, match=f"vocabulary: {name}: {name} is"):
        check_shape(*shape)


def test_k_longer_than_a_sequence_is_refused():
    with pytest.raises(InputError, match="k is 5 but a training sequence has 4 nt"):
        KmerVocab.build(["ACGTA", "ACGT"], 5)


def _tables(folder, sequences, parts):
    ids = [f"t{row}" for row in range(len(sequences))]
    write_table(folder / "transcripts.parquet", pd.DataFrame({"id": ids, "sequence": sequences}))
    split = pd.DataFrame({"id": ids, "group": ids, "part": parts})
    write_table(folder / "split.parquet", split)
    output = folder / "vocabulary.json"
    return output, [
        "vocabulary",
        *("--transcripts", str(folder / "transcripts.parquet")),
        *("--split", str(folder / "split.parquet")),
        *("--output", str(output)),
    ]


def test_only_the_training_part_is_read(tmp_path):
    output, argv = _tables(tmp_path, ["ACACA", "GGGGG", "TTTTT"], ["train", "validation", "test"])
    assert main([*argv, "--k", "3"]) == 0
    vocabulary = KmerVocab.load(output)
    assert vocabulary.kmers == ("ACA", "CAC")
    assert vocabulary.encode("ACAGGGTTT").tolist() == [2, 1, 1, 1, 1, 1, 1]


def test_options_of_the_step(tmp_path):
    output, argv = _tables(tmp_path, ["ACGT", "TTTT"], ["train", "test"])
    assert main([*argv, "--k", "2", "--stride", "2", "--window", "6"]) == 0
    assert KmerVocab.load(output) == KmerVocab(2, 2, 6, ("AC", "GT"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--k", "11"], "k is 11"),
        (["--k", "6"], "k is 6 but a training sequence has 5 nt"),
        (["--stride", "0"], "stride is 0"),
        (["--window", "2"], "window is 2"),
    ],
)
def test_bad_options_end_with_one_line(tmp_path, capsys, options, message):
    output, argv = _tables(tmp_path, ["ACACA"], ["train"])
    assert main([*argv, *options]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("circlet vocabulary: error: vocabulary: ")
    assert message in error
    assert not output.exists()


def test_split_without_training_part_ends_with_one_line(tmp_path, capsys):
    output, argv = _tables(tmp_path, ["ACACA"], ["test"])
    assert main(argv) == 2
    assert "split.parquet: train: no transcript is in the part" in capsys.readouterr().err
    assert not output.exists()


def test_table_without_sequences_is_refused(tmp_path, capsys):
    output, argv = _tables(tmp_path, ["ACACA"], ["train"])
    write_table(tmp_path / "transcripts.parquet", pd.DataFrame({"id": ["t0"]}))
    assert main(argv) == 2
    assert "lacks the columns ['sequence']" in capsys.readouterr().err
    assert not output.exists()
