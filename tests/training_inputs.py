"""A small dataset to train on: two classes that can be told apart, tokens, and a small network."""

import itertools
import os
import signal
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from circlet.cli import main
from circlet.composition import compose_any
from circlet.files import read_json, write_table
from circlet.hashes import hash_sequences
from circlet.model.kmers import KmerVocab
from circlet.model.tokens import write_array, write_tokens

PARTS = [*["train"] * 6, *["validation"] * 3, "test"]
FILES = {
    "tokens": "tokens.npy",
    "offsets": "offsets.npy",
    "features": "features.npy",
    "index": "index.parquet",
    "vocabulary": "vocabulary.json",
}
OPTIONS = {
    "width": 8,
    "layers": 1,
    "heads": 2,
    "feedforward": 16,
    "ends": 4,
    "descriptors": "none",
    "dropout": 0,
    "max_tokens": 90,
    "batch_tokens": 1024,
    "epochs": 3,
    "patience": 6,
    "learning_rate": 0.03,
    "min_length": 60,
    "device": "cpu",
    "threads": 1,
    "save_every": 1e6,
}
# Whatever chance and memory a training can have.
SOME_OF_ALL = {
    "dropout": 0.2,
    "accumulate": 2,
    "average": 0.5,
    "mutate": 0.05,
    "mask": 0.05,
    "rotate": 0.5,
    "class_weight": "balanced",
    "label_smoothing": 0.1,
    "descriptors": "composition",
    "beta2": 0.98,
}
# Two processes, by what follows.
LAUNCH = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
ONE_THREAD = os.environ | {"OMP_NUM_THREADS": "1"}  # what torchrun would set, with a warning
TIMES = ("seconds", "nt_per_second", "peak_mib")
# Where a training can be made to die: a function, as its caller knows it.
PLACES = {
    "before a step": ("trainer", "train_step"),
    "within a step": ("trainer", "update_average"),
    "in validation": ("train", "validate"),
    "in writing the state": ("state", "save_file"),
    "between the outputs": ("train", "write_json"),
}


def make_sequence(rng: np.random.Generator, is_circrna: bool) -> str:
    """Random bases; a circRNA has a motif in every stretch of 14."""
    bases = rng.choice(list("ACGT"), size=rng.integers(60, 90))
    if is_circrna:
        for start in range(3, len(bases) - 6, 14):
            bases[start : start + 6] = list("GATACA")
    return "".join(bases)


def write_inputs(folder: Path, vocabulary_shape: tuple = (3, 1, None, True)) -> dict[str, Path]:
    """Write what `circlet train` reads: 96 training, 48 validation and 16 test sequences.

    Returns:
        The file of each flag.
    """
    rng, files = np.random.default_rng(7), {flag: folder / name for flag, name in FILES.items()}
    labels = ["circRNA", "lncRNA"] * 80
    sequences = [make_sequence(rng, label == "circRNA") for label in labels]
    parts = [PARTS[row // 2 % 10] for row in range(160)]
    index = pd.DataFrame({"id": [f"t{row}" for row in range(160)], "label": labels, "part": parts})
    index = index.assign(length=list(map(len, sequences)), hash=hash_sequences(sequences))
    vocabulary = KmerVocab.build(sequences, *vocabulary_shape)
    vocabulary.save(files["vocabulary"])
    write_tokens(sequences, vocabulary, files["tokens"], files["offsets"])
    write_array(files["features"], compose_any(sequences))
    write_table(files["index"], index)
    return files


def train_words(files: dict[str, Path], folder: Path, **changes: object) -> list[str]:
    """Arguments of `circlet train` that write to `folder`."""
    outputs = {
        "state": folder / "state",
        "weights": folder / "seed1.safetensors",
        "record": folder / "seed1.json",
    }
    flags = files | OPTIONS | outputs | changes
    pairs = [(f"--{name.replace('_', '-')}", str(value)) for name, value in flags.items()]
    return ["train", *(word for pair in pairs for word in pair)]


def timeless_record(folder: Path) -> dict[str, Any]:
    """Record of a training without what differs each time."""
    record = read_json(folder / "seed1.json")
    for each in (record, *record["epochs"]):
        for key in TIMES:
            each.pop(key, None)
    return record


def train_and_die(words: list[str], place: str | None = None, times: int = 1) -> None:
    """Train, and kill this process when it comes to a place of `PLACES` for the n-th time."""
    if place is not None:
        module, name = PLACES[place]
        module = import_module(f"circlet.model.{module}")
        function, calls = getattr(module, name), itertools.count(1)

        def deadly(*args: Any, **kwargs: Any) -> Any:
            if next(calls) < times:
                return function(*args, **kwargs)
            if name == "save_file":  # half of it is there
                function(*args, **kwargs)
                os.truncate(args[1], Path(args[1]).stat().st_size // 2)
            return os.kill(os.getpid(), signal.SIGKILL)

        setattr(module, name, deadly)
    raise SystemExit(main(words))
