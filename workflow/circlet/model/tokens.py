"""Tokens on disk: every transcript encoded once, memory-mapped by whoever reads them."""

import argparse
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd

from circlet.errors import InputError
from circlet.files import atomic_path, read_table, reading, write_table
from circlet.model.kmers import KmerVocab
from circlet.parts import with_parts
from circlet.progress import track
from circlet.tables import POSITIVE, SPLIT_COLUMNS

log = logging.getLogger(__name__)

INDEX_COLUMNS = ("id", "label", "part")


@dataclass(frozen=True)
class TokenStore:
    """The tokens of all transcripts, one after the other.

    Attributes:
        tokens: Token ids, shape (all tokens,), memory-mapped.
        offsets: Where each transcript begins, and the end; shape (transcripts + 1,), int64.
        index: `INDEX_COLUMNS` of each transcript.
    """

    tokens: np.ndarray
    offsets: np.ndarray
    index: pd.DataFrame

    @classmethod
    def load(cls, tokens: str | Path, offsets: str | Path, index: str | Path) -> Self:
        """Map the tokens into memory.

        Raises:
            InputError: A file is missing or damaged, or they do not belong together.
        """
        store = cls(_load(tokens, "r"), _load(offsets), read_table(index, INDEX_COLUMNS))
        if len(store.offsets) != len(store.index) + 1 or store.offsets[-1] != len(store.tokens):
            raise InputError(tokens, "does not belong to its offsets or index", "make it again")
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

    @cached_property
    def classes(self) -> np.ndarray:
        """Class of each transcript, 0 or 1, shape (transcripts,)."""
        return (self.index["label"] == POSITIVE).to_numpy(dtype=np.int64)


def _load(path: str | Path, mmap_mode: str | None = None) -> np.ndarray:
    """Read an array.

    Raises:
        InputError: It is missing or damaged.
    """
    with reading(path):
        try:
            return np.load(path, mmap_mode=mmap_mode, allow_pickle=False)
        except (ValueError, EOFError):
            raise InputError(path, "not a whole numpy array", "make it again") from None


def write_tokens(
    sequences: Sequence[str], vocabulary: KmerVocab, tokens: str | Path, offsets: str | Path
) -> None:
    """Encode the sequences into two arrays on disk; see `TokenStore`."""
    counts = [vocabulary.token_count(len(sequence)) for sequence in sequences]
    ends = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
    dtype = np.uint16 if len(vocabulary) <= np.iinfo(np.uint16).max + 1 else np.int32
    with atomic_path(tokens) as temporary:
        array = np.lib.format.open_memmap(temporary, mode="w+", dtype=dtype, shape=(int(ends[-1]),))
        for row, sequence in enumerate(track(sequences, "encoding", total=len(sequences))):
            array[ends[row] : ends[row + 1]] = vocabulary.encode(sequence)
        array.flush()
        del array
    # Given a path, numpy would add `.npy` to one that does not end so.
    with atomic_path(offsets) as temporary, open(temporary, "wb") as handle:
        np.save(handle, ends)
    log.info("%s tokens of %s transcripts", f"{ends[-1]:,}", f"{len(sequences):,}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    parser.add_argument("--transcripts", required=True, help="the dataset, Parquet")
    parser.add_argument("--split", required=True, help="id, group and part, Parquet")
    parser.add_argument("--vocabulary", required=True, help="made by circlet vocabulary")
    parser.add_argument("--tokens", required=True, help="output: the token ids, npy")
    parser.add_argument("--offsets", required=True, help="output: where transcripts begin, npy")
    parser.add_argument("--index", required=True, help="output: id, label and part, Parquet")


def run(args: argparse.Namespace) -> None:
    """Run the step."""
    transcripts = read_table(args.transcripts, ("id", "label", "sequence"))
    split = read_table(args.split, SPLIT_COLUMNS)
    index = with_parts(transcripts[["id", "label"]], split, args.transcripts, args.split)
    vocabulary = KmerVocab.load(args.vocabulary)
    write_tokens(transcripts["sequence"].tolist(), vocabulary, args.tokens, args.offsets)
    write_table(args.index, index[list(INDEX_COLUMNS)])
