"""Networks of a checkpoint, computed by torch on one device."""

from collections.abc import Sequence

import numpy as np
import torch

from circlet.model.network import Network
from circlet.model.padding import BATCH_TOKENS, CPU_BATCH_TOKENS
from circlet.model.scoring import member_logits


class TorchNetworks:
    """The networks of an ensemble on a device.

    Args:
        members: The networks; they are moved there.
        max_tokens: Most tokens read of a sequence.
        device: Where to compute.
        batch_tokens: Most tokens in a batch; bounds the memory, not the result. By default what is
            quick on the device.
    """

    def __init__(
        self,
        members: Sequence[Network],
        max_tokens: int,
        device: torch.device,
        batch_tokens: int | None = None,
    ) -> None:
        self.members = [member.to(device) for member in members]
        self.max_tokens, self.device = max_tokens, device
        usual = CPU_BATCH_TOKENS if device.type == "cpu" else BATCH_TOKENS
        self.batch_tokens = usual if batch_tokens is None else batch_tokens

    def __call__(self, sequences: Sequence[np.ndarray], features: np.ndarray) -> np.ndarray:
        """Score sequences with each network; see `member_logits`.

        Args:
            sequences: Token ids of each sequence.
            features: `circlet.composition` of each, shape (sequences, 356), float32.

        Returns:
            Logits of the class circRNA, shape (networks, sequences), float64.
        """
        about = (self.max_tokens, self.device, self.batch_tokens)
        return member_logits(self.members, sequences, features, *about)
