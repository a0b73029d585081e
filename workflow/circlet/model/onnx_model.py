"""A model of one file: the networks as ONNX, and their description in the file's metadata."""

import base64
import binascii
from pathlib import Path

from circlet.errors import InputError
from circlet.model.description import Description
from circlet.model.onnx_file import MEND
from circlet.model.onnx_networks import OnnxNetworks

PREFIX = "circlet.file."  # of the names of the entries that hold a file each


def pack(description: Description) -> dict[str, str]:
    """Give the files of a description as entries of metadata, which are texts."""
    files = description.to_files()
    return {f"{PREFIX}{name}": base64.b64encode(files[name]).decode() for name in files}


def unpack(metadata: dict[str, str], path: str | Path) -> Description:
    """Read the description out of a file's metadata.

    Raises:
        InputError: It is missing or damaged.
    """
    texts = {
        name.removeprefix(PREFIX): text
        for name, text in metadata.items()
        if name.startswith(PREFIX)
    }
    try:
        files = {name: base64.b64decode(text, validate=True) for name, text in texts.items()}
    except (binascii.Error, ValueError):
        raise InputError(path, "its description is damaged", MEND) from None
    return Description.of_files(files, path)


def load_onnx(
    path: str | Path, device: str = "auto", threads: int | None = None
) -> tuple[Description, OnnxNetworks]:
    """Load a model of one file.

    Args:
        path: A file that `circlet export` wrote.
        device: `auto`, `cpu` or `cuda`.
        threads: Threads of one operation; ONNX Runtime's own choice by default.

    Raises:
        InputError: The file is damaged or not of circlet, ONNX Runtime is not installed, or the
            device is not there.
    """
    networks = OnnxNetworks(path, threads, device)
    description = unpack(networks.metadata, path)
    if networks.members != len(description.names):
        problem = f"has {networks.members} networks but describes {len(description.names)}"
        raise InputError(path, problem, MEND)
    return description, networks
