"""Tokens and descriptors on disk: made once, the tokens memory-mapped by whoever reads them."""

import argparse
import contextlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, Literal, Self

import numpy as np
import pandas as pd
from numpy.lib.format import dtype_to_descr, write_array_header_1_0

from circlet.composition import SIZE, compose_any
from circlet.errors import InputError
from circlet.files import atomic_path, read_table, reading, write_table
from circlet.hashes import hash_sequences
from circlet.model.kmers import KmerVocab
from circlet.parts import with_parts
from circlet.progress import track
from circlet.tables import POSITIVE, SPLIT_COLUMNS

log = logging.getLogger(__name__)

# `length` in nt, `hash` of `circlet.hashes`.
INDEX_COLUMNS = ("id", "label", "part", "length", "hash")
SEQUENCES_AT_ONCE = 512  # encoded between two words of progress


@dataclass(frozen=True)
class TokenStore:
    """The tokens of all transcripts, one after the other.

    Attributes:
        tokens: Token ids, shape (all tokens,), memory-mapped.
        offsets: Where each transcript begins, and the end; shape (transcripts + 1,), int64.
        features: `circlet.composition` of each transcript, shape (transcripts, 356), float32.
        index: `INDEX_COLUMNS` of each transcript.
    """

    tokens: np.ndarray
    offsets: np.ndarray
    features: np.ndarray
    index: pd.DataFrame

    @classmethod
    def load(
        cls, tokens: str | Path, offsets: str | Path, features: str | Path, index: str | Path
    ) -> Self:
        """Map the tokens into memory and read the rest.

        Raises:
            InputError: A file is missing or damaged, or they do not belong together.
        """
        table = read_table(index, INDEX_COLUMNS)
        store = cls(_load(tokens, "r"), _load(offsets), _load(features), table)
        if store.offsets.shape != (len(table) + 1,) or store.tokens.shape != (store.offsets[-1],):
            raise InputError(tokens, "does not belong to its offsets or index", "make it again")
        if store.features.shape != (len(table), SIZE):
            raise InputError(features, "does not belong to its index", "make it again")
        return store

    def __getitem__(self, row: int) -> np.ndarray:
        """Tokens of one transcript, shape (tokens,)."""
        return self.tokens[self.offsets[row] : self.offsets[row + 1]]

    @property
    def lengths(self) -> np.ndarray:
        """Number of tokens of each transcript, shape (transcripts,)."""
        return np.diff(self.offsets)

    def rows(self, part: str) -> np.ndarray:
        """Rows of the transcripts of a part, ascending."""
        return np.flatnonzero(self.index["part"] == part)

    def ids(self, rows: np.ndarray) -> list[str]:
        """Ids of the transcripts of some rows."""
        return self.index["id"].iloc[rows].tolist()

    def check_classes(self, part: str) -> None:
        """Check that a part has both classes.

        Raises:
            InputError: It lacks one.
        """
        if len(set(self.classes[self.rows(part)])) < 2:
            raise InputError("split", "the part lacks a class", "use more data", part)

    def check_ids(self, vocabulary_size: int) -> None:
        """Check that the tokens are of a vocabulary of so many ids.

        Raises:
            InputError: They are of a larger one.
        """
        if len(self.tokens) and self.tokens.max() >= vocabulary_size:
            mend = "make it with that vocabulary"
            raise InputError("tokens", "has ids beyond the vocabulary", mend)

    @cached_property
    def classes(self) -> np.ndarray:
        """Class of each transcript, 0 or 1, shape (transcripts,)."""
        classes: np.ndarray = (self.index["label"] == POSITIVE).to_numpy(dtype=np.int64)
        return classes


def _load(path: str | Path, mmap_mode: Literal["r"] | None = None) -> np.ndarray:
    """Read an array.

    Raises:
        InputError: It is missing or damaged.
    """
    with reading(path):
        try:
            array: np.ndarray = np.load(path, mmap_mode=mmap_mode, allow_pickle=False)
        except (ValueError, EOFError):
            raise InputError(path, "not a whole numpy array", "make it again") from None
    return array


def write_tokens(
    sequences: Sequence[str], vocabulary: KmerVocab, tokens: str | Path, offsets: str | Path
) -> None:
    """Encode the sequences into two arrays on disk; see `TokenStore`."""
    lengths = np.fromiter(map(len, sequences), dtype=np.int64, count=len(sequences))
    ends = np.concatenate([[0], np.cumsum(vocabulary.token_counts(lengths))])
    dtype = vocabulary.encode("").dtype
    starts = range(0, len(sequences), SEQUENCES_AT_ONCE)
    with _array_file(tokens, dtype, (int(ends[-1]),)) as handle:
        for start in track(starts, "encoding", total=len(starts)):
            some, _ = vocabulary.encode_many(sequences[start : start + SEQUENCES_AT_ONCE])
            handle.write(np.ascontiguousarray(some, dtype).data)
    write_array(offsets, ends)
    log.info("%s tokens of %s transcripts", f"{ends[-1]:,}", f"{len(sequences):,}")


def write_array(path: str | Path, array: np.ndarray) -> None:
    """Write an array in numpy's format, atomically."""
    with _array_file(path, array.dtype, array.shape) as handle:
        handle.write(np.ascontiguousarray(array).data)


@contextlib.contextmanager
def _array_file(path: str | Path, dtype: np.dtype, shape: tuple[int, ...]) -> Iterator[BinaryIO]:
    """Open an array in numpy's format, atomically, for writing its content in C order.

    numpy's own writers are no use on a full disk: of what does not fit, up to 4 KiB are lost in
    silence, and the process dies of a mapped file (SIGBUS).
    """
    header = {"descr": dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    with atomic_path(path) as temporary, open(temporary, "wb") as handle:
        write_array_header_1_0(handle, header)
        yield handle


def add_store_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of a step that reads the store; see `store_files`."""
    parser.add_argument("--tokens", required=True, help="the token ids, npy")
    parser.add_argument("--offsets", required=True, help="where transcripts begin, npy")
    parser.add_argument("--features", required=True, help="composition of the transcripts, npy")
    parser.add_argument("--index", required=True, help="id, label and part, Parquet")


def store_files(args: argparse.Namespace) -> tuple[str, str, str, str]:
    """Name the files of the store, in the order that `TokenStore.load` takes them."""
    return args.tokens, args.offsets, args.features, args.index


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    parser.add_argument("--transcripts", required=True, help="the dataset, Parquet")
    parser.add_argument("--split", required=True, help="id, group and part, Parquet")
    parser.add_argument("--vocabulary", required=True, help="made by circlet vocabulary")
    parser.add_argument("--tokens", required=True, help="output: the token ids, npy")
    parser.add_argument("--offsets", required=True, help="output: where transcripts begin, npy")
    parser.add_argument("--features", required=True, help="output: the descriptors, npy")
    parser.add_argument("--index", required=True, help="output: id, label and part, Parquet")


def run(args: argparse.Namespace) -> None:
    """Run the step."""
    transcripts = read_table(args.transcripts, ("id", "label", "sequence"))
    split = read_table(args.split, SPLIT_COLUMNS)
    index = with_parts(transcripts[["id", "label"]], split, args.transcripts, args.split)
    vocabulary = KmerVocab.load(args.vocabulary)
    sequences = transcripts["sequence"].tolist()
    index = index.assign(length=list(map(len, sequences)), hash=hash_sequences(sequences))
    write_tokens(sequences, vocabulary, args.tokens, args.offsets)
    write_array(args.features, compose_any(sequences))
    write_table(args.index, index[list(INDEX_COLUMNS)])
