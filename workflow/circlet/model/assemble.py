"""Join the trained seeds of a run, and its trees, into one checkpoint, calibrated.

How they are joined, the calibration and the threshold are fitted on the validation part; the test
part is never read here.
"""

import argparse
import logging
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.metrics import log_loss, matthews_corrcoef, roc_auc_score

from circlet.arguments import DEVICES
from circlet.errors import InputError
from circlet.files import atomic_path, read_json, reading
from circlet.model.calibration import (
    METHODS,
    Calibration,
    fit_calibration,
)
from circlet.model.checkpoint import (
    Checkpoint,
    load_member,
    read_network_config,
    save_description,
    weights_path,
)
from circlet.model.description import Description, check_vocabulary, is_record
from circlet.model.kmers import KmerVocab
from circlet.model.network import Network, NetworkConfig
from circlet.model.reference import Reference
from circlet.model.runtime import choose_device, set_up
from circlet.model.scoring import ensemble_logits
from circlet.model.tokens import TokenStore, add_store_arguments, store_files
from circlet.model.trees import Trees, blend, fit_weight
from circlet.tables import VALIDATION
from circlet.thresholds import choose_threshold

log = logging.getLogger(__name__)

UNCALIBRATED = Calibration("none", {})


def read_records(paths: Sequence[str]) -> tuple[list[dict[str, Any]], NetworkConfig]:
    """Read the records of the trainings, and the shape that their networks share.

    Raises:
        InputError: One is no record, two are of one seed, or their networks differ.
    """
    mend = "give the records of one run's seeds, as 'circlet train' made them"
    records = [read_json(path) for path in paths]
    for path, record in zip(paths, records, strict=True):
        if not is_record(record):
            raise InputError(path, "not the record of a training", mend)
    config = read_network_config(records[0]["network"], paths[0])
    path_of: dict[int, str] = {}
    for path, record in zip(paths, records, strict=True):
        if record["network"] != records[0]["network"]:
            raise InputError(path, f"is of another network than {paths[0]}", mend, "network")
        if record["seed"] in path_of:
            raise InputError(path, f"is of the seed of {path_of[record['seed']]}", mend, "seed")
        path_of[record["seed"]] = path
    return records, config


def score_validation(
    members: Sequence[Network],
    config: NetworkConfig,
    store: TokenStore,
    device: torch.device,
) -> tuple[np.ndarray, np.ndarray]:
    """Give raw scores and classes of the validation part, each (transcripts,).

    Raises:
        InputError: The part lacks a class, or the tokens are of another vocabulary.
    """
    store.check_classes(VALIDATION)
    store.check_ids(config.vocabulary_size)
    rows = store.rows(VALIDATION)
    for member in members:
        member.to(device)
    sequences = [store[row] for row in rows]
    logits = ensemble_logits(members, sequences, store.features[rows], config.max_tokens, device)
    return logits, store.classes[rows]


def calibrate(method: str, logits: np.ndarray, classes: np.ndarray) -> tuple[Calibration, float]:
    """Fit the calibration and then the threshold, and log what they do to what they see."""
    calibration = fit_calibration(method, logits, classes)
    probabilities = calibration(logits)
    threshold = choose_threshold(probabilities, classes)
    log.info("validation AUROC of the model: %.4f", roc_auc_score(classes, logits))
    log.info(
        "on the validation part itself, so too kind: log loss %.4f before and %.4f after (%s), "
        "MCC %.4f at the threshold %.4f",
        log_loss(classes, UNCALIBRATED(logits)),
        log_loss(classes, probabilities),
        calibration.method,
        matthews_corrcoef(classes, probabilities >= threshold),
        threshold,
    )
    return calibration, threshold


def assemble(
    weights: Sequence[str],
    records: Sequence[str],
    vocabulary_path: str,
    store: TokenStore,
    min_length: int,
    method: str,
    device: torch.device,
    trees: Trees | None = None,
) -> Checkpoint:
    """Make the checkpoint of an ensemble.

    Args:
        weights: Weights of each member.
        records: Record of each member's training, in the same order.
        vocabulary_path: The vocabulary of the run.
        store: Tokens and descriptors of the dataset; the part `validation` is read.
        min_length: Shortest sequence in the dataset, nt; the checkpoint remembers it.
        method: Name of the calibration; see `circlet.model.calibration`.
        device: Where to compute.
        trees: Boosted trees that join the networks, if any.

    Returns:
        The checkpoint; its members are in the order given.

    Raises:
        InputError: A file is missing or damaged, or the files do not belong to one run.
    """
    training, config = read_records(records)
    vocabulary = KmerVocab.load(vocabulary_path)
    check_vocabulary(vocabulary, asdict(config), vocabulary_path)
    members = [load_member(config, path) for path in weights]
    logits, classes = score_validation(members, config, store, device)
    logits, tree_weight = join_trees(trees, logits, classes, store)
    calibration, threshold = calibrate(method, logits, classes)
    description = Description(
        asdict(config),
        vocabulary,
        min_length,
        calibration,
        threshold,
        training,
        Reference.of(store),
        trees,
        tree_weight,
    )
    return Checkpoint(description, members)


def join_trees(
    trees: Trees | None, logits: np.ndarray, classes: np.ndarray, store: TokenStore
) -> tuple[np.ndarray, float]:
    """Join the networks' scores of the validation part with those of trees, if there are any.

    Returns:
        The joined scores, and the share of the trees.
    """
    log.info("validation AUROC of the networks: %.4f", roc_auc_score(classes, logits))
    if trees is None:
        return logits, 0.0
    scores = trees(store.features[store.rows(VALIDATION)])
    weight = fit_weight(logits, scores, classes)
    log.info(
        "validation AUROC of the trees: %.4f; their share of the score is %.2f",
        roc_auc_score(classes, scores),
        weight,
    )
    return blend(logits, scores, weight), weight


def save(checkpoint: Checkpoint, weights: Sequence[str], folder: str | Path) -> None:
    """Write a checkpoint, without touching the weights that lie in its folder already."""
    description = checkpoint.description
    for path, name in zip(weights, description.names, strict=True):
        target = weights_path(folder, name)
        if not (target.exists() and target.samefile(path)):
            with reading(path), atomic_path(target) as temporary:
                shutil.copyfile(path, temporary)
    save_description(description, folder)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    parser.add_argument("--weights", nargs="+", required=True, help="of each seed, safetensors")
    parser.add_argument(
        "--records", nargs="+", required=True, help="of each seed's training, in that order, JSON"
    )
    parser.add_argument("--trees", help="boosted trees that join the networks, safetensors")
    parser.add_argument("--vocabulary", required=True, help="made by circlet vocabulary")
    add_store_arguments(parser)
    parser.add_argument("--min-length", type=int, default=200, help="of the dataset, nt")
    parser.add_argument(
        "--calibration", choices=METHODS, default="platt", help="how scores become probabilities"
    )
    parser.add_argument("--device", choices=DEVICES, default="auto", help="where to compute")
    parser.add_argument("--threads", type=int, help="threads; torch's own choice by default")
    parser.add_argument("--output", required=True, help="folder of the checkpoint")


def run(args: argparse.Namespace) -> None:
    """Run the step."""
    if len(args.weights) != len(args.records):
        raise InputError(
            "arguments",
            f"{len(args.weights)} weights but {len(args.records)} records",
            "give both of each seed, in one order",
        )
    set_up(args.threads)
    store = TokenStore.load(*store_files(args))
    checkpoint = assemble(
        args.weights,
        args.records,
        args.vocabulary,
        store,
        args.min_length,
        args.calibration,
        choose_device(args.device),
        None if args.trees is None else Trees.load(args.trees),
    )
    save(checkpoint, args.weights, args.output)
    names = ", ".join(checkpoint.description.names)
    log.info("%s: %s, calibrated by %s", args.output, names, args.calibration)
