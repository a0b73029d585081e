import itertools

import numpy as np
import pandas as pd
import pytest

from circlet.cli import main
from circlet.composition import compose_any
from circlet.errors import InputError
from circlet.files import write_table
from circlet.hashes import hash_sequences
from circlet.model.kmers import KmerVocab
from circlet.model.tokens import TokenStore, write_array, write_tokens

VOCABULARY = KmerVocab(2, 1, None, False, ("AA", "AC", "CA"))


def _paths(folder):
    names = ("tokens.npy", "offsets.npy", "features.npy", "index.parquet")
    return tuple(folder / name for name in names)


def _write(folder, sequences, vocabulary=VOCABULARY):
    tokens, offsets, features, index = _paths(folder)
    write_tokens(sequences, vocabulary, tokens, offsets)
    write_array(features, compose_any(sequences))
    labels = ["circRNA", "lncRNA", "circRNA", "lncRNA"][: len(sequences)]
    parts = ["train", "test", "validation", "train"][: len(sequences)]
    ids = [f"t{row}" for row in range(len(sequences))]
    table = pd.DataFrame({"id": ids, "label": labels, "part": parts})
    lengths = list(map(len, sequences))
    write_table(index, table.assign(length=lengths, hash=hash_sequences(sequences)))
    return tokens, offsets, features, index


def test_store_holds_what_encode_gives(tmp_path):
    sequences = ["ACAA", "C", "AACNA", "CA"]
    store = TokenStore.load(*_write(tmp_path, sequences))
    assert [store[row].tolist() for row in range(4)] == [[3, 4, 2], [], [2, 3, 1, 1], [4]]
    assert store.lengths.tolist() == [3, 0, 4, 1]
    assert store.classes.tolist() == [1, 0, 1, 0]
    assert store.rows("train").tolist() == [0, 3]
    assert store.rows("test").tolist() == [1]
    assert isinstance(store.tokens, np.memmap)
    assert store.features.dtype == np.float32
    assert store.features.tolist() == compose_any(sequences).tolist()


def test_many_sequences_are_written_over_the_borders_of_chunks(tmp_path, monkeypatch):
    monkeypatch.setattr("circlet.model.tokens.SEQUENCES_AT_ONCE", 2)
    tokens, offsets, _, _ = _paths(tmp_path)
    write_tokens(["ACAA", "", "AACNA", "CA", "CACA"], VOCABULARY, tokens, offsets)
    assert np.load(tokens).tolist() == [3, 4, 2, 2, 3, 1, 1, 4, 4, 3, 4]
    assert np.load(offsets).tolist() == [0, 3, 3, 7, 8, 11]
    write_tokens([], VOCABULARY, tokens, offsets)
    assert (np.load(tokens).tolist(), np.load(offsets).tolist()) == ([], [0])


@pytest.mark.parametrize(("kmers", "dtype"), [(65534, np.uint16), (65535, np.int32)])
def test_tokens_take_two_bytes_where_all_ids_fit(tmp_path, kmers, dtype):
    all_kmers = ("".join(kmer) for kmer in itertools.product("ACGT", repeat=8))
    vocabulary = KmerVocab(8, 1, None, False, tuple(itertools.islice(all_kmers, kmers)))
    store = TokenStore.load(*_write(tmp_path, [vocabulary.kmers[-1]], vocabulary))
    assert store.tokens.dtype == dtype
    assert store.tokens.tolist() == [kmers + 1]


def test_the_step_writes_the_store(toy_run):
    store = TokenStore.load(*_paths(toy_run.folder))
    vocabulary = KmerVocab.load(toy_run.folder / "vocabulary.json")
    assert store.index["id"].tolist() == toy_run.transcripts["id"].tolist()
    assert store.index["label"].tolist() == toy_run.transcripts["label"].tolist()
    assert store.index["part"].tolist() == toy_run.split["part"].tolist()
    for row, sequence in enumerate(toy_run.transcripts["sequence"]):
        assert store[row].tolist() == vocabulary.encode(sequence).tolist()
    assert store.features.tolist() == compose_any(toy_run.transcripts["sequence"]).tolist()


def test_same_input_gives_the_same_bytes(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        _write(folder, ["ACAA", "CACA"])
    for one, other in zip(_paths(first), _paths(second), strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_names_may_end_as_they_like(tmp_path):
    write_tokens(["ACAA", "CA"], VOCABULARY, tmp_path / "tokens", tmp_path / "offsets")
    write_array(tmp_path / "features", compose_any(["A"]))
    assert np.load(tmp_path / "tokens").tolist() == [3, 4, 2, 4]
    assert np.load(tmp_path / "offsets").tolist() == [0, 3, 4]
    assert np.load(tmp_path / "features").shape == (1, 356)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["features", "offsets", "tokens"]


def test_files_of_different_datasets_are_refused(tmp_path):
    tokens, offsets, features, index = _write(tmp_path / "one", ["ACAA", "CA"])
    _, shorter, _, _ = _write(tmp_path / "two", ["ACA", "CA"])
    _, _, more, longer = _write(tmp_path / "three", ["ACAA", "CA", "AA"])
    for files in ((tokens, shorter, features, index), (tokens, offsets, more, longer)):
        with pytest.raises(
            InputError, match=r"tokens\.npy: does not belong to its offsets or index"
        ):
            TokenStore.load(*files)
    with pytest.raises(InputError, match=r"three/features\.npy: does not belong to its index"):
        TokenStore.load(tokens, offsets, more, index)


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("features.npy", np.zeros((2, 15), dtype=np.float32)),
        ("features.npy", np.zeros(2, dtype=np.float32)),
        ("offsets.npy", np.array(4)),
        ("offsets.npy", np.array([[0], [3], [4]])),
        ("tokens.npy", np.zeros((4, 1), dtype=np.uint16)),
    ],
)
def test_array_of_another_shape_is_refused(tmp_path, name, array):
    files = _write(tmp_path, ["ACAA", "CA"])
    write_array(tmp_path / name, array)
    with pytest.raises(InputError, match="does not belong to its"):
        TokenStore.load(*files)


@pytest.mark.parametrize("name", ["tokens.npy", "offsets.npy", "features.npy"])
@pytest.mark.parametrize("kept", [0, 5, -1])
def test_truncated_array_is_refused(tmp_path, name, kept):
    files = _write(tmp_path, ["ACAA", "CA"])
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[:kept])
    with pytest.raises(InputError, match=f"{name}: not a whole numpy array"):
        TokenStore.load(*files)


def test_pickled_array_is_refused(tmp_path):
    files = _write(tmp_path, ["ACAA", "CA"])
    np.save(tmp_path / "offsets.npy", np.array([0, {}], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match=r"offsets\.npy: not a whole numpy array"):
        TokenStore.load(*files)


def test_missing_files_and_columns_are_refused(tmp_path):
    files = _write(tmp_path, ["ACAA", "CA"])
    for place in range(3):
        missing = [*files[:place], tmp_path / "none.npy", *files[place + 1 :]]
        with pytest.raises(InputError, match=r"none\.npy: no such file"):
            TokenStore.load(*missing)
    write_table(files[-1], pd.DataFrame({"id": ["t0", "t1"]}))
    lacking = r"\['label', 'part', 'length', 'hash'\]"
    with pytest.raises(InputError, match=f"lacks the columns {lacking}"):
        TokenStore.load(*files)


def test_transcript_without_part_ends_with_one_line(toy_run, tmp_path, capsys):
    split = tmp_path / "split.parquet"
    write_table(split, toy_run.split.iloc[1:])
    outputs = dict(zip(("tokens", "offsets", "features", "index"), _paths(tmp_path), strict=True))
    argv = [
        "tokens",
        *("--transcripts", str(toy_run.folder / "transcripts.parquet"), "--split", str(split)),
        *("--vocabulary", str(toy_run.folder / "vocabulary.json")),
        *(word for name, path in outputs.items() for word in (f"--{name}", str(path))),
    ]
    assert main(argv) == 2
    assert f": t0: not in {split}; " in capsys.readouterr().err
    assert not any(path.exists() for path in outputs.values())
