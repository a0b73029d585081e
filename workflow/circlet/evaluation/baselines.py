"""Baselines that a transformer must beat: simple features and a classifier, and a memoriser."""

import argparse
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.base import ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from circlet.arguments import seed
from circlet.composition import compose
from circlet.descriptors import MINIMUM_LENGTH, describe, longest_stop_free_fraction
from circlet.errors import InputError
from circlet.files import read_table, write_table
from circlet.parts import with_parts
from circlet.shared_kmers import look_up
from circlet.tables import (
    EXTERNAL,
    LABELS,
    NEGATIVE,
    POSITIVE,
    PREDICTION_COLUMNS,
    SPLIT_COLUMNS,
    TRAIN,
    VALIDATION,
)
from circlet.thresholds import choose_threshold

DEFAULT_THRESHOLD = 0.5
SOURCE_COLUMNS = ("id", "source", "label", "sequence")  # of the transcripts, what is read

log = logging.getLogger(__name__)


def lengths(sequences: Sequence[str]) -> np.ndarray:
    """Lengths of (n,) sequences in nt."""
    return np.array([len(sequence) for sequence in sequences])


def boosting(seed: int) -> ClassifierMixin:
    """Gradient-boosted trees on histograms, the classes weighted to balance."""
    return HistGradientBoostingClassifier(
        max_iter=300, learning_rate=0.06, class_weight="balanced", random_state=seed
    )


def logistic(seed: int) -> ClassifierMixin:
    """Logistic regression on standardised features, the classes weighted to balance.

    On one feature its ranking is the feature's own: it only finds the direction and the threshold.
    """
    return make_pipeline(
        StandardScaler(), LogisticRegression(class_weight="balanced", random_state=seed)
    )


@dataclass(frozen=True)
class Fitted:
    """A classifier fitted on features of sequences.

    Attributes:
        features: Turns (n,) sequences into features, (n,) or (n, features).
        estimator: Makes an unfitted classifier from a seed.
    """

    features: Callable[[Sequence[str]], np.ndarray | pd.DataFrame]
    estimator: Callable[[int], ClassifierMixin]

    def __call__(self, transcripts: pd.DataFrame, seed: int) -> np.ndarray:
        """Fit on the training part and classify every transcript; see `Baseline`."""
        features = np.asarray(self.features(transcripts["sequence"].tolist()), dtype=float)
        features = features.reshape(len(transcripts), -1)
        is_train, is_circrna = _train_and_class(transcripts)
        classifier = self.estimator(seed).fit(features[is_train], is_circrna[is_train])
        p_circrna: np.ndarray = classifier.predict_proba(features)[:, 1]
        return p_circrna


def memorise(transcripts: pd.DataFrame, seed: int) -> np.ndarray:
    """Look the 31-mers of every transcript up among those of training; see `Baseline`.

    It knows nothing but what it saw: what it scores is what a split leaks. The mean vote of
    `look_up`, from -1 to 1, is taken for a probability from 0 to 1; what shares no 31-mer with
    training has one half.
    """
    is_train, is_circrna = _train_and_class(transcripts)
    every = np.ones((1, len(transcripts)), dtype=bool)
    _, votes = look_up(transcripts["sequence"].tolist(), is_circrna, is_train[None], every)
    shares: np.ndarray = (1 + votes[0]) / 2
    return shares


def _train_and_class(transcripts: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Whether each transcript is of the training part, and a circRNA, both bool (n,)."""
    is_train = (transcripts["part"] == TRAIN).to_numpy(bool)
    return is_train, (transcripts["label"] == POSITIVE).to_numpy(bool)


# A way to classify sequences without a network: learns from the part `train` of transcripts with
# `sequence`, `label` and `part`, in which both labels occur, by a seed, and gives the probability
# to be a circRNA of all of them, (n,), in row order.
Baseline = Callable[[pd.DataFrame, int], np.ndarray]

BASELINES: dict[str, Baseline] = {
    "length": Fitted(lengths, boosting),
    "stop_free": Fitted(longest_stop_free_fraction, logistic),
    "descriptors": Fitted(describe, boosting),
    "composition": Fitted(compose, boosting),
    "memoriser": memorise,
}


def threshold_of(transcripts: pd.DataFrame, p_circrna: np.ndarray) -> float:
    """Choose the threshold of the call on the validation part, as that of a run is.

    Args:
        transcripts: With `label` and `part`.
        p_circrna: Their probabilities, (n,).

    Returns:
        The threshold; 0.5, which suits balanced weights, if the part lacks a label.
    """
    rows = (transcripts["part"] == VALIDATION).to_numpy(bool)
    classes = (transcripts["label"] == POSITIVE).to_numpy(np.int64)[rows]
    if len(set(classes)) < len(LABELS):
        log.warning("The part %s lacks a label: calls begin at 0.5", VALIDATION)
        return DEFAULT_THRESHOLD
    return choose_threshold(p_circrna[rows], classes)


def load_transcripts(transcripts_path: Path, split_path: Path) -> pd.DataFrame:
    """Read the transcripts with their parts and check that a baseline can be fitted.

    Raises:
        InputError: A label or sequence is not what it should be, the tables do not fit each
            other, or the training part lacks a label.
    """
    transcripts = with_parts(
        read_table(transcripts_path, SOURCE_COLUMNS),
        read_table(split_path, SPLIT_COLUMNS),
        transcripts_path,
        split_path,
    )
    acgt = transcripts["sequence"].str.fullmatch(f"[ACGT]{{{MINIMUM_LENGTH},}}", na=False)
    for column, is_good in (("label", transcripts["label"].isin(LABELS)), ("sequence", acgt)):
        if not is_good.all():
            record = transcripts["id"][~is_good.to_numpy(bool)].iloc[0]
            raise InputError(
                transcripts_path, f"not a usable {column}", "make the dataset again", record
            )
    seen = set(transcripts["label"][transcripts["part"] == TRAIN])
    if missing := [label for label in LABELS if label not in seen]:
        raise InputError(
            split_path,
            f"the part train has no {' and no '.join(missing)}",
            "make the split again, or give more transcripts",
        )
    return transcripts


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    parser.add_argument("--transcripts", type=Path, required=True, help="table of transcripts")
    parser.add_argument("--split", type=Path, required=True, help="table of groups and parts")
    parser.add_argument("--baseline", choices=tuple(BASELINES), required=True, help="which one")
    parser.add_argument("--seed", type=seed, default=0, help="seed of the classifier")
    parser.add_argument("--external", type=Path, help="table of external sets, to classify as well")
    parser.add_argument("--external-output", type=Path, help="predictions for them to write")
    parser.add_argument("--output", type=Path, required=True, help="table of predictions to write")


def run(args: argparse.Namespace) -> None:
    """Fit a baseline on the training part and write its predictions for all transcripts."""
    if (args.external is None) != (args.external_output is None):
        raise InputError("--external", "goes with --external-output", "give both or neither")
    transcripts = load_transcripts(args.transcripts, args.split)
    if args.external:
        external = read_table(args.external, (*SOURCE_COLUMNS, "part"))
        transcripts = pd.concat([transcripts, external], ignore_index=True)
    p_circrna = BASELINES[args.baseline](transcripts, args.seed)
    threshold = threshold_of(transcripts, p_circrna)
    predictions = transcripts.assign(
        length=transcripts["sequence"].str.len(),
        p_circrna=p_circrna,
        call=np.where(p_circrna >= threshold, POSITIVE, NEGATIVE),
    )[list(PREDICTION_COLUMNS)]
    is_external = predictions["part"] == EXTERNAL
    write_table(args.output, predictions[~is_external])
    if args.external:
        write_table(args.external_output, predictions[is_external])
    log.info(
        "Baseline %s: %d transcripts classified, circRNA from %.4f on",
        args.baseline,
        len(predictions),
        threshold,
    )
