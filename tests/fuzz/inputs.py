"""Files of sequences and places, valid by construction, and what is made of them."""

import bz2
import gzip
import lzma
import random
import struct
import zlib
from typing import NamedTuple

import zstandard
from hypothesis import strategies as st
from mutations import Draw

CONTIGS = {"chr1": 900, "chr2": 400, "chrM": 61}
WIDTH = 60


class Made(NamedTuple):
    """A file that is as it should be.

    Attributes:
        kind: Such as `fasta`.
        content: Its bytes, plain.
        rows: Id and length of each record, in order.
    """

    kind: str
    content: bytes
    rows: list[tuple[str, int]]


def bgzip(content: bytes) -> bytes:
    """Compress as bgzip does: members with a field of their own, an empty one at the end."""
    blocks = [content[at : at + 500] for at in range(0, len(content), 500)]
    return b"".join(map(_block, [*blocks, b""]))


def _block(content: bytes) -> bytes:
    """One block of bgzip."""
    packer = zlib.compressobj(wbits=-15)
    body = packer.compress(content) + packer.flush()
    head = b"\x1f\x8b\x08\x04" + bytes(4) + b"\0\xff\x06\0BC\x02\0"
    tail = struct.pack("<II", zlib.crc32(content), len(content))
    return head + struct.pack("<H", len(head) + len(body) + 9) + body + tail


PACKERS = {
    "plain": lambda content: content,
    "gzip": lambda content: gzip.compress(content, mtime=0),
    "bgzip": bgzip,
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
}


def with_dictionary(packed: bytes, code: int) -> bytes:
    """Let a stream of xz ask for a dictionary of another size: code 40 is 4 GiB."""
    start, size = 12, (packed[12] + 1) * 4
    head = bytearray(packed[start : start + size - 4])
    head[4] = code
    total = struct.pack("<I", zlib.crc32(head))
    return packed[:start] + bytes(head) + total + packed[start + size :]


def with_window(packed: bytes, code: int) -> bytes:
    """Let a frame of zstd ask for a window of another size: up to some TB."""
    flags = packed[4]
    if not flags >> 5 & 1:
        return packed[:5] + bytes([code]) + packed[6:]
    width = (1, 2, 4, 8)[flags >> 6]
    if width == 1:  # without a window, such a size would not be told at all
        return packed[:4] + bytes([flags & ~0x20, code]) + packed[6:]
    return packed[:4] + bytes([flags & ~0x20, code]) + packed[5:]


def draw_packed(draw: Draw, content: bytes) -> tuple[str, bytes]:
    """Compress in one way or none; give its name beside."""
    way = draw(st.sampled_from([*PACKERS, "plain", "plain"]))
    return way, PACKERS[way](content)


def letters(rng: random.Random, length: int) -> str:
    """Bases as files have them: any case, U for T, a few ambiguous ones."""
    alphabet = rng.choice(["ACGT", "ACGU", "acgt", "ACGTN", "ACGTacgtuUNnRYSWKMBDHVryswkmbdhv"])
    return "".join(rng.choices(alphabet, k=length))


def genome() -> dict[str, str]:
    """The sequences of the contigs."""
    rng = random.Random(5)
    return {name: "".join(rng.choices("ACGTacgtN", k=size)) for name, size in CONTIGS.items()}


def genome_file() -> bytes:
    """The genome as FASTA."""
    text = ""
    for name, bases in genome().items():
        lines = [bases[at : at + WIDTH] for at in range(0, len(bases), WIDTH)]
        text += "\n".join([f">{name} of a toy", *lines, ""])
    return text.encode()


def draw_made(draw: Draw) -> Made:
    """Make a file of any kind."""
    kind = draw(st.sampled_from(["fasta", "fasta", "fastq", "bed6", "bed12", "gtf"]))
    rng = random.Random(draw(st.integers(0, 2**32 - 1)))
    count = draw(st.integers(1, 6))
    ending = draw(st.sampled_from(["\n", "\n", "\r\n"]))
    text, rows = MAKERS[kind](rng, count)
    return Made(kind, text.replace("\n", ending).encode(), rows)


def _fasta(rng: random.Random, count: int) -> tuple[str, list[tuple[str, int]]]:
    text, rows = "", []
    for number in range(count):
        bases, width = letters(rng, rng.choice([0, 5, 19, 25, 60, 200])), rng.choice([10, 70, 1000])
        lines = [bases[at : at + width] for at in range(0, len(bases), width)]
        text += "\n".join([f">r{number}|x some words", *lines, ""])
        rows.append((f"r{number}|x", len(bases)))
    return text, rows


def _fastq(rng: random.Random, count: int) -> tuple[str, list[tuple[str, int]]]:
    text, rows = "", []
    for number in range(count):
        bases = letters(rng, rng.choice([5, 19, 25, 60, 200]))
        quality = "".join(rng.choices("@+>!IJK", k=len(bases)))
        text += f"@q{number} 1:N:0\n{bases}\n+\n{quality}\n"
        rows.append((f"q{number}", len(bases)))
    return text, rows


def _exons(rng: random.Random) -> tuple[str, list[tuple[int, int]]]:
    """Choose a contig and exons on it."""
    chrom = rng.choice(list(CONTIGS))
    ends = sorted(rng.sample(range(CONTIGS[chrom] + 1), 2 * rng.randint(1, 3)))
    return chrom, list(zip(ends[::2], ends[1::2], strict=True))


def _bed(rng: random.Random, count: int, columns: int) -> tuple[str, list[tuple[str, int]]]:
    text, rows = "", []
    for number in range(count):
        chrom, exons = _exons(rng)
        exons = exons if columns == 12 else [(exons[0][0], exons[-1][1])]
        start, end = exons[0][0], exons[-1][1]
        sizes = "".join(f"{stop - first}," for first, stop in exons)
        starts = "".join(f"{first - start}," for first, _ in exons)
        fields = [chrom, start, end, f"b{number}", 0, rng.choice("+-"), start, end, "0"]
        fields += [len(exons), sizes, starts]
        text += "\t".join(map(str, fields[:columns])) + "\n"
        rows.append((f"b{number}", sum(stop - first for first, stop in exons)))
    return text, rows


def _gtf(rng: random.Random, count: int) -> tuple[str, list[tuple[str, int]]]:
    text, rows = "#!genome-build toy\n", []
    for number in range(count):
        (chrom, exons), strand = _exons(rng), rng.choice("+-")
        about = f'gene_id "g{number}"; transcript_id "t{number}"; gene_name "G";'
        spans = [("transcript", exons[0][0], exons[-1][1]), *(("exon", *each) for each in exons)]
        for kind, start, end in spans:
            fields = [chrom, "toy", kind, start + 1, end, ".", strand, ".", about]
            text += "\t".join(map(str, fields)) + "\n"
        rows.append((f"t{number}", sum(stop - first for first, stop in exons)))
    return text, rows


MAKERS = {
    "fasta": _fasta,
    "fastq": _fastq,
    "bed6": lambda rng, count: _bed(rng, count, 6),
    "bed12": lambda rng, count: _bed(rng, count, 12),
    "gtf": _gtf,
}
OF_PLACES = ("bed6", "bed12", "gtf")
