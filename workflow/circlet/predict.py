"""Classify sequences with a checkpoint: the only door to inference."""

import argparse
import copy
import itertools
import logging
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import pandas as pd
import torch

from circlet.calls import write_calls
from circlet.composition import compose_any
from circlet.data.sources.fasta import read_identified
from circlet.errors import InputError
from circlet.files import read_table, write_table
from circlet.model.attribution import STEPS, Attribution, attribute, shuffle_weights
from circlet.model.checkpoint import Checkpoint
from circlet.model.rollout import roll_out
from circlet.model.runtime import DEVICES, choose_device, set_up
from circlet.model.scoring import BATCH_TOKENS, member_logits
from circlet.model.trees import blend
from circlet.parts import with_parts
from circlet.progress import Progress
from circlet.shards import WHOLE, Shard, shard, take
from circlet.tables import MODEL, NEGATIVE, POSITIVE, PREDICTION_COLUMNS, SPLIT_COLUMNS

log = logging.getLogger(__name__)

TREES = "trees"  # name of that member
CHUNK_RECORDS = 512  # read ahead, so that sequences of like length share a batch


class Prediction(NamedTuple):
    """What the model says of one sequence.

    Attributes:
        id: Identifier of the record.
        p_circrna: Probability of a circRNA; NaN if the sequence cannot be scored.
        call: `circRNA`, `lncRNA`, or empty if it cannot be scored.
    """

    id: str
    p_circrna: float
    call: str


class Predictor:
    """Scores sequences: the calibrated scores of networks, and of trees if there are any.

    Args:
        checkpoint: The trained model.
        device: Where to compute.
        batch_tokens: Most tokens in a batch; bounds the memory, not the result.
    """

    def __init__(
        self, checkpoint: Checkpoint, device: torch.device, batch_tokens: int = BATCH_TOKENS
    ) -> None:
        self.checkpoint, self.device, self.batch_tokens = checkpoint, device, batch_tokens
        for member in checkpoint.members:
            member.to(device)

    @classmethod
    def from_pretrained(cls, folder: str | Path, device: str = "auto") -> Self:
        """Load a checkpoint folder.

        Args:
            folder: Such as `results/models/main`.
            device: `auto`, `cpu`, `cuda` or `mps`.

        Raises:
            InputError: The checkpoint is damaged or the device is not there.
        """
        chosen = choose_device(device)
        return cls(Checkpoint.load(folder), chosen)

    def predict_proba(self, sequences: Sequence[str]) -> np.ndarray:
        """Give the probability that each sequence is a circRNA.

        Args:
            sequences: Bases, DNA or RNA, any case.

        Returns:
            Probabilities, shape (sequences,), float64; NaN for a sequence with fewer unambiguous
            bases than the shortest that the model was trained on.
        """
        return self.predict_members(sequences)[MODEL]

    def predict_members(self, sequences: Sequence[str]) -> dict[str, np.ndarray]:
        """Give the probabilities of the model, and those that each of its members has alone.

        A member's raw score goes through the calibration of the model, which was fitted to the
        scores of all together.

        Args:
            sequences: Bases, DNA or RNA, any case.

        Returns:
            `model`, and each member by its name, such as `seed1` or `trees`: probabilities as of
            `predict_proba`.
        """
        found = self.score_members(sequences)
        for scores in found.values():
            is_scored = ~np.isnan(scores)
            scores[is_scored] = self.checkpoint.calibration(scores[is_scored])
        return found

    def score_members(self, sequences: Sequence[str]) -> dict[str, np.ndarray]:
        """Give the raw scores of the model and of each of its members: log-odds of a circRNA.

        Args:
            sequences: Bases, DNA or RNA, any case.

        Returns:
            As of `predict_members`, before the calibration; NaN where there is no probability
            either.
        """
        checkpoint = self.checkpoint
        bases = map(unambiguous_bases, sequences)
        is_scored = np.array([count >= checkpoint.min_length for count in bases], dtype=bool)
        scored = list(itertools.compress(sequences, is_scored))
        features = compose_any(scored)
        logits = member_logits(
            checkpoint.members,
            [checkpoint.vocabulary.encode(sequence) for sequence in scored],
            features,
            checkpoint.config.max_tokens,
            self.device,
            self.batch_tokens,
        )
        of = {MODEL: logits.mean(axis=0), **dict(zip(checkpoint.names, logits, strict=True))}
        if checkpoint.trees is not None:
            of[TREES] = checkpoint.trees(features)
            of[MODEL] = blend(of[MODEL], of[TREES], checkpoint.tree_weight)
        found = {name: np.full(len(sequences), np.nan) for name in of}
        for name, values in of.items():
            found[name][is_scored] = values
        return found

    def scores(self, sequences: Sequence[str]) -> np.ndarray:
        """Give the raw score of each sequence: log-odds of a circRNA, before the calibration.

        Args:
            sequences: Bases, DNA or RNA, any case.

        Returns:
            Joined logits of networks and trees, shape (sequences,), float64; NaN where there is no
            probability either.
        """
        return self.score_members(sequences)[MODEL]

    def can_explain(self, sequence: str) -> bool:
        """Whether a sequence is of ACGT alone and long enough for its call to be explained."""
        shortest = max(self.checkpoint.min_length, self.checkpoint.vocabulary.k, 2)
        return len(sequence) >= shortest and set(sequence) <= set("ACGT")

    def attribute(self, sequence: str, steps: int = STEPS) -> Attribution:
        """Share out the networks' score of a sequence over its bases and descriptors.

        The trees have no part in it.

        Args:
            sequence: Bases, DNA or RNA, any case, at least as many as a k-mer has.
            steps: Points of the integration: more are more exact and take longer.
        """
        features = compose_any([sequence])[0]
        about = (sequence, features, self.checkpoint.config.max_tokens, self.device)
        members, vocabulary = self.checkpoint.members, self.checkpoint.vocabulary
        return attribute(members, vocabulary, *about, steps, self.batch_tokens)

    def roll_out(self, sequence: str) -> np.ndarray | None:
        """Tell where the networks' attention looks, (bases,); None of `text_transformer`."""
        features = compose_any([sequence])[0]
        about = (sequence, features, self.checkpoint.config.max_tokens, self.device)
        return roll_out(self.checkpoint.members, self.checkpoint.vocabulary, *about)

    def shuffled(self, seed: int) -> Self:
        """Give the same model with the weights of its networks permuted: it knows nothing."""
        checkpoint = copy.deepcopy(self.checkpoint)
        generator = torch.Generator().manual_seed(seed)
        for member in checkpoint.members:
            shuffle_weights(member, generator)
        return type(self)(checkpoint, self.device, self.batch_tokens)

    def call(self, p_circrna: float) -> str:
        """Name the class of a probability at the model's threshold; empty for NaN."""
        if np.isnan(p_circrna):
            return ""
        return POSITIVE if p_circrna >= self.checkpoint.threshold else NEGATIVE

    def predict(self, records: Iterable[tuple[str, str]]) -> Iterator[Prediction]:
        """Classify records as they come, in their order.

        Args:
            records: Identifiers and sequences.

        Yields:
            One prediction a record.
        """
        records = iter(records)
        while chunk := list(itertools.islice(records, CHUNK_RECORDS)):
            probabilities = self.predict_proba([sequence for _, sequence in chunk])
            for (identifier, _), probability in zip(chunk, probabilities, strict=True):
                yield Prediction(identifier, float(probability), self.call(probability))


def unambiguous_bases(sequence: str) -> int:
    """Number of letters that are A, C, G, T or U."""
    return sum(map(sequence.upper().count, "ACGTU"))


def predict_fasta(
    predictor: Predictor, fasta: str | Path, output: str | Path, piece: Shard = WHOLE
) -> None:
    """Classify the records of a FASTA file into a table with `CALL_COLUMNS`.

    Args:
        predictor: The model.
        fasta: The file; of a piece alone it is read twice, so a pipe will not do.
        output: Where to write.
        piece: Of the file's chunks, so that each is classified in the company it has in the whole.

    Raises:
        InputError: The file is broken in structure, in or outside the piece; no table is written
            then.
    """
    records = take(lambda: read_identified(fasta), piece, CHUNK_RECORDS)
    calls = predictor.predict((identifier, sequence) for identifier, _, sequence in records)
    write_calls(output, calls, fasta, predictor.checkpoint.min_length)


def predict_dataset(
    predictor: Predictor, transcripts: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Classify every transcript of the dataset.

    Args:
        predictor: The model.
        transcripts: The dataset, with `id`, `source`, `label`, `sequence` and `part`.

    Returns:
        A table with `PREDICTION_COLUMNS`, and one with `id` and the probability that each member of
        the model has alone, a column each; both in the order of the dataset.
    """
    sequences, found = transcripts["sequence"].tolist(), []
    with Progress("classifying", len(sequences), "transcripts") as progress:
        for begin in range(0, len(sequences), CHUNK_RECORDS):
            found.append(predictor.predict_members(sequences[begin : begin + CHUNK_RECORDS]))
            progress.update(len(found[-1][MODEL]))
    members = {name: np.concatenate([chunk[name] for chunk in found]) for name in found[0]}
    p_circrna = members.pop(MODEL)
    table = transcripts.assign(
        length=transcripts["sequence"].str.len(),
        p_circrna=p_circrna,
        call=[predictor.call(probability) for probability in p_circrna],
    )
    return table[list(PREDICTION_COLUMNS)], pd.DataFrame({"id": transcripts["id"], **members})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    parser.add_argument("fasta", nargs="?", metavar="IN.fa[.gz]", help="sequences to classify")
    parser.add_argument("--model", required=True, help="checkpoint folder")
    parser.add_argument(
        "--shard", type=shard, default="1/1", metavar="I/N", help="piece I of N of the FASTA file"
    )
    parser.add_argument("--transcripts", help="instead of a FASTA file: the dataset, Parquet")
    parser.add_argument("--split", help="with --transcripts: its division, Parquet")
    parser.add_argument(
        "--members-output", help="with --transcripts: what each member says alone, Parquet"
    )
    parser.add_argument("--device", choices=DEVICES, default="auto", help="where to compute")
    parser.add_argument("--threads", type=int, help="threads; torch's own choice by default")
    parser.add_argument("--output", required=True, help="the table of calls, TSV, or .gz")


def check_arguments(args: argparse.Namespace) -> None:
    """Check what the parser cannot.

    Raises:
        InputError: What to classify is not clear.
    """
    if (args.fasta is None) == (args.transcripts is None) or bool(args.transcripts) != bool(
        args.split
    ):
        raise InputError(
            "arguments", "what to classify is not clear", "give IN.fa, or --transcripts and --split"
        )
    if args.shard != WHOLE and args.fasta is None:
        raise InputError("arguments", "is of a FASTA file", "give IN.fa, or leave it", "--shard")


def run(args: argparse.Namespace) -> None:
    """Run the step."""
    check_arguments(args)
    set_up(args.threads)
    predictor = Predictor.from_pretrained(args.model, args.device)
    if args.fasta is not None:
        predict_fasta(predictor, args.fasta, args.output, args.shard)
        return
    transcripts = read_table(args.transcripts, ("id", "source", "label", "sequence"))
    split = read_table(args.split, SPLIT_COLUMNS)
    transcripts = with_parts(transcripts, split, args.transcripts, args.split)
    predictions, members = predict_dataset(predictor, transcripts)
    write_table(args.output, predictions)
    if args.members_output:
        write_table(args.members_output, members)
