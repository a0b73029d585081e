"""The networks of an ONNX file, computed by ONNX Runtime: without torch, and it runs no code."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from circlet.arguments import check_threads
from circlet.errors import InputError
from circlet.model.onnx_file import MEND, read_sealed
from circlet.model.padding import CPU_BATCH_TOKENS, score_in_batches

MOST_MULTIPLE = 1 << 16  # tokens: every sequence is padded to so many at the least
FORMAT = "1"
INPUTS = {"tokens": "tensor(int64)", "features": "tensor(float)"}
OUTPUT = "logits"
# What the networks themselves ask of whoever reads the file, in its metadata.
FORMAT_KEY = "circlet.format"
MAX_TOKENS_KEY, MULTIPLE_KEY = "circlet.max_tokens", "circlet.multiple"
PROVIDERS = {
    "cuda": ("CUDAExecutionProvider", {"use_tf32": "0"}),
    "cpu": ("CPUExecutionProvider", {}),
}


class OnnxNetworks:
    """The members of an ensemble in one ONNX file; see `circlet.model.onnx_export`.

    Args:
        path: The file.
        threads: Threads of one operation; ONNX Runtime's own choice by default.
        device: `auto`, `cpu` or `cuda`.
        batch_tokens: Most tokens in a batch; bounds the memory, not the result.

    Attributes:
        metadata: What the file says of itself, texts by their names.
        members: Number of networks.

    Raises:
        InputError: The file is missing, damaged or not one of circlet, ONNX Runtime is not
            installed, or the device is not there.
    """

    def __init__(
        self,
        path: str | Path,
        threads: int | None = None,
        device: str = "cpu",
        batch_tokens: int = CPU_BATCH_TOKENS,
    ) -> None:
        self.path, self.batch_tokens = path, batch_tokens
        self.session = _start(path, threads, device)
        self.metadata: dict[str, str] = dict(self.session.get_modelmeta().custom_metadata_map)
        self.members = _check(self.session, self.metadata, path)
        self.max_tokens = _size(self.metadata, MAX_TOKENS_KEY, path)
        self.multiple = _size(self.metadata, MULTIPLE_KEY, path, MOST_MULTIPLE)

    def __call__(self, sequences: Sequence[np.ndarray], features: np.ndarray) -> np.ndarray:
        """Score sequences with each member, as `circlet.model.scoring.member_logits` does.

        Args:
            sequences: Token ids of each sequence.
            features: Descriptors of each sequence, shape (sequences, 356), float32.

        Returns:
            Logits of the class circRNA, shape (members, sequences), float64.
        """
        return score_in_batches(
            self._score,
            self.members,
            sequences,
            features,
            self.max_tokens,
            self.multiple,
            self.batch_tokens,
        )

    def _score(self, tokens: np.ndarray, features: np.ndarray) -> np.ndarray:
        """Give the logits (members, batch) of one padded batch.

        Raises:
            InputError: The graph has a fault that shows only now.
        """
        try:
            (logits,) = self.session.run([OUTPUT], {"tokens": tokens, "features": features})
        except Exception as error:  # see `_start`
            raise InputError(self.path, f"cannot be computed ({error})", MEND) from None
        if np.shape(logits) != (self.members, len(tokens)) or logits.dtype != np.float32:
            raise InputError(self.path, "gives something else than a score a sequence", MEND)
        scores: np.ndarray = logits
        return scores


def _start(path: str | Path, threads: int | None, device: str) -> Any:
    """Load a file into ONNX Runtime.

    Raises:
        InputError: See `OnnxNetworks`.
    """
    check_threads(threads)
    if find_spec("onnxruntime") is None:
        mend = "install it: pip install 'circlet[onnx]'"
        raise InputError(path, "an ONNX file needs ONNX Runtime, which is not installed", mend)
    model = read_sealed(path)
    import onnxruntime

    provider = _choose_provider(device, onnxruntime.get_available_providers())
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    options.use_deterministic_compute = True
    options.enable_mem_pattern = False  # it keeps a plan for each shape that it meets
    options.log_severity_level = 4
    # Not the other format, of ONNX Runtime alone, which has other ways to name data elsewhere.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    try:
        return onnxruntime.InferenceSession(model, options, providers=[provider])
    except Exception as error:  # each of its errors has a class of its own, with no common base
        raise InputError(path, f"not a usable ONNX file ({error})", MEND) from None


def _choose_provider(device: str, available: Sequence[str]) -> tuple[str, dict[str, str]]:
    """Choose what of ONNX Runtime computes.

    Raises:
        InputError: The device asked for is unknown or not there.
    """
    present = {name: each for name, each in PROVIDERS.items() if each[0] in available}
    if device == "auto":
        return next(iter(present.values()))
    if device not in present:
        mend = "use 'auto' or 'cpu'"
        raise InputError("device", f"there is no {device} here for ONNX Runtime", mend, device)
    return present[device]


def _check(session: Any, metadata: dict[str, str], path: str | Path) -> int:
    """Check that a file's graph is one of circlet, and count its members.

    Raises:
        InputError: It is not, or it is of another format.
    """
    if metadata.get(FORMAT_KEY) != FORMAT:
        raise InputError(path, f"not an ONNX file of circlet of format {FORMAT}", MEND)
    inputs = {each.name: each.type for each in session.get_inputs()}
    shapes = {each.name: each.shape for each in session.get_outputs()}
    members = shapes.get(OUTPUT, [None])[0]
    if inputs != INPUTS or type(members) is not int or members < 1:
        raise InputError(path, "its inputs or outputs are not those of a model of circlet", MEND)
    return members


def _size(metadata: dict[str, str], key: str, path: str | Path, most: int = 2**31 - 1) -> int:
    """Read a size from a file's metadata.

    Raises:
        InputError: It is missing, not a whole number above 0, or above `most`.
    """
    value = metadata.get(key, "")
    if not (value.isascii() and value.isdecimal() and len(value) <= 10 and 0 < int(value) <= most):
        raise InputError(path, f"is {value!r}, not a whole number above 0", MEND, key)
    return int(value)
