"""The API's own description: requests made from it, right and wrong ones, by Schemathesis."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import requests

# By type of body: what schema-valid text is still refused (FASTA without a name) only a parser
# knows, and any text is a string; so what shall be taken or refused is asked of JSON alone.
BY_SCHEMA = "positive_data_acceptance,negative_data_rejection"
PHASES = "examples,coverage,fuzzing"


def attack(description: Path, address: str, folder: Path, *words: str) -> str:
    """Run Schemathesis with all of its checks; give what it says."""
    program = Path(sys.executable).with_name("schemathesis")
    command = [program, "run", description, "--url", address, "--checks", "all", "--phases", PHASES]
    command += ["--seed", "20261130", "--no-color", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def described(api, tmp_path):
    """The description, as the server gives it."""
    return requests.get(f"{api}/openapi.json", timeout=60).json()


def test_no_request_breaks_it(api, described, tmp_path):
    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(described))
    told = attack(path, api, tmp_path, "--max-examples", "100", "--exclude-checks", BY_SCHEMA)
    assert "7 selected / 7 total" in told
    assert "Tested: 7" in told


def test_json_is_taken_as_described(api, described, tmp_path):
    for route in described["paths"].values():
        for operation in route.values():
            if "requestBody" in operation:
                content = operation["requestBody"]["content"]
                operation["requestBody"]["content"] = {
                    "application/json": content["application/json"]
                }
    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(described))
    attack(
        path, api, tmp_path, "--max-examples", "100", "--include-path-regex", "predict|invocations"
    )


def test_no_500_is_in_the_log_of_the_counters(api):
    told = requests.get(f"{api}/metrics", timeout=60).text
    assert 'status="500"' not in told
    assert 'status="200"' in told
