"""The machine: device, threads, precision and the switches that make torch repeat itself."""

import contextlib
import os

import torch

from circlet.errors import InputError

DEVICES = ("auto", "cpu", "cuda", "mps")
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


def set_up(threads: int | None = None) -> None:
    """Set threads, and ask torch for the same answer twice.

    Args:
        threads: Threads of one operation; torch's own choice by default.

    Raises:
        InputError: Fewer than one thread is asked for.
    """
    if threads is not None and threads < 1:
        raise InputError("threads", f"is {threads}", "give a whole number above 0")
    # MKL promises the same bits from run to run only in this mode; it reads it at its first use.
    os.environ.setdefault("MKL_CBWR", "AUTO,STRICT")
    # Has to stand before the first use of cuBLAS, which is not deterministic without it.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    if threads:
        torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=not _only_cpu())
    # The fused path of nn.TransformerEncoderLayer halves the speed of inference on the CPU.
    torch.backends.mha.set_fastpath_enabled(False)


def _only_cpu() -> bool:
    """Whether no accelerator is there, some of whose operations cannot repeat themselves."""
    return not (torch.cuda.is_available() or torch.backends.mps.is_available())


def autocast(device: torch.device, precision: str = "auto") -> contextlib.AbstractContextManager:
    """Give the context of the forward pass: bfloat16 where it pays.

    Args:
        device: Where it runs.
        precision: `auto` is bf16 on cuda and fp32 elsewhere, since it is slower on the CPU.
    """
    is_bf16 = precision == "bf16" or (precision == "auto" and device.type == "cuda")
    return (
        torch.autocast(device.type, dtype=torch.bfloat16) if is_bf16 else contextlib.nullcontext()
    )
