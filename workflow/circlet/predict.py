"""Classify sequences with a trained model: the only door to inference.

torch is imported only where a model needs it: an ONNX file is computed by ONNX Runtime alone.
"""

import copy
import itertools
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self

import numpy as np

from circlet.calls import Prediction
from circlet.chunks import Record, chunks
from circlet.composition import compose_any
from circlet.data.records import Entry
from circlet.errors import InputError
from circlet.flags import flags_of
from circlet.hashes import hash_sequences
from circlet.model.attributed import Attribution
from circlet.model.description import MEND, Description
from circlet.model.trees import blend
from circlet.models import find_model
from circlet.pipelining import ahead, in_order
from circlet.preparation import STRANDS, Prepared, prepare
from circlet.tables import MODEL, NEGATIVE, POSITIVE

if TYPE_CHECKING:
    import torch

    from circlet.model.checkpoint import Checkpoint
    from circlet.model.torch_networks import TorchNetworks

TREES = "trees"  # name of that member
CHUNKS_AHEAD = 2
STEPS = 64  # of the integration of attributions


class Networks(Protocol):
    """What computes the networks of a model on one device."""

    def __call__(self, sequences: Sequence[np.ndarray], features: np.ndarray) -> np.ndarray:
        """Give the logits of sequences, (networks, sequences), by their tokens and descriptors."""


class Predictor:
    """Scores sequences: the calibrated scores of networks, and of trees if there are any.

    Args:
        description: All of the model but its networks.
        networks: These, on each of the devices that share the work.
    """

    def __init__(self, description: Description, networks: Sequence[Networks]) -> None:
        self.description, self.networks = description, list(networks)

    @classmethod
    def from_pretrained(
        cls,
        model: str | Path | None = None,
        device: str = "auto",
        threads: int | None = None,
        gpus: int | None = 1,
    ) -> Self:
        """Load a model; torch, where it is needed, is then set to repeat itself to the bit.

        Args:
            model: A checkpoint folder, such as `results/models/main`, or a file that
                `circlet export` made; the model that ships with the package by default.
            device: `auto`, `cpu`, `cuda` or `mps`.
            threads: Threads of one operation; the library's own choice by default.
            gpus: With `cuda`, how many GPUs share the records; None for all.

        Raises:
            InputError: The model is missing, damaged or changed, or the device is not there.
        """
        path = find_model(model)
        if path.is_file():
            return cls._from_onnx(path, device, threads)
        from circlet.model.checkpoint import Checkpoint
        from circlet.model.runtime import choose_devices, set_up

        devices = choose_devices(device, gpus)
        set_up(threads, is_strict=devices[0].type != "cpu")
        return cls.of_checkpoint(Checkpoint.load(path), devices)

    @classmethod
    def of_checkpoint(cls, checkpoint: "Checkpoint", devices: "Sequence[torch.device]") -> Self:
        """Take a checkpoint that is loaded; its networks are moved to the last of the devices."""
        from circlet.model.torch_networks import TorchNetworks

        description = checkpoint.description
        sets = [copy.deepcopy(checkpoint.members) for _ in devices[:-1]] + [checkpoint.members]
        pairs = zip(sets, devices, strict=True)
        return cls(
            description,
            [TorchNetworks(members, description.max_tokens, device) for members, device in pairs],
        )

    @classmethod
    def _from_onnx(cls, path: Path, device: str, threads: int | None) -> Self:
        """Load a model of one file."""
        from circlet.model.onnx_model import load_onnx

        description, networks = load_onnx(path, device, threads)
        return cls(description, [networks])

    @property
    def min_length(self) -> int:
        """Unambiguous bases that a sequence needs for a call."""
        return self.description.min_length

    @property
    def threshold(self) -> float:
        """The model's own: a probability at or above it is called circRNA."""
        return self.description.threshold

    def predict(
        self,
        records: Iterable[Record],
        threshold: float | None = None,
        both_strands: bool = False,
        read_ahead: bool = False,
    ) -> Iterator[Prediction]:
        """Classify records as they come, in their order, with bounded memory.

        Bases are DNA or RNA in any case. A k-mer with another IUPAC code, such as N, is unknown.
        A record without a call has the reason first among its `flags`:

        - `too_long`: longer than what is read of a record of a file;
        - `not_nucleotides`: has letters that are no IUPAC codes, such as those of a protein;
        - `too_short`: has fewer unambiguous bases than the shortest that the model was trained on.

        `circlet.flags` tells the others.

        Args:
            records: Pairs of id and sequence, entries of `read_sequences`, or Biopython's
                SeqRecords.
            threshold: Call a circRNA from this probability on; the model's own by default.
            both_strands: Of input whose strand is not known: score each sequence and its reverse
                complement, and tell the strand of the higher probability.
            read_ahead: Take records in a thread of their own, for what is read from a file.

        Yields:
            One prediction a record.

        Raises:
            InputError: The records end in one, or one is no record: after the predictions of those
                before it.
        """
        judge = partial(self._judge, threshold=threshold, both_strands=both_strands)
        work = in_order(
            ahead(chunks(records), CHUNKS_AHEAD) if read_ahead else chunks(records),
            partial(self._prepare, both_strands=both_strands),
            [partial(judge, networks=each) for each in self.networks],
        )
        for predictions in work:
            yield from predictions

    def predict_proba(self, sequences: Sequence[str]) -> np.ndarray:
        """Give the probability that each sequence is a circRNA.

        Args:
            sequences: Bases, DNA or RNA, any case.

        Returns:
            Probabilities, shape (sequences,), float64; NaN for a sequence without a call, see
            `predict`.
        """
        return self.predict_members(sequences)[MODEL]

    def predict_members(self, sequences: Iterable[str]) -> dict[str, np.ndarray]:
        """Give the probabilities of the model, and those that each of its members has alone.

        A member's raw score goes through the calibration of the model, which was fitted to the
        scores of all together.

        Args:
            sequences: Bases, DNA or RNA, any case.

        Returns:
            `model`, and each member by its name, such as `seed1` or `trees`: probabilities as of
            `predict_proba`.
        """
        return self._calibrate(self.score_members(sequences))

    def score_members(self, sequences: Iterable[str]) -> dict[str, np.ndarray]:
        """Give the raw scores of the model and of each of its members: log-odds of a circRNA.

        Args:
            sequences: Bases, DNA or RNA, any case.

        Returns:
            As of `predict_members`, before the calibration; NaN where there is no probability
            either.
        """
        records = (("", sequence) for sequence in sequences)
        found = [self._score(self._prepare(chunk), self.networks[0]) for chunk in chunks(records)]
        if not found:
            found = [self._score(self._prepare([[]]), self.networks[0])]
        return {name: np.concatenate([scores[name] for scores in found]) for name in found[0]}

    def scores(self, sequences: Sequence[str]) -> np.ndarray:
        """Give the raw score of each sequence: log-odds of a circRNA, before the calibration.

        Args:
            sequences: Bases, DNA or RNA, any case.

        Returns:
            Joined logits of networks and trees, shape (sequences,), float64; NaN where there is no
            probability either.
        """
        return self.score_members(sequences)[MODEL]

    def call(self, p_circrna: float, threshold: float | None = None) -> str:
        """Name the class of a probability at the model's threshold or another; empty for NaN."""
        if np.isnan(p_circrna):
            return ""
        limit = self.threshold if threshold is None else threshold
        return POSITIVE if p_circrna >= limit else NEGATIVE

    def _prepare(self, windows: Sequence[list[Entry]], both_strands: bool = False) -> Prepared:
        """Do what no device is needed for."""
        return prepare(windows, self.description.vocabulary, self.min_length, both_strands)

    def _score(self, chunk: Prepared, networks: Networks) -> dict[str, np.ndarray]:
        """Give the raw scores of a chunk's sequences, as `score_members` does."""
        about, ends = self.description, np.cumsum([0, *chunk.windows]).tolist()
        logits = np.concatenate(
            [
                networks(chunk.tokens[start:end], chunk.features[start:end])
                for start, end in itertools.pairwise(ends)
            ],
            axis=1,
        )
        of = {MODEL: logits.mean(axis=0), **dict(zip(about.names, logits, strict=True))}
        if about.trees is not None:
            with np.errstate(over="ignore", invalid="ignore"):  # it shows in the score
                of[TREES] = about.trees(chunk.features)
                of[MODEL] = blend(of[MODEL], of[TREES], about.tree_weight)
        found = {name: np.full(len(chunk.is_scored), np.nan) for name in of}
        for name, values in of.items():
            if not np.isfinite(values).all():
                raise InputError("model", "its scores are no finite numbers", MEND, name)
            found[name][chunk.is_scored] = values
        return found

    def _calibrate(self, members: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Turn raw scores into probabilities, in place."""
        for scores in members.values():
            is_scored = ~np.isnan(scores)
            scores[is_scored] = self.description.calibration(scores[is_scored])
        return members

    def _judge(
        self, chunk: Prepared, networks: Networks, threshold: float | None, both_strands: bool
    ) -> list[Prediction]:
        """Make the predictions of a chunk."""
        members = self._calibrate(self._score(chunk, networks))
        p, alone = members[MODEL], [values for name, values in members.items() if name != MODEL]
        spread = np.std(alone, axis=0, ddof=1) if len(alone) > 1 else np.full(len(p), np.nan)
        reference = self.description.reference
        is_seen, is_unlike = np.zeros((2, len(p)), dtype=bool)
        scored = itertools.compress(chunk.sequences, chunk.is_scored)
        is_seen[chunk.is_scored] = reference.is_seen(hash_sequences(scored))
        is_unlike[chunk.is_scored] = reference.is_unlike(chunk.features)
        lengths = np.array([entry.length for entry in chunk.entries])
        is_outside = (lengths < reference.lengths[0]) | (lengths > reference.lengths[1])
        copies = len(STRANDS) if both_strands else 1
        best = p.reshape(-1, copies).argmax(axis=1)
        is_seen = np.asarray(is_seen.reshape(-1, copies).any(axis=1))  # whichever strand
        predictions = []
        for number, entry in enumerate(chunk.entries):
            row = number * copies + best[number]
            reason = chunk.reasons[number]
            about = (is_outside[number], is_seen[number], is_unlike[row])
            flags = flags_of(reason, chunk.letters[number], *about)
            call = "" if reason else self.call(p[row], threshold)
            probability, apart = float(p[row]), float(spread[row])
            told = Prediction(entry.id, entry.length, probability, call, apart, flags)
            if both_strands:
                other = number * copies + 1 - best[number]
                strand = "" if reason else STRANDS[best[number]]
                told = told._replace(strand=strand, p_other_strand=float(p[other]))
            predictions.append(told)
        return predictions

    def can_explain(self, sequence: str) -> bool:
        """Whether a sequence is of ACGT alone and long enough for its call to be explained."""
        shortest = max(self.min_length, self.description.vocabulary.k, 2)
        return len(sequence) >= shortest and set(sequence) <= set("ACGT")

    def attribute(self, sequence: str, steps: int = STEPS) -> Attribution:
        """Share out the networks' score of a sequence over its bases and descriptors.

        The trees have no part in it.

        Args:
            sequence: Bases, DNA or RNA, any case, at least as many as a k-mer has.
            steps: Points of the integration: more are more exact and take longer.
        """
        from circlet.model.attribution import attribute

        networks, features = self._of_torch(), compose_any([sequence])[0]
        about = (sequence, features, networks.max_tokens, networks.device)
        members, vocabulary = networks.members, self.description.vocabulary
        return attribute(members, vocabulary, *about, steps, networks.batch_tokens)

    def roll_out(self, sequence: str) -> np.ndarray | None:
        """Tell where the networks' attention looks, (bases,); None of `text_transformer`."""
        from circlet.model.rollout import roll_out

        networks, features = self._of_torch(), compose_any([sequence])[0]
        about = (sequence, features, networks.max_tokens, networks.device)
        return roll_out(networks.members, self.description.vocabulary, *about)

    def shuffled(self, seed: int) -> Self:
        """Give the same model with the weights of its networks permuted: it knows nothing."""
        import torch

        from circlet.model.attribution import shuffle_weights

        networks = copy.copy(self._of_torch())
        networks.members = copy.deepcopy(networks.members)
        generator = torch.Generator().manual_seed(seed)
        for member in networks.members:
            shuffle_weights(member, generator)
        return type(self)(self.description, [networks])

    def _of_torch(self) -> "TorchNetworks":
        """Give the networks that can be looked into.

        Raises:
            InputError: They are in an ONNX file.
        """
        from circlet.model.torch_networks import TorchNetworks

        networks = self.networks[0]
        if not isinstance(networks, TorchNetworks):
            mend = "give the checkpoint folder that the file was exported from"
            raise InputError("model", "an ONNX file cannot be explained", mend)
        return networks
