"""A checkpoint: the members of an ensemble and all that turns their scores into calls, one folder.

It holds `config.json`, `vocabulary.json`, `training.json`, `seed{N}.safetensors` for each member
and, if trees are among them, `trees.safetensors`: data alone, no code.
"""

import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from circlet.errors import InputError
from circlet.files import atomic_path, read_json, reading, write_json
from circlet.model.calibration import Calibration
from circlet.model.kmers import KmerVocab
from circlet.model.network import NetworkConfig, build_network
from circlet.model.trees import Trees

FORMAT = 2
CONFIG, VOCABULARY, TRAINING = "config.json", "vocabulary.json", "training.json"
TREES = "trees.safetensors"
KEYS = ("network", "min_length", "calibration", "threshold", "members", "tree_weight")
MEND = "train the run again, or name the folder of a whole checkpoint"


@dataclass
class Checkpoint:
    """All that inference needs, and how it came about.

    Attributes:
        members: The networks with their weights; they differ in nothing else.
        trees: Boosted trees that join them, or None.
        tree_weight: Their share of the raw score of a sequence, 0 to 1; the rest is the mean of the
            networks' logits.
        config: Shape of each network.
        vocabulary: How sequences become tokens.
        min_length: Shortest sequence that the training saw, nt.
        calibration: Turns raw scores into probabilities.
        threshold: A probability at or above it is called circRNA.
        training: The record of each member's training, with its `seed` and `network`; see
            `circlet.model.train`.
    """

    members: list[nn.Module]
    config: NetworkConfig
    vocabulary: KmerVocab
    min_length: int
    calibration: Calibration
    threshold: float
    training: list[dict[str, Any]]
    trees: Trees | None = None
    tree_weight: float = 0.0

    @property
    def names(self) -> list[str]:
        """Name of each member, such as `seed1`."""
        return [member_name(record) for record in self.training]

    def save(self, folder: str | Path) -> None:
        """Write the files of the checkpoint, each atomically, the config last."""
        for name, member in zip(self.names, self.members, strict=True):
            save_weights(member, weights_path(folder, name))
        if self.trees is not None:
            self.trees.save(Path(folder) / TREES)
        self.save_description(folder)

    def save_description(self, folder: str | Path) -> None:
        """Write all but the weights, for a folder where they are already."""
        folder = Path(folder)
        self.vocabulary.save(folder / VOCABULARY)
        write_json(folder / TRAINING, self.training)
        write_json(
            folder / CONFIG,
            {
                "format": FORMAT,
                "network": asdict(self.config),
                "min_length": self.min_length,
                "calibration": asdict(self.calibration),
                "threshold": self.threshold,
                "members": self.names,
                "tree_weight": self.tree_weight if self.trees else None,
            },
        )

    @classmethod
    def load(cls, folder: str | Path, device: torch.device | None = None) -> Self:
        """Read a checkpoint and check its files against each other. No code is ever run.

        Args:
            folder: Where its files are.
            device: Where the weights go; the CPU by default.

        Raises:
            InputError: A file is missing or damaged, or does not fit the others.
        """
        folder = Path(folder)
        if not folder.is_dir():
            raise InputError(folder, "no such checkpoint folder", MEND)
        content = _read_config(folder / CONFIG)
        calibration = _read_calibration(content["calibration"], folder / CONFIG)
        config = read_network_config(content["network"], folder / CONFIG)
        vocabulary = KmerVocab.load(folder / VOCABULARY)
        check_vocabulary(vocabulary, config, folder / VOCABULARY)
        training = _read_training(folder / TRAINING, content["members"], config)
        members = [
            load_member(config, weights_path(folder, name)).to(device or torch.device("cpu"))
            for name in content["members"]
        ]
        return cls(
            members,
            config,
            vocabulary,
            content["min_length"],
            calibration,
            content["threshold"],
            training,
            None if content["tree_weight"] is None else Trees.load(folder / TREES),
            content["tree_weight"] or 0.0,
        )


def member_name(record: dict[str, Any]) -> str:
    """Name of the member that a training record is of."""
    return f"seed{record['seed']}"


def weights_path(folder: str | Path, name: str) -> Path:
    """File of a member's weights in a checkpoint's folder."""
    return Path(folder) / f"{name}.safetensors"


def _read_config(path: Path) -> dict[str, Any]:
    """Read a checkpoint's config and check what needs no other file.

    Raises:
        InputError: It is of another format, lacks a key, or a value is out of range.
    """
    content = read_json(path)
    if isinstance(content, dict) and content.get("format") == 1:
        raise InputError(path, "is of format 1, which is no longer read", "train the run again")
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InputError(path, f"not a checkpoint's config of format {FORMAT}", MEND)
    for key in KEYS:
        if key not in content:
            raise InputError(path, "the key is missing", MEND, key)
    min_length, threshold, members, tree_weight = (
        content[key] for key in ("min_length", "threshold", "members", "tree_weight")
    )
    if type(min_length) is not int or min_length < 0:
        raise InputError(path, f"is {min_length!r}, not a length in nt", MEND, "min_length")
    if type(threshold) not in (int, float) or not 0 <= threshold <= 1:
        raise InputError(path, f"is {threshold!r}, not a probability", MEND, "threshold")
    if tree_weight is not None and (
        type(tree_weight) not in (int, float) or not 0 <= tree_weight <= 1
    ):
        raise InputError(path, f"is {tree_weight!r}, not a share or null", MEND, "tree_weight")
    if (
        not isinstance(members, list)
        or not members
        or not all(isinstance(name, str) and re.fullmatch(r"seed\d+", name) for name in members)
        or len(set(members)) != len(members)
    ):
        problem = f"is {members!r}, not a list of different names such as 'seed1'"
        raise InputError(path, problem, MEND, "members")
    return content


def _read_calibration(content: Any, path: Path) -> Calibration:
    """Make the calibration that a config describes.

    Raises:
        InputError: It describes none.
    """
    try:
        return Calibration(**content)
    except (TypeError, ValueError) as error:
        raise InputError(path, f"describes no calibration ({error})", MEND, "calibration") from None


def read_network_config(content: Any, path: str | Path) -> NetworkConfig:
    """Make the network config that the key `network` of a file describes.

    Raises:
        InputError: It lacks a setting or has one too many, or a value is out of range.
    """
    try:
        config = NetworkConfig(**content)
        build_network(config)  # a trial
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(path, f"describes no network ({error})", MEND, "network") from None
    return config


def check_vocabulary(vocabulary: KmerVocab, config: NetworkConfig, path: str | Path) -> None:
    """Check that a vocabulary and a network are of one run.

    Raises:
        InputError: They are not.
    """
    if config.vocabulary_size != len(vocabulary):
        raise InputError(
            path, f"has {len(vocabulary)} tokens but the network {config.vocabulary_size}", MEND
        )
    if config.architecture == "text_transformer" and (
        vocabulary.window is None or vocabulary.token_count(0) != config.max_tokens
    ):
        raise InputError(
            path, f"gives no window of {config.max_tokens} tokens, as the network reads", MEND
        )


def _read_training(path: Path, members: list[str], config: NetworkConfig) -> list[dict[str, Any]]:
    """Read the records of the trainings.

    Raises:
        InputError: They are missing, no records, or of other members than the config tells.
    """
    records = read_json(path)
    if not isinstance(records, list) or not all(map(is_record, records)):
        raise InputError(path, "not the records of trainings", MEND)
    names = [member_name(record) for record in records]
    if names != members:
        raise InputError(path, f"is of {names} but the config of {members}", MEND)
    for name, record in zip(names, records, strict=True):
        if not has_network(record, config):
            raise InputError(path, "was trained with another network than the config's", MEND, name)
    return records


def is_record(content: Any) -> bool:
    """Whether the content of a file can be the record of a training."""
    return (
        isinstance(content, dict)
        and type(content.get("seed")) is int
        and isinstance(content.get("network"), dict)
    )


def has_network(record: dict[str, Any], config: NetworkConfig) -> bool:
    """Whether a training was of a network of this shape."""
    try:
        return NetworkConfig(**record["network"]) == config
    except TypeError:
        return False


def load_member(config: NetworkConfig, path: str | Path) -> nn.Module:
    """Make a network with the weights of a file, in evaluation mode, on the CPU.

    Raises:
        InputError: See `load_weights`.
    """
    network = build_network(config)
    load_weights(network, path)
    return network.eval()


def save_weights(network: nn.Module, path: str | Path) -> None:
    """Write the weights of a network as safetensors, atomically."""
    weights = {name: value.contiguous() for name, value in network.state_dict().items()}
    with atomic_path(path) as temporary:
        save_file(weights, temporary)


def load_weights(network: nn.Module, path: str | Path) -> None:
    """Fill a network, on whatever device, with the weights of a file.

    Raises:
        InputError: The file is missing or damaged, or its tensors are not those of the network or
            not finite.
    """
    with reading(path):
        try:
            network.load_state_dict(load_file(path))
        except SafetensorError as error:
            raise InputError(path, f"not a whole safetensors file ({error})", MEND) from None
        except RuntimeError as error:
            raise InputError(path, f"does not fit the config ({error})", MEND) from None
    if not all(value.isfinite().all() for value in network.state_dict().values()):
        raise InputError(path, "has weights that are not finite numbers", MEND)
