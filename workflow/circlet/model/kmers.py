"""The k-mer vocabulary: built on training sequences, saved as JSON, vectorised encoding."""

import argparse
import itertools
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np

from circlet.errors import InputError
from circlet.files import read_json, read_table, write_json
from circlet.parts import with_parts
from circlet.tables import SPLIT_COLUMNS

log = logging.getLogger(__name__)

FORMAT = 2
MAX_K = 10  # the look-up table has 5^k entries at the most
BASES, FILL = "ACGT", "0"  # FILL stands for the bases that a short sequence lacks
PAD, UNKNOWN = "[PAD]", "[UNK]"
SPECIALS = (PAD, UNKNOWN)
PAD_ID, UNKNOWN_ID = 0, 1
OTHER = 255  # code of a letter that is none of those that a vocabulary knows
CHUNK_NT = 1 << 17  # read at once: what stays in a processor's cache


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
        ring: Whether a sequence is read as closed to a ring: its last k-mers go on with its first
            bases, over what is the back-splice junction of a circRNA. Not with a window.
        kmers: The k-mers, the first of which has the id 2.
    """

    k: int
    stride: int
    window: int | None
    ring: bool
    kmers: tuple[str, ...]

    def __len__(self) -> int:
        return len(SPECIALS) + len(self.kmers)

    @property
    def _letters(self) -> str:
        """Letters of the k-mers; the place of each is its code."""
        return BASES if self.window is None else BASES + FILL

    @cached_property
    def _codes(self) -> bytes:
        """Code of the letter that each byte is, any case, U as T."""
        codes = bytearray([OTHER] * 256)
        for code, letter in enumerate(self._letters):
            codes[ord(letter)] = codes[ord(letter.lower())] = code
        codes[ord("U")] = codes[ord("u")] = codes[ord("T")]
        return bytes(codes)

    @cached_property
    def _ids(self) -> np.ndarray:
        """Id of each k-mer by its number; the last is that of one with another letter."""
        dtype = np.uint16 if len(self) <= 1 << 16 else np.int32
        ids = np.full(len(self._letters) ** self.k + 1, UNKNOWN_ID, dtype)
        if self.window is not None:
            ids[-2] = PAD_ID  # the k-mer of FILL alone
        ids[self._number("".join(self.kmers))[:: self.k]] = np.arange(len(SPECIALS), len(self))
        return ids

    def token_count(self, length: int) -> int:
        """Number of tokens of a sequence of `length` nt."""
        return int(self.token_counts(np.array([length]))[0])

    def token_counts(self, lengths: np.ndarray) -> np.ndarray:
        """Number of tokens of sequences of `lengths` nt, int64; shape (sequences,) both."""
        if self.window is not None:
            lengths = np.full_like(lengths, self.window)
        last = lengths - (1 if self.ring else self.k)  # start of the last k-mer
        return np.where(lengths >= self.k, last // self.stride + 1, 0)

    def encode(self, sequence: str) -> np.ndarray:
        """Cut a sequence into tokens.

        Args:
            sequence: Bases, DNA or RNA, any case. A k-mer with any other letter is unknown.

        Returns:
            Token ids, shape (tokens,), uint16 or int32; empty if the sequence is shorter than k.
        """
        return self.encode_many([sequence])[0]

    def encode_many(self, sequences: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Cut sequences into tokens, many bases at a time.

        Args:
            sequences: See `encode`.

        Returns:
            The token ids of one sequence after the other, shape (all tokens,), and where each
            begins and the last ends, shape (sequences + 1,), int64.
        """
        lengths = np.fromiter(map(len, sequences), dtype=np.int64, count=len(sequences))
        counts = self.token_counts(lengths)
        offsets = np.concatenate([[0], np.cumsum(counts)])
        tokens = np.empty(offsets[-1], dtype=self._ids.dtype)
        for rows in _chunks(lengths):
            numbers = self._number_all(sequences[rows], counts[rows])
            some = tokens[offsets[rows.start] : offsets[rows.stop]]
            self._ids.take(numbers, out=some, mode="clip")  # all are inside: it spares a copy
        return tokens, offsets

    def _number_all(self, sequences: Sequence[str], counts: np.ndarray) -> np.ndarray:
        """Number of the k-mer behind each token of sequences, one after the other: (tokens,).

        Args:
            sequences: At least one.
            counts: Tokens of each.
        """
        texts: Sequence[str] = sequences
        if self.window is not None:
            texts = [each[: self.window].ljust(self.window, FILL) for each in sequences]
        elif self.ring:
            texts = [each + each[: self.k - 1] for each in sequences]
        numbers = self._number("".join(texts))
        starts = np.cumsum([0, *map(len, texts)])[:-1]
        stops = starts + counts * self.stride  # without the k-mers from one sequence into the next
        places = zip(starts.tolist(), stops.tolist(), strict=True)
        return np.concatenate([numbers[start : stop : self.stride] for start, stop in places])

    def _number(self, text: str) -> np.ndarray:
        """Number of the k-mer at each place of a text, in the base of its letters.

        Returns:
            Shape (len(text) - k + 1,), the narrowest unsigned dtype that holds the number one
            beyond them, which is that of every k-mer with another letter.
        """
        letters = text.encode("ascii", "replace").translate(self._codes)
        codes = np.frombuffer(letters, dtype=np.uint8)
        radix, places = len(self._letters), max(0, len(codes) - self.k + 1)
        digits = codes.astype(np.min_scalar_type(radix**self.k), copy=False)
        numbers = digits[:places].copy()
        for place in range(1, self.k):
            numbers *= radix
            numbers += digits[place : place + places]
        if OTHER in letters:
            is_other = codes == OTHER
            for place in range(self.k):
                numbers[is_other[place : place + places]] = radix**self.k
        return numbers

    @classmethod
    def build(
        cls,
        sequences: Iterable[str],
        k: int,
        stride: int = 1,
        window: int | None = None,
        ring: bool = False,
    ) -> Self:
        """Make the vocabulary of the k-mers that occur in the sequences.

        Args:
            sequences: The training sequences.
            k: Length of a k-mer, nt.
            stride: Distance between the starts of two k-mers, nt.
            window: See the class.
            ring: See the class.

        Raises:
            InputError: k, stride or window is out of range, k exceeds a sequence, or window and
                ring are both asked for.
        """
        check_shape(k, stride, window, ring)
        sequences = list(sequences)
        lengths = np.fromiter(map(len, sequences), dtype=np.int64, count=len(sequences))
        if lengths.min(initial=k) < k:
            raise InputError(
                "vocabulary",
                f"k is {k} but a training sequence has {lengths.min()} nt",
                "choose a k no longer than the dataset's min_length",
                "k",
            )
        empty = cls(k, stride, window, ring, ())
        counts, is_seen = empty.token_counts(lengths), np.zeros(len(empty._ids), dtype=bool)
        for rows in _chunks(lengths):
            is_seen[empty._number_all(sequences[rows], counts[rows])] = True
        is_seen[empty._ids == PAD_ID] = False  # it has its own id
        # Without the last, which is no k-mer.
        kmers = itertools.compress(itertools.product(empty._letters, repeat=k), is_seen[:-1])
        return cls(k, stride, window, ring, tuple(map("".join, kmers)))

    def save(self, path: str | Path) -> None:
        """Write the vocabulary as JSON."""
        write_json(path, self.to_content())

    def to_content(self) -> dict[str, Any]:
        """Give what stands in the file."""
        return {"format": FORMAT, "specials": list(SPECIALS), **asdict(self)}

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a vocabulary.

        Raises:
            InputError: See `of_content`; also for a file that is missing or not JSON.
        """
        return cls.of_content(read_json(path), path)

    @classmethod
    def of_content(cls, content: Any, path: str | Path) -> Self:
        """Make a vocabulary of what stands in its file; `path` names it in errors.

        Raises:
            InputError: It is not a vocabulary of this format, or contradicts itself.
        """
        mend = "make it with 'circlet vocabulary'"
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise InputError(path, f"not a vocabulary of format {FORMAT}", mend)
        if content.get("specials") != list(SPECIALS):
            raise InputError(path, f"the special tokens are not {list(SPECIALS)}", mend, "specials")
        try:
            k, stride = content["k"], content["stride"]
            window, ring = content["window"], content["ring"]
            kmers = tuple(content["kmers"])
        except (KeyError, TypeError):
            raise InputError(path, "lacks k, stride, window, ring or kmers", mend) from None
        check_shape(k, stride, window, ring, path)
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
        return cls(k, stride, window, ring, kmers)


def check_shape(
    k: int, stride: int, window: int | None, ring: bool, where: str | Path = "vocabulary"
) -> None:
    """Check what shapes a vocabulary.

    Raises:
        InputError: A number is not a whole one in its range, or a window is closed to a ring.
    """
    ranges = {"k": (k, 1, MAX_K), "stride": (stride, 1, 1000)}
    if window is not None:
        ranges["window"] = (window, k, 1_000_000)
    for name, (value, low, high) in ranges.items():
        if type(value) is not int or not low <= value <= high:
            raise InputError(
                where, f"{name} is {value!r}", f"give a whole number from {low} to {high}", name
            )
    if type(ring) is not bool or (ring and window is not None):
        raise InputError(
            where, f"ring is {ring!r}", "give true, without a window, or false", "ring"
        )


def _chunks(lengths: np.ndarray) -> Iterator[slice]:
    """Divide sequences of `lengths` nt into runs of neighbours, each of about `CHUNK_NT`."""
    if len(lengths):
        cuts = np.flatnonzero(np.diff(np.cumsum(lengths) // CHUNK_NT)) + 1
        for start, stop in itertools.pairwise([0, *cuts.tolist(), len(lengths)]):
            yield slice(start, stop)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    parser.add_argument("--transcripts", required=True, help="the dataset, Parquet")
    parser.add_argument("--split", required=True, help="id, group and part, Parquet")
    parser.add_argument("--k", type=int, default=3, help="length of a k-mer, nt")
    parser.add_argument("--stride", type=int, default=1, help="distance between two k-mers, nt")
    parser.add_argument(
        "--window", type=int, help="read the first WINDOW nt alone and fill shorter sequences up"
    )
    parser.add_argument(
        "--ring",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="close sequences to rings",
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
    vocabulary = KmerVocab.build(sequences, args.k, args.stride, args.window, args.ring)
    log.info("%s tokens from %s training sequences", f"{len(vocabulary):,}", f"{len(sequences):,}")
    vocabulary.save(args.output)
