"""Train one run: set up, fit, validate, keep the best checkpoint.

The validation part chooses the epoch; the test part is never read here.
"""

import argparse
import logging
import math
import platform
import time
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from circlet.arguments import MAX_SEED
from circlet.errors import InputError
from circlet.model.checkpoint import Checkpoint
from circlet.model.kmers import KmerVocab
from circlet.model.network import NetworkConfig, build_network
from circlet.model.options import add_options, read_options
from circlet.model.runtime import DEVICES, choose_device, set_up
from circlet.model.tokens import TokenStore
from circlet.model.trainer import (
    Trainer,
    TrainingConfig,
    make_optimizer,
    train_epoch,
    validate,
)

log = logging.getLogger(__name__)

THRESHOLD = 0.5  # of the call; the logits are fitted to the classes as frequent as they are


def check_settings(network: NetworkConfig, training: TrainingConfig, vocabulary: KmerVocab) -> None:
    """Check settings against each other before any work.

    Raises:
        InputError: One is out of range, or the architecture does not fit the vocabulary.
    """
    positive = {
        "epochs": training.epochs,
        "patience": training.patience,
        "batch_tokens": training.batch_tokens,
        "learning_rate": training.learning_rate,
        "clip": training.clip,
        "max_minutes": 1 if training.max_minutes is None else training.max_minutes,
    }
    for name, value in positive.items():
        if not 0 < value < math.inf:
            raise InputError("settings", f"is {value}", "give a number above 0", name)
    if not 0 <= training.weight_decay < math.inf:
        raise InputError(
            "settings", f"is {training.weight_decay}", "give 0 or a number above", "weight_decay"
        )
    if not 0 <= training.seed <= MAX_SEED:
        raise InputError(
            "settings", f"is {training.seed}", f"give a whole number from 0 to {MAX_SEED}", "seed"
        )
    shares = {"warmup": training.warmup, "dropout": network.dropout}
    for name, value in shares.items():
        if not 0 <= value < 1:
            raise InputError("settings", f"is {value}", "give a share from 0 to below 1", name)
    if network.architecture == "text_transformer" and (
        vocabulary.window is None or vocabulary.token_count(0) != network.max_tokens
    ):
        raise InputError(
            "settings",
            "text_transformer reads a window of as many tokens as max_tokens",
            "set the vocabulary's window and max_tokens to fit, such as 400 and 396 for k 5",
            "max_tokens",
        )


def set_up_trainer(
    network_config: NetworkConfig, config: TrainingConfig, store: TokenStore, device: torch.device
) -> Trainer:
    """Make the network, with seeded weights, and its optimiser.

    Raises:
        InputError: The network cannot be built, a part lacks a class, or the tokens are of another
            vocabulary.
    """
    for part in ("train", "validation"):
        if len(set(store.classes[store.rows(part)])) < 2:
            raise InputError("split", "the part lacks a class", "use more data", part)
    if len(store.tokens) and store.tokens.max() >= network_config.vocabulary_size:
        raise InputError("tokens", "has ids beyond the vocabulary", "make it with that vocabulary")
    torch.manual_seed(config.seed)
    try:
        network = build_network(network_config).to(device)
    except ValueError as error:
        raise InputError("settings", str(error), "see config.yaml for what fits") from None
    return Trainer(network, network_config, store, config, device, make_optimizer(network, config))


def run_epoch(trainer: Trainer, epoch: int) -> dict[str, Any]:
    """Train one epoch, or what the time allows of it, and validate; return its record."""
    started = time.monotonic()
    train_loss, seen = train_epoch(trainer, epoch)
    validation_loss, auroc = validate(trainer)
    seconds = round(time.monotonic() - started, 2)
    log.info(
        "epoch %d%s: training loss %.4f, validation loss %.4f, validation AUROC %.4f, %.0f s",
        epoch,
        "" if seen == 1 else f" ({seen:.0%} of it)",
        train_loss,
        validation_loss,
        auroc,
        seconds,
    )
    return {
        "epoch": epoch,
        "seen": round(seen, 4),
        "train_loss": train_loss,
        "validation_loss": validation_loss,
        "validation_auroc": auroc,
        "seconds": seconds,
    }


def reason_to_stop(trainer: Trainer, epochs: list[dict[str, Any]], best: int) -> str | None:
    """Say why the training ends after these epochs, the best of which is `best`, if it does."""
    config = trainer.config
    if trainer.time_used >= 1:
        return f"{config.max_minutes:g} minutes are over"
    if len(epochs) - best >= config.patience:
        return f"no better epoch for {config.patience} epochs"
    return "all epochs are done" if len(epochs) == config.epochs else None


def merit(epoch: dict[str, Any]) -> tuple[float, float]:
    """Rank epochs: by AUROC and, since few sequences give many ties, then by loss."""
    return epoch["validation_auroc"], -epoch["validation_loss"]


def fit(trainer: Trainer, checkpoint: Checkpoint, state: Path) -> None:
    """Train to the end, keeping the best and the last epoch in `state`.

    `checkpoint` holds the trainer's network; its training record grows with every epoch.
    """
    record, epochs = checkpoint.training, checkpoint.training["epochs"]
    while record["stopped"] is None:
        epochs.append(run_epoch(trainer, len(epochs) + 1))
        best = max(epochs, key=merit)["epoch"]
        record["best_epoch"] = best
        record["seconds"] = round(trainer.seconds, 2)
        record["stopped"] = reason_to_stop(trainer, epochs, best)
        checkpoint.save(state / "last")
        if best == len(epochs):
            checkpoint.save(state / "best")
    log.info("stopped: %s; best epoch %d", record["stopped"], record["best_epoch"])


def train(
    store: TokenStore,
    vocabulary: KmerVocab,
    network_config: NetworkConfig,
    config: TrainingConfig,
    min_length: int,
    state: Path,
    device: torch.device,
) -> Checkpoint:
    """Train a run.

    Args:
        store: Tokens of the dataset, whose parts `train` and `validation` are read.
        vocabulary: The vocabulary that made them.
        network_config: Shape of the network.
        config: How to train it.
        min_length: Shortest sequence in the dataset, nt; the checkpoint remembers it.
        state: Folder for the best and the last checkpoint.
        device: Where to compute.

    Returns:
        The checkpoint of the epoch with the best AUROC on the validation part.

    Raises:
        InputError: Settings do not fit, a part lacks a class, or the loss diverges.
    """
    check_settings(network_config, config, vocabulary)
    trainer = set_up_trainer(network_config, config, store, device)
    parameters = sum(parameter.numel() for parameter in trainer.network.parameters())
    log.info(
        "%s: %s parameters, %s training sequences, on %s with %d threads",
        network_config.architecture,
        f"{parameters:,}",
        f"{len(store.rows('train')):,}",
        device,
        torch.get_num_threads(),
    )
    record = {
        "architecture": network_config.architecture,
        "parameters": parameters,
        **asdict(config),
        "device": str(device),
        "threads": torch.get_num_threads(),
        "versions": {"python": platform.python_version(), "torch": version("torch")},
        "max_epochs": config.epochs,
        "epochs": [],
        "stopped": None,
    }
    last = Checkpoint(trainer.network, network_config, vocabulary, min_length, THRESHOLD, record)
    fit(trainer, last, state)
    best = Checkpoint.load(state / "best")
    best.training = record
    return best


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    parser.add_argument("--tokens", required=True, help="the token ids, npy")
    parser.add_argument("--offsets", required=True, help="where transcripts begin, npy")
    parser.add_argument("--index", required=True, help="id, label and part, Parquet")
    parser.add_argument("--vocabulary", required=True, help="made by circlet vocabulary")
    parser.add_argument("--min-length", type=int, default=200, help="of the dataset, nt")
    add_options(parser.add_argument_group("network"), NetworkConfig)
    add_options(parser.add_argument_group("training"), TrainingConfig)
    parser.add_argument("--device", choices=DEVICES, default="auto", help="where to compute")
    parser.add_argument("--threads", type=int, help="threads; torch's own choice by default")
    parser.add_argument("--state", required=True, help="folder for the best and last checkpoint")
    parser.add_argument("--output", required=True, help="folder of the checkpoint")


def run(args: argparse.Namespace) -> None:
    """Run the step."""
    vocabulary = KmerVocab.load(args.vocabulary)
    network_config = read_options(NetworkConfig, args, vocabulary_size=len(vocabulary))
    config = read_options(TrainingConfig, args)
    set_up(args.threads)
    store = TokenStore.load(args.tokens, args.offsets, args.index)
    device = choose_device(args.device)
    checkpoint = train(
        store, vocabulary, network_config, config, args.min_length, Path(args.state), device
    )
    checkpoint.save(args.output)
