"""What SageMaker's training toolkit runs: the steps of a run of the workflow, from its dataset on.

The channel `training` holds `transcripts.parquet` and `split.parquet`, as the workflow writes them;
`circlet.serve.hyperparameters` tells what can be set. What comes out is a checkpoint with the code
that serves it, as of `circlet package-model`.
"""

import contextlib
import io
import json
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

from circlet.cli import EXIT_BAD_INPUT, build_parser
from circlet.errors import InputError
from circlet.serve.hyperparameters import (
    MIN_LENGTH,
    find_config,
    options,
    read_defaults,
    read_settings,
)

CHANNEL = "SM_CHANNEL_TRAINING"
CALLED = ("vocabulary", "tokens", "train", "trees", "assemble")
DATASET = ("transcripts.parquet", "split.parquet")
STORE = ("tokens.npy", "offsets.npy", "features.npy", "index.parquet")
VOCABULARY = "vocabulary.json"

log = logging.getLogger(__name__)


class StepError(Exception):
    """A step that ended with an error.

    Args:
        line: That tells it.
        code: That it ended with.
    """

    def __init__(self, line: str, code: int) -> None:
        super().__init__(line)
        self.code = code


class Job(NamedTuple):
    """What SageMaker says of a job.

    Attributes:
        hyperparameters: By name, as the toolkit read them.
        data: Folder of the channel.
        model: Folder whose content becomes `model.tar.gz`.
        checkpoints: Folder that outlives the machine, if the job has one.
        gpus: How many there are.
    """

    hyperparameters: dict[str, Any]
    data: Path
    model: Path
    checkpoints: Path | None
    gpus: int

    @classmethod
    def read(cls, variables: Mapping[str, str]) -> Self:
        """Read the environment variables that the toolkit sets.

        Raises:
            InputError: One is not there, or the job has several instances.
        """
        for name in ("SM_HPS", "SM_MODEL_DIR", CHANNEL):
            if name not in variables:
                mend = "start this by SageMaker's toolkit, with a channel named 'training'"
                raise InputError("environment", "is not set", mend, name)
        if len(json.loads(variables.get("SM_HOSTS", "[]"))) > 1:
            mend = "ask for one, which may have several GPUs"
            raise InputError("resources", "the job has several instances", mend)
        checkpoints = Path(variables.get("SAGEMAKER_BASE_DIR", "/opt/ml")) / "checkpoints"
        return cls(
            json.loads(variables["SM_HPS"]),
            Path(variables[CHANNEL]),
            Path(variables["SM_MODEL_DIR"]),
            checkpoints if checkpoints.is_dir() else None,
            int(variables.get("SM_NUM_GPUS", "0")),
        )


def named(folder: Path, files: Sequence[str]) -> list[str]:
    """Name files of a folder by the options of a step, which bear their names."""
    return [word for name in files for word in (f"--{Path(name).stem}", str(folder / name))]


def plan(job: Job, settings: Mapping[str, Any], scratch: Path, kept: Path) -> list[list[str]]:
    """Give the command line of each step, in their order.

    Args:
        job: The job.
        settings: See `read_settings`.
        scratch: Folder for what is made again in a minute.
        kept: Folder for the networks, and the state of the one in training.
    """
    data, vocabulary = named(job.data, DATASET), named(scratch, [VOCABULARY])
    store, seeds = named(scratch, STORE), settings["seeds"]
    device = ["--device", "cuda" if job.gpus else "cpu"]
    about = [*store, *vocabulary, "--min-length", str(settings[MIN_LENGTH]), *device]
    trees = ["--trees", str(scratch / "trees.safetensors")] if settings["boosting"] else []
    weights = [str(kept / f"seed{seed}.safetensors") for seed in seeds]
    records = [str(kept / f"seed{seed}.json") for seed in seeds]

    made = ["--output", str(scratch / VOCABULARY)]
    steps = [["vocabulary", *data, *options(settings, "vocabulary"), *made]]
    steps.append(["tokens", *data, *vocabulary, *store])
    shape = [*options(settings, "network"), *options(settings, "training")]
    for seed, *outputs in zip(seeds, weights, records, strict=True):
        files = ["--state", str(kept / f"state{seed}")]
        files += ["--weights", outputs[0], "--record", outputs[1]]
        words = ["--seed", str(seed), "--gpus", str(job.gpus), *files]
        steps.append(["train", *about, *shape, *words])
    if trees:
        steps.append(["trees", *store, "--seed", str(seeds[0]), "--output", trees[1]])
    members = ["--weights", *weights, "--records", *records, *trees]
    words = ["--calibration", str(settings["calibration"]), "--output", str(job.model)]
    return [*steps, ["assemble", *members, *about, *words]]


def check(words: list[str]) -> None:
    """Check the command line of a step, before the time that those before it take.

    Raises:
        InputError: The step does not take it.
    """
    told = io.StringIO()
    try:
        with contextlib.redirect_stderr(told):
            build_parser(words[0]).parse_args(words)
    except SystemExit:
        problem = told.getvalue().rpartition("error: ")[2]
        raise InputError("hyperparameters", problem, "config.yaml tells what fits") from None


def run_step(words: list[str]) -> None:
    """Run a step in a process of its own, which may become several.

    Raises:
        StepError: It ended with an error.
    """
    command, last = [sys.executable, "-m", "circlet", *words], ""
    log.info("circlet %s", " ".join(words))
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, errors="replace") as step:
        for line in step.stderr or ():
            sys.stderr.write(line)
            # After a refusal, torchrun has more to tell.
            if line.strip() and (": error: " not in last or ": error: " in line):
                last = line.strip()
    if step.returncode:
        line = last or f"circlet {words[0]}: ended with the code {step.returncode}"
        raise StepError(line, step.returncode)


@contextlib.contextmanager
def folders(job: Job, settings: Mapping[str, Any]) -> Iterator[tuple[Path, Path]]:
    """Give the folders of `plan`; what is kept is told apart by all that it depends on."""
    from circlet.model.state import fingerprint

    name = fingerprint([job.data / name for name in DATASET], **settings)
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        yield scratch, (job.checkpoints or scratch) / name[:16]


def train(job: Job) -> None:
    """Make the checkpoint of a job; networks that an earlier try has trained are taken.

    Raises:
        InputError: A hyperparameter or the channel is at fault.
        StepError: A step ended with an error.
    """
    from circlet.serve.model_package import code_files

    settings = read_settings(job.hyperparameters, read_defaults(find_config()))
    with folders(job, settings) as (scratch, kept):
        steps = plan(job, settings, scratch, kept)
        for words in steps:
            check(words)
        for words in steps:
            if words[0] == "train" and Path(words[-1]).exists():  # its record, written last
                log.info("%s: was trained by an earlier try", words[-1])
            else:
                run_step(words)
    for name, content in code_files().items():
        (job.model / name).parent.mkdir(parents=True, exist_ok=True)
        (job.model / name).write_bytes(content)


def tell_failure(line: str) -> None:
    """Write what SageMaker shows as the reason of a failure; the toolkit then leaves it so."""
    folder = os.environ.get("SM_OUTPUT_DIR")
    if folder:
        (Path(folder) / "failure").write_text(f"{line}\n", encoding="utf-8")


def main() -> int:
    """Train as the environment says.

    Returns:
        The exit code: 0 when done, 2 for bad input, else that of the step that failed.
    """
    form = "%(asctime)s %(levelname)s %(message)s"
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format=form)
    try:
        train(Job.read(os.environ))
    except (InputError, StepError) as error:
        tell_failure(str(error))
        log.error("%s", error)
        return error.code if isinstance(error, StepError) else EXIT_BAD_INPUT
    except Exception as error:
        tell_failure(repr(error))
        raise
    return 0
