"""Boosted trees over the composition of sequences: they see other things than a network does.

scikit-learn grows them; they are kept as plain arrays, so that a checkpoint needs no pickle, and a
prediction needs numpy alone. Thresholds and values are rounded to fp32, thresholds so that no
sequence, whose features are fp32 too, goes another way.
"""

import argparse
import logging
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from circlet.arguments import seed
from circlet.composition import SIZE
from circlet.errors import InputError
from circlet.files import atomic_path, reading
from circlet.model.tokens import TokenStore, add_store_arguments, store_files
from circlet.tables import TRAIN

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier

log = logging.getLogger(__name__)

# More and smaller trees than the baseline's, each split of which sees few of the features: on the
# validation part better than its settings against lncRNAs and against linear exons.
SETTINGS = {
    "max_iter": 600,
    "learning_rate": 0.03,
    "max_leaf_nodes": 15,
    "min_samples_leaf": 40,
    "max_features": 0.1,
    "l2_regularization": 10.0,
    "class_weight": "balanced",
    # Off, as it is for few sequences: how many there are shall not change the method.
    "early_stopping": False,
}
SEQUENCES_AT_ONCE = 32  # so that what is worked on stays in the processor's cache
MEND = "train the run again, or name the folder of a whole checkpoint"


@dataclass(frozen=True)
class Trees:
    """Boosted trees (Friedman 2001, Ann. Stat. 29:1189), every node of which is a row.

    Attributes:
        roots: Row of each tree's root, int64 (trees,).
        feature: Number of the feature that a node asks for, int64 (nodes,).
        threshold: A sequence with at most this goes left, float64 (nodes,).
        left: Row of the left child, or the node's own if it is a leaf, int64 (nodes,).
        right: Likewise.
        value: What a leaf adds to the logit, float64 (nodes,).
        baseline: The logit before any tree, float64 (1,).
    """

    roots: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    value: np.ndarray
    baseline: np.ndarray

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Score sequences.

        Args:
            features: `circlet.composition` of each, shape (sequences, 356).

        Returns:
            Logits of the class circRNA, shape (sequences,), float64.
        """
        logits = np.empty(len(features))
        for start in range(0, len(features), SEQUENCES_AT_ONCE):
            some = features[start : start + SEQUENCES_AT_ONCE]
            steps = np.empty((len(some), 1 + len(self.roots)))
            steps[:, 0] = self.baseline[0]
            steps[:, 1:] = self.value.take(self._leaves(some))
            # Added up one tree after the other: the rounding does not depend on how many there are.
            logits[start : start + SEQUENCES_AT_ONCE] = steps.cumsum(axis=1)[:, -1]
        return logits

    def _leaves(self, features: np.ndarray) -> np.ndarray:
        """Row of the leaf of every tree that each sequence ends in, (sequences, trees)."""
        values = features.ravel()
        begins = np.arange(len(features), dtype=np.int32)[:, None] * features.shape[1]
        node = np.tile(self.roots.astype(np.int32), (len(features), 1))
        while True:  # all trees go down by one node at a time
            goes_left = values.take(self._feature.take(node) + begins) <= self.threshold.take(node)
            child = self._children.take(2 * node + goes_left)
            if np.array_equal(child, node):
                return node
            node = child

    @cached_property
    def _feature(self) -> np.ndarray:
        """As `feature`, in less memory, int32."""
        return self.feature.astype(np.int32)

    @cached_property
    def _children(self) -> np.ndarray:
        """Right and left child of each node in turn, int32 (2 * nodes,)."""
        return np.stack([self.right, self.left], axis=1).astype(np.int32).ravel()

    @classmethod
    def of(cls, classifier: "HistGradientBoostingClassifier") -> Self:
        """Copy what a fitted classifier has grown for two classes and numbers without gaps."""
        # Not public, so held to its own decision function by a test.
        grown = [predictors[0].nodes for predictors in classifier._predictors]
        roots = np.cumsum([0, *map(len, grown)])[:-1]
        nodes, shift = np.concatenate(grown), np.repeat(roots, [len(each) for each in grown])
        own, is_leaf = np.arange(len(nodes)), nodes["is_leaf"].astype(bool)
        return cls(
            roots=roots,
            feature=nodes["feature_idx"].astype(np.int64),
            threshold=_round_down(nodes["num_threshold"]),
            left=np.where(is_leaf, own, nodes["left"] + shift),
            right=np.where(is_leaf, own, nodes["right"] + shift),
            value=nodes["value"].astype(np.float32).astype(np.float64),
            baseline=np.asarray(classifier._baseline_prediction, dtype=np.float64).reshape(1),
        )

    def to_bytes(self) -> bytes:
        """Give the content of a safetensors file."""
        row = np.int16 if len(self.value) < 1 << 15 else np.int32
        # Less than half of what the arrays take at work.
        dtypes = {
            "roots": row,
            "feature": np.int16,
            "threshold": np.float32,
            "left": row,
            "right": row,
            "value": np.float32,
            "baseline": np.float64,
        }
        return save({name: getattr(self, name).astype(dtype) for name, dtype in dtypes.items()})

    @classmethod
    def of_bytes(cls, content: bytes, where: str | Path) -> Self:
        """Read trees from the content of a safetensors file; `where` names it in errors.

        Raises:
            InputError: The content is damaged, or describes no trees.
        """
        try:
            trees = cls(**{name: _widen(array) for name, array in load(content).items()})
        # A KeyError tells of a type of numbers that numpy lacks.
        except (SafetensorError, KeyError, ValueError) as error:
            raise InputError(where, f"not a whole safetensors file ({error})", MEND) from None
        except TypeError as error:
            raise InputError(where, f"holds no trees ({error})", MEND) from None
        if not trees._is_sound():
            raise InputError(where, "holds no trees over the composition of sequences", MEND)
        return trees

    def save(self, path: str | Path) -> None:
        """Write the trees as safetensors, atomically."""
        with atomic_path(path) as temporary:
            temporary.write_bytes(self.to_bytes())

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read trees.

        Raises:
            InputError: The file is missing or damaged, or describes no trees.
        """
        with reading(path):
            return cls.of_bytes(Path(path).read_bytes(), path)

    def _is_sound(self) -> bool:
        """Whether every path ends: children stand behind their node, and leaves are their own."""
        count = len(self.value)
        own = np.arange(count)
        whole = (self.roots, self.feature, self.left, self.right)
        numbers = (self.threshold, self.value, self.baseline)
        return (
            all(array.dtype == np.int64 and array.ndim == 1 for array in whole)
            and all(array.dtype == np.float64 and array.ndim == 1 for array in numbers)
            and all(len(getattr(self, field.name)) == count for field in fields(self)[1:-1])
            and self.baseline.shape == (1,)
            and bool(((self.roots >= 0) & (self.roots < count)).all())
            and bool(((self.feature >= 0) & (self.feature < SIZE)).all())
            and all(bool(((child >= own) & (child < count)).all()) for child in whole[2:])
            and bool(((self.left == own) == (self.right == own)).all())
            and bool(np.isfinite(self.value).all() and np.isfinite(self.baseline).all())
        )


def _round_down(thresholds: np.ndarray) -> np.ndarray:
    """The largest fp32 number up to each: of features in fp32 the same are at most that."""
    rounded = thresholds.astype(np.float32)
    above = rounded > thresholds
    rounded[above] = np.nextafter(rounded[above], np.float32(-np.inf))
    return rounded.astype(np.float64)


def _widen(array: np.ndarray) -> np.ndarray:
    """Make whole numbers int64, others float64: quicker to work with."""
    return array.astype(np.int64 if array.dtype.kind in "iu" else np.float64)


def blend(logits: np.ndarray, others: np.ndarray, weight: float) -> np.ndarray:
    """Join the raw scores of networks and of trees.

    Args:
        logits: Of the networks, shape (sequences,).
        others: Of the trees, likewise.
        weight: The trees' share, 0 to 1.

    Returns:
        Shape (sequences,), float64.
    """
    return (1 - weight) * logits + weight * others


def fit_weight(logits: np.ndarray, others: np.ndarray, classes: np.ndarray) -> float:
    """Find the share of the trees that foretells the classes best: stacking.

    By logistic regression on both scores (Wolpert 1992, Neural Networks 5:241), on sequences that
    neither was fitted on.

    Args:
        logits: Raw scores of the networks, shape (sequences,).
        others: Those of the trees, likewise.
        classes: 0 or 1, likewise; both occur.

    Returns:
        From 0, the networks alone, to 1, the trees alone.
    """
    from sklearn.linear_model import LogisticRegression

    scores = np.column_stack([logits, others])
    spread = np.maximum(scores.std(axis=0), np.finfo(float).tiny)
    fitted = LogisticRegression().fit(scores / spread, classes)
    of_networks, of_trees = np.maximum(fitted.coef_[0] / spread, 0)
    total = of_networks + of_trees
    return float(of_trees / total) if total > 0 else 0.5


def grow(store: TokenStore, seed: int) -> Trees:
    """Grow trees on the training part; the classes are weighted to balance.

    Args:
        store: Descriptors of the dataset.
        seed: Seed of scikit-learn.

    Raises:
        InputError: The part lacks a class.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    store.check_classes(TRAIN)
    rows = store.rows(TRAIN)
    classifier = HistGradientBoostingClassifier(**SETTINGS, random_state=seed)
    return Trees.of(classifier.fit(store.features[rows], store.classes[rows]))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    add_store_arguments(parser)
    parser.add_argument("--seed", type=seed, default=1, help="seed of scikit-learn")
    parser.add_argument("--output", required=True, help="the trees, safetensors")


def run(args: argparse.Namespace) -> None:
    """Run the step."""
    store = TokenStore.load(*store_files(args))
    trees = grow(store, args.seed)
    trees.save(args.output)
    log.info("%d trees of %s nodes", len(trees.roots), f"{len(trees.value):,}")
