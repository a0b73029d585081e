"""A copy of the repository, and Snakemake run in it as a user runs it."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
SHORT = {"runs": {"main": {"training": {"epochs": 2}}}}  # a short training
# In front of a command: it has no network then, not even this machine's own.
CUT_OFF = ("unshare", "--map-root-user", "--net")


@cache
def can_cut_off() -> bool:
    """Whether this system lets a command be run without a network."""
    if shutil.which(CUT_OFF[0]) is None:
        return False
    return subprocess.run([*CUT_OFF, "true"], capture_output=True, check=False).returncode == 0


def snakemake(
    folder: Path, *arguments: str, before: tuple[str, ...] = (), path: str = "/usr/bin:/bin"
) -> subprocess.CompletedProcess[str]:
    """Run Snakemake in a folder, with nothing of the environment's Python on PATH.

    Args:
        folder: The working folder.
        arguments: Of Snakemake's.
        before: Words in front of the command.
        path: PATH of the environment.
    """
    environment = {**os.environ, "PATH": path, "NO_COLOR": "1"}
    environment.pop("PYTHONPATH", None)
    return subprocess.run(
        [*before, sys.executable, "-m", "snakemake", "--cores", "2", *arguments],
        cwd=folder,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )


def demo_config(folder: Path, *settings: dict[str, Any]) -> tuple[str, ...]:
    """Arguments for the demo's config of a copy of the repository, and settings on top."""
    files = [str(folder / "workflow/demo/config.yaml")]
    for place, setting in enumerate((SHORT, *settings)):
        files.append(str(folder / f"settings{place}.json"))
        Path(files[-1]).write_text(json.dumps(setting))
    return ("--configfile", *files)


@contextlib.contextmanager
def edited(path: Path) -> Iterator[None]:
    """Change a file, and give it back its content and times."""
    before, times = path.read_bytes(), path.stat()
    try:
        path.write_bytes(before + b"\n")
        yield
    finally:
        path.write_bytes(before)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def planned(folder: Path, *arguments: str, **environment: str) -> set[str]:
    """Names of the rules that a dry run would run; see `snakemake`."""
    result = snakemake(folder, "--dry-run", *arguments, **environment)
    assert result.returncode == 0, result.stdout
    return set(re.findall(r"^(?:local)?rule (\w+):", result.stdout, re.MULTILINE)) - {"all"}


def copy_repository(folder: Path) -> Path:
    """Copy what the workflow needs, so that tests can edit it."""
    for name in ("Snakefile", "config.yaml"):
        shutil.copy2(REPOSITORY / name, folder / name)
    skip = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in ("workflow", "profiles", "envs"):
        shutil.copytree(REPOSITORY / name, folder / name, ignore=skip)
    return folder
