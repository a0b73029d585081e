"""What a step does to the weights: the optimiser, its rate, and the average of the weights."""

import math

import torch
from torch import nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from circlet.model.settings import TrainingConfig

FUSED = ("cpu", "cuda")  # devices whose AdamW is one kernel, which repeats itself
BETA1 = 0.9


def learning_rate_factor(progress: float, warmup: float) -> float:
    """Linear warm-up, then a half cosine to zero.

    Args:
        progress: Share of the budget that is used, 0 to 1.
        warmup: Share of the budget that the warm-up takes.
    """
    if progress < warmup:
        return progress / warmup
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (progress - warmup) / (1 - warmup))))


def set_rate(optimizer: torch.optim.Optimizer, config: TrainingConfig, progress: float) -> None:
    """Set the learning rate of the next step; `progress` as in `learning_rate_factor`."""
    if config.optimizer == "adamw":  # Adagrad lowers its rates by itself
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * learning_rate_factor(progress, config.warmup)


def make_optimizer(network: nn.Module, config: TrainingConfig) -> torch.optim.Optimizer:
    """Make the optimiser; only matrices decay, not biases, norms or embeddings."""
    if config.optimizer == "adagrad":
        return torch.optim.Adagrad(network.parameters(), lr=config.learning_rate)
    embeddings = {
        id(module.weight) for module in network.modules() if isinstance(module, nn.Embedding)
    }
    decayed: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for parameter in network.parameters():
        is_matrix = parameter.ndim > 1 and id(parameter) not in embeddings
        (decayed if is_matrix else others).append(parameter)
    groups = [
        {"params": decayed, "weight_decay": config.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    is_fused = all(parameter.device.type in FUSED for parameter in network.parameters())
    return torch.optim.AdamW(
        groups, lr=config.learning_rate, betas=(BETA1, config.beta2), fused=is_fused
    )


def update_average(average: nn.Module, network: nn.Module, decay: float, steps: int) -> None:
    """Move the average of the weights towards those of the network.

    Args:
        average: A network with the average, changed in place.
        network: The network that is trained.
        decay: Of the average; lower at the start, which random weights would dominate.
        steps: Steps done before this one.
    """
    now = min(decay, (1 + steps) / (10 + steps))
    update = get_ema_multi_avg_fn(now)
    update(list(average.parameters()), list(network.parameters()), None)
