"""Several processes that train one network: started by torchrun, seen as ranks."""

import contextlib
import gc
import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from circlet.errors import InputError

Item = TypeVar("Item")
Value = TypeVar("Value")

LAUNCHER = ("RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")  # what torchrun tells, and the size
# The others wait while the first validates. A process that dies ends them earlier.
PATIENCE = timedelta(hours=2)


@dataclass(frozen=True)
class Ranks:
    """This process among those that train together.

    Attributes:
        rank: Its number, from 0; the first one alone validates, logs and writes.
        count: How many there are.
    """

    rank: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this is the process that decides."""
        return self.rank == 0

    def share(self, items: Sequence[Item]) -> list[tuple[int, Item, float]]:
        """Deal items out in turn.

        Returns:
            The place, the item and the weight of each of this process's. Without one of its own
            it takes the first, whose weight is then 0, since none may be missing when the
            gradients are added up.
        """
        own = [(place, item, 1.0) for place, item in enumerate(items)][self.rank :: self.count]
        return own or [(0, items[0], 0.0)]

    def cut(
        self, batches: Sequence[np.ndarray], lengths: Sequence[np.ndarray]
    ) -> list[tuple[int, np.ndarray, float]]:
        """Cut batches that are fewer than the processes into pieces of about equal length.

        All sequences, in their order, are one line that is cut at as many places as it takes; each
        belongs where its middle lies.

        Args:
            batches: Rows of each batch.
            lengths: Tokens of each of its sequences.

        Returns:
            As `share`: this process's piece of each batch that it has a part in.
        """
        ends = np.cumsum(np.concatenate(lengths))
        middles = 2 * ends - np.concatenate(lengths)  # in halves of a token, so that it is exact
        owners = np.split(
            middles * self.count // (2 * ends[-1]), np.cumsum(list(map(len, batches)))[:-1]
        )
        pieces = [rows[owner == self.rank] for rows, owner in zip(batches, owners, strict=True)]
        own = [(place, rows, 1.0) for place, rows in enumerate(pieces) if len(rows)]
        return own or [(0, batches[0][:1], 0.0)]

    def broadcast(self, value: Value) -> Value:
        """Give every process the first one's value."""
        if self.count == 1:
            return value
        values = [value]
        distributed.broadcast_object_list(values, src=0, device=torch.device("cpu"))
        return values[0]

    def decide(self, answer: bool) -> bool:
        """Give every process the first one's answer: quicker than `broadcast`, for each step."""
        if self.count == 1:
            return answer
        flag = torch.tensor([answer], dtype=torch.uint8)
        distributed.broadcast(flag, src=0)
        return bool(flag)

    def add_up(self, value: Tensor) -> Tensor:
        """Give every process the sum of all values, in place."""
        if self.count > 1:
            distributed.all_reduce(value)
        return value

    def wrap(self, network: nn.Module, device: torch.device) -> nn.Module:
        """Make the network share its gradients: their mean over the processes."""
        if self.count == 1:
            return network
        devices = [torch.cuda.current_device()] if device.type == "cuda" else None
        return DistributedDataParallel(network, device_ids=devices)


def accumulating(model: nn.Module) -> contextlib.AbstractContextManager[None]:
    """Give the context of a forward and backward pass whose gradients are not shared yet."""
    if isinstance(model, DistributedDataParallel):
        return model.no_sync()
    return contextlib.nullcontext()


@contextlib.contextmanager
def processes(device: torch.device) -> Iterator[Ranks]:
    """Join the processes that torchrun started; alone without it.

    Whoever wrapped a network has to let go of it before the end: a wrapped one that outlives the
    processes' ties can wait forever when it goes. An error leaves without a farewell, so that
    torchrun sees it and ends all.

    Raises:
        InputError: The device cannot be shared, or something else than torchrun set `WORLD_SIZE`.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Ranks()
        return
    if device.type not in ("cpu", "cuda"):
        raise InputError("device", "several processes cannot share it", "use cpu", device.type)
    missing = [name for name in LAUNCHER if name not in os.environ]
    if missing:
        raise InputError("WORLD_SIZE", f"is set, but not {missing}", "unset it, or use torchrun")
    if device.type == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    # Tensors travel by nccl, decisions by gloo: those need no look at the device.
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    distributed.init_process_group(backend, timeout=PATIENCE)
    ranks = Ranks(distributed.get_rank(), count)
    if not ranks.is_first:
        logging.disable(logging.WARNING)
    yield ranks
    gc.collect()  # a wrapped network refers to itself
    distributed.destroy_process_group()
