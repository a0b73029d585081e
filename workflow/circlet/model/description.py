"""All that turns the scores of networks into calls, apart from the networks: a few small files.

They are JSON and safetensors: data alone, no code is ever run. Beside the weights they make a
checkpoint (`circlet.model.checkpoint`), within an ONNX file a model of one file.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from circlet.errors import InputError
from circlet.files import json_bytes, parse_json
from circlet.model.calibration import Calibration
from circlet.model.kmers import KmerVocab
from circlet.model.reference import Reference
from circlet.model.trees import Trees

FORMAT = 3
CONFIG, VOCABULARY, TRAINING = "config.json", "vocabulary.json", "training.json"
TREES, REFERENCE = "trees.safetensors", "reference.safetensors"
KEYS = ("network", "min_length", "calibration", "threshold", "members", "tree_weight")
SIZES = ("vocabulary_size", "max_tokens", "streams", "patch")  # that are asked for here
MEND = "train the run again, or name the folder of a whole checkpoint"
OLD = "run the workflow again: the step assemble makes it anew"


@dataclass
class Description:
    """What inference needs beside the networks, and how they came about.

    Attributes:
        network: Shape of each network; see `circlet.model.network.NetworkConfig`.
        vocabulary: How sequences become tokens.
        min_length: Shortest sequence that the training saw, nt.
        calibration: Turns raw scores into probabilities.
        threshold: A probability at or above it is called circRNA.
        training: The record of each network's training, with its `seed` and `network`; see
            `circlet.model.train`.
        reference: What the model was made of.
        trees: Boosted trees that join the networks, or None.
        tree_weight: Their share of the raw score of a sequence, 0 to 1; the rest is the mean of the
            networks' logits.
    """

    network: dict[str, Any]
    vocabulary: KmerVocab
    min_length: int
    calibration: Calibration
    threshold: float
    training: list[dict[str, Any]]
    reference: Reference
    trees: Trees | None = None
    tree_weight: float = 0.0

    @property
    def names(self) -> list[str]:
        """Name of each network, such as `seed1`."""
        return [member_name(record) for record in self.training]

    @property
    def max_tokens(self) -> int:
        """Most tokens that the networks read of a sequence."""
        most: int = self.network["max_tokens"]
        return most

    @property
    def multiple(self) -> int:
        """A sequence is padded to a multiple of so many tokens."""
        if self.network["architecture"] == "text_transformer":
            return 1
        multiple: int = self.network["streams"] * self.network["patch"]
        return multiple

    def to_files(self) -> dict[str, bytes]:
        """Give the content of each file by its name."""
        config = {
            "format": FORMAT,
            "network": self.network,
            "min_length": self.min_length,
            "calibration": asdict(self.calibration),
            "threshold": self.threshold,
            "members": self.names,
            "tree_weight": self.tree_weight if self.trees else None,
        }
        trees = {TREES: self.trees.to_bytes()} if self.trees else {}
        return {
            CONFIG: json_bytes(config),
            VOCABULARY: json_bytes(self.vocabulary.to_content()),
            TRAINING: json_bytes(self.training),
            REFERENCE: self.reference.to_bytes(),
            **trees,
        }

    @classmethod
    def of_files(cls, files: Mapping[str, bytes], where: str | Path) -> Self:
        """Read the files and check them against each other.

        Args:
            files: Content by name, as of `to_files`.
            where: The folder or file that holds them, for errors.

        Raises:
            InputError: One is missing or damaged, or does not fit the others.
        """
        where = Path(where)

        def content(name: str) -> bytes:
            if name not in files:
                raise InputError(where / name, "no such file", MEND)
            return files[name]

        def parsed(name: str) -> Any:
            return parse_json(content(name), where / name)

        config = _check_config(parsed(CONFIG), where / CONFIG)
        vocabulary = KmerVocab.of_content(parsed(VOCABULARY), where / VOCABULARY)
        check_vocabulary(vocabulary, config["network"], where / VOCABULARY)
        has_trees = config["tree_weight"] is not None
        return cls(
            config["network"],
            vocabulary,
            config["min_length"],
            _read_calibration(config["calibration"], where / CONFIG),
            config["threshold"],
            _check_training(parsed(TRAINING), where / TRAINING, config),
            Reference.of_bytes(content(REFERENCE), where / REFERENCE),
            Trees.of_bytes(content(TREES), where / TREES) if has_trees else None,
            config["tree_weight"] or 0.0,
        )


def member_name(record: dict[str, Any]) -> str:
    """Name of the network that a training record is of."""
    return f"seed{record['seed']}"


def _check_config(content: Any, path: Path) -> dict[str, Any]:
    """Check of a config what needs no other file.

    Raises:
        InputError: It is of another format, lacks a key, or a value is out of range.
    """
    check_config_format(content, path)
    for key in KEYS:
        if key not in content:
            raise InputError(path, "the key is missing", MEND, key)
    problems = {
        "network": (_is_network, "not the shape of a network"),
        "min_length": (lambda value: type(value) is int and value >= 0, "not a length in nt"),
        "threshold": (_is_share, "not a probability"),
        "tree_weight": (lambda value: value is None or _is_share(value), "not a share or null"),
        "members": (_are_names, "not a list of different names such as 'seed1'"),
    }
    for key, (is_sound, problem) in problems.items():
        if not is_sound(content[key]):
            raise InputError(path, f"is {content[key]!r}, {problem}", MEND, key)
    config: dict[str, Any] = content
    return config


def check_config_format(content: Any, path: Path) -> None:
    """Check that a config is of the format that is read.

    Raises:
        InputError: It is of another one, or none.
    """
    found = content.get("format") if isinstance(content, dict) else None
    if type(found) is int and 0 < found < FORMAT:
        raise InputError(path, f"is of format {found}, which is no longer read", OLD)
    if found != FORMAT:
        raise InputError(path, f"not a checkpoint's config of format {FORMAT}", MEND)


def _is_network(value: Any) -> bool:
    """Whether a value has what is asked for here of a network's shape."""
    return (
        isinstance(value, dict)
        and isinstance(value.get("architecture"), str)
        and all(type(value.get(size)) is int and value[size] > 0 for size in SIZES)
    )


def _is_share(value: Any) -> bool:
    """Whether a value is a number from 0 to 1."""
    return type(value) in (int, float) and 0 <= value <= 1


def _are_names(value: Any) -> bool:
    """Whether a value is a list of different names of networks, and not empty."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(name, str) and re.fullmatch(r"seed\d+", name) for name in value)
        and len(set(value)) == len(value)
    )


def _read_calibration(content: Any, path: Path) -> Calibration:
    """Make the calibration that a config describes.

    Raises:
        InputError: It describes none.
    """
    try:
        return Calibration(**content)
    except (TypeError, ValueError) as error:
        raise InputError(path, f"describes no calibration ({error})", MEND, "calibration") from None


def check_vocabulary(vocabulary: KmerVocab, network: dict[str, Any], path: str | Path) -> None:
    """Check that a vocabulary and a network are of one run.

    Raises:
        InputError: They are not.
    """
    size = network["vocabulary_size"]
    if size != len(vocabulary):
        raise InputError(path, f"has {len(vocabulary)} tokens but the network {size}", MEND)
    if network["architecture"] == "text_transformer" and (
        vocabulary.window is None or vocabulary.token_count(0) != network["max_tokens"]
    ):
        raise InputError(
            path, f"gives no window of {network['max_tokens']} tokens, as the network reads", MEND
        )


def _check_training(records: Any, path: Path, config: dict[str, Any]) -> list[dict[str, Any]]:
    """Check the records of the trainings.

    Raises:
        InputError: They are no records, or of other networks than the config tells.
    """
    if not isinstance(records, list) or not all(map(is_record, records)):
        raise InputError(path, "not the records of trainings", MEND)
    names, members = [member_name(record) for record in records], config["members"]
    if names != members:
        raise InputError(path, f"is of {names} but the config of {members}", MEND)
    for name, record in zip(names, records, strict=True):
        if record["network"] != config["network"]:
            raise InputError(path, "was trained with another network than the config's", MEND, name)
    return records


def is_record(content: Any) -> bool:
    """Whether the content of a file can be the record of a training."""
    return (
        isinstance(content, dict)
        and type(content.get("seed")) is int
        and isinstance(content.get("network"), dict)
    )
