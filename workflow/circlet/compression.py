"""Compressed streams: read as their first bytes say, written as the ending of a name says.

The formats: RFC 1952 (gzip), the SAM specification (bgzip), RFC 8878 (zstd).
"""

import bz2
import io
import itertools
import lzma
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

import zstandard

ENDINGS = (".gz", ".zst", ".bz2", ".xz")  # that a name can ask for

CHUNK = 1 << 17  # bytes read or unpacked at once, so that a stream of zeros cannot fill the memory
_MAGIC = {
    "gzip": (b"\x1f\x8b",),
    # A frame may be one to skip: pzstd begins with such.
    "zstd": (b"\x28\xb5\x2f\xfd", *(bytes([0x50 + n]) + b"\x2a\x4d\x18" for n in range(16))),
    "bz2": (b"BZh",),
    "xz": (b"\xfd7zXZ\x00",),
}
_LONGEST_MAGIC = 6
_BROKEN = (EOFError, OSError, zlib.error, lzma.LZMAError, zstandard.ZstdError)


class DamagedError(Exception):
    """A compressed stream that ends too early, goes on with something else, or does not unpack.

    Args:
        kind: Such as `gzip`.
    """

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


def kind_of(head: bytes) -> str | None:
    """Tell how a stream is compressed by its first bytes, of which six are enough."""
    return next((kind for kind, magic in _MAGIC.items() if head.startswith(magic)), None)


class Source(Protocol):
    """A stream to read from that gives what has come, and does not wait for more."""

    def read1(self, size: int, /) -> bytes:
        """Read `size` bytes at the most; none at its end."""


def unpack(raw: Source) -> Iterator[bytes]:
    """Yield a stream's content in pieces, unpacked if its first bytes say that it is compressed.

    It is read once and never sought in: a pipe, such as a shell's <(…), can be given.

    Args:
        raw: The stream, plain or of any number of gzip, bgzip, zstd, bz2 or xz members.

    Raises:
        DamagedError: It is truncated, damaged, or followed by something else.
    """
    chunks = iter(lambda: raw.read1(CHUNK), b"")
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= _LONGEST_MAGIC:
            break
    kind = kind_of(head)
    chunks = itertools.chain([head] if head else [], chunks)
    if kind is None:
        return chunks
    return _unpack_zstd(chunks) if kind == "zstd" else _unpack_members(chunks, kind)


def as_stream(chunks: Iterable[bytes]) -> BinaryIO:
    """Make a stream to read from of pieces of its content."""
    return io.BufferedReader(_Chunks(chunks), CHUNK)


class _Chunks(io.RawIOBase):
    """Pieces of any size as a stream."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks, self._rest = filter(None, chunks), memoryview(b"")

    def readable(self) -> bool:
        return True

    # Any buffer has a type of its own since Python 3.12; a BufferedReader gives a memoryview.
    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if not self._rest:
            self._rest = memoryview(next(self._chunks, b""))
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


class _Inflate:
    """One gzip member, unpacked as by the objects of `bz2` and `lzma`."""

    def __init__(self) -> None:
        self._member, self.needs_input = zlib.decompressobj(wbits=31), True

    def decompress(self, data: bytes, most: int) -> bytes:
        unpacked = self._member.decompress(self._member.unconsumed_tail + data, most)
        # Where all that was allowed came, more may be waiting inside.
        self.needs_input = not self._member.unconsumed_tail and len(unpacked) < most
        return unpacked

    @property
    def eof(self) -> bool:
        return self._member.eof

    @property
    def unused_data(self) -> bytes:
        return self._member.unused_data


_MEMBERS: dict[str, Callable[[], Any]] = {
    "gzip": _Inflate,
    "bz2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ),
}
_PADDING = {"gzip": b"\0", "bz2": b"", "xz": b"\0"}  # what may lie between and after members


def _unpack_members(chunks: Iterator[bytes], kind: str) -> Iterator[bytes]:
    """Unpack the members of a gzip, bz2 or xz stream, each to its end."""
    data, is_cut = b"", False
    while data := _begin(data, chunks, _PADDING[kind]):
        is_block, is_empty = kind == "gzip" and _is_bgzip(data), True
        member = _MEMBERS[kind]()
        while not member.eof:
            if member.needs_input and not data and not (data := next(chunks, b"")):
                raise DamagedError(kind)
            try:
                unpacked = member.decompress(data, CHUNK)
            except _BROKEN:
                raise DamagedError(kind) from None
            data = b""
            if unpacked:
                is_empty = False
                yield unpacked
        data, is_cut = member.unused_data, is_block and not is_empty
    if is_cut:  # bgzip ends in an empty block, so that a loss of whole blocks is seen
        raise DamagedError(kind)


def _begin(data: bytes, chunks: Iterator[bytes], padding: bytes) -> bytes:
    """Give the begin of the next member, as much as tells what it is; nothing after the last."""
    data = data.lstrip(padding)
    while len(data) < _BGZIP_HEADER and (chunk := next(chunks, b"")):
        data = (data + chunk).lstrip(padding)
    return data


_BGZIP_HEADER = 18  # bytes


def _is_bgzip(header: bytes) -> bool:
    """Tell whether a gzip member is a block of bgzip, which has a field of its own."""
    return len(header) >= _BGZIP_HEADER and bool(header[3] & 4) and header[12:14] == b"BC"


def _unpack_zstd(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Unpack all frames of a zstd stream, whose library would end at a truncation as at an end."""
    source = as_stream(chunks)
    while magic := source.read(4):
        if magic.startswith(_MAGIC["zstd"][1:]):
            rest = int.from_bytes(_exactly(source, 4), "little")
            while rest:
                rest -= len(_exactly(source, min(rest, CHUNK)))
        elif magic == _MAGIC["zstd"][0]:
            unpacker = zstandard.ZstdDecompressor().decompressobj()
            for piece in _pieces_of_frame(source, magic):
                try:
                    yield unpacker.decompress(piece)
                except zstandard.ZstdError:
                    raise DamagedError("zstd") from None
        else:
            raise DamagedError("zstd")


def _pieces_of_frame(source: BinaryIO, magic: bytes) -> Iterator[bytes]:
    """Yield a zstd frame block by block: a block never holds more than 128 KiB."""
    descriptor = _exactly(source, 1)
    flags = descriptor[0]
    is_single = flags >> 5 & 1
    size_of_header = (not is_single) + (0, 1, 2, 4)[flags & 3] + (is_single, 2, 4, 8)[flags >> 6]
    yield magic + descriptor + _exactly(source, size_of_header)
    is_last = 0
    while not is_last:
        header = _exactly(source, 3)
        number = int.from_bytes(header, "little")
        is_last, kind, size = number & 1, number >> 1 & 3, number >> 3
        yield header + _exactly(source, 1 if kind == 1 else size)  # kind 1: one byte, repeated
    if flags >> 2 & 1:
        yield _exactly(source, 4)  # the checksum


def _exactly(source: BinaryIO, size: int) -> bytes:
    """Read so many bytes of a zstd stream."""
    data = source.read(size)
    if len(data) < size:
        raise DamagedError("zstd")
    return data


def compressor(raw: BinaryIO, name: str) -> BinaryIO:
    """Give a stream that writes to `raw` compressed, as the ending of `name` says.

    Neither time nor name is written, and flushing changes nothing: the same content gives the
    same bytes.

    Args:
        raw: Where to write.
        name: A name with one of `ENDINGS`; with another one, `raw` itself is given.

    Returns:
        A stream that must be closed to end what it writes; `raw` stays open.
    """
    ending = Path(name).suffix
    if ending not in _PACKERS:
        return raw
    # To the type checker, streams of the standard library alone are a BinaryIO.
    return cast("BinaryIO", _Compressed(raw, _PACKERS[ending]()))


_PACKERS: dict[str, Callable[[], Any]] = {
    ".gz": lambda: zlib.compressobj(level=6, wbits=31),
    ".zst": lambda: zstandard.ZstdCompressor(write_checksum=True).compressobj(),
    ".bz2": bz2.BZ2Compressor,
    ".xz": lzma.LZMACompressor,
}


class _Compressed(io.BufferedIOBase):
    """A stream that is compressed on its way."""

    def __init__(self, raw: BinaryIO, packer: Any) -> None:
        self._raw, self._packer = raw, packer

    def writable(self) -> bool:
        return True

    # As above: all that is written here is one of these.
    def write(self, data: bytes | bytearray | memoryview) -> int:  # type: ignore[override]
        if packed := self._packer.compress(data):
            self._raw.write(packed)
        return memoryview(data).nbytes

    def close(self) -> None:
        if self.closed:
            return
        try:
            self._raw.write(self._packer.flush())
        finally:
            super().close()
