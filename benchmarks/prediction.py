r"""How fast sequences are classified, against the prototype's way, in one run.

    python benchmarks/prediction.py --model results/models/main \
        --transcripts results/dataset/transcripts.parquet --split results/splits/gene.parquet \
        --output prediction.tsv

The held-out part is classified by

- the prototype's network (random weights: they do not change the speed) on the first 400 nt, its
  k-mers looked up one by one, 16 sequences at a time and, as published, one at a time;
- circlet's model, one sequence at a time;
- `Predictor.predict`, of a checkpoint and, with `--onnx`, of files;
- `circlet predict` as a whole process, its start included.

`nt` are those of whole sequences, of the prototype those that it reads; `nt_read` those that a
network reads. Ratios are to the prototype's 16 at a time. Latency is that of one sequence of
1,000 nt, of the whole process too.

Each measurement has a process of its own, whose peak memory it tells. The ways take turns, and a
rate is that of the median repeat. Ways of one sequence at a time are given every so many-th
sequence, `--sample` in all.
"""

import argparse
import itertools
import logging
import multiprocessing
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from tokenising import encode_as_prototype, prototype_ids

from circlet.files import read_table, write_table
from circlet.model.kmers import FILL, KmerVocab
from circlet.model.network import NetworkConfig, build_network
from circlet.model.runtime import peak_memory, set_up
from circlet.parts import with_parts
from circlet.predict import Predictor
from circlet.tables import SPLIT_COLUMNS, TEST

PROTOTYPE = NetworkConfig(
    vocabulary_size=0,  # that of the vocabulary
    architecture="text_transformer",
    max_tokens=396,
    width=396,
    layers=1,
    heads=2,
    feedforward=2048,
    ends=0,
    descriptors="none",
)
PROTOTYPE_K, PROTOTYPE_NT, PROTOTYPE_BATCH = 5, 400, 16
LATENCY_NT, LATENCIES, LATENCIES_OF_PROCESS = 1_000, 50, 5
REFERENCE = "prototype, 16 at a time"  # of the ratios
LETTERS = np.frombuffer(b"ACGT", dtype=np.uint8)

log = logging.getLogger(__name__)

Classify = Callable[[Sequence[str]], object]


@dataclass(frozen=True)
class Way:
    """A way to classify.

    Attributes:
        name: What the table calls it.
        kind: `prototype`, `predictor` or `process`.
        batch: Sequences at a time; None for as many as it likes.
        model: Checkpoint folder or file.
        most_nt: Most nt that it is given of a sequence.
    """

    name: str
    kind: str
    batch: int | None
    model: str
    most_nt: int | None = None


def make_prototype() -> Classify:
    """Make the prototype's inference with fresh weights; it knows every k-mer."""
    bases = ["".join(kmer) for kmer in itertools.product("ACGT", repeat=PROTOTYPE_K)]
    ends = [kmer[:size].ljust(PROTOTYPE_K, FILL) for kmer in bases for size in range(1, 5)]
    kmers = tuple(bases + sorted(set(ends)))
    vocabulary = KmerVocab(PROTOTYPE_K, 1, PROTOTYPE_NT, False, kmers)
    ids = prototype_ids(vocabulary)
    network = build_network(replace(PROTOTYPE, vocabulary_size=len(vocabulary))).eval()

    def classify(sequences: Sequence[str]) -> list[float]:
        tokens = [encode_as_prototype(sequence, vocabulary, ids) for sequence in sequences]
        with torch.inference_mode():
            return network(torch.tensor(tokens), torch.empty(len(tokens), 0)).tolist()

    return classify


def make_predictor(way: Way, threads: int) -> Classify:
    """Load a model, and classify by it as many at a time as it likes, or one."""
    predictor = Predictor.from_pretrained(way.model, "cpu", threads)
    if way.batch == 1:
        return predictor.predict_proba
    return lambda sequences: list(predictor.predict(zip(sequences, sequences, strict=True)))


def make_process(way: Way, threads: int, folder: Path) -> Classify:
    """Classify by a process that is started for it, on a file."""
    path = folder / "input.fa"

    def classify(sequences: Sequence[str]) -> None:
        write_fasta(path, enumerate(sequences))
        if run_predict(path, way.model, threads, folder / "calls.tsv"):
            raise RuntimeError("circlet predict failed")

    return classify


def write_fasta(path: Path, records: Iterable[tuple[object, str]]) -> None:
    """Write records."""
    with open(path, "w") as handle:
        handle.writelines(f">{name}\n{sequence}\n" for name, sequence in records)


def run_predict(path: Path, model: str | Path, threads: int, output: Path) -> int:
    """Run `circlet predict`; returns its exit code."""
    command = [sys.executable, "-m", "circlet", "predict", path, "--model", model, "--quiet"]
    command += ["--device", "cpu", "--threads", str(threads), "--output", output]
    return subprocess.run(list(map(str, command)), stderr=subprocess.DEVNULL).returncode


def measure_way(way: Way, sequences: list[str], threads: int) -> dict[str, Any]:
    """Classify the sequences, and then one alone many times; tells seconds and memory."""
    with tempfile.TemporaryDirectory() as name:
        if way.kind == "process":
            classify = make_process(way, threads, Path(name))
        else:
            set_up(threads)
            is_prototype = way.kind == "prototype"
            classify = make_prototype() if is_prototype else make_predictor(way, threads)
            classify(sequences[:1])  # what is made at the first use is not timed
        batch = way.batch or len(sequences)
        started = time.perf_counter()
        for start in range(0, len(sequences), batch):
            classify(sequences[start : start + batch])
        seconds = time.perf_counter() - started
        memory = most_memory(way.kind == "process")
        return {"seconds": seconds, "mib_peak": memory, "latencies": latencies(classify, way)}


def latencies(classify: Classify, way: Way) -> list[float]:
    """Seconds of one sequence of `LATENCY_NT` by itself, several times."""
    sequence = make_up(np.random.default_rng(0), LATENCY_NT)
    found = []
    for _ in range(LATENCIES_OF_PROCESS if way.kind == "process" else LATENCIES):
        started = time.perf_counter()
        classify([sequence])
        found.append(time.perf_counter() - started)
    return found


def most_memory(of_children: bool) -> float:
    """Peak memory of this process or of the largest that it has started, MiB."""
    if not of_children:
        return peak_memory(torch.device("cpu"))["memory"]
    unit = 1 if sys.platform == "darwin" else 1024  # what the system counts in, bytes
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit / 2**20


def alone(work: Callable[..., Any], *arguments: Any) -> Any:
    """Do it in a process of its own, which has a peak memory of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)


def ways_of(args: argparse.Namespace) -> list[Way]:
    """All ways, the slowest first."""
    description = Predictor.from_pretrained(args.model, "cpu").description
    most = description.max_tokens * description.vocabulary.stride
    found = [
        Way("prototype, one at a time", "prototype", 1, "", PROTOTYPE_NT),
        Way(REFERENCE, "prototype", PROTOTYPE_BATCH, "", PROTOTYPE_NT),
        Way("circlet, one at a time", "predictor", 1, args.model, most),
        Way("Predictor.predict", "predictor", None, args.model, most),
        Way("circlet predict", "process", None, args.model, most),
    ]
    for path in args.onnx:
        name = f"Predictor.predict, {Path(path).name}"
        found.insert(-1, Way(name, "predictor", None, path, most))
    return found


def compare(args: argparse.Namespace, sequences: list[str]) -> pd.DataFrame:
    """Measure all ways in turn, and lay out the median repeat of each."""
    step = max(1, len(sequences) // args.sample)
    ways = ways_of(args)
    given = {way: sequences[::step] if way.batch == 1 else sequences for way in ways}
    found: dict[Way, list[dict[str, Any]]] = {way: [] for way in ways}
    for repeat in range(args.repeats):
        for way in ways:
            found[way].append(alone(measure_way, way, given[way], args.threads))
            log.info("%s, repeat %d: %.1f s", way.name, repeat + 1, found[way][-1]["seconds"])
    table = pd.DataFrame([lay_out(way, given[way], found[way]) for way in ways])
    reference = table.set_index("way").loc[REFERENCE]
    for name in ("nt_per_second", "sequences_per_second"):
        table[f"{name}_ratio"] = table[name] / reference[name]
    return table


def lay_out(way: Way, sequences: list[str], repeats: list[dict[str, Any]]) -> dict[str, Any]:
    """Make the row of a way."""
    lengths = np.array([len(sequence) for sequence in sequences])
    read = lengths.clip(max=way.most_nt).sum()
    nt = read if way.kind == "prototype" else lengths.sum()
    seconds = float(np.median([each["seconds"] for each in repeats]))
    middle, late = np.quantile(np.concatenate([each["latencies"] for each in repeats]), [0.5, 0.95])
    return {
        "way": way.name,
        "sequences": len(sequences),
        "seconds": seconds,
        "nt_per_second": nt / seconds,
        "nt_read_per_second": read / seconds,
        "sequences_per_second": len(sequences) / seconds,
        "latency_ms": 1000 * middle,
        "latency_95_ms": 1000 * late,
        "mib_peak": max(each["mib_peak"] for each in repeats),
    }


def make_up(rng: np.random.Generator, nt: int) -> str:
    """Draw a sequence."""
    return LETTERS[rng.integers(0, 4, nt)].tobytes().decode()


def read_held_out(args: argparse.Namespace) -> list[str]:
    """Read the sequences of the test part."""
    transcripts = read_table(args.transcripts, ("id", "sequence"))
    split = read_table(args.split, SPLIT_COLUMNS)
    transcripts = with_parts(transcripts, split, args.transcripts, args.split)
    sequences = transcripts.loc[transcripts["part"] == TEST, "sequence"].tolist()
    return sequences[:: max(1, len(sequences) // args.most)] if args.most else sequences


def main() -> None:
    """Measure, print the table and write it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--model", required=True, help="checkpoint folder")
    add("--onnx", nargs="+", default=[], help="the same model in files of 'circlet export'")
    add("--transcripts", required=True, help="a real dataset, Parquet")
    add("--split", required=True, help="its division, Parquet")
    add("--most", type=int, help="read about so many of the test part, evenly spaced")
    add("--sample", type=int, default=400, help="sequences for ways of one at a time")
    add("--threads", type=int, default=2, help="threads of every way")
    add("--repeats", type=int, default=3, help="repeats of each way")
    add("--output", type=Path, required=True, help="the table, TSV")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    table = compare(args, read_held_out(args))
    write_table(args.output, table)
    sys.stdout.write(f"{table.to_string(index=False, float_format='{:,.4g}'.format)}\n")


if __name__ == "__main__":
    main()
