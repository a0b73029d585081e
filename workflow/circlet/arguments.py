"""Types of command-line arguments that several steps share."""

import argparse
from pathlib import Path

MAX_SEED = 2**32 - 1


def seed(text: str) -> int:
    """Read the seed of a random choice: a whole number from 0 to `MAX_SEED`."""
    if not text.isdecimal() or int(text) > MAX_SEED:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to {MAX_SEED}")
    return int(text)


def named_path(text: str) -> tuple[str, Path]:
    """Read `NAME=PATH`."""
    name, _, path = text.partition("=")
    if not (name and path):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=PATH")
    return name, Path(path)
