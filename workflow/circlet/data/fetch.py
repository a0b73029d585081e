"""Fetch a URL into a part file: retried, resumed, capped in size."""

import contextlib
import logging
import re
import time
from collections.abc import Iterator
from email.utils import mktime_tz, parsedate_tz
from http import HTTPStatus

import requests
import urllib3

from circlet import __version__
from circlet.data.connection import open_session
from circlet.data.part import CHUNK, FetchError, Limits, Part, Received, Version, too_large

LONGEST_RETRY_AFTER = 120.0  # seconds, whatever a server asks for
CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-\d+/(\d{1,18})")
LENGTH = re.compile(r"\d{1,18}")

log = logging.getLogger(__name__)


def fetch(url: str, part: Part, limits: Limits) -> Received:
    """Fetch a URL into the part, with retries, going on from what the part holds of it.

    Raises:
        FetchError: The URL failed for good, or as often or as long as allowed.
    """
    failures, ends = 0, time.monotonic() + limits.max_seconds
    while True:
        try:
            return fetch_once(url, part, limits, ends)
        except FetchError as error:
            failures += 1
            wait = limits.delay(failures) if error.wait is None else error.wait
            is_over = time.monotonic() + wait > ends
            if not error.retry or failures > limits.retries or is_over:
                raise
            log.warning(
                "%s: %s; retry %d of %d in %.1f s", url, error, failures, limits.retries, wait
            )
        time.sleep(wait)


def fetch_once(url: str, part: Part, limits: Limits, ends: float) -> Received:
    """One request for `url`, or for the rest of it, into the part.

    Args:
        url: An http(s) URL.
        part: Where its bytes go.
        limits: Time and size allowed.
        ends: When the URL's time is over, by the monotonic clock.

    Raises:
        FetchError: The connection, the answer or its body fell short.
    """
    headers = {"Accept-Encoding": "identity", "User-Agent": f"circlet/{__version__}"}
    begun = part.resumable(url)
    if begun is not None:
        headers |= {"Range": f"bytes={begun[1]}-", "If-Range": str(begun[0].validator)}
    with (
        network_errors(limits),
        open_session(limits, ends) as session,
        session.get(url, headers=headers, stream=True, timeout=limits.timeout) as response,
    ):
        check_status(response, part)
        resumed = response.status_code == HTTPStatus.PARTIAL_CONTENT
        version = version_of(url, response)
        if resumed:
            version = check_continues(response, version, begun, part)
        if version.length is not None and version.length > limits.max_bytes:
            raise too_large(version.length, limits)
        if not resumed:
            part.begin(version)
        # `raw`: a .gz file that the server declares as an encoding must not be decoded.
        # Its check of the length differs between versions of urllib3: we count below.
        response.raw.enforce_content_length = False
        body = response.raw.stream(CHUNK, decode_content=False)
        size = part.append(body, version.length, limits)
    if version.length is not None and size != version.length:
        if size > version.length:
            part.discard()
        raise FetchError(f"{size:,} of {version.length:,} bytes came", retry=True)
    return Received(version, resumed)


@contextlib.contextmanager
def network_errors(limits: Limits) -> Iterator[None]:
    """Turn the errors of requests and of urllib3, which shows in `raw`, into `FetchError`."""
    try:
        yield
    except requests.ConnectTimeout:
        raise FetchError(f"no connection within {limits.timeout:g} s", retry=True) from None
    except (requests.Timeout, urllib3.exceptions.ReadTimeoutError):
        raise FetchError(f"no byte came for {limits.timeout:g} s", retry=True) from None
    except (requests.ConnectionError, urllib3.exceptions.HTTPError) as error:
        cause: BaseException = error
        # The outer exceptions only repeat the URL.
        while cause.__cause__ or cause.__context__:
            cause = cause.__cause__ or cause.__context__ or cause
        raise FetchError(f"the connection failed ({cause})", retry=True) from None
    except requests.RequestException as error:
        raise FetchError(f"cannot be asked for ({error})") from None
    except ValueError as error:  # of an address to go to, or of a chunk of less than nothing
        raise FetchError(f"the answer makes no sense ({error})", retry=True) from None


def check_status(response: requests.Response, part: Part) -> None:
    """Raise `FetchError` unless the answer brings the file or a part of it."""
    status = response.status_code
    if status in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
        return
    nothing_left = status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
    if nothing_left:  # the file is now shorter than our part
        part.discard()
    busy = status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    raise FetchError(
        f"the server answered {status} {response.reason or ''}".rstrip(),
        retry=busy or nothing_left,
        wait=retry_after(response.headers.get("Retry-After", "")),
    )


def retry_after(value: str) -> float | None:
    """Seconds asked for by a `Retry-After` header (a number or a date), within bounds."""
    date = parsedate_tz(value)
    if value.strip().isdecimal():
        seconds = float(value)
    elif date is not None:
        try:
            seconds = mktime_tz(date) - time.time()
        except (ValueError, OverflowError):  # of a year that no calendar has
            return None
    else:
        return None
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER)


def version_of(url: str, response: requests.Response) -> Version:
    """What an answer says of the whole file; of the length only what can be relied upon."""
    headers = response.headers
    if response.status_code == HTTPStatus.PARTIAL_CONTENT:
        match = CONTENT_RANGE.match(headers.get("Content-Range", ""))
        length = match[2] if match else ""
    elif "Transfer-Encoding" in headers:
        length = ""
    else:
        length = headers.get("Content-Length", "")
    return Version(
        url=url,
        etag=headers.get("ETag"),
        last_modified=headers.get("Last-Modified"),
        length=int(length) if LENGTH.fullmatch(length) else None,
    )


def check_continues(
    response: requests.Response,
    version: Version,
    begun: tuple[Version, int] | None,
    part: Part,
) -> Version:
    """Check that a 206 answer goes on where the part ends, and give all that is known of the file.

    Raises:
        FetchError: It does not; the part is discarded.
    """
    match = CONTENT_RANGE.match(response.headers.get("Content-Range", ""))
    start = int(match[1]) if match else None
    if begun is None or start != begun[1] or version.contradicts(begun[0]):
        part.discard()
        raise FetchError("the server answered with a part of another file or place", retry=True)
    # An answer to If-Range leaves out what the first one told.
    return version.completed(begun[0])
