"""The state of a training and its steps: batches, optimiser, one epoch, one validation."""

import logging
import math
import time
from dataclasses import dataclass, field

import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn
from torch.nn import functional as F

from circlet.errors import InputError
from circlet.model.batches import collate, plan_batches
from circlet.model.network import NetworkConfig
from circlet.model.runtime import PRECISIONS, autocast
from circlet.model.tokens import TokenStore
from circlet.progress import Progress

log = logging.getLogger(__name__)

OPTIMIZERS = ("adamw", "adagrad")


@dataclass(frozen=True)
class TrainingConfig:
    """How a network is trained. Fields without a comment say it in their help."""

    seed: int = field(default=1, metadata={"help": "seed of weights, batches and dropout"})
    epochs: int = field(default=8, metadata={"help": "most passes over the training part"})
    max_minutes: float | None = field(
        default=None,
        metadata={"help": "stop after this time; the same bytes are then not promised"},
    )
    patience: int = field(
        default=3, metadata={"help": "stop after this many epochs without a better one"}
    )
    batch_tokens: int = field(default=32768, metadata={"help": "most tokens in a batch"})
    optimizer: str = field(
        default="adamw", metadata={"help": "which optimiser", "choices": OPTIMIZERS}
    )
    learning_rate: float = field(default=1e-3, metadata={"help": "highest learning rate"})
    weight_decay: float = field(default=0.01, metadata={"help": "decay of weight matrices (AdamW)"})
    warmup: float = field(default=0.05, metadata={"help": "share of the budget to reach that rate"})
    clip: float = field(default=1.0, metadata={"help": "largest norm of the gradient"})
    precision: str = field(
        default="auto", metadata={"help": "of the forward pass", "choices": PRECISIONS}
    )


@dataclass
class Trainer:
    """The state of a training.

    Attributes:
        network: What is trained.
        network_config: Its shape.
        store: Tokens of all transcripts.
        config: How to train.
        device: Where to.
        optimizer: Of the network's weights.
        started: `time.monotonic()` at the start.
        steps: Batches seen so far.
    """

    network: nn.Module
    network_config: NetworkConfig
    store: TokenStore
    config: TrainingConfig
    device: torch.device
    optimizer: torch.optim.Optimizer
    started: float = field(default_factory=time.monotonic)
    steps: int = 0

    @property
    def seconds(self) -> float:
        """Time since the start, s."""
        return time.monotonic() - self.started

    @property
    def time_used(self) -> float:
        """Share of the time budget that is used; 0 without one."""
        minutes = self.config.max_minutes
        return self.seconds / (60 * minutes) if minutes else 0.0

    def batches(self, rows: np.ndarray, rng: np.random.Generator | None) -> list[np.ndarray]:
        """Divide rows of the store into batches."""
        lengths = self.store.lengths[rows].clip(1, self.network_config.max_tokens)
        return [rows[batch] for batch in plan_batches(lengths, self.config.batch_tokens, rng)]

    def load(self, batch: np.ndarray) -> tuple[Tensor, Tensor]:
        """Read a batch: tokens (B, T) and classes (B,), on the device."""
        sequences = [self.store[row] for row in batch]
        tokens = collate(sequences, self.network_config.max_tokens, self.network.multiple)
        classes = torch.from_numpy(self.store.classes[batch]).float()
        return self.to_device(tokens), self.to_device(classes)

    def to_device(self, values: Tensor) -> Tensor:
        """Move values to the device, without waiting for it where it can be avoided."""
        if self.device.type == "cuda":
            values = values.pin_memory()
        return values.to(self.device, non_blocking=True)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits of a batch in fp32, shape (B,)."""
        with autocast(self.device, self.config.precision):
            return self.network(tokens).float()


def learning_rate_factor(progress: float, warmup: float) -> float:
    """Linear warm-up, then a half cosine to zero.

    Args:
        progress: Share of the budget that is used, 0 to 1.
        warmup: Share of the budget that the warm-up takes.
    """
    if progress < warmup:
        return progress / warmup
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (progress - warmup) / (1 - warmup))))


def make_optimizer(network: nn.Module, config: TrainingConfig) -> torch.optim.Optimizer:
    """Make the optimiser; only matrices decay, not biases, norms or embeddings."""
    if config.optimizer == "adagrad":
        return torch.optim.Adagrad(network.parameters(), lr=config.learning_rate)
    embeddings = {
        id(module.weight) for module in network.modules() if isinstance(module, nn.Embedding)
    }
    decayed, others = [], []
    for parameter in network.parameters():
        is_matrix = parameter.ndim > 1 and id(parameter) not in embeddings
        (decayed if is_matrix else others).append(parameter)
    groups = [
        {"params": decayed, "weight_decay": config.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.learning_rate)


def train_epoch(trainer: Trainer, epoch: int) -> tuple[float, float]:
    """Pass once over the training part, or until the time is up.

    Returns:
        The mean loss, and the share of the transcripts that were seen.

    Raises:
        InputError: The loss is no longer a number.
    """
    config = trainer.config
    rng = np.random.default_rng([config.seed, epoch])
    batches = trainer.batches(trainer.store.rows("train"), rng)
    losses, count = 0.0, 0
    trainer.network.train()
    with Progress(f"epoch {epoch}", total=len(batches), unit="batches") as progress:
        for done, batch in enumerate(batches):
            if done and trainer.time_used >= 1:  # one step at the least
                break
            epochs = epoch - 1 + (done + 0.5) / len(batches)  # halfway through this step
            loss = train_step(trainer, batch, max(epochs / config.epochs, trainer.time_used))
            refuse_divergence(trainer, loss)
            losses, count = losses + loss * len(batch), count + len(batch)
            progress.update()
    return losses / count, count / sum(map(len, batches))


def refuse_divergence(trainer: Trainer, loss: float) -> None:
    """Check that the loss is a number.

    Raises:
        InputError: It is not.
    """
    if not math.isfinite(loss):
        raise InputError(
            "training",
            f"the loss became {loss}",
            "lower learning_rate",
            f"step {trainer.steps}",
        )


def train_step(trainer: Trainer, batch: np.ndarray, share: float) -> float:
    """Take one step of the optimiser; `share` of the budget is used. Returns the loss."""
    config = trainer.config
    if config.optimizer == "adamw":  # Adagrad lowers its rates by itself
        for group in trainer.optimizer.param_groups:
            group["lr"] = config.learning_rate * learning_rate_factor(share, config.warmup)
    tokens, classes = trainer.load(batch)
    loss = F.binary_cross_entropy_with_logits(trainer.forward(tokens), classes)
    trainer.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(trainer.network.parameters(), config.clip)
    trainer.optimizer.step()
    trainer.steps += 1
    return loss.item()


@torch.inference_mode()
def validate(trainer: Trainer) -> tuple[float, float]:
    """Score the validation part.

    Returns:
        The mean loss and the AUROC.

    Raises:
        InputError: The loss is no longer a number.
    """
    trainer.network.eval()
    rows = trainer.store.rows("validation")
    batches = trainer.batches(rows, None)
    logits = torch.cat([trainer.forward(trainer.load(batch)[0]).cpu() for batch in batches])
    classes = torch.from_numpy(trainer.store.classes[np.concatenate(batches)])
    loss = F.binary_cross_entropy_with_logits(logits, classes.float()).item()
    refuse_divergence(trainer, loss)
    if (logits == logits[0]).all():
        log.warning("every sequence gets the same probability: this seed died, another may not")
    return loss, float(roc_auc_score(classes, logits))
