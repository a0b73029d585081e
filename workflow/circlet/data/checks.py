"""Whether a fetched file is whole and the right one."""

import gzip
import hashlib
import lzma
import re
import zipfile
import zlib
from pathlib import Path

from circlet.errors import InputError
from circlet.files import open_text, sha256_of

SNIFFED = 2048  # bytes in which an HTML page shows itself
HTML = re.compile(
    rb"(\xef\xbb\xbf)?(\s|<!--.*?-->|<\?xml[^>]*>)*"
    rb"<(!doctype\s+html|html|head|body|meta|title|script)\b",
    re.IGNORECASE | re.DOTALL,
)
CHUNK = 1 << 20
MD5_LINE = re.compile(r"([0-9a-fA-F]{32})\s+\*?(?:\./)?(\S.*)")
# What zipfile and the decompressors below it raise on damaged, encrypted or unknown members.
ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
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
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except ZIP_ERRORS as error:
        raise CheckError(f"the zip cannot be read ({error})") from None
    if damaged is not None:
        raise CheckError(f"the zip is damaged at its member {damaged!r}")


def verify_gzip(path: Path) -> None:
    """Raise `CheckError` unless a gzip decompresses to its end."""
    try:
        with gzip.open(path) as handle:
            while handle.read(CHUNK):
                pass
    except gzip.BadGzipFile as error:
        raise CheckError(f"not a gzip, or a damaged one ({error})") from None
    except (EOFError, zlib.error):
        raise CheckError("the gzip is truncated or damaged") from None


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
    with open_text(path) as handle:
        for number, line in enumerate(handle, start=1):
            if not line.strip():
                continue
            match = MD5_LINE.fullmatch(line.strip())
            if match is None:
                raise InputError(
                    origin,
                    "not of the form 'md5 name'",
                    "check the URL of MD5SUMS",
                    f"line {number}",
                )
            listed[match[2]] = match[1].lower()
    return listed
