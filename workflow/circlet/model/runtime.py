"""The machine: device, threads, precision, memory, and what makes torch repeat itself."""

import contextlib
import os
import resource
import sys

import torch

from circlet.arguments import check_threads
from circlet.errors import InputError

PRECISIONS = ("auto", "fp32", "bf16")


def choose_device(name: str = "auto") -> torch.device:
    """Choose where to compute.

    Args:
        name: One of `DEVICES`; `auto` takes cuda, then mps, then cpu.

    Raises:
        InputError: The device asked for is unknown or not there.
    """
    present = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        name = next(device for device, is_there in present.items() if is_there)
    if not present.get(name, False):
        raise InputError("device", f"there is no {name} here", "use 'auto' or 'cpu'", name)
    return torch.device(name)


def choose_devices(name: str = "auto", gpus: int | None = 1) -> list[torch.device]:
    """Choose where to compute; several devices share the work.

    Args:
        name: See `choose_device`.
        gpus: Where that is cuda, how many GPUs; None for all.

    Raises:
        InputError: See `choose_device`; also if there are fewer GPUs.
    """
    device = choose_device(name)
    if device.type != "cuda":
        return [device]
    there = torch.cuda.device_count()
    count = there if gpus is None else gpus
    if not 1 <= count <= there:
        mend = f"give a number from 1 to {there}"
        raise InputError("gpus", f"is {count}, and there are {there}", mend)
    return [torch.device("cuda", number) for number in range(count)]


def set_up(threads: int | None = None, is_strict: bool = True) -> None:
    """Set threads, and ask torch for the same answer twice.

    Args:
        threads: Threads of one operation; torch's own choice by default.
        is_strict: Whether torch shall refuse an operation that cannot repeat itself. To ask for
            that takes a second; the forward passes have none on the CPU.

    Raises:
        InputError: See `check_threads`.
    """
    check_threads(threads)
    # MKL promises the same bits from run to run only in this mode; it reads it at its first use.
    os.environ.setdefault("MKL_CBWR", "AUTO,STRICT")
    # Has to stand before the first use of cuBLAS, which is not deterministic without it.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    if threads:
        torch.set_num_threads(threads)
    if is_strict:
        torch.use_deterministic_algorithms(True, warn_only=not _only_cpu())
    # It would fill memory that is written to before it is read: some percent of a training's time.
    # A setting that torch gives the module at run time, so that it has no type.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    # The fused path of nn.TransformerEncoderLayer halves the speed of inference on the CPU.
    torch.backends.mha.set_fastpath_enabled(False)


def _only_cpu() -> bool:
    """Whether no accelerator is there, some of whose operations cannot repeat themselves."""
    return not (torch.cuda.is_available() or torch.backends.mps.is_available())


def autocast(
    device: torch.device, precision: str = "auto"
) -> contextlib.AbstractContextManager[object]:
    """Give the context of the forward pass: bfloat16 where it pays.

    Args:
        device: Where it runs.
        precision: `auto` is bf16 on cuda and fp32 elsewhere, since it is slower on the CPU.
    """
    is_bf16 = precision == "bf16" or (precision == "auto" and device.type == "cuda")
    return (
        torch.autocast(device.type, dtype=torch.bfloat16) if is_bf16 else contextlib.nullcontext()
    )


def allow_tf32(device: torch.device) -> None:
    """Let cuda multiply matrices in TF32 where fp32 is asked for; no other device changes."""
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high")


def peak_memory(device: torch.device) -> dict[str, float]:
    """Give the most memory that this process had at a time, MiB: `memory`, and `cuda_memory`."""
    unit = 1 if sys.platform == "darwin" else 1024  # what the system counts in, bytes
    peaks = {"memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit}
    if device.type == "cuda":
        peaks["cuda_memory"] = torch.cuda.max_memory_allocated()
    return {name: round(value / 2**20, 1) for name, value in peaks.items()}
