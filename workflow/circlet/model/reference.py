"""What a model was made of, as far as a prediction is to tell how far a sequence is from it.

No sequence is kept: hashes tell which were seen, two numbers each how training sequences are laid
out, and two limits what is unlike them. A sequence is unlike the training if either holds:

- its layout is rare: in the plane of the longest stretch without a stop codon and the nt beside
  it, both on a logarithmic scale, the distance to the 20th nearest training sequence (Ramaswamy
  et al. 2000, SIGMOD, "Efficient algorithms for mining outliers from large data sets") is larger
  than of 95 in 100 validation sequences. In circRNAs there is little beside the stretch, in lncRNAs
  the stretch is short; a whole mRNA has a long one and long untranslated regions beside it.
- it is of low complexity: the entropy of its 4-mers is lower than of 995 in 1,000 validation
  sequences, as of repeats.
"""

import logging
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save
from scipy.spatial import cKDTree

from circlet.composition import WORDS
from circlet.descriptors import DESCRIPTORS
from circlet.errors import InputError
from circlet.model.tokens import TokenStore
from circlet.tables import TRAIN, VALIDATION

NEIGHBOURS = 20
MOST_POINTS = 8192  # of the layouts that are kept
RARE_LAYOUT, LOW_COMPLEXITY = 0.05, 0.005  # shares of the validation part that are beyond a limit
SOFTENING = (30, 100)  # nt, so that nothing at all is not infinitely far from little
ARRAYS = {"hashes": "u", "lengths": "i", "layouts": "f", "limits": "f"}
MEND = "train the run again, or name the folder of a whole checkpoint"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reference:
    """What the sequences were like that a model was made of.

    Attributes:
        hashes: `circlet.hashes` of the sequences of the training and validation parts, ascending,
            uint64 (sequences,).
        lengths: Of the shortest and the longest of the training part, nt, int64 (2,).
        layouts: `layouts_of` sequences of the training part, float32 (points, 2).
        limits: Largest distance in their plane and lowest entropy of 4-mers (nats) of what is like
            the training, float64 (2,).
    """

    hashes: np.ndarray
    lengths: np.ndarray
    layouts: np.ndarray
    limits: np.ndarray

    @classmethod
    def of(cls, store: TokenStore) -> Self:
        """Describe the training and validation parts of a dataset."""
        index = store.index
        train, validation = store.rows(TRAIN), store.rows(VALIDATION)
        layouts = layouts_of(store.features[train])
        layouts = layouts[:: -(-len(layouts) // MOST_POINTS)]
        lengths = index["length"].to_numpy()[train]
        made = cls(
            np.sort(index["hash"].to_numpy(np.uint64)[np.concatenate([train, validation])]),
            np.array([lengths.min(), lengths.max()], dtype=np.int64),
            layouts,
            np.array([np.inf, 0.0]),
        )
        features = store.features[validation]
        limits = (
            np.quantile(made.distances(features), 1 - RARE_LAYOUT),
            np.quantile(entropies_of(features), LOW_COMPLEXITY),
        )
        log.info(
            "unlike the training are layouts further than %.3f and 4-mer entropies below %.3f",
            *limits,
        )
        return cls(made.hashes, made.lengths, layouts, np.array(limits))

    @cached_property
    def _plane(self) -> cKDTree:
        """The layouts, ready to be searched."""
        return cKDTree(self.layouts)

    def distances(self, features: np.ndarray) -> np.ndarray:
        """Distance of each sequence's layout to the 20th nearest of the training, (sequences,)."""
        nearest = min(NEIGHBOURS, len(self.layouts))
        found: np.ndarray = self._plane.query(layouts_of(features), k=[nearest])[0][:, 0]
        return found

    def is_unlike(self, features: np.ndarray) -> np.ndarray:
        """Tell which sequences are unlike the training; see the module.

        Args:
            features: `circlet.composition` of each, shape (sequences, 356).

        Returns:
            Shape (sequences,), bool.
        """
        furthest, lowest = self.limits
        is_rare, is_low = self.distances(features) > furthest, entropies_of(features) < lowest
        either: np.ndarray = is_rare | is_low
        return either

    def is_seen(self, hashes: np.ndarray) -> np.ndarray:
        """Tell which hashes, uint64 (sequences,), are of sequences that the model was made of."""
        places = np.searchsorted(self.hashes, hashes).clip(max=len(self.hashes) - 1)
        is_seen: np.ndarray = self.hashes[places] == hashes
        return is_seen

    def to_bytes(self) -> bytes:
        """Give the content of a safetensors file."""
        # safetensors writes the memory as it lies, whatever it is a view of.
        return save({name: np.ascontiguousarray(getattr(self, name)) for name in ARRAYS})

    @classmethod
    def of_bytes(cls, content: bytes, where: str | Path) -> Self:
        """Read it from the content of a safetensors file; `where` names it in errors.

        Raises:
            InputError: The content is damaged, or is something else.
        """
        try:
            arrays = load(content)
        # A KeyError tells of a type of numbers that numpy lacks.
        except (SafetensorError, KeyError, ValueError) as error:
            raise InputError(where, f"not a whole safetensors file ({error})", MEND) from None
        kinds = {name: array.dtype.kind for name, array in arrays.items()}
        if kinds != ARRAYS or not cls(**arrays)._is_sound():
            raise InputError(where, "does not tell what a model was made of", MEND)
        return cls(**arrays)

    def _is_sound(self) -> bool:
        """Whether shapes and order are as they have to be."""
        return (
            self.hashes.ndim == 1
            and len(self.hashes) > 0
            and bool((self.hashes[1:] >= self.hashes[:-1]).all())
            and self.lengths.shape == self.limits.shape == (2,)
            and self.layouts.ndim == 2
            and self.layouts.shape[1] == 2
            and len(self.layouts) > 0
            and bool(np.isfinite(self.layouts).all() and np.isfinite(self.limits).all())
        )


def layouts_of(features: np.ndarray) -> np.ndarray:
    """Logarithms of the longest stretch without a stop codon and of what is beside it.

    Args:
        features: `circlet.composition` of each sequence, shape (sequences, 356).

    Returns:
        Shape (sequences, 2), float32.
    """
    length = np.exp(features[:, DESCRIPTORS.index("log_length")].astype(np.float64))
    stretch = length * features[:, DESCRIPTORS.index("stop_free_linear_1")]
    both = np.stack([stretch, length - stretch], axis=1)
    return np.log(both.clip(min=0) + SOFTENING).astype(np.float32)


def entropies_of(features: np.ndarray) -> np.ndarray:
    """Entropy of each sequence's 4-mers in nats, shape (sequences,), float64."""
    first = len(DESCRIPTORS)
    shares = features[:, first : first + WORDS].astype(np.float64)
    negative: np.ndarray = (shares * np.log(np.where(shares > 0, shares, 1))).sum(axis=1)
    return -negative
