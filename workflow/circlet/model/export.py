"""Turn a checkpoint into one ONNX file, by choice in 8-bit integers, and see that it says the same.

Integers are smaller and sometimes quicker, and less exact: what that costs is measured on the
validation part, where the model was calibrated, and a model that loses more than allowed is not
written.
"""

import argparse
import logging
import tempfile
from pathlib import Path

import numpy as np
from sklearn.metrics import log_loss

from circlet.composition import compose_any
from circlet.errors import InputError
from circlet.files import atomic_path, read_table
from circlet.model.checkpoint import Checkpoint
from circlet.model.description import Description
from circlet.model.network import NetworkConfig
from circlet.model.onnx_export import export_networks, quantise
from circlet.model.onnx_model import load_onnx, pack
from circlet.model.scoring import ensemble_logits
from circlet.model.trees import blend
from circlet.models import find_model
from circlet.parts import with_parts
from circlet.tables import POSITIVE, SPLIT_COLUMNS, VALIDATION

PRECISIONS = ("fp32", "int8")
SAME = 1e-4  # logits of torch and of the file, apart at the most
MOST_LOSS = 0.002  # nats

log = logging.getLogger(__name__)


def read_validation(transcripts: str, split: str) -> tuple[list[str], np.ndarray]:
    """Read the sequences of the validation part, and their classes, 0 or 1.

    Raises:
        InputError: A file is missing or damaged, or the part lacks a class.
    """
    table = read_table(transcripts, ("id", "label", "sequence"))
    table = with_parts(table, read_table(split, SPLIT_COLUMNS), transcripts, split)
    table = table[table["part"] == VALIDATION]
    classes = (table["label"] == POSITIVE).to_numpy(dtype=np.int64)
    if len(set(classes)) < 2:
        raise InputError(split, "the part lacks a class", "use more data", VALIDATION)
    return table["sequence"].tolist(), classes


def probabilities(description: Description, logits: np.ndarray, features: np.ndarray) -> np.ndarray:
    """Turn the networks' mean logits into what the model says, shape (sequences,) all."""
    if description.trees is not None:
        logits = blend(logits, description.trees(features), description.tree_weight)
    return description.calibration(logits)


def compare(
    checkpoint: Checkpoint, path: Path, sequences: list[str], classes: np.ndarray | None = None
) -> tuple[float, float]:
    """Compare a file with the checkpoint that it was made of.

    Args:
        checkpoint: The model.
        path: The ONNX file.
        sequences: To compare on.
        classes: 0 or 1 of each, if they are known.

    Returns:
        How far mean logits lie apart at the most; and how much larger the log loss of the file's
        probabilities is, nats; NaN without classes.
    """
    description, networks = load_onnx(path, "cpu")
    features = compose_any(sequences)
    tokens = [description.vocabulary.encode(sequence) for sequence in sequences]
    most = description.max_tokens
    device = next(checkpoint.members[0].parameters()).device
    of_torch = ensemble_logits(checkpoint.members, tokens, features, most, device)
    of_file = networks(tokens, features).mean(axis=0)
    apart = float(np.abs(of_file - of_torch).max())
    if classes is None:
        return apart, float("nan")
    losses = [
        log_loss(classes, probabilities(description, logits, features))
        for logits in (of_torch, of_file)
    ]
    return apart, losses[1] - losses[0]


def example_sequences(description: Description) -> list[str]:
    """Make random sequences of many lengths, some with ambiguous bases; always the same."""
    rng = np.random.default_rng(0)
    shortest = max(description.min_length, description.vocabulary.k)
    lengths = shortest + (np.geomspace(1, 4 * description.max_tokens, 24)).astype(int)
    return [
        "".join(rng.choice(list("ACGTN"), length, p=[0.249] * 4 + [0.004])) for length in lengths
    ]


def export(checkpoint: Checkpoint, folder: Path, output: str | Path) -> float:
    """Write a checkpoint as one ONNX file in fp32, checked against it.

    Args:
        checkpoint: The model.
        folder: Where it came from, for errors.
        output: Where to write.

    Returns:
        How far its logits lie apart from torch's at the most.

    Raises:
        InputError: They lie further apart than rounding explains; nothing is written then.
    """
    description = checkpoint.description
    config = NetworkConfig(**description.network)
    with atomic_path(output) as temporary:
        export_networks(checkpoint.members, config, temporary, pack(description))
        apart, _ = compare(checkpoint, temporary, example_sequences(description))
        if not apart <= SAME:
            problem = f"the exported networks say something else: logits {apart:.2g} apart"
            raise InputError(folder, problem, "try the versions in envs/constraints.txt")
    return apart


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    parser.epilog = """examples:
  circlet export --output default.onnx                            the model that ships with circlet
  circlet export --model results/models/main --output main.onnx
  circlet export --model results/models/main --precision int8 --output main.int8.onnx \\
    --transcripts results/dataset/transcripts.parquet --split results/splits/gene.parquet
"""
    add = parser.add_argument
    add("--model", default="default", help="checkpoint folder; see 'circlet models'")
    add("--precision", choices=PRECISIONS, default="fp32", help="of the networks' weights")
    add("--transcripts", help="for int8: the dataset, Parquet, to measure what it costs")
    add("--split", help="for int8: its division, Parquet")
    add(
        "--most-loss",
        type=float,
        default=MOST_LOSS,
        help="for int8: how much the log loss of the validation part may grow, nats",
    )
    add("--output", required=True, help="the ONNX file")


def run(args: argparse.Namespace) -> None:
    """Run the step."""
    is_int8 = args.precision == "int8"
    if is_int8 != bool(args.transcripts) or bool(args.transcripts) != bool(args.split):
        mend = "give --transcripts and --split with --precision int8, and neither without"
        raise InputError("arguments", "what to measure int8 on is not clear", mend)
    folder = find_model(args.model)
    checkpoint = Checkpoint.load(folder)
    if not is_int8:
        apart = export(checkpoint, folder, args.output)
        log.info("%s: logits are at most %.1g from torch's", args.output, apart)
        return
    sequences, classes = read_validation(args.transcripts, args.split)
    with tempfile.TemporaryDirectory() as scratch, atomic_path(args.output) as temporary:
        export(checkpoint, folder, Path(scratch) / "fp32.onnx")
        quantise(Path(scratch) / "fp32.onnx", temporary)
        _, loss = compare(checkpoint, temporary, sequences, classes)
        log.info("log loss of the validation part: %+.5f nats by int8", loss)
        if not loss <= args.most_loss:
            problem = f"int8 costs {loss:.5f} nats of log loss, more than {args.most_loss:g}"
            raise InputError(folder, problem, "use fp32, or allow more by --most-loss")
