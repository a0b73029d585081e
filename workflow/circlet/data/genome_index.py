"""Spliced sequences of places on a genome one at a time, out of its indexed FASTA file."""

import contextlib
import logging
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from Bio.Seq import reverse_complement

from circlet.compression import kind_of
from circlet.data.genome import check_end, lacks
from circlet.errors import InputError
from circlet.files import atomic_path, open_text, reading, writing

if TYPE_CHECKING:
    from pyfaidx import Faidx, IndexRecord

HEAD = 1 << 16  # bytes that tell how a genome is written
_UNEVEN = re.compile(r"in >(\S+) at line")

log = logging.getLogger(__name__)

Exons = Sequence[tuple[int, int]]


class Contigs:
    """The contigs of a genome, to be cut pieces out of.

    Args:
        index: Of the genome.
        genome: Its FASTA file, for errors.
        where: The file that the places come from, for errors.
    """

    def __init__(self, index: "Faidx", genome: str | Path, where: str) -> None:
        self._index, self._genome, self._where = index, genome, where

    def splice(self, chrom: str, strand: str, exons: Exons, record: str, most: int) -> str:
        """Read the spliced, sense-strand sequence of a place.

        Args:
            chrom: Name of its contig.
            strand: `+` or `-`.
            exons: Start and end of each, 0-based half-open, in ascending order.
            record: Its id, for errors.
            most: Letters to read at the most, from its 5' end on.

        Returns:
            Letters as the genome writes them: lower case, which marks repeats, is kept.

        Raises:
            InputError: The genome lacks the contig, the place ends outside it, or the genome has
                something else than letters there.
        """
        index = self._index.index
        if chrom not in index:
            raise lacks(chrom, list(index), self._genome, self._where, record)
        check_end(chrom, exons[-1][1], index[chrom].rlen, self._genome, self._where, record)
        joined = "".join(self._read(chrom, *exon) for exon in _first(exons, strand, most))
        return reverse_complement(joined) if strand == "-" else joined

    def _read(self, chrom: str, start: int, end: int) -> str:
        """Read a piece of a contig."""
        with reading(self._genome):
            piece: str = self._index.fetch(chrom, start + 1, end)
        if len(piece) != end - start or not (piece.isascii() and piece.isalpha()):
            raise InputError(
                self._genome, "has something else than bases", "mend the sequence", chrom
            )
        return piece


def _first(exons: Exons, strand: str, most: int) -> Exons:
    """Cut exons to the first `most` nt, as read along the strand; in ascending order."""
    kept = []
    for start, end in exons[::-1] if strand == "-" else exons:
        size = min(end - start, most)
        kept.append((end - size, end) if strand == "-" else (start, start + size))
        most -= size
        if not most:
            break
    return kept[::-1] if strand == "-" else kept


@contextlib.contextmanager
def open_genome(genome: str | Path, where: str) -> Iterator[Contigs]:
    """Open a genome for random access.

    A plain FASTA file is read where it lies, by its index (`.fai`) if that is newer; otherwise one
    is made, and left beside it where that is allowed. What is compressed or comes through a pipe
    is unpacked into a temporary folder first.

    Args:
        genome: FASTA file, a contig's name its header's first word, the lines of a contig equally
            long but for the last; plain or compressed.
        where: The file that the places come from, for errors.

    Raises:
        InputError: The genome cannot be read or indexed.
    """
    with tempfile.TemporaryDirectory(prefix="circlet-") as folder:
        copy = Path(folder) / "genome.fa"  # pyfaidx looks at endings; this one tells it nothing
        is_there = _can_be_read_in_place(genome)
        if is_there:
            copy.symlink_to(Path(genome).resolve())
        else:
            _unpack(genome, copy)
        index = _open_index(genome, copy, Path(f"{genome}.fai") if is_there else None)
        with contextlib.closing(index):
            yield Contigs(index, genome, where)


def _can_be_read_in_place(genome: str | Path) -> bool:
    """Whether a genome is a plain file with the line breaks that an index allows for."""
    with reading(genome):
        if Path(genome).exists() and not Path(genome).is_file():  # a pipe, which can be read once
            return False
        with open(genome, "rb") as raw:
            head = raw.read(HEAD)
    has_lone_returns = b"\r" in head.partition(b"\n")[0].removesuffix(b"\r")
    return kind_of(head) is None and not head.startswith(b"\xef\xbb\xbf") and not has_lone_returns


def _unpack(genome: str | Path, copy: Path) -> None:
    """Write a genome as plain text."""
    log.info("%s: unpacked into %s for the time being", genome, copy)
    with (
        open_text(genome) as text,
        writing(copy),
        open(copy, "w", encoding="utf-8", newline="\n") as plain,
    ):
        plain.writelines(iter(partial(text.read, HEAD), ""))


def _open_index(genome: str | Path, copy: Path, beside: Path | None) -> "Faidx":
    """Open the index of a genome, made first if there is none beside it that fits."""
    from pyfaidx import Faidx

    if beside and beside.is_file() and beside.stat().st_mtime_ns >= copy.stat().st_mtime_ns:
        # Whatever is in there: it may be another program's, or of another genome.
        with contextlib.suppress(Exception):
            index = Faidx(copy, beside, as_raw=True, rebuild=False, build_index=False)
            if _fits(index, copy):
                return index
            index.close()
    log.info("%s: being indexed", genome)
    made = copy.with_name("made.fai")
    with _indexing(genome):
        index = Faidx(copy, made, as_raw=True)
    if not _fits(index, copy):
        index.close()
        raise _is_uneven(genome)
    if beside:
        # Where the folder cannot be written, the next reading makes an index again.
        with contextlib.suppress(InputError, OSError), atomic_path(beside) as temporary:
            shutil.copyfile(made, temporary)
    return index


@contextlib.contextmanager
def _indexing(genome: str | Path) -> Iterator[None]:
    """Turn the errors of indexing a genome into an `InputError`."""
    from pyfaidx import FastaIndexingError

    try:
        with reading(genome):
            yield
    except FastaIndexingError as error:
        if "not consistent" in str(error):
            found = _UNEVEN.search(str(error))
            raise _is_uneven(genome, found and found[1]) from None
        raise InputError(genome, "is no FASTA file", "give the genome's") from None
    except RuntimeError:  # pyfaidx's own word for what it did not foresee
        problem = "cannot be indexed: several blank lines together, or no FASTA"
        raise InputError(genome, problem, "write its lines anew") from None
    except ValueError as error:
        if "Duplicate key" not in str(error):
            raise InputError(genome, f"cannot be indexed ({error})", "mend the file") from None
        name = str(error).partition('"')[2].removesuffix('"')
        raise InputError(genome, "two contigs bear this name", "give each its own", name) from None


def _is_uneven(genome: str | Path, contig: str | None = None) -> InputError:
    """Make the error of a genome whose lines do not tell where a base lies."""
    problem = "the lines of a contig, but for the last, are not equally long"
    return InputError(genome, problem, "fetch it again or write its lines anew", contig)


def _fits(index: "Faidx", copy: Path) -> bool:
    """Whether each contig begins and ends where its index says, and the last one with the file."""
    contigs = sorted(index.index.values(), key=lambda contig: contig.offset)
    with open(copy, "rb") as raw:
        return bool(contigs) and all(
            _is_bounded(contig, raw, contig is contigs[-1]) for contig in contigs
        )


def _is_bounded(contig: "IndexRecord", raw: BinaryIO, is_last: bool) -> bool:
    """Whether a contig follows a line break, and a header, or nothing after the last, follows it.

    Blank lines may come between.
    """
    if not contig.rlen:
        return True
    size_of_break = contig.lenb - contig.lenc  # 0 where nothing but the file's end is after it
    raw.seek(contig.offset - 1)
    before = raw.read(1)
    raw.seek(contig.bend - size_of_break - 1)
    last, line_break, after = raw.read(1), raw.read(size_of_break), raw.read(1)
    if before != b"\n" or last in (b"", b"\r", b"\n"):
        return False
    if not line_break:
        return is_last and not after
    is_break = len(line_break) == size_of_break and line_break in (b"\n", b"\r\n")
    return is_break and after in (b"" if is_last else b">", b"\r", b"\n")
