import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import circlet
from circlet.cli import main
from circlet.serve.lambda_package import MODULES

PACKAGE = Path(circlet.__file__).parent
HANDLER = """
import sys
from circlet.serve import aws_lambda
assert callable(aws_lambda.handler)
print(aws_lambda.__file__)
print(*sorted({name.partition(".")[0] for name in sys.modules}))
print(*sorted(name for name in sys.modules if name.startswith("circlet")))
"""


@pytest.fixture
def packed(tmp_path):
    """The zip that the step makes."""
    assert main(["package-lambda", "--output", str(tmp_path / "lambda.zip")]) == 0
    return tmp_path / "lambda.zip"


def test_it_holds_the_modules_that_the_function_needs(packed):
    with zipfile.ZipFile(packed) as archive:
        assert archive.namelist() == [f"circlet/{name}" for name in MODULES]
        for name in MODULES:
            assert archive.read(f"circlet/{name}") == (PACKAGE / name).read_bytes()
        modes = {entry.external_attr >> 16 for entry in archive.infolist()}
    assert modes == {0o100644}


def test_the_same_sources_give_the_same_bytes(packed, tmp_path, monkeypatch):
    """Whatever the time, the user's mask and the sources' times and modes."""
    copy = tmp_path / "elsewhere" / "circlet"
    for name in MODULES:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_bytes((PACKAGE / name).read_bytes())
        (copy / name).chmod(0o600)
        os.utime(copy / name, (0, 0))
    monkeypatch.setattr(circlet, "__file__", str(copy / "__init__.py"))
    mask = os.umask(0o077)
    try:
        assert main(["package-lambda", "--output", str(tmp_path / "again.zip")]) == 0
    finally:
        os.umask(mask)
    hashes = [
        hashlib.sha256(path.read_bytes()).hexdigest() for path in (packed, tmp_path / "again.zip")
    ]
    assert hashes[0] == hashes[1]


def test_the_function_is_imported_from_the_zip_alone_and_is_light(packed, tmp_path):
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(tmp_path / "task")
    # The folder goes before any other circlet, which a search of modules would else find.
    code = f"import sys; sys.path.insert(0, {str(tmp_path / 'task')!r})\n{HANDLER}"
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stderr == ""
    place, packages, ours = done.stdout.splitlines()
    assert place == str(tmp_path / "task/circlet/serve/aws_lambda.py")
    heavy = {"numpy", "pandas", "torch", "sklearn", "pyarrow", "Bio", "fastapi", "requests"}
    assert not set(packages.split()) & heavy
    modules = ["circlet", "circlet.serve", "circlet.serve.aws_lambda", "circlet.serve.schema"]
    assert ours.split() == modules


def test_the_template_is_written_too(tmp_path):
    outputs = ["--output", str(tmp_path / "l.zip"), "--template", str(tmp_path / "stack.yaml")]
    assert main(["package-lambda", *outputs]) == 0
    template = PACKAGE / "serve/templates/stack.yaml"
    assert (tmp_path / "stack.yaml").read_bytes() == template.read_bytes()
