"""A folder that the pipeline is run in, with the profile for SLURM or without."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# As many as a node of the SLURM has, if there are as many: threads decide the last digits.
CORES = ("--cores", str(min(2, len(os.sched_getaffinity(0)))))
# Jobs are short: their state is asked for often.
QUICK = "--latency-wait 20 --seconds-between-status-checks 2"
QUICK += " --slurm-init-seconds-before-status-checks 1"
# Of everything some.
SMALL = {
    "runs": {"main": {"training": {"epochs": 2}}},
    "split": {"audit": ["gene", "homology"]},
    "evaluate": {"baselines": ["length", "memoriser"], "replicates": 200},
    "explain": {"mistakes": 2, "sample": 4, "steps": 8},
}
# A training that takes long enough to be hit, and one that does so half a minute later.
LONG = {"runs": {"main": {"seeds": [1], "training": {"epochs": 30, "patience": 30}}}}
LONGER = {"runs": {"main": {"seeds": [1], "training": {"epochs": 90, "patience": 90}}}}
WEIGHTS = "models/main/seed1.safetensors"


@dataclass(frozen=True)
class Place:
    """A folder that a workflow is run in.

    Attributes:
        folder: The working folder.
        source: The repository, which is elsewhere.
        results: Where results go.
    """

    folder: Path
    source: Path
    results: Path

    def command(self, settings: dict[str, Any], *words: str) -> list[str]:
        """Give the words that run Snakemake on the demo, with settings on top."""
        own = self.folder / "settings.json"
        own.write_text(json.dumps(SMALL | settings | {"results": str(self.results)}))
        command = [sys.executable, "-m", "snakemake", "--snakefile", f"{self.source}/Snakefile"]
        command += ["--directory", str(self.folder), *words, "--configfile"]
        return [*command, f"{self.source}/workflow/demo/config.yaml", str(own)]

    def start(self, settings: dict[str, Any], *words: str) -> subprocess.Popen[bytes]:
        """Start Snakemake with the profile for SLURM, its output in a file."""
        profile = ["--profile", f"{self.source}/profiles/slurm", *CORES, *QUICK.split()]
        return self.call(self.command(settings, *profile, *words))

    def call(self, command: list[str]) -> subprocess.Popen[bytes]:
        """Start a command in the environment of a user, its output in a file."""
        environment = os.environ | {"NO_COLOR": "1", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        environment.pop("PYTHONPATH", None)
        # A test session in the background ignores Ctrl-C, and so would what it starts.
        command = ["env", "--default-signal=INT", *command]
        with open(self.folder / "printed.log", "a") as log:
            return subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    @property
    def printed(self) -> str:
        """What Snakemake has printed so far."""
        return (self.folder / "printed.log").read_text()

    def finish(self, process: subprocess.Popen[bytes], seconds: float = 900) -> None:
        """Wait for Snakemake, and see that all went well."""
        assert process.wait(seconds) == 0, self.printed

    def copy(self, folder: Path) -> "Place":
        """Copy folder and results to where another workflow goes on from them, without weights.

        Snakemake does not know how what it finds there was made.
        """
        shutil.copytree(self.folder, folder, ignore=shutil.ignore_patterns("printed.log", "locks"))
        other = Place(folder, self.source, folder / "results")
        if not other.results.exists():
            shutil.copytree(self.results, other.results)
        (other.results / WEIGHTS).unlink()
        return other
