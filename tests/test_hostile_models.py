"""Models made to harm, with seals that fit: one line each, nothing run, memory bounded."""

import os
import pickle
import resource
import struct
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from checkpoint_inputs import make_checkpoint, reseal
from safetensors.torch import load_file, save_file

from circlet.cli import main
from circlet.files import read_json, write_json
from circlet.model.checkpoint import Checkpoint
from circlet.model.onnx_file import write_sealed

WEIGHTS = "seed1.safetensors"


class Payload:
    """Unpickled, it would make a file."""

    def __init__(self, canary):
        self.canary = canary

    def __reduce__(self):
        return os.mkdir, (str(self.canary),)


@pytest.fixture
def folder(tmp_path):
    """A small checkpoint."""
    make_checkpoint().save(tmp_path / "model")
    return tmp_path / "model"


def refusal(tmp_path, capsys, model):
    """The line in which `circlet predict` refuses a model; no table is there then."""
    fasta, output = tmp_path / "in.fa", tmp_path / "out.tsv"
    fasta.write_text(">a\n" + "ACGGT" * 10 + "\n")
    assert main(["predict", str(fasta), "--model", str(model), "--output", str(output)]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("circlet predict: error: ")
    assert last.isprintable()
    assert len(last.replace(str(tmp_path), "")) < 1500
    assert not output.exists()
    return last


def change_weights(change):
    def apply(folder):
        weights = load_file(folder / WEIGHTS)
        change(weights)
        save_file(weights, folder / WEIGHTS)

    return apply


def declare(shape, size=8):
    """Weights whose header tells of more numbers than there are."""

    def apply(folder):
        head = b'{"x":{"dtype":"F32","shape":%s,"data_offsets":[0,%d]}}' % (shape, size)
        (folder / WEIGHTS).write_bytes(struct.pack("<Q", len(head)) + head + bytes(8))

    return apply


def text(name, content):
    return lambda folder: (folder / name).write_text(content)


HEAD = "head.1.weight"
HARM = {
    "extra tensor": (change_weights(lambda w: w.update(x=torch.zeros(2))), "does not fit"),
    "no tensor": (change_weights(lambda w: w.clear()), "does not fit"),
    "lack": (change_weights(lambda w: w.pop(HEAD)), "does not fit"),
    "NaN": (change_weights(lambda w: w[HEAD].view(-1)[:1].fill_(torch.nan)), "not finite"),
    "infinity": (change_weights(lambda w: w[HEAD].view(-1)[-1:].fill_(torch.inf)), "not finite"),
    "too large for the type": (
        change_weights(lambda w: w.update({HEAD: w[HEAD].double() * 1e300})),
        "not finite",
    ),
    "whole numbers": (
        change_weights(lambda w: w.update({HEAD: w[HEAD].long()})),
        f"{HEAD}: is of no floating-point type",
    ),
    "shape": (change_weights(lambda w: w.update({HEAD: w[HEAD].T.contiguous()})), "does not fit"),
    "huge shape": (declare(b"[1099511627776,4]"), "not a whole safetensors file"),
    "overflowing shape": (declare(b"[4611686018427387904,4]"), "not a whole safetensors file"),
    "beyond the end": (declare(b"[1000]", 4000), "not a whole safetensors file"),
    "huge header": (
        lambda folder: (folder / WEIGHTS).write_bytes(struct.pack("<Q", 1 << 62) + b"{}"),
        "not a whole safetensors file",
    ),
    "deep config": (text("config.json", "[" * 200_000), "not usable JSON"),
    "deep training": (text("training.json", '{"a":' * 90_000 + "1" + "}" * 90_000), "not usable"),
    "wide config": (text("config.json", "[" + "0," * 2_000_000 + "0]"), "config.json"),
    "long number": (text("config.json", "9" * 100_000), "not usable JSON"),
}


@pytest.mark.parametrize("harm", HARM.values(), ids=HARM)
def test_harmful_checkpoints(folder, tmp_path, capsys, harm):
    change, words = harm
    change(folder)
    reseal(folder)
    assert words in refusal(tmp_path, capsys, folder)


def dump(content, path):
    path.write_bytes(pickle.dumps(content))


@pytest.mark.parametrize("name", [WEIGHTS, "reference.safetensors", "config.json"])
@pytest.mark.parametrize(
    "save", [torch.save, lambda what, path: path.write_bytes(pickle.dumps(what))]
)
def test_a_pickle_is_never_loaded(folder, tmp_path, capsys, name, save):
    canary = tmp_path / "canary"
    save({"x": Payload(canary)}, folder / name)
    reseal(folder)
    assert str(folder / name) in refusal(tmp_path, capsys, folder)
    assert not canary.exists()
    with open(folder / name, "rb") as handle:  # it would have made the file
        torch.load(handle, weights_only=False) if save is torch.save else pickle.load(handle)
    assert canary.is_dir()


def test_a_pickle_as_onnx_is_never_loaded(tmp_path, capsys):
    canary, path = tmp_path / "canary", tmp_path / "model.onnx"
    torch.save({"x": Payload(canary)}, path)
    assert "not a whole ONNX file of circlet" in refusal(tmp_path, capsys, path)
    write_sealed(path, path.read_bytes())
    assert "not a usable ONNX file" in refusal(tmp_path, capsys, path)
    assert not canary.exists()


@pytest.mark.parametrize("name", [WEIGHTS, "config.json", "manifest.json"])
@pytest.mark.parametrize("target", ["/dev/zero", "pipe", "huge"])
def test_what_has_no_end_is_not_read(folder, tmp_path, capsys, name, target):
    reseal(folder)
    if target == "pipe":
        os.mkfifo(tmp_path / target)
    elif target == "huge":
        with open(tmp_path / target, "wb") as handle:
            handle.truncate(1 << 40)
    (folder / name).unlink()
    (folder / name).symlink_to(tmp_path / target)
    told = refusal(tmp_path, capsys, folder)
    assert f"{folder / name}: " in told
    assert "is no file" in told or "1,099,511,627,776 bytes" in told


def test_a_huge_file_that_the_manifest_owns_to_is_not_read(folder, tmp_path, capsys):
    manifest = read_json(folder / "manifest.json")
    for name, most in ((WEIGHTS, "4,294,967,296"), ("config.json", "67,108,864")):
        told = {**manifest, "files": {**manifest["files"]}}
        told["files"][name] = {"bytes": 1 << 40, "sha256": "0"}
        write_json(folder / "manifest.json", told)
        os.truncate(folder / name, 1 << 40)
        assert f"above {most}" in refusal(tmp_path, capsys, folder)
        (folder / name).unlink()
        make_checkpoint().save(folder)
    with open(tmp_path / "m.onnx", "wb") as handle:
        handle.truncate(1 << 40)
    assert "above 2,147,483,648" in refusal(tmp_path, capsys, tmp_path / "m.onnx")


def test_links_to_the_same_content_are_followed(folder, tmp_path, capsys):
    """As in the cache of the Hugging Face Hub. What a link leads to elsewhere is not shown."""
    folder.joinpath(WEIGHTS).rename(tmp_path / "blob")
    (folder / WEIGHTS).symlink_to(tmp_path / "blob")
    assert len(Checkpoint.load(folder).members) == 2
    secret = tmp_path / "secret"
    secret.write_text("password=hunter2")
    (folder / "config.json").unlink()
    (folder / "config.json").symlink_to(secret)
    reseal(folder)
    told = refusal(tmp_path, capsys, folder)
    assert "not valid JSON" in told
    assert "hunter2" not in told


LOAD = """
import sys
from circlet.model.checkpoint import Checkpoint
from circlet.errors import InputError
try:
    Checkpoint.load(sys.argv[1])
except InputError as error:
    print(error)
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is told by Linux")
def test_memory_is_bounded(folder):
    declare(b"[1099511627776,4]")(folder)
    reseal(folder)
    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(folder)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30)),
    )
    line, peak = done.stdout.splitlines()
    assert "not a whole safetensors file" in line
    assert int(peak) >> 10 < 700  # MiB, most of them torch's
