"""Whether a fetched file is whole and the right one."""

import hashlib
import io
import re
import struct
import zipfile
import zlib
from pathlib import Path

from circlet.compression import DamagedError, kind_of, unpack
from circlet.errors import InputError
from circlet.files import reading, sha256_of

SNIFFED = 2048  # bytes in which an HTML page shows itself
HTML = re.compile(
    # Possessive, as comments that can end in many ways would take a time without bounds.
    rb"(\xef\xbb\xbf)?(?>\s|<!--.*?-->|<\?xml[^>]*>)*+"
    rb"<(!doctype\s+html|html|head|body|meta|title|script)\b",
    re.IGNORECASE | re.DOTALL,
)
CHUNK = 1 << 20
# Nothing that is fetched unpacks to more than so many times its size (GENCODE: 30), or, where it is
# small, than so many bytes.
MOST_UNPACKED, SMALL = 100, 1 << 24
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # the others unpack without a bound at once
MD5_LINE = re.compile(r"([0-9a-fA-F]{32})\s+\*?(?:\./)?(\S.*)")
# What zipfile and the decompressors below it raise on damaged, encrypted or unknown members.
ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
)


class CheckError(Exception):
    """A file failed a check; the message says which."""


def verify(path: Path, name: str, sha256: str = "", md5: str | None = None) -> str:
    """Check a file and give its SHA-256.

    Args:
        path: The file.
        name: What it will be called; a `.zip` or `.gz` must be whole as such.
        sha256: Hexadecimal digest that it must have; empty for any.
        md5: The same for MD5.

    Raises:
        CheckError: The file is empty, an HTML page, not of its format, or has another digest.
    """
    verify_format(path, name)
    digest = sha256_of(path)
    if sha256 and digest != sha256.lower():
        raise CheckError(f"the sha256 is {digest}, not {sha256.lower()}")
    if md5 is not None and (found := md5_of(path)) != md5:
        raise CheckError(f"the md5 is {found}, MD5SUMS says {md5}")
    return digest


def verify_format(path: Path, name: str) -> None:
    """Raise `CheckError` if a file is empty, an HTML page, or not what `name` ends in."""
    with open(path, "rb") as handle:
        start = handle.read(SNIFFED)
    expected = {".zip": "zip", ".gz": "gzip"}.get(Path(name).suffix.lower(), "file of data")
    if not start:
        raise CheckError("the file is empty")
    if HTML.match(start):
        raise CheckError(f"got an HTML page instead of a {expected}")
    if expected == "zip":
        verify_zip(path)
    elif expected == "gzip":
        verify_gzip(path)


def verify_zip(path: Path) -> None:
    """Raise `CheckError` unless every member of a zip can be read and has its CRC."""
    if not zipfile.is_zipfile(path):
        raise CheckError("not a zip, or a truncated one")
    try:
        with _Pieces(path) as handle, zipfile.ZipFile(handle) as archive:
            verify_members(archive.infolist(), path.stat().st_size)
            damaged = archive.testzip()
    except ZIP_ERRORS as error:
        raise CheckError(f"the zip cannot be read ({error})") from None
    if damaged is not None:
        raise CheckError(f"the zip is damaged at its member {damaged!r}")


class _Pieces(io.FileIO):
    """A file that is read in pieces alone: a zip's table of contents could fill the memory."""

    def read(self, size: int | None = -1) -> bytes:
        if size is None or size < 0:  # the end of the file, where the table is told of
            size = CHUNK
        if size > CHUNK:
            raise zipfile.BadZipFile(f"a table of contents of {size:,} bytes")
        return super().read(size)


def verify_members(members: list[zipfile.ZipInfo], size: int) -> None:
    """Raise `CheckError` if the members of a zip of so many bytes would unpack to far more."""
    for member in members:
        if member.compress_type not in METHODS:
            raise CheckError(f"the zip's member {member.filename!r} is not packed by deflate")
    if sum(member.compress_size for member in members) > size:
        raise CheckError("the zip's members overlap")
    refuse_bomb(sum(member.file_size for member in members), size)


def refuse_bomb(unpacked: int, size: int) -> None:
    """Raise `CheckError` if a file of `size` bytes unpacks to far too many."""
    if unpacked > max(MOST_UNPACKED * size, SMALL):
        raise CheckError(f"its {size:,} bytes unpack to {unpacked:,} or more: no file of data does")


def verify_gzip(path: Path) -> None:
    """Raise `CheckError` unless a gzip decompresses to its end, and not to a page."""
    size, unpacked, start = path.stat().st_size, 0, b""
    with open(path, "rb") as handle:
        if kind_of(handle.read(SNIFFED)) != "gzip":
            raise CheckError("not a gzip, or a damaged one")
        handle.seek(0)
        try:
            for piece in unpack(handle):
                unpacked += len(piece)
                refuse_bomb(unpacked, size)
                start += piece[: SNIFFED - len(start)]
        except DamagedError:
            raise CheckError("the gzip is truncated or damaged") from None
    if HTML.match(start):
        raise CheckError("got an HTML page that the server compressed")


def md5_of(path: Path) -> str:
    """MD5 of a file's content, as hexadecimal digits."""
    with open(path, "rb") as handle:
        # Against damage, not against an attacker: systems that ban MD5 for security allow that.
        return hashlib.file_digest(handle, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def read_md5sums(path: Path, origin: str) -> dict[str, str]:
    """Read an MD5SUMS file: the MD5 of each file by its name.

    Args:
        path: The file.
        origin: Where it came from, for messages.

    Raises:
        InputError: A line is not 'md5 name'.
    """
    listed = {}
    with reading(origin):
        text = path.read_text("utf-8-sig")
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        match = MD5_LINE.fullmatch(line.strip())
        if match is None:
            raise InputError(
                origin, "not of the form 'md5 name'", "check the URL of MD5SUMS", f"line {number}"
            )
        listed[match[2]] = match[1].lower()
    return listed
