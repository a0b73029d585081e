"""The part file: the bytes of a download so far, and what they are a part of."""

import json
import math
import os
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from circlet.errors import InputError
from circlet.files import read_json
from circlet.progress import Progress

CHUNK = 1 << 14  # bytes; a timeout or a reset loses at most one chunk
LONGEST_BACKOFF = 30.0  # seconds
LONGEST_REASON = 300  # characters; a server's own words may be part of it
# What may be sent back to a server: a longer one would be refused, and the file's rest with it.
ETAG = re.compile(r'"[!#-~\x80-\xff]{0,256}"')
DATE = re.compile(r"[ -~]{1,64}")


class FetchError(Exception):
    """One URL or file did not give what was asked for; the message says why.

    Args:
        reason: Why, in a few words.
        retry: Whether the same URL may do better on another try.
        wait: Seconds that the server asks to wait before it, if it does.
    """

    def __init__(self, reason: str, *, retry: bool = False, wait: float | None = None) -> None:
        super().__init__(in_one_line(reason))
        self.retry, self.wait = retry, wait


def in_one_line(text: str) -> str:
    """Give a text as one line that is safe to print: cut, and what is no letter replaced."""
    line = "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}"
        for letter in " ".join(text[: 2 * LONGEST_REASON].split())
    )
    return line if len(line) <= LONGEST_REASON else f"{line[:LONGEST_REASON]}…"


@dataclass(frozen=True)
class Limits:
    """How far to go for a file.

    Attributes:
        retries: Tries of a URL beyond the first.
        timeout: Seconds to wait for a connection, and for each next byte.
        max_bytes: Largest size of a file.
        backoff: Seconds before the first retry; doubles with each further one.
        max_seconds: Longest time for a URL, all its tries together.
    """

    retries: int
    timeout: float
    max_bytes: int
    backoff: float
    max_seconds: float = math.inf

    def delay(self, failures: int) -> float:
        """Seconds to wait after so many failed tries (at least one)."""
        return min(self.backoff * 2.0 ** (failures - 1), LONGEST_BACKOFF)


@dataclass(frozen=True)
class Version:
    """What a server says of the state of a file: enough to tell one state from another."""

    url: str
    etag: str | None = None
    last_modified: str | None = None
    length: int | None = None

    @property
    def validator(self) -> str | None:
        """What `If-Range` may carry: a strong ETag, else the date, else nothing (RFC 9110)."""
        if self.etag and ETAG.fullmatch(self.etag):
            return self.etag
        return self.last_modified if DATE.fullmatch(self.last_modified or "") else None

    def contradicts(self, other: "Version") -> bool:
        """Whether a field that both know differs."""
        pairs = zip(asdict(self).values(), asdict(other).values(), strict=True)
        return any(None not in pair and pair[0] != pair[1] for pair in pairs)

    def completed(self, other: "Version") -> "Version":
        """This version, with what it does not know taken from another answer's."""
        known = {name: value for name, value in asdict(self).items() if value is not None}
        return replace(other, **known)


@dataclass(frozen=True)
class Received:
    """A part that is whole.

    Attributes:
        version: Where it came from and what the server said of it.
        resumed: Whether it was put together from more than one answer.
    """

    version: Version
    resumed: bool = False


class Part:
    """The bytes received so far, beside the output, and a note of what they are a part of.

    Both outlive a failure, so that a later try or a later process can go on.

    Args:
        output: The file that the part will become.
    """

    def __init__(self, output: Path) -> None:
        self.name = output.name
        self.path = output.with_name(f"{output.name}.part")
        self.note = output.with_name(f"{output.name}.part.json")

    def discard(self) -> None:
        """Remove the bytes and the note."""
        self.note.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)

    def resumable(self, url: str) -> tuple[Version, int] | None:
        """The version and number of the bytes at hand, if `url` can be asked for the rest."""
        try:
            size = self.path.stat().st_size
            version = Version(**read_json(self.note))
        except (OSError, InputError, TypeError):
            return None
        whole = version.length is not None and size >= version.length
        if version.url != url or version.validator is None or size == 0 or whole:
            return None
        return version, size

    def begin(self, version: Version) -> None:
        """Empty the part for bytes of `version`."""
        # The note comes last: a kill in between must not leave it beside bytes of another version.
        self.discard()
        self.path.touch()
        self.note.write_text(json.dumps(asdict(version)), encoding="utf-8")

    def append(self, chunks: Iterable[bytes], total: int | None, limits: Limits) -> int:
        """Append what comes and give the size reached.

        Args:
            chunks: The bytes.
            total: The size that the part will have when whole, if known.
            limits: Its `max_bytes` is the size allowed.

        Raises:
            FetchError: The part grew past the allowed size; it is discarded.
        """
        size = self.path.stat().st_size
        with open(self.path, "ab") as handle, Progress(self.name, total, unit="B") as progress:
            progress.update(size)
            for chunk in chunks:
                size += len(chunk)
                if size > limits.max_bytes:
                    break
                handle.write(chunk)
                progress.update(len(chunk))
        if size > limits.max_bytes:
            self.discard()
            raise too_large(size, limits)
        return size


def too_large(size: int, limits: Limits) -> FetchError:
    """The error for a file of at least `size` bytes, more than allowed."""
    most = f"{limits.max_bytes:,}"
    return FetchError(f"{size:,} bytes or more; allowed are {most} (--max-mib; MD5SUMS: 1 MiB)")


def copy(path: Path, part: Part, limits: Limits) -> Received:
    """Copy a local file into the part.

    Raises:
        FetchError: There is no such file, it cannot be read, or it is too large.
    """
    if not path.is_file():
        raise FetchError("not a file" if path.exists() else "no such file")
    if not os.access(path, os.R_OK):
        raise FetchError("cannot be read (permission denied)")
    with open(path, "rb") as source:
        total = path.stat().st_size
        version = Version(url=str(path), length=total)
        if total > limits.max_bytes:
            raise too_large(total, limits)
        part.begin(version)
        part.append(iter(lambda: source.read(CHUNK), b""), total, limits)
    return Received(version)
