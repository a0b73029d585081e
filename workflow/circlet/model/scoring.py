"""The raw score of an ensemble: the one way from tokens to numbers, whoever asks."""

from collections.abc import Sequence

import numpy as np
import torch

from circlet.model.network import Network
from circlet.model.padding import BATCH_TOKENS, score_in_batches


def ensemble_logits(
    members: Sequence[Network],
    sequences: Sequence[np.ndarray],
    features: np.ndarray,
    max_tokens: int,
    device: torch.device,
    batch_tokens: int = BATCH_TOKENS,
) -> np.ndarray:
    """Score sequences: the mean of the members' logits, shape (sequences,); see `member_logits`."""
    of_members = member_logits(members, sequences, features, max_tokens, device, batch_tokens)
    mean: np.ndarray = of_members.mean(axis=0)
    return mean


@torch.inference_mode()
def member_logits(
    members: Sequence[Network],
    sequences: Sequence[np.ndarray],
    features: np.ndarray,
    max_tokens: int,
    device: torch.device,
    batch_tokens: int = BATCH_TOKENS,
) -> np.ndarray:
    """Score sequences with each member of an ensemble.

    A score does not depend on what else is scored: in evaluation mode, in which the members are
    left, and in fp32 everywhere, since in bf16 it would depend on the device and on the batch.

    Args:
        members: The networks, of one shape, on the device.
        sequences: Token ids of each sequence.
        features: Descriptors of each sequence, shape (sequences, descriptors), float32.
        max_tokens: Most tokens read of a sequence.
        device: Where to compute.
        batch_tokens: Most tokens in a batch; bounds the memory, not the result.

    Returns:
        Logits of the class circRNA, shape (members, sequences), float64.
    """
    for member in members:
        member.eval()

    def score(tokens: np.ndarray, described: np.ndarray) -> np.ndarray:
        batch = [torch.from_numpy(each).to(device) for each in (tokens, described)]
        return torch.stack([member(*batch).cpu() for member in members]).double().numpy()

    multiple = members[0].multiple
    return score_in_batches(
        score, len(members), sequences, features, max_tokens, multiple, batch_tokens
    )
