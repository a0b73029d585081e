"""Types and checks of command-line arguments that several steps share."""

import argparse
from pathlib import Path

from circlet.errors import InputError

MAX_SEED = 2**32 - 1
MOST_THREADS = 1024  # more than a machine can start would end the process
DEVICES = ("auto", "cpu", "cuda", "mps")
SEQUENCE_KINDS = ("auto", "fasta", "fastq", "bed", "gtf")  # what a file to classify can be
TABLE_KINDS = ("tsv", "csv", "jsonl", "parquet")  # what a table of calls can be


def seed(text: str) -> int:
    """Read the seed of a random choice: a whole number from 0 to `MAX_SEED`."""
    if not text.isdecimal() or int(text) > MAX_SEED:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to {MAX_SEED}")
    return int(text)


def share(text: str) -> float:
    """Read a number from 0 to 1."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 1")
    return value


def named_path(text: str) -> tuple[str, Path]:
    """Read `NAME=PATH`."""
    name, _, path = text.partition("=")
    if not (name and path):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=PATH")
    return name, Path(path)


def check_threads(threads: int | None) -> None:
    """Check a number of threads; None leaves it to the library.

    Raises:
        InputError: It is below 1 or above `MOST_THREADS`.
    """
    if threads is not None and not 1 <= threads <= MOST_THREADS:
        mend = f"give a whole number from 1 to {MOST_THREADS}"
        raise InputError("threads", f"is {threads}", mend)
