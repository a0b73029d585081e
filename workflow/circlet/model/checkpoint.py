"""A checkpoint: weights, config, vocabulary and training record, saved and loaded as one folder."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from circlet.errors import InputError
from circlet.files import atomic_path, read_json, reading, write_json
from circlet.model.kmers import KmerVocab
from circlet.model.network import NetworkConfig, build_network

FORMAT = 1
WEIGHTS, CONFIG, VOCABULARY, TRAINING = (
    "model.safetensors",
    "config.json",
    "vocabulary.json",
    "training.json",
)
MEND = "train the run again, or name the folder of a whole checkpoint"


@dataclass
class Checkpoint:
    """All that inference needs, and how it came about.

    Attributes:
        network: The network with its weights.
        config: Shape of the network.
        vocabulary: How sequences become tokens.
        min_length: Shortest sequence that the training saw, nt.
        threshold: A probability at or above it is called circRNA.
        training: The record of the training; see `circlet.model.train`.
    """

    network: nn.Module
    config: NetworkConfig
    vocabulary: KmerVocab
    min_length: int
    threshold: float
    training: dict[str, Any]

    def save(self, folder: str | Path) -> None:
        """Write the files of the checkpoint, each atomically, the weights last."""
        folder = Path(folder)
        self.vocabulary.save(folder / VOCABULARY)
        write_json(folder / TRAINING, self.training)
        write_json(
            folder / CONFIG,
            {
                "format": FORMAT,
                "network": asdict(self.config),
                "min_length": self.min_length,
                "threshold": self.threshold,
            },
        )
        weights = {name: value.contiguous() for name, value in self.network.state_dict().items()}
        with atomic_path(folder / WEIGHTS) as temporary:
            save_file(weights, temporary)

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
        vocabulary = KmerVocab.load(folder / VOCABULARY)
        content = read_json(folder / CONFIG)
        config, network = _build(content, folder / CONFIG)
        if config.vocabulary_size != len(vocabulary):
            raise InputError(
                folder / VOCABULARY,
                f"has {len(vocabulary)} tokens but the network {config.vocabulary_size}",
                MEND,
            )
        _load_weights(network, folder / WEIGHTS)
        return cls(
            network.to(device or torch.device("cpu")),
            config,
            vocabulary,
            content["min_length"],
            content["threshold"],
            _read_training(folder / TRAINING),
        )


def _build(content: Any, path: Path) -> tuple[NetworkConfig, nn.Module]:
    """Make the network that a config describes, with fresh weights.

    Raises:
        InputError: The config is of another format, lacks a key or has one too many, or a value
            is out of range.
    """
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InputError(path, f"not a checkpoint's config of format {FORMAT}", MEND)
    for key in ("network", "min_length", "threshold"):
        if key not in content:
            raise InputError(path, "the key is missing", MEND, key)
    min_length, threshold = content["min_length"], content["threshold"]
    if type(min_length) is not int or min_length < 0:
        raise InputError(path, f"is {min_length!r}, not a length in nt", MEND, "min_length")
    if type(threshold) not in (int, float) or not 0 <= threshold <= 1:
        raise InputError(path, f"is {threshold!r}, not a probability", MEND, "threshold")
    try:
        config = NetworkConfig(**content["network"])
        return config, build_network(config)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(path, f"describes no network ({error})", MEND, "network") from None


def _read_training(path: Path) -> dict[str, Any]:
    """Read the record of the training.

    Raises:
        InputError: It is missing or no record.
    """
    record = read_json(path)
    if not isinstance(record, dict):
        raise InputError(path, "not the record of a training", MEND)
    return record


def _load_weights(network: nn.Module, path: Path) -> None:
    """Fill a network with the weights of a file.

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
