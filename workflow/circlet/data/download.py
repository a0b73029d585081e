"""Fetch one upstream file from URLs, a mirror or a local file; check it and record what came."""

import argparse
import logging
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from circlet.data.checks import CheckError, read_md5sums, verify
from circlet.data.fetch import fetch
from circlet.data.mirror import locate
from circlet.data.part import FetchError, Limits, Part, Received, copy
from circlet.errors import InputError
from circlet.files import write_json

MEND = (
    "try again later (what broke off goes on from there), correct `sha256:` if the file is right, "
    "set `mirror:` in the config to a base URL or folder that holds <host>/<path>, or fetch it by "
    "hand and set the source's `file:` (GENCODE: `fasta:` and `gtf:`)"
)
MOST_LISTED = 1 << 20  # bytes of an MD5SUMS file

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Candidate:
    """One place to try for a file.

    Attributes:
        place: An http(s) URL, or the path of a local file.
        md5: The MD5 that the upstream lists for it, if known.
    """

    place: str | Path
    md5: str | None = None


@dataclass(frozen=True)
class Checked:
    """A file that came and passed its checks, still in its part."""

    candidate: Candidate
    received: Received
    sha256: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `circlet download`; an empty value means 'not given'."""
    parser.add_argument(
        "--url", action="extend", nargs="+", default=[], help="places to try in order"
    )
    parser.add_argument(
        "--mirror",
        default="",
        help="base URL or folder asked instead of every URL's own host: it holds <host>/<path>, "
        "a host with a port as host:port",
    )
    parser.add_argument(
        "--file",
        default="",
        help="local file taken instead of any URL; of the checksums only --sha256 applies to it",
    )
    parser.add_argument("--sha256", default="", help="SHA-256 that the file must have")
    parser.add_argument(
        "--md5sums",
        action="extend",
        nargs="+",
        default=[],
        metavar="URL",
        help="where the upstream's MD5SUMS file is, which must list the file",
    )
    parser.add_argument("--output", required=True, help="the file to write")
    parser.add_argument("--record", required=True, help="JSON to write: what came, and from where")
    parser.add_argument("--retries", type=int, default=4, help="tries of a URL beyond the first")
    parser.add_argument(
        "--timeout", type=float, default=30, help="seconds to wait for a connection or a next byte"
    )
    parser.add_argument("--max-mib", type=int, default=4096, help="largest size allowed, in MiB")
    parser.add_argument(
        "--max-minutes",
        type=float,
        default=720,
        help="longest time for a URL, all its tries together, before the next one's turn",
    )
    parser.add_argument(
        "--backoff",
        type=float,
        default=0.5,
        help="seconds before the first retry; doubles with each further one, up to 30",
    )


def run(args: argparse.Namespace) -> None:
    """Fetch, check and record one file."""
    check_arguments(args)
    limits = Limits(
        args.retries, args.timeout, args.max_mib << 20, args.backoff, 60 * args.max_minutes
    )
    output = Path(args.output)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        part = Part(output)
        if args.file:
            checked = take_file(Path(args.file).expanduser(), part, args.sha256, limits)
        else:
            candidates = candidates_of(args.url, args.md5sums, args.mirror, limits)
            checked = first_good(candidates, part, args.sha256, limits)
        record = describe(checked, part) | {
            "requested_urls": args.url,
            "mirror": bool(args.mirror) and not args.file,
        }
        settle(part, output, Path(args.record), record)
    except OSError as error:
        raise InputError(
            error.filename or output,
            f"cannot be written ({error.strerror or error})",
            "check the folder, its permissions and the free space",
        ) from None
    log.info("%s: %s bytes from %s", output, f"{record['size']:,}", record["url"])


def check_arguments(args: argparse.Namespace) -> None:
    """Raise `InputError` for values that the parser lets pass but that make no sense."""
    if not (args.url or args.file):
        raise InputError("--url", "no URL and no file is given", "give --url or --file")
    if args.sha256 and not re.fullmatch("[0-9a-fA-F]{64}", args.sha256):
        raise InputError(
            "--sha256", f"not a SHA-256: {args.sha256!r}", "give 64 hexadecimal digits"
        )
    above = args.timeout, args.max_mib, args.max_minutes
    if min(args.retries, args.backoff) < 0 or min(above) <= 0:
        raise InputError(
            "--retries, --backoff, --timeout, --max-mib, --max-minutes",
            "a value is out of range",
            "give --timeout, --max-mib and --max-minutes above 0, the others 0 or above",
        )


def candidates_of(
    urls: Sequence[str], md5sums: Sequence[str], mirror: str, limits: Limits
) -> list[Candidate]:
    """The places to try for `urls`, each with its MD5 if the upstream has an MD5SUMS file.

    Raises:
        InputError: A URL or the mirror is unusable, or no MD5SUMS file lists a URL's file.
    """
    places = [locate(url, mirror) for url in urls]
    if not md5sums:
        return [Candidate(place) for place in places]
    listed = fetch_md5sums(md5sums, mirror, limits)
    names = [unquote(urlsplit(url).path).rpartition("/")[2] for url in urls]
    for name in names:
        if name not in listed:
            raise InputError(
                md5sums[0],
                f"does not list {name!r}",
                "check the file's name and the release in the config",
            )
    return [Candidate(place, listed[name]) for place, name in zip(places, names, strict=True)]


def fetch_md5sums(urls: Sequence[str], mirror: str, limits: Limits) -> dict[str, str]:
    """Fetch an MD5SUMS file: the MD5 of each file by its name.

    Raises:
        InputError: It cannot be fetched or read.
    """
    with tempfile.TemporaryDirectory() as folder:
        part = Part(Path(folder) / "MD5SUMS")
        candidates = [Candidate(locate(url, mirror)) for url in urls]
        limits = replace(limits, max_bytes=min(limits.max_bytes, MOST_LISTED))
        checked = first_good(candidates, part, "", limits)
        return read_md5sums(part.path, str(checked.candidate.place))


def take_file(path: Path, part: Part, sha256: str, limits: Limits) -> Checked:
    """Copy and check a file that the user fetched.

    Raises:
        InputError: It is missing or fails a check.
    """
    try:
        return obtain(Candidate(path), part, sha256, limits)
    except FetchError as error:
        raise InputError(
            path, str(error), "correct the source's `file:` (`fasta:`, `gtf:`) in the config"
        ) from None


def first_good(candidates: Sequence[Candidate], part: Part, sha256: str, limits: Limits) -> Checked:
    """Try each place in turn until one gives a file that passes its checks.

    Raises:
        InputError: None does; the log has one line for each.
    """
    failure = "no URL"
    for candidate in candidates:
        try:
            return obtain(candidate, part, sha256, limits)
        except FetchError as error:
            failure = f"{candidate.place}: {error}"
            log.error("%s", failure)
    raise InputError(
        part.name,
        f"could not be fetched from any of {len(candidates)} URLs (the last: {failure})",
        MEND,
    )


def obtain(candidate: Candidate, part: Part, sha256: str, limits: Limits) -> Checked:
    """Bring one place's file into the part and check it; a part that fails is discarded.

    Raises:
        FetchError: It did not come, or failed a check.
    """
    received = bring(candidate.place, part, limits)
    try:
        return check(candidate, received, part, sha256)
    except FetchError as error:
        if not received.resumed:
            raise
        # The pieces may not have belonged together: in one piece it may be right.
        log.warning("%s: %s; fetching it again from its beginning", candidate.place, error)
    received = bring(candidate.place, part, limits)
    return check(candidate, received, part, sha256)


def bring(place: str | Path, part: Part, limits: Limits) -> Received:
    """Bring the bytes of a URL or of a local file into the part."""
    return copy(place, part, limits) if isinstance(place, Path) else fetch(place, part, limits)


def check(candidate: Candidate, received: Received, part: Part, sha256: str) -> Checked:
    """Check a whole part, and discard it if it fails.

    Raises:
        FetchError: It failed.
    """
    try:
        digest = verify(part.path, part.name, sha256, candidate.md5)
    except CheckError as error:
        part.discard()
        raise FetchError(str(error)) from None
    return Checked(candidate, received, digest)


def describe(checked: Checked, part: Part) -> dict[str, Any]:
    """What the record says of a file."""
    version = checked.received.version
    return {
        "url": version.url,
        "size": part.path.stat().st_size,
        "sha256": checked.sha256,
        "md5": checked.candidate.md5,
        "etag": version.etag,
        "last_modified": version.last_modified,
        "retrieved": datetime.now(UTC).isoformat(timespec="seconds"),
        "resumed": checked.received.resumed,
    }


def settle(part: Part, output: Path, record_path: Path, record: dict[str, Any]) -> None:
    """Write the record and let the part become the output: both, or neither."""
    write_json(record_path, record)
    try:
        part.path.replace(output)
    except OSError:
        record_path.unlink()
        raise
    part.discard()
