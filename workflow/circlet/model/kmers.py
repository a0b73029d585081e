"""The k-mer vocabulary: built on training sequences, saved as JSON, vectorised encoding."""

import argparse
import itertools
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np

from circlet.errors import InputError
from circlet.files import read_json, read_table, write_json
from circlet.parts import with_parts
from circlet.tables import SPLIT_COLUMNS

log = logging.getLogger(__name__)

FORMAT = 1
MAX_K = 10  # the look-up table has 5^k entries at the most
BASES, FILL = "ACGT", "0"  # FILL stands for the bases that a short sequence lacks
PAD, UNKNOWN = "[PAD]", "[UNK]"
SPECIALS = (PAD, UNKNOWN)
PAD_ID, UNKNOWN_ID = 0, 1

# Byte -> code of its base; 4 for FILL, -1 for anything else.
CODES = np.full(256, -1, dtype=np.int64)
for _code, _letters in enumerate(("Aa", "Cc", "Gg", "TtUu", FILL)):
    for _letter in _letters:
        CODES[ord(_letter)] = _code


@dataclass(frozen=True)
class KmerVocab:
    """A vocabulary of k-mers and how sequences are cut into them.

    Ids: 0 is padding, 1 an unknown k-mer (with an ambiguous base, or not seen in training), then
    the k-mers in lexicographic order.

    Attributes:
        k: Length of a k-mer, nt.
        stride: Distance between the starts of two k-mers, nt.
        window: If set, the first `window` nt alone are read, and a shorter sequence is filled up
            to that length with `0`, so that every sequence has the same number of tokens.
        kmers: The k-mers, the first of which has the id 2.
    """

    k: int
    stride: int
    window: int | None
    kmers: tuple[str, ...]

    def __len__(self) -> int:
        return len(SPECIALS) + len(self.kmers)

    @cached_property
    def _table(self) -> np.ndarray:
        """Id of every k-mer that can be written, by its number in base `_radix`."""
        table = np.full(self._radix**self.k, UNKNOWN_ID, dtype=np.int32)
        if self.kmers:
            letters = np.frombuffer("".join(self.kmers).encode("ascii"), dtype=np.uint8)
            codes = CODES[letters].reshape(-1, self.k)  # (kmers, k)
            table[codes @ self._radix ** np.arange(self.k)[::-1]] = len(SPECIALS) + np.arange(
                len(self.kmers)
            )
        if self.window is not None:
            table[-1] = PAD_ID  # a k-mer of FILL alone
        return table

    @property
    def _radix(self) -> int:
        return len(BASES) + (self.window is not None)

    def token_count(self, length: int) -> int:
        """Number of tokens of a sequence of `length` nt."""
        length = length if self.window is None else self.window
        return max(0, (length - self.k) // self.stride + 1)

    def encode(self, sequence: str) -> np.ndarray:
        """Cut a sequence into tokens.

        Args:
            sequence: Bases, DNA or RNA, any case. A k-mer with any other letter is unknown.

        Returns:
            Token ids, shape (tokens,), int32; empty if the sequence is shorter than k.
        """
        if self.window is not None:
            sequence = sequence[: self.window].ljust(self.window, FILL)
        numbers = _kmer_numbers(sequence, self.k, self.stride, self._radix)
        return np.where(numbers >= 0, self._table[numbers], np.int32(UNKNOWN_ID))

    @classmethod
    def build(
        cls, sequences: Iterable[str], k: int, stride: int = 1, window: int | None = None
    ) -> Self:
        """Make the vocabulary of the k-mers that occur in the sequences.

        Args:
            sequences: The training sequences.
            k: Length of a k-mer, nt.
            stride: Distance between the starts of two k-mers, nt.
            window: See the class.

        Raises:
            InputError: k, stride or window is out of range, or k exceeds a sequence.
        """
        check_shape(k, stride, window)
        empty = cls(k, stride, window, ())
        seen = np.zeros(empty._radix**k, dtype=bool)
        for sequence in sequences:
            if len(sequence) < k:
                raise InputError(
                    "vocabulary",
                    f"k is {k} but a training sequence has {len(sequence)} nt",
                    "choose a k no longer than the dataset's min_length",
                    "k",
                )
            filled = sequence if window is None else sequence[:window].ljust(window, FILL)
            numbers = _kmer_numbers(filled, k, stride, empty._radix)
            seen[numbers[numbers >= 0]] = True
        if window is not None:
            seen[-1] = False  # padding has its own id
        letters = (BASES + FILL)[: empty._radix]
        found = (
            "".join(kmer)
            for kmer, is_seen in zip(itertools.product(letters, repeat=k), seen, strict=True)
            if is_seen
        )
        return cls(k, stride, window, tuple(found))

    def save(self, path: str | Path) -> None:
        """Write the vocabulary as JSON."""
        write_json(
            path,
            {
                "format": FORMAT,
                "k": self.k,
                "stride": self.stride,
                "window": self.window,
                "specials": list(SPECIALS),
                "kmers": list(self.kmers),
            },
        )

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a vocabulary.

        Raises:
            InputError: The file is not a vocabulary of this format, or contradicts itself.
        """
        content = read_json(path)
        mend = "make it with 'circlet vocabulary'"
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise InputError(path, f"not a vocabulary of format {FORMAT}", mend)
        if content.get("specials") != list(SPECIALS):
            raise InputError(path, f"the special tokens are not {list(SPECIALS)}", mend, "specials")
        try:
            k, stride, window = content["k"], content["stride"], content["window"]
            kmers = tuple(content["kmers"])
        except (KeyError, TypeError):
            raise InputError(path, "lacks k, stride, window or kmers", mend) from None
        check_shape(k, stride, window, path)
        letters = set(BASES if window is None else BASES + FILL)
        for kmer in kmers:
            if (
                not isinstance(kmer, str)
                or len(kmer) != k
                or not set(kmer) <= letters
                or kmer == FILL * k  # which is padding
            ):
                raise InputError(path, f"{kmer!r} is not a k-mer of {k} bases", mend, "kmers")
        if len(set(kmers)) != len(kmers):
            raise InputError(path, "a k-mer stands twice", mend, "kmers")
        return cls(k, stride, window, kmers)


def check_shape(k: int, stride: int, window: int | None, where: str | Path = "vocabulary") -> None:
    """Check the numbers that shape a vocabulary.

    Raises:
        InputError: One is not a whole number in its range.
    """
    ranges = {"k": (k, 1, MAX_K), "stride": (stride, 1, 1000)}
    if window is not None:
        ranges["window"] = (window, k, 1_000_000)
    for name, (value, low, high) in ranges.items():
        if type(value) is not int or not low <= value <= high:
            raise InputError(
                where, f"{name} is {value!r}", f"give a whole number from {low} to {high}", name
            )


def _kmer_numbers(sequence: str, k: int, stride: int, radix: int) -> np.ndarray:
    """Number of each k-mer in base `radix`, or -1 with a letter outside it; shape (tokens,)."""
    codes = CODES[np.frombuffer(sequence.encode("ascii", "replace"), dtype=np.uint8)]
    codes[codes >= radix] = -1
    count = max(0, (len(codes) - k) // stride + 1)
    numbers = np.zeros(count, dtype=np.int64)
    is_known = np.ones(count, dtype=bool)
    for offset in range(k):
        column = codes[offset : offset + (count - 1) * stride + 1 : stride] if count else codes[:0]
        numbers = numbers * radix + column
        is_known &= column >= 0
    return np.where(is_known, numbers, -1)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    parser.add_argument("--transcripts", required=True, help="the dataset, Parquet")
    parser.add_argument("--split", required=True, help="id, group and part, Parquet")
    parser.add_argument("--k", type=int, default=3, help="length of a k-mer, nt")
    parser.add_argument("--stride", type=int, default=1, help="distance between two k-mers, nt")
    parser.add_argument(
        "--window", type=int, help="read the first WINDOW nt alone and fill shorter sequences up"
    )
    parser.add_argument("--output", required=True, help="the vocabulary, JSON")


def run(args: argparse.Namespace) -> None:
    """Run the step."""
    transcripts = read_table(args.transcripts, ("id", "sequence"))
    split = read_table(args.split, SPLIT_COLUMNS)
    transcripts = with_parts(transcripts, split, args.transcripts, args.split)
    sequences = transcripts.loc[transcripts["part"] == "train", "sequence"]
    if sequences.empty:
        raise InputError(args.split, "no transcript is in the part", "check the split", "train")
    vocabulary = KmerVocab.build(sequences, args.k, args.stride, args.window)
    log.info("%s tokens from %s training sequences", f"{len(vocabulary):,}", f"{len(sequences):,}")
    vocabulary.save(args.output)
