"""What a network reads at once, as tensors of torch."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from circlet.model.padding import pad


class Batch(NamedTuple):
    """What a network reads at once.

    Attributes:
        tokens: Token ids, shape (sequences, padded length), int64.
        features: Descriptors, shape (sequences, descriptors), float32.
    """

    tokens: Tensor
    features: Tensor


def collate(
    sequences: Sequence[np.ndarray], features: np.ndarray, max_tokens: int, multiple: int = 1
) -> Batch:
    """Pad token sequences to one length.

    Args:
        sequences: Token ids of each sequence.
        features: Descriptors of each sequence, shape (sequences, descriptors).
        max_tokens: Longer sequences lose their middle; see `crop_ends`.
        multiple: The padded length is a multiple of this, and so is the length of what is cropped.

    Returns:
        The batch, on the CPU; it shares no memory with the arguments.
    """
    padded = pad(sequences, max_tokens, multiple)
    return Batch(torch.from_numpy(padded), torch.from_numpy(np.array(features, dtype=np.float32)))
