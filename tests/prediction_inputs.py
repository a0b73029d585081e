"""Sequences to classify, as files, and the command that does it: shared by tests of prediction."""

import gzip
from pathlib import Path

import numpy as np

from circlet.cli import main


def some_sequences(count: int = 23) -> list[str]:
    """Sequences of 20 to 90 nt; the model of `make_checkpoint` reads 48 tokens, their two ends."""
    rng = np.random.default_rng(0)
    return ["".join(rng.choice(list("ACGT"), size=rng.integers(20, 91))) for _ in range(count)]


def fasta_of(sequences: list[str]) -> str:
    """FASTA of sequences, whose names are r0, r1 and so on."""
    return "".join(f">r{row} of mine\n{bases}\n" for row, bases in enumerate(sequences))


def write_fasta(path: Path, sequences: list[str]) -> str:
    """Write FASTA, by gzip if the path says so; give the path as a word of a command line."""
    text = fasta_of(sequences).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return str(path)


def read_rows(path: Path) -> list[list[str]]:
    """Cells of a TSV table, its header first."""
    text = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text()
    return [line.split("\t") for line in text.removesuffix("\n").split("\n")]


def classify(model: Path, output: Path | str, *words: str) -> int:
    """Run the step `predict`; give its exit code."""
    words = ("--model", str(model), "--output", str(output), "--device", "cpu", *words)
    return main(["predict", *words])
