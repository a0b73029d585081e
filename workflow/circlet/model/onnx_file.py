"""The bytes of an ONNX file of circlet: closed with a seal that tells damage, and self-contained.

The seal is the last entry of the file's metadata, the SHA-256 of all bytes before it: protobuf
lets a repeated field go on anywhere, so that to any other program it is one entry more.
"""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from circlet.errors import InputError
from circlet.files import atomic_path, reading

SEAL = "circlet.sha256"
DIGITS = 64  # of a SHA-256
MEND = "export the model again with 'circlet export'"
MOST_BYTES = 1 << 31  # of a file; protobuf has no larger messages
# Fields of protobuf on the way to the weights, and types of theirs that have NaN.
GRAPH, INITIALIZER, TYPE, FLOATS, RAW = 7, 5, 2, 4, 9
# And on the way to graphs within an operator, which a loop would run without end.
FUNCTION, NODE, ATTRIBUTE, INNER_GRAPH, INNER_GRAPHS = 25, 1, 5, 6, 11
FLOAT_TYPES = {1: "<f4", 10: "<f2", 11: "<f8"}
# The key that begins an entry on data outside of the file, after its length as protobuf may write
# it: the length's last byte is 8, or 0 where it takes more bytes than it needs.
OUTSIDE = re.compile(rb"[\x00\x08]location")


def _entry(value: bytes) -> bytes:
    """Encode the seal as an entry of ONNX metadata: field 14, with key and value in 1 and 2."""
    key = SEAL.encode()
    content = b"\x0a%c%b\x12%c%b" % (len(key), key, len(value), value)
    return b"\x72%c%b" % (len(content), content)


def write_sealed(path: str | Path, model: bytes) -> None:
    """Write a serialised model with its seal, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(model + _entry(hashlib.sha256(model).hexdigest().encode()))


def read_sealed(path: str | Path) -> bytes:
    """Read a file that `write_sealed` wrote, and check it.

    Returns:
        The serialised model, without the seal.

    Raises:
        InputError: It is missing, not of circlet, damaged, has its data elsewhere, loops or
            branches, or has weights that are not finite.
    """
    with reading(path):
        if (bytes_there := Path(path).stat().st_size) > MOST_BYTES:
            problem = f"has {bytes_there:,} bytes, above {MOST_BYTES:,}"
            raise InputError(path, problem, MEND)
        content = Path(path).read_bytes()
    size = len(_entry(bytes(DIGITS)))
    model, seal = content[:-size], content[-size:]
    begin = _entry(bytes(DIGITS))[:-DIGITS]
    if not seal.startswith(begin):
        raise InputError(path, "not a whole ONNX file of circlet", MEND)
    if seal[len(begin) :] != hashlib.sha256(model).hexdigest().encode():
        raise InputError(path, "was changed after it was made: its SHA-256 is another", MEND)
    if OUTSIDE.search(model):
        raise InputError(path, "has data in other files, which are not read", MEND)
    if _has_inner_graphs(memoryview(model)):
        raise InputError(path, "has a loop or a branch, as no network of circlet has", MEND)
    if not all(map(_are_usable, _weights(memoryview(model)))):
        raise InputError(path, "has weights that are not finite numbers", MEND)
    return model


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield number and value of each field of a protobuf message, up to where it is damaged.

    Source: https://protobuf.dev/programming-guides/encoding.
    """
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind = key & 7
        if kind == 0:
            value, at = _varint(message, at)
            yield key >> 3, value
        elif kind in (1, 2, 5):
            size, at = _varint(message, at) if kind == 2 else ({1: 8, 5: 4}[kind], at)
            yield key >> 3, message[at : at + size]
            at += size
        else:
            return


def _are_usable(weights: np.ndarray) -> bool:
    """Whether numbers are finite; a single one is no weight, and may be the infinity of a mask."""
    return bool(np.isfinite(weights).all() or (weights.size == 1 and not np.isnan(weights).any()))


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """Read a whole number; give it, and the place after it."""
    value = shift = 0
    while at < len(message):
        value |= (message[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if message[at - 1] < 128:
            break
    return value, at


def _within(message: memoryview, number: int) -> Iterator[memoryview]:
    """Yield the messages that a field holds."""
    for key, value in _fields(message):
        if key == number and not isinstance(value, int):
            yield value


def _has_inner_graphs(model: memoryview) -> bool:
    """Whether an operator of a serialised model holds others, or is defined by the model."""
    attributes = (
        attribute
        for graph in _within(model, GRAPH)
        for node in _within(graph, NODE)
        for attribute in _within(node, ATTRIBUTE)
    )
    inner = (
        any(number in (INNER_GRAPH, INNER_GRAPHS) for number, _ in _fields(each))
        for each in attributes
    )
    return any(_within(model, FUNCTION)) or any(inner)


def _weights(model: memoryview) -> Iterator[np.ndarray]:
    """Yield the numbers of each tensor of a serialised model that are of a floating-point type."""
    for graph in _within(model, GRAPH):
        for tensor in _within(graph, INITIALIZER):
            types = [value for number, value in _fields(tensor) if number == TYPE]
            last = types[-1] if types else None
            kind = np.dtype(FLOAT_TYPES.get(last, "V1") if isinstance(last, int) else "V1")
            for raw in _within(tensor, RAW):
                if kind.kind == "f":
                    yield np.frombuffer(raw[: len(raw) // kind.itemsize * kind.itemsize], kind)
            for floats in _within(tensor, FLOATS):
                yield np.frombuffer(floats[: len(floats) // 4 * 4], "<f4")
