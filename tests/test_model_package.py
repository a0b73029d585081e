import hashlib
import json
import os
import re
import subprocess
import sys
import tarfile
import time

import pytest
from checkpoint_inputs import reseal
from test_environments import packages
from test_rules import PLUMBING, REPOSITORY, closure

from circlet.cli import main
from circlet.files import read_json
from circlet.serve.model_package import HANDLERS, REQUIREMENTS, code_files

# What is imported only for what no request asks for, or comes with the container.
NOT_REQUIRED = {"onnxruntime", "pyfaidx", "pyyaml", "pytorch", "sagemaker_inference"}


def package(model, output) -> int:
    return main(["package-model", "--model", str(model), "--output", str(output)])


def unpacked(path) -> dict[str, bytes]:
    with tarfile.open(path) as archive:
        return {name: archive.extractfile(name).read() for name in archive.getnames()}


@pytest.fixture(scope="module")
def code() -> dict[str, bytes]:
    return code_files()


def test_the_checkpoint_is_at_the_root_and_its_code_below(checkpoint_folder, tmp_path):
    (checkpoint_folder / "README.md").write_text("# The card\n")
    (checkpoint_folder / "seed1.json").write_text("{}")  # of the training: in no manifest
    assert package(checkpoint_folder, tmp_path / "model.tar.gz") == 0
    files = unpacked(tmp_path / "model.tar.gz")
    manifest = json.loads(files["manifest.json"])
    at_root = {name for name in files if not name.startswith("code/")}
    assert at_root == {*manifest["files"], "manifest.json", "README.md"}
    for name, told in manifest["files"].items():
        assert hashlib.sha256(files[name]).hexdigest() == told["sha256"]
    assert {"config.json", "vocabulary.json", "seed1.safetensors"} < at_root
    assert b"import input_fn, model_fn, output_fn, predict_fn" in files["code/inference.py"]
    assert "code/circlet/serve/sagemaker_inference.py" in files


def test_a_model_without_a_card_is_packed(checkpoint_folder, tmp_path):
    assert package(checkpoint_folder, tmp_path / "model.tar.gz") == 0
    assert "README.md" not in unpacked(tmp_path / "model.tar.gz")


def test_no_other_code_and_no_model_is_in_it(code):
    names = {name.removeprefix("code/") for name in code}
    own = {f"circlet/{name}" for name in closure(HANDLERS) | PLUMBING}
    initial = {name for name in names if name.endswith("__init__.py")}
    assert names - own - initial == {"inference.py", "requirements.txt"}
    serving = {name for name in names if name.startswith("circlet/serve/")} - initial
    assert {name.rpartition("/")[2] for name in serving} == {
        "answers.py",
        "bodies.py",
        "sagemaker_inference.py",
        "schema.py",
    }


def test_requirements_are_what_the_code_imports(code):
    files = [name.removeprefix("code/circlet/") for name in code if name.endswith(".py")]
    needed = set().union(*(packages(name) for name in files if name != "code/inference.py"))
    assert needed - NOT_REQUIRED == set(REQUIREMENTS)
    lines = code["code/requirements.txt"].decode().splitlines()
    assert [line.partition("==")[0] for line in lines] == list(REQUIREMENTS)
    assert all(re.fullmatch(r"[a-z-]+==[\d.]+", line) for line in lines)


def test_the_rule_declares_the_code_that_it_packs(code):
    text = (REPOSITORY / "workflow/rules/common.smk").read_text()
    lists = dict(re.findall(r"^(\w+_MODULES) = \[(.*?)\]$", text, re.MULTILINE | re.DOTALL))

    def declared(name: str) -> set[str]:
        own = set(re.findall(r'"([\w/]+\.py)"', lists[name]))
        return own.union(*(declared(other) for other in re.findall(r"\*(\w+)", lists[name])))

    packed = {name.removeprefix("code/circlet/") for name in code if "/circlet/" in name}
    packed = {name for name in packed if not name.endswith("__init__.py")}
    assert packed - PLUMBING <= declared("PACKAGE_MODULES")


def test_the_same_bytes_wherever_and_whenever(checkpoint_folder, tmp_path):
    """In another process and folder, with another mask, and after the files were touched."""
    assert package(checkpoint_folder, tmp_path / "a.tar.gz") == 0
    copy = tmp_path / "elsewhere"
    copy.mkdir()
    for path in sorted(checkpoint_folder.iterdir(), reverse=True):
        (copy / path.name).write_bytes(path.read_bytes())
        (copy / path.name).chmod(0o600)
        os.utime(copy / path.name, (time.time(), 1e9))
    words = ["package-model", "--model", str(copy), "--output", str(tmp_path / "b.tar.gz")]
    command = [sys.executable, "-m", "circlet", *words]
    subprocess.run(
        command, check=True, cwd=copy, umask=0o077, env=os.environ | {"TZ": "Asia/Tokyo"}
    )
    assert (tmp_path / "a.tar.gz").read_bytes() == (tmp_path / "b.tar.gz").read_bytes()


def test_a_damaged_model_is_refused(checkpoint_folder, tmp_path, capsys):
    weights = checkpoint_folder / "seed1.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    assert package(checkpoint_folder, tmp_path / "model.tar.gz") == 2
    assert "seed1.safetensors: its SHA-256 is not the one in manifest" in capsys.readouterr().err
    assert not (tmp_path / "model.tar.gz").exists()


def test_files_that_do_not_fit_are_refused(checkpoint_folder, tmp_path, capsys):
    """As the manifest says, and yet no model."""
    config = read_json(checkpoint_folder / "config.json")
    (checkpoint_folder / "config.json").write_text(json.dumps(config | {"threshold": 2}))
    reseal(checkpoint_folder)
    assert package(checkpoint_folder, tmp_path / "model.tar.gz") == 2
    assert "threshold: is 2, not a probability" in capsys.readouterr().err


def test_an_onnx_file_is_refused(tmp_path, capsys):
    (tmp_path / "model.onnx").write_bytes(b"")
    assert package(tmp_path / "model.onnx", tmp_path / "model.tar.gz") == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert line.endswith("give the checkpoint folder that the file was exported from")
