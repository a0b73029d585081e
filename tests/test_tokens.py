import itertools

import numpy as np
import pandas as pd
import pytest

from circlet.cli import main
from circlet.errors import InputError
from circlet.files import write_table
from circlet.model.kmers import KmerVocab
from circlet.model.tokens import TokenStore, write_tokens

VOCABULARY = KmerVocab(2, 1, None, ("AA", "AC", "CA"))


def _paths(folder):
    return folder / "tokens.npy", folder / "offsets.npy", folder / "index.parquet"


def _write(folder, sequences, vocabulary=VOCABULARY):
    tokens, offsets, index = _paths(folder)
    write_tokens(sequences, vocabulary, tokens, offsets)
    labels = ["circRNA", "lncRNA", "circRNA", "lncRNA"][: len(sequences)]
    parts = ["train", "test", "validation", "train"][: len(sequences)]
    ids = [f"t{row}" for row in range(len(sequences))]
    write_table(index, pd.DataFrame({"id": ids, "label": labels, "part": parts}))
    return tokens, offsets, index


def test_store_holds_what_encode_gives(tmp_path):
    sequences = ["ACAA", "C", "AACNA", "CA"]
    store = TokenStore.load(*_write(tmp_path, sequences))
    assert [store[row].tolist() for row in range(4)] == [[3, 4, 2], [], [2, 3, 1, 1], [4]]
    assert store.lengths.tolist() == [3, 0, 4, 1]
    assert store.classes.tolist() == [1, 0, 1, 0]
    assert store.rows("train").tolist() == [0, 3]
    assert store.rows("test").tolist() == [1]
    assert isinstance(store.tokens, np.memmap)


@pytest.mark.parametrize(("kmers", "dtype"), [(65534, np.uint16), (65535, np.int32)])
def test_tokens_take_two_bytes_where_all_ids_fit(tmp_path, kmers, dtype):
    all_kmers = ("".join(kmer) for kmer in itertools.product("ACGT", repeat=8))
    vocabulary = KmerVocab(8, 1, None, tuple(itertools.islice(all_kmers, kmers)))
    store = TokenStore.load(*_write(tmp_path, [vocabulary.kmers[-1]], vocabulary))
    assert store.tokens.dtype == dtype
    assert store.tokens.tolist() == [kmers + 1]


def test_the_step_writes_the_store(toy_run):
    names = ("tokens.npy", "offsets.npy", "index.parquet")
    store = TokenStore.load(*(toy_run.folder / name for name in names))
    vocabulary = KmerVocab.load(toy_run.folder / "vocabulary.json")
    assert store.index["id"].tolist() == toy_run.transcripts["id"].tolist()
    assert store.index["label"].tolist() == toy_run.transcripts["label"].tolist()
    assert store.index["part"].tolist() == toy_run.split["part"].tolist()
    for row, sequence in enumerate(toy_run.transcripts["sequence"]):
        assert store[row].tolist() == vocabulary.encode(sequence).tolist()


def test_same_input_gives_the_same_bytes(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        _write(folder, ["ACAA", "CACA"])
    for name in ("tokens.npy", "offsets.npy", "index.parquet"):
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_names_may_end_as_they_like(tmp_path):
    write_tokens(["ACAA", "CA"], VOCABULARY, tmp_path / "tokens", tmp_path / "offsets")
    assert np.load(tmp_path / "tokens").tolist() == [3, 4, 2, 4]
    assert np.load(tmp_path / "offsets").tolist() == [0, 3, 4]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["offsets", "tokens"]


def test_files_of_different_datasets_are_refused(tmp_path):
    tokens, offsets, index = _write(tmp_path / "one", ["ACAA", "CA"])
    _, shorter, _ = _write(tmp_path / "two", ["ACA", "CA"])
    _, _, longer = _write(tmp_path / "three", ["ACAA", "CA", "AA"])
    for files in ((tokens, shorter, index), (tokens, offsets, longer)):
        with pytest.raises(InputError, match="does not belong to its offsets or index"):
            TokenStore.load(*files)


@pytest.mark.parametrize("name", ["tokens.npy", "offsets.npy"])
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
    tokens, offsets, index = _write(tmp_path, ["ACAA", "CA"])
    with pytest.raises(InputError, match=r"none\.npy: no such file"):
        TokenStore.load(tmp_path / "none.npy", offsets, index)
    write_table(index, pd.DataFrame({"id": ["t0", "t1"]}))
    with pytest.raises(InputError, match=r"lacks the columns \['label', 'part'\]"):
        TokenStore.load(tokens, offsets, index)


def test_transcript_without_part_ends_with_one_line(toy_run, tmp_path, capsys):
    split = tmp_path / "split.parquet"
    write_table(split, toy_run.split.iloc[1:])
    tokens, offsets, index = _paths(tmp_path)
    argv = [
        "tokens",
        *("--transcripts", str(toy_run.folder / "transcripts.parquet"), "--split", str(split)),
        *("--vocabulary", str(toy_run.folder / "vocabulary.json")),
        *("--tokens", str(tokens), "--offsets", str(offsets), "--index", str(index)),
    ]
    assert main(argv) == 2
    assert f": t0: not in {split}; " in capsys.readouterr().err
    assert not tokens.exists()
    assert not index.exists()
