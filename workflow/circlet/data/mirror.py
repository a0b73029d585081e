"""Where an upstream's file is: at its own address, or in a mirror of many upstreams."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from circlet.errors import InputError


def locate(url: str, mirror: str) -> str | Path:
    """Where to find `url`: itself, or its place in a mirror (`<mirror>/<host>/<path>`).

    Args:
        url: An http or https URL.
        mirror: A base URL, a folder, or empty for none. A query string stays part of the name.

    Raises:
        InputError: No such URL or folder, or the URL would lead out of the mirror.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InputError(
            url or "--url", "not an http or https address", "correct the URL in the config"
        )
    if not mirror:
        return url
    host = parts.netloc.rpartition("@")[2]  # never a user's name and password
    query = f"?{parts.query}" if parts.query else ""
    steps = f"{host}{unquote(parts.path)}{query}".split("/")
    if ".." in steps or any("\0" in step or "\\" in step for step in steps):
        raise InputError(url, "leads out of the mirror", "correct the URL in the config")
    if mirror.lower().startswith(("http://", "https://")):
        return f"{mirror.rstrip('/')}/{host}{parts.path}{query}"
    folder = Path(mirror).expanduser()
    if not folder.is_dir():
        raise InputError(
            mirror, "no such folder", "correct `mirror:` in the config (a folder or a base URL)"
        )
    return folder.joinpath(*filter(None, steps))
