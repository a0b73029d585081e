"""Compression of what is written, by the ending of its name."""

import bz2
import gzip
import lzma
from typing import BinaryIO

import zstandard

ENDINGS = (".gz", ".zst", ".bz2", ".xz")


def compressor(raw: BinaryIO, name: str) -> BinaryIO:
    """Give a stream that compresses into `raw` as the ending of `name` says.

    Its `close` ends the compressed stream and leaves `raw` open. The same content gives the same
    bytes.

    Args:
        raw: Where the compressed bytes go.
        name: Name of the file; `raw` itself is given if its ending is none of `ENDINGS`.
    """
    if name.endswith(".gz"):
        return gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=6, mtime=0)
    if name.endswith(".zst"):
        return zstandard.ZstdCompressor().stream_writer(raw, closefd=False)
    if name.endswith(".bz2"):
        return bz2.BZ2File(raw, "wb")
    return lzma.LZMAFile(raw, "wb") if name.endswith(".xz") else raw
