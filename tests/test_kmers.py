import itertools
import json
import logging

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from circlet.cli import main
from circlet.errors import InputError
from circlet.files import read_json, write_json, write_table
from circlet.model import kmers
from circlet.model.kmers import KmerVocab, check_shape

VALID = {
    "format": 2,
    "k": 2,
    "stride": 1,
    "window": None,
    "ring": False,
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


training_sequences = st.lists(st.text("ACGT", min_size=6, max_size=40), min_size=1, max_size=4)
# k, stride, window and ring.
shapes = st.tuples(
    st.integers(1, 6), st.integers(1, 5), st.none() | st.integers(6, 35), st.booleans()
).filter(lambda shape: shape[2] is None or not shape[3])


def all_kmers(k, letters="ACGT"):
    return tuple("".join(kmer) for kmer in itertools.product(letters, repeat=k))


def encode_naively(vocabulary, sequence):
    """Token ids by the definition, one k-mer at a time."""
    sequence, k, window = sequence.upper().replace("U", "T"), vocabulary.k, vocabulary.window
    if window is not None:
        sequence = sequence[:window] + "0" * (window - len(sequence))
    if len(sequence) < k:
        return []
    last = len(sequence) - 1 if vocabulary.ring else len(sequence) - k
    ids = []
    for start in range(0, last + 1, vocabulary.stride):
        kmer = "".join(sequence[place % len(sequence)] for place in range(start, start + k))
        if window is not None and kmer == "0" * k:
            ids.append(0)
        elif kmer in vocabulary.kmers:
            ids.append(2 + vocabulary.kmers.index(kmer))
        else:
            ids.append(1)
    return ids


@given(
    training=training_sequences,
    sequences=st.lists(st.text("ACGT", max_size=40) | st.text("ACGTUNacgtun*0é", max_size=40)),
    shape=shapes,
    chunk=st.sampled_from([1, 30, 1000]),
)
def test_encode_is_as_defined(training, sequences, shape, chunk):
    vocabulary = KmerVocab.build(training, *shape)
    expected = [encode_naively(vocabulary, sequence) for sequence in sequences]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kmers, "CHUNK_NT", chunk)
        tokens, offsets = vocabulary.encode_many(sequences)
        assert KmerVocab.build(training, *shape) == vocabulary
    assert (tokens.dtype, offsets.dtype) == (np.uint16, np.int64)
    assert tokens.tolist() == list(itertools.chain.from_iterable(expected))
    assert offsets.tolist() == [0, *itertools.accumulate(map(len, expected))]
    assert [vocabulary.encode(sequence).tolist() for sequence in sequences] == expected
    counts = [vocabulary.token_count(len(sequence)) for sequence in sequences]
    assert counts == [len(ids) for ids in expected]


@given(training=training_sequences, shape=shapes)
def test_every_kmer_of_the_training_sequences_is_known(training, shape):
    vocabulary = KmerVocab.build(training, *shape)
    seen = {token for sequence in training for token in encode_naively(vocabulary, sequence)}
    assert seen - {0} == set(range(2, len(vocabulary)))


def test_no_training_sequences_give_no_kmers():
    assert KmerVocab.build([], 2) == KmerVocab(2, 1, None, False, ())


def test_no_sequences_give_no_tokens():
    tokens, offsets = KmerVocab.build(["ACGTA"], 2).encode_many([])
    assert (tokens.tolist(), offsets.tolist()) == ([], [0])


def test_long_sequences_are_encoded_over_the_borders_of_chunks():
    rng = np.random.default_rng(4)
    lengths = (kmers.CHUNK_NT - 1, 1, 2, kmers.CHUNK_NT + 5, 0, 3 * kmers.CHUNK_NT, 70)
    sequences = ["".join(rng.choice(list("ACGT"), size)) for size in lengths]
    ids = {kmer: 2 + place for place, kmer in enumerate(all_kmers(3))}
    expected = []
    for sequence in sequences:
        closed = sequence + sequence[:2]
        starts = range(len(sequence) if len(sequence) >= 3 else 0)
        expected.append([ids[closed[start : start + 3]] for start in starts])
    tokens, offsets = KmerVocab(3, 1, None, True, all_kmers(3)).encode_many(sequences)
    assert tokens.tolist() == list(itertools.chain.from_iterable(expected))
    assert np.diff(offsets).tolist() == [size if size >= 3 else 0 for size in lengths]


def test_chunks_are_neighbours_of_about_one_size(monkeypatch):
    monkeypatch.setattr(kmers, "CHUNK_NT", 100)
    found = [(rows.start, rows.stop) for rows in kmers._chunks(np.array([60, 30, 20, 0, 350, 40]))]
    assert found == [(0, 2), (2, 4), (4, 5), (5, 6)]


def test_ring_goes_on_with_the_first_bases():
    vocabulary = KmerVocab.build(["ACGTT"], 3, ring=True)
    assert vocabulary.kmers == ("ACG", "CGT", "GTT", "TAC", "TTA")
    assert vocabulary.encode("ACGTT").tolist() == [2, 3, 4, 6, 5]
    assert vocabulary.encode("TACGT").tolist() == [5, 2, 3, 4, 6]
    assert vocabulary.encode("ACN").tolist() == [1, 1, 1]
    assert vocabulary.encode("AC").tolist() == []
    assert [vocabulary.token_count(length) for length in (0, 2, 3, 10)] == [0, 0, 3, 10]


def test_ring_with_a_stride_ends_in_the_sequence():
    vocabulary = KmerVocab(3, 2, None, True, all_kmers(3))
    tokens = vocabulary.encode("ACGTT")
    assert [vocabulary.kmers[token - 2] for token in tokens] == ["ACG", "GTT", "TAC"]
    assert [vocabulary.token_count(length) for length in (2, 3, 4, 5, 6)] == [0, 2, 2, 3, 3]


def test_ids_by_hand():
    vocabulary = KmerVocab.build(["ACGTA"], 2)
    assert vocabulary.kmers == ("AC", "CG", "GT", "TA")
    assert len(vocabulary) == 6
    assert vocabulary.encode("ACGTACNAguuA").tolist() == [2, 3, 4, 5, 2, 1, 1, 1, 4, 1, 5]
    assert vocabulary.encode("A").tolist() == []
    assert vocabulary.encode("").tolist() == []


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_a_kmer_with_another_letter_is_unknown_though_all_kmers_are_known(k):
    vocabulary = KmerVocab(k, 1, None, False, all_kmers(k))
    tokens = vocabulary.encode("A" * k + "N" + "A" * k)
    assert tokens.tolist() == [2, *[1] * k, 2]


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
        "format": 2,
        "k": 3,
        "stride": 2,
        "window": 6,
        "ring": False,
        "specials": ["[PAD]", "[UNK]"],
        "kmers": ["ACG", "GGG", "GTT", "G00"],
    }


@pytest.mark.parametrize(("sequence", "window"), [("ACGT", None), ("TGCA0", 5)])
def test_a_kmer_of_all_letters_is_loaded(tmp_path, sequence, window):
    vocabulary = KmerVocab(len(sequence), 1, window, False, (sequence,))
    vocabulary.save(tmp_path / "vocabulary.json")
    assert KmerVocab.load(tmp_path / "vocabulary.json") == vocabulary


def test_ids_are_in_lexicographic_order_whatever_the_order_of_sequences(tmp_path):
    sequences = ["TTTA", "GGGC", "ACCA"]
    first, second = KmerVocab.build(sequences, 2), KmerVocab.build(sequences[::-1], 2)
    assert first.kmers == ("AC", "CA", "CC", "GC", "GG", "TA", "TT")
    first.save(tmp_path / "first.json")
    second.save(tmp_path / "second.json")
    assert (tmp_path / "first.json").read_bytes() == (tmp_path / "second.json").read_bytes()


MEND = "; make it with 'circlet vocabulary'"
SPECIALS = f"the special tokens are not ['[PAD]', '[UNK]']{MEND}"
RING = "give true, without a window, or false"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 1}, f"not a vocabulary of format 2{MEND}"),
        ({"specials": ["[UNK]", "[PAD]"]}, f"specials: {SPECIALS}"),
        ({"specials": None}, f"specials: {SPECIALS}"),
        ({"k": 3}, f"kmers: 'AA' is not a k-mer of 3 bases{MEND}"),
        ({"k": 11}, "k: k is 11; give a whole number from 1 to 10"),
        ({"k": "2"}, "k: k is '2'; give a whole number from 1 to 10"),
        ({"k": True}, "k: k is True; give a whole number from 1 to 10"),
        ({"stride": 0}, "stride: stride is 0; give a whole number from 1 to 1000"),
        ({"window": 1}, "window: window is 1; give a whole number from 2 to 1000000"),
        ({"ring": 1}, f"ring: ring is 1; {RING}"),
        ({"ring": None}, f"ring: ring is None; {RING}"),
        ({"window": 9, "ring": True}, f"ring: ring is True; {RING}"),
        ({"kmers": ["AA", "AA"]}, f"kmers: a k-mer stands twice{MEND}"),
        ({"kmers": ["AN"]}, f"kmers: 'AN' is not a k-mer of 2 bases{MEND}"),
        ({"kmers": ["A0"]}, f"kmers: 'A0' is not a k-mer of 2 bases{MEND}"),
        ({"kmers": ["aa"]}, f"kmers: 'aa' is not a k-mer of 2 bases{MEND}"),
        (
            {"window": 9, "kmers": ["AA", "00"]},
            f"kmers: '00' is not a k-mer of 2 bases{MEND}",
        ),
        ({"kmers": [7]}, f"kmers: 7 is not a k-mer of 2 bases{MEND}"),
        ({"kmers": 7}, f"lacks k, stride, window, ring or kmers{MEND}"),
    ],
)
def test_contradictory_vocabulary_is_refused(tmp_path, change, message):
    path = tmp_path / "vocabulary.json"
    write_json(path, VALID | change)
    with pytest.raises(InputError) as caught:
        KmerVocab.load(path)
    assert str(caught.value) == f"{path}: {message}"


@pytest.mark.parametrize("missing", ["k", "stride", "window", "ring", "kmers"])
def test_vocabulary_without_a_key_is_refused(tmp_path, missing):
    path = tmp_path / "vocabulary.json"
    write_json(path, {key: value for key, value in VALID.items() if key != missing})
    with pytest.raises(InputError, match="lacks k, stride, window, ring or kmers"):
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
        ((0, 1, None, False), "k"),
        ((11, 1, None, False), "k"),
        ((3, 0, None, False), "stride"),
        ((3, 1001, None, False), "stride"),
        ((3, 1, 2, False), "window"),
        ((3, 1, 1_000_001, False), "window"),
        ((3.0, 1, None, False), "k"),
        ((3, 1, 5, True), "ring"),
    ],
)
def test_shape_out_of_range_is_refused(shape, name):
    with pytest.raises(InputError, match=f"vocabulary: {name}: {name} is"):
        check_shape(*shape)


@pytest.mark.parametrize(
    "shape",
    [(1, 1, None, True), (10, 1000, None, False), (3, 1, 3, False), (3, 1, 1_000_000, False)],
)
def test_shape_at_the_ends_of_its_range_is_taken(shape):
    names = ("k", "stride", "window", "ring")
    content = VALID | dict(zip(names, shape, strict=True)) | {"kmers": []}
    assert KmerVocab.of_content(content, "vocabulary.json") == KmerVocab(*shape, ())


def test_k_longer_than_a_sequence_is_refused():
    with pytest.raises(InputError) as caught:
        KmerVocab.build(["ACGTA", "ACGT"], 5)
    assert str(caught.value) == (
        "vocabulary: k: k is 5 but a training sequence has 4 nt; "
        "choose a k no longer than the dataset's min_length"
    )


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


def test_the_step_without_options_reads_each_3_mer(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    output, argv = _tables(tmp_path, ["ACGTA", "ACGGT", "TTTT"], ["train", "train", "test"])
    assert main(argv) == 0
    kmers = ("ACG", "CGG", "CGT", "GGT", "GTA")
    assert KmerVocab.load(output) == KmerVocab(3, 1, None, False, kmers)
    assert caplog.messages == ["7 tokens from 2 training sequences"]


def test_options_of_the_step(tmp_path):
    output, argv = _tables(tmp_path, ["ACGT", "TTTT"], ["train", "test"])
    assert main([*argv, "--k", "2", "--stride", "2", "--window", "6"]) == 0
    assert KmerVocab.load(output) == KmerVocab(2, 2, 6, False, ("AC", "GT"))


def test_ring_of_the_step(tmp_path):
    output, argv = _tables(tmp_path, ["ACGT", "TTTT"], ["train", "test"])
    assert main([*argv, "--k", "2", "--ring"]) == 0
    assert KmerVocab.load(output) == KmerVocab(2, 1, None, True, ("AC", "CG", "GT", "TA"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--k", "11"], "k is 11"),
        (["--k", "6"], "k is 6 but a training sequence has 5 nt"),
        (["--stride", "0"], "stride is 0"),
        (["--window", "2"], "window is 2"),
        (["--window", "5", "--ring"], "ring is True; give true, without a window, or false"),
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
    told = "split.parquet: train: no transcript is in the part; check the split\n"
    assert capsys.readouterr().err.endswith(told)
    assert not output.exists()


def test_tables_of_two_datasets_are_refused_by_their_names(tmp_path, capsys):
    output, argv = _tables(tmp_path, ["ACACA", "CCCCC"], ["train", "test"])
    split = tmp_path / "split.parquet"
    write_table(split, pd.read_parquet(split).assign(id=["t0", "t9"]))
    assert main(argv) == 2
    assert f"{tmp_path}/transcripts.parquet: t1: not in {split};" in capsys.readouterr().err
    write_table(split, pd.read_parquet(split).drop(columns="group"))
    assert main(argv) == 2
    assert f"{split}: lacks the columns ['group']" in capsys.readouterr().err
    assert not output.exists()


def test_table_without_sequences_is_refused(tmp_path, capsys):
    output, argv = _tables(tmp_path, ["ACACA"], ["train"])
    write_table(tmp_path / "transcripts.parquet", pd.DataFrame({"id": ["t0"]}))
    assert main(argv) == 2
    assert "lacks the columns ['sequence']" in capsys.readouterr().err
    assert not output.exists()


def test_the_step_asks_for_its_files(capsys):
    with pytest.raises(SystemExit) as end:
        main(["vocabulary", "--k", "3"])
    assert end.value.code == 2
    asked = "the following arguments are required: --transcripts, --split, --output\n"
    assert capsys.readouterr().err.endswith(asked)
