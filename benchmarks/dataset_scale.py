"""How time and memory of the dataset's steps grow with its size.

Takes a real dataset made by the pipeline, fills it up to the size of the full upstreams (51,661
transcripts) with mutated copies at other places, takes multiples of that, and runs the steps on
each as the workflow does: parse, dataset, homology, split (all schemes), leakage, confounds.

    python benchmarks/dataset_scale.py --transcripts results/dataset/transcripts.parquet

Peak memory is that of the largest process of a step, MMseqs2 included. The slope is that of a line
through the logarithms of time and size: 1 is linear.
"""

import argparse
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from circlet.files import read_table, write_table
from circlet.tables import DATASET_COLUMNS, LABELS, SCHEMES, is_hard_negative

FULL_SIZE = 51_661  # transcripts of circRNADb and GENCODE 19 after the filters (circDeep, 2020)
MUTATED = 0.1  # share of a copy's bases drawn anew, a quarter of them as they were
REPLICATES = 200  # of the bootstrap, whose time grows with them; the workflow's default is 1,000
COPY_DISTANCE = 1 << 29  # nt between the places of two copies, beyond any chromosome's end
HEADER = ("gene", "chrom", "start", "end", "strand", "biotype", "exon_lengths", "exon_offsets")

log = logging.getLogger(__name__)


def mutate(sequence: str, rng: np.random.Generator) -> str:
    """Replace a share of the bases by random ones."""
    bases = np.frombuffer(sequence.encode(), dtype=np.uint8).copy()
    places = rng.random(len(bases)) < MUTATED
    bases[places] = rng.choice(np.frombuffer(b"ACGT", dtype=np.uint8), size=int(places.sum()))
    return bases.tobytes().decode()


def enlarged(table: pd.DataFrame, size: int, seed: int) -> Iterator[pd.Series]:
    """Yield the transcripts, then mutated copies of them at other places, `size` in all."""
    rng = np.random.default_rng(seed)
    for number in range(size):
        copy, row = divmod(number, len(table))
        record = table.iloc[row].copy()
        if copy:
            record["id"] = f"{record['id']}_copy{copy}"
            record["sequence"] = mutate(record["sequence"], rng)
            record["gene"] = pd.NA if pd.isna(record["gene"]) else f"{record['gene']}_copy{copy}"
            record["start"] += copy * COPY_DISTANCE
            record["end"] += copy * COPY_DISTANCE
        yield record


def write_sources(table: pd.DataFrame, size: int, seed: int, folder: Path) -> int:
    """Write one FASTA file a label; returns the number of bases."""
    total = 0
    with open(folder / "circRNA.fa", "w") as circles, open(folder / "lncRNA.fa", "w") as linear:
        files = dict(zip(LABELS, (linear, circles), strict=True))
        for record in enlarged(table, size, seed):
            known = [f"{key}={record[key]}" for key in HEADER if pd.notna(record[key])]
            header = " ".join([f">{record['id']}", *known])
            files[record["label"]].write(f"{header}\n{record['sequence']}\n")
            total += len(record["sequence"])
    return total


def measure(arguments: list[str], threads: int) -> tuple[float, float]:
    """Run one step of circlet; returns its wall time, s, and peak memory, MiB.

    Raises:
        RuntimeError: The step fails.
    """
    started = time.perf_counter()
    command = [sys.executable, "-m", "circlet", *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, env=environment, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
        if os.waitstatus_to_exitcode(status):
            said.seek(0)
            raise RuntimeError(f"circlet {arguments[0]} failed: {said.read()[-2000:]}")
    return time.perf_counter() - started, usage.ru_maxrss / 1024


def steps(folder: Path, chromosomes: list[str], threads: int) -> Iterator[tuple[str, list[str]]]:
    """Name the steps of the dataset stage with their arguments, in order."""
    sources = [str(folder / f"{label}.parquet") for label in LABELS]
    for label, records in zip(LABELS, sources, strict=True):
        fasta = ["--fasta", str(folder / f"{label}.fa"), "--assembly", "hg19"]
        about = ["--source", label, "--label", label, "--output", records]
        yield "parse", ["parse", "--type", "fasta", *fasta, *about]
    table = ["--transcripts", str(folder / "transcripts.parquet")]
    outputs = ["--output", table[1], "--summary", str(folder / "summary.tsv")]
    yield "dataset", ["dataset", "--records", *sources, "--drop", "both_labels", *outputs]
    homology, shared = str(folder / "homology.parquet"), ["--threads", str(threads)]
    yield "homology", ["homology", *table, *shared, "--output", homology]
    splits = [str(folder / "splits" / f"{scheme}.parquet") for scheme in SCHEMES]
    held_out = ["--validation-chromosomes", chromosomes[0], "--test-chromosomes", chromosomes[1]]
    for scheme, split in zip(SCHEMES, splits, strict=True):
        options = ["--scheme", scheme, "--homology", homology, *held_out]
        yield "split, 5 schemes", ["split", *table, *options, "--output", split]
    audit = ["--figure-dir", str(folder), "--output", str(folder / "leakage.tsv")]
    yield "leakage, 5 schemes", ["leakage", *table, "--splits", *splits, *shared, *audit]
    found = ["--output", str(folder / "confounds.tsv"), "--replicates", str(REPLICATES)]
    found += ["--subsets", str(folder / "subsets.parquet")]
    yield "confounds, 5 schemes", ["confounds", *table, "--splits", *splits, *found]


def run_scale(table: pd.DataFrame, scale: int, seed: int, threads: int) -> list[dict]:
    """Run all steps at a multiple of the full size; returns one row a step."""
    common = table["chrom"].value_counts()
    chromosomes = list(common.index[8:10]) if len(common) > 9 else list(common.index[:2])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bases = write_sources(table, scale * FULL_SIZE, seed, folder)
        about = {"scale": scale, "transcripts": scale * FULL_SIZE, "nt": bases}
        rows: dict[str, dict] = {}
        for step, arguments in steps(folder, chromosomes, threads):
            seconds, mib = measure(arguments, threads)
            row = rows.setdefault(step, {**about, "step": step, "seconds": 0.0, "peak_mib": 0.0})
            row["seconds"] += seconds
            row["peak_mib"] = max(row["peak_mib"], mib)
            log.info("%d x: %s: %.1f s, %.0f MiB", scale, arguments[0], seconds, mib)
    return list(rows.values())


def growth(found: pd.DataFrame) -> pd.DataFrame:
    """Lay out time and memory of each step against the size, with the slope of the time."""
    wide = found.pivot(index="step", columns="scale", values=["seconds", "peak_mib"])
    wide = wide.reindex(found["step"].unique())
    sizes = np.log(sorted(found["scale"].unique()))
    times = np.log(wide["seconds"].to_numpy())
    slopes = np.polyfit(sizes, times.T, 1)[0] if len(sizes) > 1 else np.nan
    units = {"seconds": "s", "peak_mib": "MiB"}
    wide.columns = [f"{units[value]} at {scale}x" for value, scale in wide.columns]
    return wide.assign(slope=slopes).round(2).reset_index()


def main() -> None:
    """Measure all scales and print the growth table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--transcripts", type=Path, required=True, help="a real dataset, Parquet")
    parser.add_argument("--scales", type=int, nargs="+", default=[1, 3, 10], help="multiples")
    parser.add_argument("--threads", type=int, default=2, help="threads of a step")
    parser.add_argument("--seed", type=int, default=1, help="seed of the mutations")
    parser.add_argument("--output", type=Path, required=True, help="table of all figures, TSV")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    table = read_table(args.transcripts, DATASET_COLUMNS)
    table = table[~is_hard_negative(table)].reset_index(drop=True)
    rows: list[dict] = []
    for scale in args.scales:
        rows += run_scale(table, scale, args.seed, args.threads)
        found = pd.DataFrame(rows)
        write_table(args.output, found)  # after each scale: the last one takes long
    sys.stdout.write(growth(found).to_string(index=False) + "\n")


if __name__ == "__main__":
    main()
