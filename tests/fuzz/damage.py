"""What is done to a small file of text: harm, which may show, and variants, which must not."""

import gzip
import random
import re
from collections.abc import Callable

from mutations import NUMBERS, TOKENS

_NUMBER = re.compile(rb"[0-9]+")
CONTROLS = [bytes([code]) for code in (*range(32), 127)] + ["\u200b\u202e\x85".encode()]
BOM = b"\xef\xbb\xbf"
LINE = 1 << 21  # bytes, longer than any line that is taken

Way = Callable[[random.Random, bytes], bytes]


def _place(rng: random.Random, content: bytes) -> int:
    return rng.randint(0, len(content))


def _flip(rng: random.Random, content: bytes) -> bytes:
    at = _place(rng, content)
    return content[:at] + bytes([rng.randrange(256)]) + content[at + 1 :]


def _truncate(rng: random.Random, content: bytes) -> bytes:
    return content[: _place(rng, content)]


def _cut(rng: random.Random, content: bytes) -> bytes:
    start, end = sorted((_place(rng, content), _place(rng, content)))
    return content[:start] + content[end:]


def _insert(rng: random.Random, content: bytes) -> bytes:
    at = _place(rng, content)
    return content[:at] + rng.choice(TOKENS) + content[at:]


def _control(rng: random.Random, content: bytes) -> bytes:
    at = _place(rng, content)
    return content[:at] + rng.choice(CONTROLS) + content[at:]


def _rearrange(rng: random.Random, parts: list[bytes], *others: tuple[bytes, ...]) -> None:
    """Lose, repeat or exchange parts in place, or put one of the others there."""
    one, other = rng.randrange(len(parts)), rng.randrange(len(parts))
    match rng.randrange(3 + len(others)):
        case 0:
            del parts[one]
        case 1:
            parts.insert(other, parts[one])
        case 2:
            parts[one], parts[other] = parts[other], parts[one]
        case number:
            parts[one] = rng.choice(others[number - 3])


def _lines(rng: random.Random, content: bytes) -> bytes:
    """Lose, repeat or exchange lines."""
    lines = content.splitlines(keepends=True) or [b""]
    _rearrange(rng, lines)
    return b"".join(lines)


def _columns(rng: random.Random, content: bytes) -> bytes:
    """Lose, repeat, exchange or replace columns of a line."""
    lines = content.split(b"\n")
    at = rng.randrange(len(lines))
    mark = rng.choice(
        [mark for mark in (b"\t", b"|", b";", b",", b" ") if mark in lines[at]] or [b"\t"]
    )
    fields = lines[at].split(mark)
    _rearrange(rng, fields, TOKENS)
    lines[at] = mark.join(fields)
    return b"\n".join(lines)


def _number(rng: random.Random, content: bytes) -> bytes:
    """Put another number in the place of one: near, huge, negative, or that of another place."""
    found = list(_NUMBER.finditer(content))
    if not found:
        return content
    one, other = rng.choice(found), rng.choice(found)
    near = int(one[0][:18]) + rng.choice([-1, 1, 10, -100])
    new = rng.choice([str(near).encode(), other[0], b"-" + one[0], rng.choice(NUMBERS)])
    return content[: one.start()] + new + content[one.end() :]


def _long(rng: random.Random, content: bytes) -> bytes:
    at = _place(rng, content)
    return content[:at] + rng.choice([b"A", b"x", b"1", b" ", b"\t"]) * LINE + content[at:]


def _other(rng: random.Random, content: bytes) -> bytes:
    """What is no text of this kind at all."""
    text = content.decode("utf-8", "replace")
    packed = gzip.compress(content, mtime=0)
    return rng.choice(
        [
            *(b"", b"\n", b"\0" * 50, rng.randbytes(99), b"<!doctype html><html>busy</html>"),
            *(text.encode("utf-16"), text.encode("utf-16-le"), content.replace(b"\n", b"")),
            *(packed[: rng.randrange(len(packed))], gzip.compress(packed), packed + content),
        ]
    )


_WAYS: list[Way] = [_flip, _flip, _truncate, _cut, _insert, _insert, _control, _control]
_WAYS += [_lines, _columns, _columns, _number, _number, _number]


def harm(rng: random.Random, content: bytes) -> bytes:
    """Change a file's bytes once or several times."""
    chance = rng.random()
    if chance < 0.03:
        return _other(rng, content)
    if chance < 0.04:
        return _long(rng, content)
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        content = rng.choice(_WAYS)(rng, content)
    if rng.random() < 0.1:
        packed = gzip.compress(content, mtime=0)
        content = rng.choice([packed, packed, _flip(rng, packed), _truncate(rng, packed)])
    return content


def vary(rng: random.Random, content: bytes, may_pack: bool) -> bytes:
    """Write the same in another manner, which no parser may mind."""
    line_break = rng.choice([b"\n", b"\r\n", b"\r"])
    # Several blank lines are more than the index of a genome allows for.
    content = rng.choice([b"", BOM]) + content + rng.choice([b"", b"\n"])
    content = content.replace(b"\n", line_break)
    return gzip.compress(content, mtime=0) if may_pack and rng.random() < 0.5 else content
