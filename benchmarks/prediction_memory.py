"""Memory and time of `circlet predict` over inputs of all sizes, with a tiny network.

    python benchmarks/prediction_memory.py --sizes 10,100,1000 --output prediction_memory.tsv

The inputs are generated: FASTA of `--sizes` MB, a million short records, one record of 5 Mb, and a
gzip stream that breaks off, of which the scored part must be kept. Each is classified by a process
of its own, whose peak memory is told.
"""

import argparse
import gzip
import itertools
import logging
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from prediction import alone, make_up, most_memory, run_predict, write_fasta

from circlet.files import write_table
from circlet.model.calibration import Calibration
from circlet.model.checkpoint import Checkpoint
from circlet.model.description import Description
from circlet.model.kmers import KmerVocab
from circlet.model.network import NetworkConfig, build_network
from circlet.model.reference import Reference

SHORT_RECORDS, SHORT_NT, LONG_NT, BROKEN_MB = 1_000_000, 60, 5_000_000, 100
RECORD_NT = 1_000  # mean of generated records

log = logging.getLogger(__name__)


def save_tiny(folder: Path) -> None:
    """Save a checkpoint of one small network with random weights."""
    kmers = tuple(map("".join, itertools.product("ACGT", repeat=3)))
    vocabulary = KmerVocab(k=3, stride=1, window=None, ring=True, kmers=kmers)
    config = NetworkConfig(len(vocabulary), width=8, heads=2, feedforward=16)
    lengths, layouts = np.array([30, 5000]), np.zeros((1, 2), np.float32)
    reference = Reference(np.zeros(1, np.uint64), lengths, layouts, np.array([100.0, 0.0]))
    training = [{"seed": 1, "network": asdict(config)}]
    calibration = Calibration("none", {})
    about = (asdict(config), vocabulary, 30, calibration, 0.5, training, reference)
    Checkpoint(Description(*about), [build_network(config).eval()]).save(folder)


def generate(records: int, nt: int) -> Iterator[tuple[int, str]]:
    """Make up records of half to one and a half times `nt`, ids in order."""
    rng = np.random.default_rng(0)
    for number in range(records):
        yield number, make_up(rng, rng.integers(nt // 2, nt + nt // 2 + 1))


def write_inputs(sizes: list[int], folder: Path) -> Iterator[tuple[str, Path, int]]:
    """Write the inputs one after the other; yields name, file and expected exit code of each."""
    shapes = {f"{size} MB": (size * 10**6 // RECORD_NT, RECORD_NT) for size in sizes}
    shapes["a million short records"] = (SHORT_RECORDS, SHORT_NT)
    path = folder / "input.fa"
    for name, (records, nt) in shapes.items():
        write_fasta(path, generate(records, nt))
        yield name, path, 0
    write_fasta(path, [("long", make_up(np.random.default_rng(0), LONG_NT))])
    yield "one record of 5 Mb", path, 0
    write_fasta(path, generate(BROKEN_MB * 10**6 // RECORD_NT, RECORD_NT))
    packed = folder / "input.fa.gz"
    with open(path, "rb") as plain, gzip.open(packed, "wb", compresslevel=1) as handle:
        shutil.copyfileobj(plain, handle)
    os.truncate(packed, packed.stat().st_size - 1_000)
    yield f"gzip of {BROKEN_MB} MB that breaks off", packed, 2


def measure_size(path: Path, model: Path, threads: int, output: Path) -> dict[str, Any]:
    """Classify a file; tells seconds, memory and the exit code."""
    started = time.perf_counter()
    code = run_predict(path, model, threads, output)
    return {"seconds": time.perf_counter() - started, "mib_peak": most_memory(True), "code": code}


def grow(sizes: list[int], threads: int) -> pd.DataFrame:
    """Classify generated inputs with a tiny network.

    Raises:
        RuntimeError: An exit code or the rows that are kept are not as they have to be.
    """
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder, output = Path(name), Path(name) / "calls.tsv"
        save_tiny(folder / "model")
        for title, path, expected in write_inputs(sizes, folder):
            found = alone(measure_size, path, folder / "model", threads, output)
            kept = output if expected == 0 else folder / "calls.tsv.partial"
            is_right = found.pop("code") == expected and output.exists() == (expected == 0)
            if not (is_right and kept.exists()):
                raise RuntimeError(f"{title}: the exit code or the table is not as it has to be")
            with open(kept, "rb") as handle:
                records = sum(1 for _ in handle) - 1
            kept.unlink()
            rate = records / found["seconds"]
            rows.append({"input": title, "records": records, **found, "records_per_second": rate})
            log.info("%s: %.1f s, %.0f MiB", title, found["seconds"], found["mib_peak"])
    return pd.DataFrame(rows)


def whole_numbers(text: str) -> list[int]:
    """Read numbers with commas between them; none of an empty text."""
    return [int(number) for number in text.split(",") if number]


def main() -> None:
    """Measure, print the table and write it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--threads", type=int, default=2, help="threads of the network")
    add("--sizes", type=whole_numbers, default=[10, 100], help="MB, as 10,100,1000")
    add("--output", type=Path, required=True, help="the table, TSV")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    table = grow(args.sizes, args.threads)
    write_table(args.output, table)
    sys.stdout.write(f"{table.to_string(index=False, float_format='{:,.4g}'.format)}\n")


if __name__ == "__main__":
    main()
