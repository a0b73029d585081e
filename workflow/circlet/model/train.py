"""Train one seed of a run: set up, fit, validate, keep the weights of the best epoch.

The validation part chooses the epoch; the test part is never read here. A training that was killed
goes on from its state, and several processes share one under torchrun.
"""

import argparse
import contextlib
import copy
import logging
import math
import platform
import time
from collections.abc import Iterator
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from circlet.arguments import DEVICES
from circlet.errors import InputError
from circlet.files import write_json
from circlet.model.checkpoint import save_weights
from circlet.model.distributed import Ranks, processes
from circlet.model.kmers import KmerVocab
from circlet.model.launch import add_launch_arguments, launch, share_of_threads
from circlet.model.network import NetworkConfig, build_network
from circlet.model.options import add_options, read_options
from circlet.model.runtime import allow_tf32, choose_device, peak_memory, set_up
from circlet.model.schedule import make_optimizer
from circlet.model.settings import TrainingConfig, check_settings
from circlet.model.state import Keeper, fingerprint
from circlet.model.tokens import TokenStore, add_store_arguments, store_files
from circlet.model.trainer import Sums, Trainer, train_epoch, validate
from circlet.tables import TRAIN, VALIDATION
from circlet.termination import Notice, leave

log = logging.getLogger(__name__)


def set_up_trainer(
    network_config: NetworkConfig,
    config: TrainingConfig,
    vocabulary: KmerVocab,
    store: TokenStore,
    device: torch.device,
    ranks: Ranks,
) -> Trainer:
    """Make the network, with seeded weights, and its optimiser.

    Raises:
        InputError: The network cannot be built, a part lacks a class, or the tokens are of another
            vocabulary.
    """
    for part in (TRAIN, VALIDATION):
        store.check_classes(part)
    store.check_ids(network_config.vocabulary_size)
    torch.manual_seed(config.seed)
    try:
        network = build_network(network_config).to(device)
    except ValueError as error:
        raise InputError("settings", str(error), "see config.yaml for what fits") from None
    # Of a network it makes a network, though its type tells of a function alone.
    compiled = cast(nn.Module, torch.compile(network, dynamic=True)) if config.compile else network
    return Trainer(
        network,
        ranks.wrap(compiled, device),
        network_config,
        store,
        config,
        device,
        make_optimizer(network, config),
        copy.deepcopy(network) if config.average else None,
        ranks,
        vocabulary.stride,
    )


def run_epoch(trainer: Trainer, keeper: Keeper) -> dict[str, Any]:
    """Train one epoch, or what the time allows of it, and validate; return its record."""
    train_epoch(trainer, lambda: keeper.keep(trainer))
    keeper.keep(trainer, must=True)
    sums, started = trainer.sums, time.monotonic()
    scores = math.nan, math.nan  # of those that the first process tells them
    train_loss = float(sums.loss) / sums.sequences
    if trainer.ranks.is_first:
        with keeper.notice.released():  # at most the validation is lost
            scores = validate(trainer)
    validation_loss, auroc = trainer.ranks.broadcast(scores)
    record = {
        "epoch": len(trainer.epochs) + 1,
        "seen": round(sums.sequences / len(trainer.store.rows(TRAIN)), 4),
        "train_loss": train_loss,
        "validation_loss": validation_loss,
        "validation_auroc": auroc,
        "seconds": round(sums.seconds + time.monotonic() - started, 2),
        "nt_per_second": round(sums.tokens * trainer.stride / sums.seconds),
    }
    log.info(
        "epoch %d%s: training loss %.4f, validation loss %.4f, validation AUROC %.4f, %.0f s, "
        "%s nt/s in training",
        record["epoch"],
        "" if record["seen"] == 1 else f" ({record['seen']:.0%} of it)",
        train_loss,
        validation_loss,
        auroc,
        record["seconds"],
        f"{record['nt_per_second']:,}",
    )
    return record


def reason_to_stop(trainer: Trainer) -> str | None:
    """Say why the training ends here, if it does; never within an epoch."""
    config, epochs = trainer.config, trainer.epochs
    if not epochs or trainer.sums.steps:
        return None
    if trainer.time_used >= 1:
        return f"{config.max_minutes:g} minutes are over"
    if len(epochs) - best_epoch(epochs) >= config.patience:
        return f"no better epoch for {config.patience} epochs"
    return "all epochs are done" if len(epochs) == config.epochs else None


def best_epoch(epochs: list[dict[str, Any]]) -> int:
    """Number of the epoch with the best AUROC and, since few sequences tie often, least loss."""
    best = max(epochs, key=lambda epoch: (epoch["validation_auroc"], -epoch["validation_loss"]))
    number: int = best["epoch"]
    return number


def fit(trainer: Trainer, keeper: Keeper) -> str:
    """Train to the end, keeping the weights of the best epoch; say why it is the end."""
    while (stopped := trainer.ranks.broadcast(reason_to_stop(trainer))) is None:
        trainer.epochs.append(run_epoch(trainer, keeper))
        if best_epoch(trainer.epochs) == len(trainer.epochs):
            weights = trainer.kept.state_dict()
            trainer.best = {name: value.cpu().clone() for name, value in weights.items()}
        trainer.sums = Sums()
        keeper.save(trainer)
    log.info("stopped: %s; best epoch %d", stopped, best_epoch(trainer.epochs))
    return stopped


@contextlib.contextmanager
def following(ranks: Ranks, notice: Notice) -> Iterator[None]:
    """Leave without a word when the first process did, all having been asked to."""
    try:
        yield
    except RuntimeError:  # what they should have done together failed
        if ranks.is_first or not notice.came:
            raise
        leave()


def train(trainer: Trainer, keeper: Keeper) -> dict[str, Any]:
    """Train a network, from the state if there is one.

    Args:
        trainer: As it was set up; its network ends with the weights of the epoch that has the best
            AUROC on the validation part.
        keeper: Of its state.

    Returns:
        The record of the training.

    Raises:
        InputError: The loss diverges.
    """
    parameters = sum(parameter.numel() for parameter in trainer.network.parameters())
    record = {
        "architecture": trainer.network_config.architecture,
        "parameters": parameters,
        **asdict(trainer.config),
        "network": asdict(trainer.network_config),
        "device": str(trainer.device),
        "threads": torch.get_num_threads(),
        "processes": trainer.ranks.count,
        "versions": {"python": platform.python_version(), "torch": version("torch")},
        "max_epochs": trainer.config.epochs,
    }
    log.info(
        "%s: %s parameters, %s training sequences, on %s with %d threads, processes: %d",
        record["architecture"],
        f"{parameters:,}",
        f"{len(trainer.store.rows(TRAIN)):,}",
        record["device"],
        record["threads"],
        record["processes"],
    )
    keeper.recall(trainer)
    with following(trainer.ranks, keeper.notice), keeper.notice.postponed():
        stopped = fit(trainer, keeper)
    trainer.model = trainer.network  # see `processes`
    # None is before the first epoch, of which there is one at the least.
    trainer.network.load_state_dict(cast(dict[str, torch.Tensor], trainer.best))
    return record | {
        "epochs": trainer.epochs,
        "best_epoch": best_epoch(trainer.epochs),
        "seconds": round(trainer.seconds, 2),
        "stopped": stopped,
        "peak_mib": peak_memory(trainer.device),
    }


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    add_store_arguments(parser)
    parser.add_argument("--vocabulary", required=True, help="made by circlet vocabulary")
    parser.add_argument("--min-length", type=int, default=200, help="of the dataset, nt")
    add_options(parser.add_argument_group("network"), NetworkConfig)
    add_options(parser.add_argument_group("training"), TrainingConfig)
    parser.add_argument("--device", choices=DEVICES, default="auto", help="where to compute")
    parser.add_argument("--threads", type=int, help="threads; torch's own choice by default")
    add_launch_arguments(parser)
    parser.add_argument("--state", required=True, help="folder for what a killed one goes on from")
    parser.add_argument(
        "--save-every", type=float, default=60, help="seconds between two saves of the state"
    )
    parser.add_argument("--weights", required=True, help="output: of the best epoch, safetensors")
    parser.add_argument("--record", required=True, help="output: settings and epochs, JSON")


def run(args: argparse.Namespace) -> None:
    """Run the step."""
    launch(args)
    vocabulary = KmerVocab.load(args.vocabulary)
    network_config = read_options(NetworkConfig, args, vocabulary_size=len(vocabulary))
    config = read_options(TrainingConfig, args)
    check_settings(network_config, config, vocabulary)
    set_up(share_of_threads(args.threads))
    device = choose_device(args.device)
    allow_tf32(device)
    files = store_files(args)
    store = TokenStore.load(*files)
    with processes(device) as ranks:
        trainer = set_up_trainer(network_config, config, vocabulary, store, device, ranks)
        name = fingerprint(
            [*files, args.vocabulary],
            network=asdict(network_config),
            training=asdict(config),
            min_length=args.min_length,
            machine=[torch.__version__, torch.get_num_threads(), device.type, ranks.count],
        )
        keeper = Keeper(Path(args.state), name, args.save_every)
        record = train(trainer, keeper) | {"min_length": args.min_length}
        if ranks.is_first:
            save_weights(trainer.network, args.weights, config.half)
            write_json(args.record, record)
            keeper.forget()
