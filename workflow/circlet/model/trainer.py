"""The state of a training and its steps: batches, loss, one epoch, one validation."""

import contextlib
import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn
from torch.nn import functional as F

from circlet.model.augment import disturb, rotate
from circlet.model.batches import Batch, collate
from circlet.model.distributed import Ranks, accumulating
from circlet.model.divergence import diverged, find_divergence
from circlet.model.network import Network, NetworkConfig
from circlet.model.padding import plan_batches
from circlet.model.runtime import autocast
from circlet.model.schedule import set_rate, update_average
from circlet.model.settings import TrainingConfig
from circlet.model.tokens import TokenStore
from circlet.progress import Progress
from circlet.tables import TRAIN, VALIDATION

log = logging.getLogger(__name__)

WHOLE = 0  # number of a batch that is not cut
LOOK_EVERY = 25  # steps; to look at the loss, an accelerator has to finish what it is at


@dataclass
class Sums:
    """What the epoch at work has come to, over all processes.

    Attributes:
        steps: Steps of the optimiser.
        sequences: Sequences read.
        tokens: Tokens read, without padding.
        seconds: Time it took.
        loss: Sum of the losses of the sequences, on the device once there is one.
    """

    steps: int = 0
    sequences: int = 0
    tokens: int = 0
    seconds: float = 0.0
    loss: Tensor | float = 0.0


@dataclass
class Trainer:
    """The state of a training.

    Attributes:
        network: What is trained.
        model: The same, as the training calls it: compiled, shared between processes.
        network_config: Its shape.
        store: Tokens of all transcripts.
        config: How to train.
        device: Where to.
        optimizer: Of the network's weights.
        average: The network with the average of the weights, if there is to be one.
        ranks: The processes that train together.
        stride: Distance of two tokens, nt.
        steps: Steps of the optimiser so far.
        sums: The epoch at work.
        unseen: Its loss after each of the steps that were not looked at yet.
        epochs: Records of the epochs that are done.
        best: Weights of the best of them.
        before: Time used before this process took over, s.
        started: `time.monotonic()` when it did.
    """

    network: Network
    model: nn.Module
    network_config: NetworkConfig
    store: TokenStore
    config: TrainingConfig
    device: torch.device
    optimizer: torch.optim.Optimizer
    average: Network | None = None
    ranks: Ranks = field(default_factory=Ranks)
    stride: int = 1
    steps: int = 0
    sums: Sums = field(default_factory=Sums)
    unseen: list[Tensor] = field(default_factory=list)
    epochs: list[dict[str, Any]] = field(default_factory=list)
    best: dict[str, Tensor] | None = None
    before: float = 0.0
    started: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Time since the start, s."""
        return self.before + time.monotonic() - self.started

    @property
    def time_used(self) -> float:
        """Share of the time budget that is used; 0 without one."""
        minutes = self.config.max_minutes
        return self.seconds / (60 * minutes) if minutes else 0.0

    @property
    def kept(self) -> Network:
        """The network that is validated and kept: the average, if there is one."""
        return self.network if self.average is None else self.average

    @cached_property
    def lengths(self) -> np.ndarray:
        """Tokens that are read of each transcript, shape (transcripts,)."""
        read: np.ndarray = np.minimum(self.store.lengths, self.network_config.max_tokens)
        return read

    @cached_property
    def targets(self) -> np.ndarray:
        """What the logit of each transcript is trained towards, shape (transcripts,), float32."""
        smoothing = self.config.label_smoothing
        return (self.store.classes * (1 - smoothing) + smoothing / 2).astype(np.float32)

    @cached_property
    def weights(self) -> np.ndarray:
        """Weight of each transcript in the training loss, float32, on average 1 in that part."""
        classes = self.store.classes
        if self.config.class_weight == "none":
            return np.ones(len(classes), dtype=np.float32)
        counts = np.bincount(classes[self.store.rows(TRAIN)], minlength=2)
        weights: np.ndarray = (counts.sum() / (2 * counts))[classes].astype(np.float32)
        return weights

    def batches(self, rows: np.ndarray, rng: np.random.Generator | None) -> list[np.ndarray]:
        """Divide rows of the store into batches within the budget, as they will be padded."""
        multiple = self.network.multiple
        lengths = -(-self.lengths[rows].clip(min=1) // multiple) * multiple
        return [rows[batch] for batch in plan_batches(lengths, self.config.batch_tokens, rng)]

    def plan(self, epoch: int) -> list[list[np.ndarray]]:
        """Divide the training part into the batches of each step, however many processes."""
        rng = np.random.default_rng([self.config.seed, epoch])
        batches, size = self.batches(self.store.rows(TRAIN), rng), self.config.accumulate
        return [batches[start : start + size] for start in range(0, len(batches), size)]

    def share(
        self, batches: Sequence[np.ndarray]
    ) -> tuple[list[tuple[int, np.ndarray, float]], int]:
        """Give this process's share of a step; see `Ranks.share`, `Ranks.cut` and `batch_loss`.

        Returns:
            The place in the step, the rows and the weight of each batch, or of each piece of one;
            and the number of those pieces.
        """
        if self.config.accumulate >= self.ranks.count:
            return self.ranks.share(batches), WHOLE
        lengths = [self.lengths[rows].clip(min=1) for rows in batches]
        return self.ranks.cut(batches, lengths), 1 + self.ranks.rank

    def load(self, rows: np.ndarray, rng: np.random.Generator | None = None) -> Batch:
        """Read a batch onto the device, with random changes if there is a source of chance."""
        config, max_tokens = self.config, self.network_config.max_tokens
        sequences = [self.store[row] for row in rows]
        if rng and config.rotate:
            sequences = rotate(sequences, config.rotate, rng)
        batch = collate(sequences, self.store.features[rows], max_tokens, self.network.multiple)
        if rng and (config.mutate or config.mask):
            size = self.network_config.vocabulary_size
            disturb(batch.tokens.numpy(), config.mutate, config.mask, size, rng)
        return Batch(*map(self.to_device, batch))

    def to_device(self, values: Tensor) -> Tensor:
        """Move values to the device, without waiting for it where it can be avoided."""
        if self.device.type == "cuda":
            values = values.pin_memory()
        return values.to(self.device, non_blocking=True)

    def forward(self, network: nn.Module, batch: Batch) -> Tensor:
        """Logits of a batch in fp32, shape (B,)."""
        with autocast(self.device, self.config.precision):
            logits: Tensor = network(*batch).float()
        return logits


def batch_loss(
    trainer: Trainer, rows: np.ndarray, epoch: int, place: int, piece: int = WHOLE
) -> Tensor:
    """Sum the losses of a batch, the `place`-th of its epoch, or of a piece of it, numbered from 1.

    All chance in it, dropout too, is seeded by that place: it depends neither on what went before
    nor on which process does it, so that a training can be taken up and shared. Pieces are seeded
    by their number too: a sequence in one is rotated, mutated, masked and dropped out otherwise
    than in the whole batch, and likewise each time that there are as many pieces.
    """
    # One more, since a seed sequence that ends in 0 is that of what lacks it: the plan lacks the
    # place, and a whole batch the piece.
    rng = np.random.default_rng([trainer.config.seed, epoch, place + 1, piece])
    torch.manual_seed(int(rng.integers(2**63)))
    logits = trainer.forward(trainer.model, trainer.load(rows, rng))
    targets = trainer.to_device(torch.from_numpy(trainer.targets[rows]))
    weights = trainer.to_device(torch.from_numpy(trainer.weights[rows]))
    return F.binary_cross_entropy_with_logits(logits, targets, weights, reduction="sum")


def train_step(
    trainer: Trainer, batches: Sequence[np.ndarray], epoch: int, first: int, progress: float
) -> Tensor:
    """Take one step of the optimiser.

    Args:
        trainer: The state, which moves on.
        batches: Rows of each batch; the gradient is that of their mean loss.
        epoch: The epoch at work.
        first: Place of the first batch in it.
        progress: Share of the budget that is used.

    Returns:
        The sum of the losses of all sequences, over all processes; no number if the gradient is
        none, since then the weights are none.
    """
    config, ranks = trainer.config, trainer.ranks
    set_rate(trainer.optimizer, config, progress)
    trainer.optimizer.zero_grad(set_to_none=True)
    scale = ranks.count / sum(map(len, batches))  # gradients come as the mean over the processes
    (own, piece), losses = trainer.share(batches), []
    for turn, (place, rows, weight) in enumerate(own, start=1):
        is_last = turn == len(own)
        with contextlib.nullcontext() if is_last else accumulating(trainer.model):
            loss = weight * batch_loss(trainer, rows, epoch, first + place, piece)
            torch.autograd.backward(scale * loss)
        losses.append(loss.detach())
    norm = nn.utils.clip_grad_norm_(trainer.network.parameters(), config.clip)
    trainer.optimizer.step()
    if trainer.average is not None:
        update_average(trainer.average, trainer.network, config.average, trainer.steps)
    trainer.steps += 1
    loss = ranks.add_up(torch.stack(losses).sum())
    return torch.where(norm.isfinite(), loss, norm)


def train_epoch(trainer: Trainer, keep: Callable[[], None] = lambda: None) -> None:
    """Pass once over the training part, or on from where `trainer.sums` is, while there is time.

    Args:
        trainer: The state, whose `sums` grow.
        keep: Called after each step, when the state can be kept.

    Raises:
        InputError: The loss is no longer a number.
    """
    config, sums, epoch = trainer.config, trainer.sums, len(trainer.epochs) + 1
    plan = trainer.plan(epoch)
    trainer.model.train()
    with contextlib.ExitStack() as stack:
        bar = None
        if trainer.ranks.is_first:
            bar = stack.enter_context(Progress(f"epoch {epoch}", total=len(plan), unit="steps"))
            bar.update(sums.steps)
        for step in range(sums.steps, len(plan)):
            started = time.monotonic()
            used = trainer.ranks.broadcast(trainer.time_used) if config.max_minutes else 0.0
            if step and used >= 1:  # one step at the least
                break
            progress = (epoch - 1 + (step + 0.5) / len(plan)) / config.epochs
            first = step * config.accumulate
            loss = train_step(trainer, plan[step], epoch, first, max(progress, used))
            add_step(trainer, plan[step], loss, time.monotonic() - started)
            keep()
            if bar:
                bar.update()
    started = time.monotonic()
    refuse_divergence(trainer)  # here an accelerator finishes
    sums.seconds += time.monotonic() - started


def add_step(trainer: Trainer, batches: Sequence[np.ndarray], loss: Tensor, seconds: float) -> None:
    """Count a step.

    Raises:
        InputError: The loss is no longer a number, as far as it was looked at.
    """
    sums, rows = trainer.sums, np.concatenate(batches)
    sums.steps += 1
    sums.sequences += len(rows)
    sums.tokens += int(trainer.lengths[rows].sum())
    sums.seconds += seconds
    sums.loss = sums.loss + loss
    trainer.unseen.append(sums.loss)
    if trainer.device.type == "cpu" or sums.steps % LOOK_EVERY == 0:
        refuse_divergence(trainer)


def refuse_divergence(trainer: Trainer) -> None:
    """Look at the losses of the steps since the last look.

    Raises:
        InputError: One is no number.
    """
    found = find_divergence(trainer.unseen)
    trainer.unseen.clear()
    if found:
        back, loss = found
        epoch = len(trainer.epochs) + 1
        rows = np.concatenate(trainer.plan(epoch)[trainer.sums.steps + back])
        place = f"epoch {epoch}, step {trainer.steps + 1 + back}"
        raise diverged(place, f"the loss or its gradient became {loss}", trainer.store.ids(rows))


@torch.inference_mode()
def validate(trainer: Trainer) -> tuple[float, float]:
    """Score the validation part.

    Returns:
        The mean loss and the AUROC.

    Raises:
        InputError: The loss is no longer a number.
    """
    network = trainer.kept.eval()
    batches = trainer.batches(trainer.store.rows(VALIDATION), None)
    logits = torch.cat([trainer.forward(network, trainer.load(rows)) for rows in batches]).cpu()
    classes = torch.from_numpy(trainer.store.classes[np.concatenate(batches)])
    loss = F.binary_cross_entropy_with_logits(logits, classes.float()).item()
    if not math.isfinite(loss):
        wrong = np.concatenate(batches)[~logits.isfinite().numpy()]
        place = f"validation after epoch {len(trainer.epochs) + 1}"
        raise diverged(place, f"the loss became {loss}", trainer.store.ids(wrong))
    if (logits == logits[0]).all():
        log.warning("every sequence gets the same probability: this seed died, another may not")
    return loss, float(roc_auc_score(classes, logits))
