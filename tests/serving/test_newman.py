"""The collection of requests, run by newman, Postman's own program."""

import json
import shutil
import subprocess

import pytest

from circlet.cli import main

NEWMAN = "newman@6.2.2"


@pytest.fixture(scope="module")
def newman(tmp_path_factory):
    """Path of newman, installed by npm."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.fail("no npm to install newman with: apt-get install npm")
    folder = tmp_path_factory.mktemp("npm")
    command = [npm, "install", "--silent", "--no-save", "--no-audit", "--prefix", folder, NEWMAN]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "node_modules/.bin/newman"


def test_every_request_is_answered(api, newman, tmp_path):
    assert main(["openapi", "--postman", "--output", str(tmp_path / "collection.json")]) == 0
    command = [newman, "run", tmp_path / "collection.json", "--env-var", f"baseUrl={api}"]
    command += ["--reporters", "cli,json", "--reporter-json-export", tmp_path / "told.json"]
    done = subprocess.run([*command, "--color", "off"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    run = json.loads((tmp_path / "told.json").read_text())["run"]
    assert run["stats"]["requests"] == {"total": 23, "pending": 0, "failed": 0}
    assert run["stats"]["assertions"] == {"total": 46, "pending": 0, "failed": 0}
    assert run["failures"] == []
