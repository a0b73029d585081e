import os

import pytest
import torch

from circlet.errors import InputError
from circlet.model.runtime import allow_tf32, autocast, choose_device, peak_memory, set_up

CPU = torch.device("cpu")


@pytest.fixture
def switches():
    """Puts back what `set_up` switches."""
    threads, fastpath = torch.get_num_threads(), torch.backends.mha.get_fastpath_enabled()
    deterministic = torch.are_deterministic_algorithms_enabled()
    warns = torch.is_deterministic_algorithms_warn_only_enabled()
    fills = torch.utils.deterministic.fill_uninitialized_memory
    yield
    torch.set_num_threads(threads)
    torch.backends.mha.set_fastpath_enabled(fastpath)
    torch.use_deterministic_algorithms(deterministic, warn_only=warns)
    torch.utils.deterministic.fill_uninitialized_memory = fills


def pretend(monkeypatch, *present):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: "cuda" in present)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: "mps" in present)


@pytest.mark.parametrize(
    ("present", "chosen"),
    [(("cuda", "mps"), "cuda"), (("mps",), "mps"), ((), "cpu")],
)
def test_auto_takes_the_best_device(monkeypatch, present, chosen):
    pretend(monkeypatch, *present)
    assert choose_device("auto") == torch.device(chosen)
    assert choose_device("cpu") == CPU
    assert choose_device(chosen) == torch.device(chosen)


@pytest.mark.parametrize("name", ["cuda", "mps", "tpu"])
def test_absent_device_is_refused(monkeypatch, name):
    pretend(monkeypatch)
    with pytest.raises(InputError, match=f"device: {name}: there is no {name} here; use 'auto'"):
        choose_device(name)


@pytest.mark.usefixtures("switches")
def test_set_up_keeps_to_its_threads_and_to_what_repeats(monkeypatch):
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    monkeypatch.delenv("MKL_CBWR", raising=False)
    set_up(threads=1)
    set_up()
    assert torch.get_num_threads() == 1
    assert torch.are_deterministic_algorithms_enabled()
    assert not torch.utils.deterministic.fill_uninitialized_memory
    assert not torch.backends.mha.get_fastpath_enabled()
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    assert os.environ["MKL_CBWR"] == "AUTO,STRICT"


@pytest.mark.parametrize("threads", [0, 1025, 10**30])
def test_threads_are_bounded(threads):
    with pytest.raises(InputError, match=f"threads: is {threads}; give a whole number from 1 to"):
        set_up(threads)


@pytest.mark.usefixtures("switches")
@pytest.mark.parametrize(("present", "warns"), [(("cuda",), True), (("mps",), True), ((), False)])
def test_only_the_cpu_is_held_to_repeat_itself(monkeypatch, present, warns):
    pretend(monkeypatch, *present)
    set_up()
    assert torch.is_deterministic_algorithms_warn_only_enabled() == warns


@pytest.mark.parametrize(
    ("precision", "dtype"),
    [("auto", torch.float32), ("fp32", torch.float32), ("bf16", torch.bfloat16)],
)
def test_precision_on_the_cpu(precision, dtype):
    with autocast(CPU, precision):
        assert torch.nn.functional.linear(torch.ones(1, 2), torch.ones(1, 2)).dtype == dtype


def test_auto_is_bf16_on_cuda(monkeypatch):
    asked = []
    monkeypatch.setattr(torch, "autocast", lambda *args, **kwargs: asked.append((args, kwargs)))
    autocast(torch.device("cuda"))
    autocast(torch.device("cuda"), "fp32")
    autocast(torch.device("mps"))
    assert asked == [(("cuda",), {"dtype": torch.bfloat16})]


def test_tf32_is_for_cuda_alone(monkeypatch):
    asked = []
    monkeypatch.setattr(torch, "set_float32_matmul_precision", asked.append)
    allow_tf32(CPU)
    allow_tf32(torch.device("mps"))
    assert asked == []
    allow_tf32(torch.device("cuda"))
    assert asked == ["high"]


@pytest.mark.parametrize(("platform", "unit"), [("linux", 1024), ("darwin", 1)])
def test_peak_memory_in_mib(monkeypatch, platform, unit):
    usage = type("Usage", (), {"ru_maxrss": 300 * 2**20 // unit})
    monkeypatch.setattr("circlet.model.runtime.resource.getrusage", lambda who: usage)
    monkeypatch.setattr("circlet.model.runtime.sys.platform", platform)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda: 2**19)
    assert peak_memory(CPU) == {"memory": 300}
    assert peak_memory(torch.device("cuda")) == {"memory": 300, "cuda_memory": 0.5}
