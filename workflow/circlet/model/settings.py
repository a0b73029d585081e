"""How a network is trained: the settings, and what they have to be."""

import math
from dataclasses import dataclass, field

from circlet.arguments import MAX_SEED
from circlet.errors import InputError
from circlet.model.kmers import KmerVocab
from circlet.model.network import NetworkConfig
from circlet.model.runtime import PRECISIONS

OPTIMIZERS = ("adamw", "adagrad")
CLASS_WEIGHTS = ("none", "balanced")


@dataclass(frozen=True)
class TrainingConfig:
    """How a network is trained; each field says it in its help."""

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
    accumulate: int = field(
        default=1, metadata={"help": "batches of one optimiser step, over all processes"}
    )
    optimizer: str = field(
        default="adamw", metadata={"help": "which optimiser", "choices": OPTIMIZERS}
    )
    learning_rate: float = field(default=1e-3, metadata={"help": "highest learning rate"})
    beta2: float = field(
        default=0.999, metadata={"help": "decay of the mean squared gradient (AdamW)"}
    )
    weight_decay: float = field(default=0.01, metadata={"help": "decay of weight matrices (AdamW)"})
    warmup: float = field(default=0.05, metadata={"help": "share of the budget to reach that rate"})
    clip: float = field(default=1.0, metadata={"help": "largest norm of the gradient"})
    average: float = field(
        default=0.0,
        metadata={"help": "decay of the moving average of the weights, which is kept; 0 for none"},
    )
    class_weight: str = field(
        default="none", metadata={"help": "weight of the classes", "choices": CLASS_WEIGHTS}
    )
    label_smoothing: float = field(
        default=0.0, metadata={"help": "share of each label spread over both classes"}
    )
    mutate: float = field(
        default=0.0, metadata={"help": "share of the tokens replaced by random k-mers"}
    )
    mask: float = field(
        default=0.0, metadata={"help": "share of the tokens replaced by the unknown k-mer"}
    )
    rotate: float = field(
        default=0.0, metadata={"help": "share of the sequences whose ring begins anywhere"}
    )
    precision: str = field(
        default="auto", metadata={"help": "of the forward pass", "choices": PRECISIONS}
    )
    compile: bool = field(default=False, metadata={"help": "compile the network for training"})
    half: bool = field(
        default=False, metadata={"help": "round the weights to half precision when they are kept"}
    )


def check_settings(network: NetworkConfig, training: TrainingConfig, vocabulary: KmerVocab) -> None:
    """Check settings against each other before any work.

    Raises:
        InputError: One is out of range, or two do not fit each other or the vocabulary.
    """
    _check_ranges(network, training)
    if training.mutate + training.mask >= 1:
        raise _refusal("mask", "together with mutate it takes every token", "lower one of them")
    if training.rotate and not vocabulary.ring:
        raise _refusal("rotate", "the vocabulary reads no ring", "set its ring, or rotate to 0")
    if network.max_tokens > training.batch_tokens:
        raise _refusal(
            "max_tokens",
            f"is {network.max_tokens}, above batch_tokens, {training.batch_tokens}",
            "lower it or raise that: the memory is bounded by the budget",
        )
    if network.architecture == "text_transformer" and (
        vocabulary.window is None or vocabulary.token_count(0) != network.max_tokens
    ):
        raise _refusal(
            "max_tokens",
            "text_transformer reads a window of as many tokens as max_tokens",
            "set the vocabulary's window and max_tokens to fit, such as 400 and 396 for k 5",
        )


def _check_ranges(network: NetworkConfig, training: TrainingConfig) -> None:
    """Check each setting by itself.

    Raises:
        InputError: One is out of range.
    """
    minutes = 1 if training.max_minutes is None else training.max_minutes
    positive = ("epochs", "patience", "batch_tokens", "accumulate", "learning_rate", "clip")
    values = {name: getattr(training, name) for name in positive} | {"max_minutes": minutes}
    for name, value in values.items():
        if not 0 < value < math.inf:
            raise _refusal(name, f"is {value}", "give a number above 0")
    if not 0 <= training.weight_decay < math.inf:
        raise _refusal("weight_decay", f"is {training.weight_decay}", "give 0 or a number above")
    if not 0 <= training.seed <= MAX_SEED:
        raise _refusal("seed", f"is {training.seed}", f"give a whole number from 0 to {MAX_SEED}")
    shares = ("warmup", "beta2", "average", "label_smoothing", "mutate", "mask")
    values = {name: getattr(training, name) for name in shares} | {"dropout": network.dropout}
    for name, value in values.items():
        if not 0 <= value < 1:
            raise _refusal(name, f"is {value}", "give a share from 0 to below 1")
    if not 0 <= training.rotate <= 1:
        raise _refusal("rotate", f"is {training.rotate}", "give a share from 0 to 1")


def _refusal(name: str, problem: str, mend: str) -> InputError:
    """Make the error that names a setting."""
    return InputError("settings", problem, mend, name)
