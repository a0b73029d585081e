"""The bytes of an ONNX file of circlet: closed with a seal that tells damage, and self-contained.

The seal is the last entry of the file's metadata, the SHA-256 of all bytes before it: protobuf
lets a repeated field go on anywhere, so that to any other program it is one entry more.
"""

import hashlib
import re
from pathlib import Path

from circlet.errors import InputError
from circlet.files import atomic_path, reading

SEAL = "circlet.sha256"
DIGITS = 64  # of a SHA-256
MEND = "export the model again with 'circlet export'"
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
        InputError: It is missing, not of circlet, damaged, or has its data elsewhere.
    """
    with reading(path):
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
    return model
