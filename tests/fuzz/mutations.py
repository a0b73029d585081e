"""What is done to bytes and to JSON, drawn by hypothesis."""

import copy
import json
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

Draw = Callable[[st.SearchStrategy], Any]

# What parsers stumble over: line breaks, marks, numbers without bounds, digits of other scripts,
# text that is none, and the marks of the formats themselves.
TOKENS = [
    *(b"\0", b"\r", b"\r\n", b"\n\n\n", b"\t", b" ", b"\x0b\x0c\x1c\x85", b"\xef\xbb\xbf"),
    *(b"\xff\xfe", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x1b[31m"),
    *("\u0663\u0664".encode(), "\u00b2".encode(), "\u2028\u2029\u200b\u00a0".encode()),
    *("\U0001d7d8".encode(), "\u0130\u00df\ufb01".encode(), "\u4e00".encode()),
    *(b"-1", b"-0", b"+1", b"1_0", b"1e9", b"0x10", b"NaN", b"inf", b"18446744073709551616"),
    *(b"9223372036854775807", b"9" * 18, b"9" * 40, b"9" * 5000, b"00000000000000000001"),
    *(
        b">",
        b"@",
        b"+",
        b"#",
        b"track",
        b"browser",
        b">\n",
        b"@\n",
        b">x\n",
        b"\n>",
        b"\n@",
        b"\n+",
    ),
    *(b'"', b"'", b";", b",", b",,", b"%s", b"{}", b"\\", b"=", b"../", b"-", b"."),
    *(b"ACGT" * 10, b"N" * 40, b"*", b"MKVLAAG", b"acguryswkmbdhvn"),
]
LONG = [(b"A", 300_000), (b"N", 100_000), (b"x", 70_000), (b"\n", 50_000), (b"1", 20_000)]
NUMBERS = [b"0", b"1", b"-1", b"2147483648", b"9223372036854775808", b"9" * 18, b"", b"1.5"]


def position(draw: Draw, content: bytes) -> int:
    """Choose a place between two bytes."""
    return draw(st.integers(0, len(content)))


def flip(draw: Draw, content: bytes, other: bytes) -> bytes:
    """Put another byte in the place of one."""
    at = position(draw, content)
    return content[:at] + bytes([draw(st.integers(0, 255))]) + content[at + 1 :]


def cut(draw: Draw, content: bytes, other: bytes) -> bytes:
    """Take a piece away."""
    start, end = sorted((position(draw, content), position(draw, content)))
    return content[:start] + content[end:]


def truncate(draw: Draw, content: bytes, other: bytes) -> bytes:
    """Take the end away."""
    return content[: position(draw, content)]


def repeat(draw: Draw, content: bytes, other: bytes) -> bytes:
    """Write a piece several times."""
    start, end = sorted((position(draw, content), position(draw, content)))
    return content[:start] + content[start:end][:2000] * draw(st.integers(2, 20)) + content[start:]


def insert(draw: Draw, content: bytes, other: bytes) -> bytes:
    """Put in what parsers stumble over."""
    at = position(draw, content)
    return content[:at] + draw(st.sampled_from(TOKENS)) + content[at:]


def swell(draw: Draw, content: bytes, other: bytes) -> bytes:
    """Put in very much of one byte."""
    at, (byte, count) = position(draw, content), draw(st.sampled_from(LONG))
    return content[:at] + byte * count + content[at:]


def splice(draw: Draw, content: bytes, other: bytes) -> bytes:
    """Go on with the end of another file."""
    return content[: position(draw, content)] + other[position(draw, other) :]


def renumber(draw: Draw, content: bytes, other: bytes) -> bytes:
    """Put another value in the place of a field between tabs, spaces or commas."""
    marks = [at for at, byte in enumerate(content) if byte in b"\t ,\n"]
    if not marks:
        return content
    at = draw(st.sampled_from(marks)) + 1
    ends = (content.find(mark, at) for mark in (b"\t", b" ", b",", b"\n"))
    end = min((found for found in ends if found >= 0), default=len(content))
    return content[:at] + draw(st.sampled_from(NUMBERS + TOKENS)) + content[end:]


def replace(draw: Draw, content: bytes, other: bytes) -> bytes:
    """Take other bytes, whatever they are."""
    return draw(st.binary(max_size=300))


MUTATIONS = [flip, flip, cut, truncate, repeat, insert, insert, splice, renumber, renumber, replace]


def mutate(draw: Draw, content: bytes, other: bytes = b"", most: int = 4) -> bytes:
    """Change bytes once or several times."""
    if draw(st.integers(0, 19)) == 19:
        content = swell(draw, content, other)
    for _ in range(draw(st.integers(1, most))):
        content = draw(st.sampled_from(MUTATIONS))(draw, content, other)
    return content


# As text, so that what Python would not write can be there too.
VALUES = [
    *("null", "true", "false", "0", "1", "-1", "2", "3", "0.5", "1e308", "1e999", "-1e999", "NaN"),
    *("Infinity", "9223372036854775808", "1" * 400, "1" * 5000, "2147483647", "1000000", "65537"),
    *('""', '"x"', '"seed1"', '"../seed1"', '"\\ud800"', '"\\u0000"', '"A"', '"AAAA"', '"nan"'),
    *("[]", "{}", "[null]", "[[]]", '["a", "a"]', "[1e308, 1e308]", '{"a": 1}', "[0, 1]", "[1, 0]"),
    *("[" * 3000 + "]" * 3000, '{"a":' * 200 + "1" + "}" * 200, "[" * 100_000),
    *('"platt"', '"isotonic"', '"none"', '"temperature"', '"text_transformer"', '"circformer"'),
    '{"method": "isotonic", "parameters": {"scores": [0], "probabilities": [0.5]}}',
    '{"method": "none", "parameters": {}}',
    '{"method": "platt", "parameters": {"scale": 1e308, "offset": -1e308}}',
    '{"method": "temperature", "parameters": {"temperature": 5e-324}}',
]
_MARK = "<here stands the value>"


def mutate_json(draw: Draw, content: bytes) -> bytes:
    """Change one value or key of JSON, whatever its text is then."""
    tree = json.loads(content)
    if draw(st.integers(0, 14)) == 0:
        return draw(st.sampled_from(VALUES)).encode()
    places = list(_places(tree))
    if not places:
        return content
    # The shapes of networks, and the many k-mers, shall not take all the tries.
    path = draw(st.sampled_from(places))
    changed = copy.deepcopy(tree)
    holder = changed
    for key in path[:-1]:
        holder = holder[key]
    match draw(st.sampled_from(["value", "value", "value", "near", "lack", "more"])):
        case "value":
            holder[path[-1]] = _MARK
        case "near" if type(holder[path[-1]]) in (int, float):
            factor = draw(st.sampled_from([-1, 0, 0.5, 2, 3, 1000, 10**9]))
            holder[path[-1]] = type(holder[path[-1]])(holder[path[-1]] * factor)
        case "lack":
            del holder[path[-1]]
        case "more" if isinstance(holder, dict):
            holder["more"] = _MARK
        case _ if isinstance(holder, list):
            holder.append(holder[path[-1]])
    text = json.dumps(changed, indent=2)
    return text.replace(json.dumps(_MARK), draw(st.sampled_from(VALUES))).encode()


def _places(tree: Any, path: tuple = ()) -> Any:
    """Yield the path to each value; of a long list the first and the last alone."""
    if isinstance(tree, dict):
        for key in tree:
            yield (*path, key)
            yield from _places(tree[key], (*path, key))
    elif isinstance(tree, list):
        for at in sorted({0, len(tree) - 1} & set(range(len(tree)))):
            yield (*path, at)
            yield from _places(tree[at], (*path, at))
