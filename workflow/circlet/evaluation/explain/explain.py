"""What calls rest on: of single transcripts, such as a run's mistakes, and of many together."""

import argparse
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from circlet.arguments import DEVICES, seed
from circlet.errors import InputError
from circlet.evaluation.explain.inputs import Asked, draw_sample, from_dataset, from_fasta
from circlet.evaluation.explain.motifs import Read
from circlet.evaluation.explain.pieces import Piece, save_piece, write_together
from circlet.evaluation.explain.single import Options, check_sanity, explain_one, name_rows
from circlet.predict import STEPS, Predictor
from circlet.progress import track
from circlet.shards import WHOLE, Shard, shard
from circlet.tables import EXPLANATION_COLUMNS, HARD, PARTS, TEST

TABLES = ("predictions", "split", "transcripts", "mistakes")


def read_sample(
    predictor: Predictor, sample: pd.DataFrame, steps: int, piece: Shard = WHOLE
) -> Iterator[Read]:
    """Attribute the calls of a piece of a sample; one without a label stands under its call."""
    labels = sample["label"].tolist()
    if sample["label"].isna().any():
        # Of all of it whatever the piece: in other company the last digits may differ.
        calls = map(predictor.call, predictor.predict_proba(sample["sequence"].tolist()))
        pairs = zip(labels, calls, strict=True)
        labels = [call if pd.isna(label) else label for label, call in pairs]
    rows = list(zip(sample["sequence"], labels, strict=True))[piece.rows(len(sample))]
    for sequence, label in track(rows, "attributing the sample", total=len(rows)):
        found = predictor.attribute(sequence, steps)
        yield Read(sequence, label, found.bases, found.is_read)


def explain(
    predictor: Predictor, asked: Asked, folder: Path, options: Options, piece: Shard = WHOLE
) -> Piece:
    """Explain a piece of the calls and of the sample, and write its calls' tables and pictures.

    Args:
        predictor: The model.
        asked: What to explain, all pieces together.
        folder: Where to write.
        options: See there.
        piece: Which of the calls, and which of the sample.
    """
    rows = name_rows(asked.single)
    rows = rows[piece.rows(len(rows))]
    named = track(rows, "explaining", total=len(rows))
    explained = [explain_one(predictor, row, folder, options) for row in named]
    sample = draw_sample(asked.all, options.sample, options.seed)
    reads = list(read_sample(predictor, sample, options.steps, piece))
    calls = pd.DataFrame(explained, columns=list(EXPLANATION_COLUMNS))
    return Piece(calls, check_sanity(predictor, explained, options), reads)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    add = parser.add_argument
    add("fasta", nargs="?", type=Path, metavar="IN.fa[.gz]", help="sequences to explain")
    add("--model", required=True, help="checkpoint folder")
    add("--predictions", type=Path, help="instead of a FASTA file: predictions of the run")
    add("--split", type=Path, help="with --predictions: table of groups and parts")
    add("--transcripts", type=Path, help="with --predictions: the dataset, Parquet")
    add("--mistakes", type=Path, help="with --predictions: the surest mistakes of 'strata'")
    add("--part", choices=(*PARTS, HARD), default=TEST, help="the part to explain calls of")
    add("--most", type=int, default=20, help="most mistakes, or records of a FASTA file")
    add("--right", type=int, default=3, help="right calls of each class beside the mistakes")
    add("--sample", type=int, default=200, help="transcripts that tell of k-mers and places")
    add("--window", type=int, default=30, help="bases on each side of the junction to substitute")
    add("--steps", type=int, default=STEPS, help="points of the integrated gradients")
    add("--seed", type=seed, default=0, help="seed of the sample and of the shuffled weights")
    add("--shard", type=shard, default="1/1", metavar="I/N", help="piece I of N of all, to join")
    add("--device", choices=DEVICES, default="auto", help="where to compute")
    add("--threads", type=int, help="threads; torch's own choice by default")
    add("--output", type=Path, required=True, help="folder to write to")


def check_options(args: argparse.Namespace) -> None:
    """Check what the parser cannot.

    Raises:
        InputError: A number is too small, or what to explain is not clear.
    """
    least = {"most": 0, "right": 0, "sample": 1, "window": 1, "steps": 2}
    for name, low in least.items():
        if getattr(args, name) < low:
            mend = f"give a whole number from {low} on"
            raise InputError("arguments", f"is {getattr(args, name)}", mend, f"--{name}")
    given = [getattr(args, name) is not None for name in TABLES]
    if any(given) if args.fasta else not all(given):
        mend = "give IN.fa, or --predictions, --split, --transcripts and --mistakes"
        raise InputError("arguments", "what to explain is not clear", mend)


def run(args: argparse.Namespace) -> None:
    """Run the step."""
    check_options(args)
    predictor = Predictor.from_pretrained(args.model, args.device, args.threads)
    if args.fasta is not None:
        asked = from_fasta(args.fasta, predictor, args.most)
    else:
        files = {name: getattr(args, name) for name in TABLES}
        asked = from_dataset(files, args.part, predictor, args.most, args.right)
    options = Options(args.sample, args.window, args.steps, args.seed)
    piece = explain(predictor, asked, args.output, options, args.shard)
    if args.shard == WHOLE:
        write_together(piece, args.output)
    else:
        save_piece(piece, args.shard, args.output)
