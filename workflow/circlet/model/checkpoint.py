"""A checkpoint: the networks of an ensemble and all that turns their scores into calls, one folder.

It holds the files of `circlet.model.description`, `seed{N}.safetensors` for each network, and
`manifest.json`, which tells the size and the SHA-256 of each of them: data alone, no code.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from safetensors import SafetensorError
from safetensors.torch import load, save_file
from torch import nn

from circlet.errors import InputError
from circlet.files import atomic_path, read_json, reading, write_json
from circlet.model.description import CONFIG, FORMAT, MEND, Description, check_config_format
from circlet.model.network import Network, NetworkConfig, build_network

MANIFEST = "manifest.json"
MOST_WEIGHTS = 1 << 28
MOST_LAYERS = 1000
MOST_BYTES, MOST_JSON = 1 << 32, 1 << 26  # of a file, which is read whole


@dataclass
class Checkpoint:
    """Networks with their description.

    Attributes:
        description: All that inference needs beside them.
        members: The networks with their weights, in evaluation mode; they differ in nothing else.
    """

    description: Description
    members: list[Network]

    def save(self, folder: str | Path) -> None:
        """Write the files of the checkpoint, each atomically, the manifest last."""
        for name, member in zip(self.description.names, self.members, strict=True):
            save_weights(member, weights_path(folder, name))
        save_description(self.description, folder)

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read a checkpoint and check its files against manifest and each other.

        No code is ever run. The networks are on the CPU.

        Raises:
            InputError: A file is missing, damaged or changed, or does not fit the others.
        """
        folder = Path(folder)
        files = read_files(folder)
        description = Description.of_files(files, folder)
        members, paths = [], [weights_path(folder, name) for name in description.names]
        for path in paths:
            if path.name not in files:
                raise InputError(path, f"is not in {MANIFEST}", MEND)
        most = max(len(files[path.name]) for path in paths)
        config = read_network_config(description.network, folder / CONFIG, most)
        for path in paths:
            network = build_network(config)
            _fill(network, files[path.name], path)
            members.append(network.eval())
        return cls(description, members)


def save_description(description: Description, folder: str | Path) -> None:
    """Write all but the weights, for a folder where they are already, and the manifest of all."""
    folder = Path(folder)
    contents = description.to_files()
    for name, content in contents.items():
        # What lies there already, such as the trees of another step, keeps its time.
        if not (folder / name).is_file() or (folder / name).read_bytes() != content:
            with atomic_path(folder / name) as temporary:
                temporary.write_bytes(content)
    names = [*contents, *(weights_path(folder, name).name for name in description.names)]
    write_json(folder / MANIFEST, {"format": FORMAT, "files": seal(folder, sorted(names))})


def seal(folder: Path, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Tell size and hash of files, as the manifest does."""
    return {name: _sum_up((folder / name).read_bytes()) for name in names}


def _sum_up(content: bytes) -> dict[str, Any]:
    """What the manifest tells of a file."""
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def read_files(folder: Path) -> dict[str, bytes]:
    """Read the files of a checkpoint that its manifest names.

    Raises:
        InputError: The folder or a file of it is missing, or a file is not as the manifest says.
    """
    if not folder.is_dir():
        raise InputError(folder, "no such checkpoint folder", MEND)
    path = folder / MANIFEST
    if not path.exists() and (folder / CONFIG).exists():
        check_config_format(read_json(folder / CONFIG), folder / CONFIG)
    _check_size(path)
    manifest = read_json(path)
    if not _is_manifest(manifest):
        raise InputError(path, f"not the manifest of a checkpoint of format {FORMAT}", MEND)
    files = {}
    for name, told in manifest["files"].items():
        _check_size(folder / name, told["bytes"])
        with reading(folder / name):
            files[name] = (folder / name).read_bytes()
        found = _sum_up(files[name])
        if found["sha256"] != told["sha256"]:
            problem = f"its SHA-256 is not the one in {MANIFEST}: damaged or changed"
            raise InputError(folder / name, problem, MEND)
    return files


def _check_size(path: Path, told: int | None = None) -> None:
    """Check that a file, or what a link leads to, can be read whole, before it is.

    Args:
        path: The file; a pipe or a device, which has no end, is none.
        told: Its bytes as the manifest has them, if it does.

    Raises:
        InputError: It is no file, far too large, or not as large as it should be.
    """
    with reading(path):
        size = path.stat().st_size
    if not path.is_file():
        raise InputError(path, "is no file", MEND)
    if told is not None and size != told:
        problem = f"has {size:,} bytes where {MANIFEST} says {told:,}"
        raise InputError(path, f"{problem}: not whole, or changed", MEND)
    if size > (most := MOST_JSON if path.suffix == ".json" else MOST_BYTES):
        raise InputError(path, f"has {size:,} bytes, above {most:,}", MEND)


def _is_manifest(content: Any) -> bool:
    """Whether the content of a file can be a manifest; it names files of its own folder alone."""
    return (
        isinstance(content, dict)
        and content.get("format") == FORMAT
        and isinstance(content.get("files"), dict)
        and all(
            re.fullmatch(r"\w[\w.-]*", name) is not None
            and isinstance(told, dict)
            and type(told.get("bytes")) is int
            and isinstance(told.get("sha256"), str)
            for name, told in content["files"].items()
        )
    )


def weights_path(folder: str | Path, name: str) -> Path:
    """File of a network's weights in a checkpoint's folder."""
    return Path(folder) / f"{name}.safetensors"


def read_network_config(
    content: Any, path: str | Path, most_weights: int = MOST_WEIGHTS
) -> NetworkConfig:
    """Make the network config that the key `network` of a file describes.

    Args:
        content: What stands there.
        path: The file, for errors.
        most_weights: More are refused before memory is asked for.

    Raises:
        InputError: It lacks a setting or has one too many, or a value is out of range.
    """
    try:
        config = NetworkConfig(**content)
        least = _least_weights(config)
        if least > most_weights:
            raise ValueError(f"it has {least:,} weights or more, above {most_weights:,}")
        build_network(config)  # a trial
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(path, f"describes no network ({error})", MEND, "network") from None
    return config


def _least_weights(config: NetworkConfig) -> int:
    """Count those weights of a network that can be many; 0 for what `build_network` refuses.

    Raises:
        ValueError: There are more layers than `MOST_LAYERS`.
    """
    names = ("vocabulary_size", "max_tokens", "patch", "width", "layers", "feedforward", "ends")
    if any(type(getattr(config, name)) is not int for name in names):
        return 0
    if config.layers > MOST_LAYERS:
        raise ValueError(f"layers is {config.layers}, above {MOST_LAYERS}")
    of_layers = config.layers * config.width * (4 * config.width + 2 * config.feedforward)
    table = config.vocabulary_size * config.width
    if config.architecture == "text_transformer":
        return of_layers + table + config.max_tokens
    return of_layers + config.patch * table + config.ends * config.width


def load_member(config: NetworkConfig, path: str | Path) -> Network:
    """Make a network with the weights of a file, in evaluation mode, on the CPU.

    Raises:
        InputError: See `load_weights`.
    """
    network = build_network(config)
    load_weights(network, path)
    return network.eval()


def save_weights(network: nn.Module, path: str | Path, half: bool = False) -> None:
    """Write the weights of a network as safetensors, atomically.

    Args:
        network: Any.
        path: Where to write.
        half: Whether to round them to half precision (fp16), for a file of half the size.
    """
    weights = {
        name: (value.half() if half else value).contiguous()
        for name, value in network.state_dict().items()
    }
    with atomic_path(path) as temporary:
        save_file(weights, temporary)


def load_weights(network: nn.Module, path: str | Path) -> None:
    """Fill a network, on whatever device, with the weights of a file.

    Raises:
        InputError: The file is missing or damaged, or its tensors are not those of the network or
            not finite.
    """
    with reading(path):
        content = Path(path).read_bytes()
    _fill(network, content, path)


def _fill(network: nn.Module, content: bytes, path: str | Path) -> None:
    """Fill a network with the weights of a file's content; see `load_weights`."""
    try:
        weights = load(content)
        if odd := [name for name, value in weights.items() if not value.is_floating_point()]:
            raise InputError(path, "is of no floating-point type", MEND, odd[0])
        network.load_state_dict(weights)
    except SafetensorError as error:
        raise InputError(path, f"not a whole safetensors file ({error})", MEND) from None
    except RuntimeError as error:
        raise InputError(path, f"does not fit the config ({error})", MEND) from None
    if not all(value.isfinite().all() for value in network.state_dict().values()):
        raise InputError(path, "has weights that are not finite numbers", MEND)
