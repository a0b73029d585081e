"""A pipeline that has run, and copies of it in which a fault hits one of its jobs."""

import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from plan import Fault
from workflow_inputs import copy_repository
from world import write_world

PATIENCE = 600  # s; a busy machine is no failure
PAGE = 4096  # bytes; a tmpfs counts in these
EXTRA_TARGETS = (
    "results/evaluation/main/folds.tsv",
    "results/search/main.tsv",
    "results/deploy/main/model.tar.gz",
)
PIECES = ("--set-scatter", "prediction=2", "explanation=2", "--notemp")
IN_PIECES = ("results/predictions/main/many.tsv.gz", "results/evaluation/main/explanation")
OF_PIECES = ("explain_piece", "gather_explanation", "gather_predictions", "predict_piece")
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
# What tells of a run itself: folders, keys of JSON, and files that repeat those or their hashes.
NOT_COMPARED = ("logs", "benchmarks", "training")
TOLD_OF_A_RUN = re.compile(
    r"report\.html|evaluation/resources\.\w+|models/\w+/(?:DOME\.md|README\.md|manifest\.json)"
)
TIMES = re.compile(rb'"(?:memory|nt_per_second|retrieved|seconds)": [^,\n]+')
# Mounts a tmpfs of a size at a folder, with what is in another folder, where no other process sees
# it; runs a program, and copies the folder to a third.
SMALL_DISK = (
    'mount -t tmpfs -o size="$0" tmpfs "$1" && cp -a "$2/." "$1/" || exit 99;'
    ' from=$1 to=$3; shift 3; "$@"; code=$?; cp -a "$from/." "$to/"; exit $code'
)
READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" || exit 99; exec "$@"'


@dataclass(frozen=True)
class Job:
    """A job of the pipeline, as Snakemake told it.

    Attributes:
        rule: Of which it is one.
        step: Of the command line.
        inputs: The results that it reads.
        outputs: What it makes.
        log: Where it says what it does.
    """

    rule: str
    step: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    log: str

    def is_of(self, words: list[str]) -> bool:
        """Whether these words of a command line are the job's."""
        names = {*self.outputs, *(str(Path(path).parent) for path in self.outputs)}
        return words[0] == self.step and not names.isdisjoint(words)


def jobs_of(printed: str) -> Iterator[Job]:
    """The jobs that Snakemake told of, with --printshellcmds."""
    for block in re.split(r"^(?:local)?rule ", printed, flags=re.MULTILINE)[1:]:
        told = dict(re.findall(r"^    (\w+): (.*)$", block, re.MULTILINE))
        step = re.search(r"^Shell command: .*?\bcirclet ([a-z-]+) --?", block, re.MULTILINE)
        if step:
            inputs = tuple(path for path in told["input"].split(", ") if path.startswith("results"))
            outputs = tuple(told["output"].split(", "))
            yield Job(block.partition(":")[0], step[1], inputs, outputs, told["log"])


def content(folder: Path) -> dict[str, str]:
    """Hashes of the results in a folder, by name, without what tells of the run itself."""
    results = folder / "results"
    found = {}
    for path in sorted(results.rglob("*")):
        name = path.relative_to(results)
        if path.is_file() and name.parts[0] not in NOT_COMPARED:
            data = TIMES.sub(b"", path.read_bytes())
            found[str(name)] = hashlib.sha256(data).hexdigest()
    return found


@dataclass
class Pipeline:
    """A folder with the repository, a small world, and the pipeline that ran on it.

    Attributes:
        base: The folder.
        jobs: By rule.
        moments: What the steps noted of themselves: see `hook`.
        expected: The results; see `content`.
    """

    base: Path
    jobs: dict[str, list[Job]] = field(default_factory=dict)
    moments: list[dict] = field(default_factory=list)
    expected: dict[str, str] = field(default_factory=dict)

    def command(self, folder: Path, *words: str) -> list[str]:
        """Snakemake's, in one of the folders beside the repository."""
        where = ["--snakefile", str(self.base / "repository/Snakefile"), "--directory", str(folder)]
        config = ["--configfile", str(self.base / "world/config.json")]
        return [sys.executable, "-m", "snakemake", "--cores", "2", *where, *config, "-p", *words]

    def environment(self, folder: Path, fault: dict | None = None) -> dict[str, str]:
        """With its own folder for temporary files, and a fault or none."""
        told = {} if fault is None else {"CIRCLET_FAULT": json.dumps(fault)}
        kept = {name: word for name, word in os.environ.items() if name != "PYTHONPATH"}
        temporary = folder / "tmp"
        temporary.mkdir(exist_ok=True)
        return kept | ONE_THREAD | {"NO_COLOR": "1", "TMPDIR": str(temporary)} | told

    def run(self, folder: Path, *words: str, fault: dict | None = None) -> tuple[int, str]:
        """Run Snakemake to its end; give its exit code and what it printed."""
        done = subprocess.run(
            self.command(folder, *words),
            env=self.environment(folder, fault),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE * 3,
            check=False,
        )
        return done.returncode, done.stdout

    def prepare(self) -> None:
        """Write the world, run the pipeline once without a fault, and note what it did."""
        for name in ("repository", "world", "record", "reference"):
            (self.base / name).mkdir()
        copy_repository(self.base / "repository")
        hook = Path(__file__).with_name("hook.py")
        shutil.copy(hook, self.base / "repository/workflow/sitecustomize.py")
        write_world(self.base / "world")
        reference, printed = self.base / "reference", []
        record = {"record": str(self.base / "record")}
        for words in (("all", *EXTRA_TARGETS), (*IN_PIECES, *PIECES), ("all", *EXTRA_TARGETS)):
            code, told = self.run(reference, *words, fault=record)
            assert code == 0, told
            printed.append(told)
        self.save(printed)

    def save(self, printed: list[str]) -> None:
        """Keep what was printed, for other processes."""
        (self.base / "printed.json").write_text(json.dumps(printed))

    def load(self) -> None:
        """Read what `prepare` left."""
        for told in json.loads((self.base / "printed.json").read_text()):
            for job in jobs_of(told):
                if job not in self.jobs.setdefault(job.rule, []):
                    self.jobs[job.rule].append(job)
        records = sorted((self.base / "record").iterdir())
        self.moments = [json.loads(path.read_text()) for path in records]
        self.expected = content(self.base / "reference")


class Case:
    """One fault in a copy of a pipeline's folder.

    Args:
        pipeline: Which ran.
        fault: What happens.
    """

    def __init__(self, pipeline: Pipeline, fault: Fault) -> None:
        self.pipeline, self.fault = pipeline, fault
        self.folder = pipeline.base / fault.name
        self.haste = 1.0
        self.reached, self.go = self.folder / "reached", self.folder / "go"
        jobs = pipeline.jobs[fault.rule]
        self.job = jobs[int(fault.draw("job") * len(jobs))]
        self.target = self.job.outputs[0]
        # Asked for in pieces, where the rule is one of those.
        self.words = [self.target, *(PIECES if fault.rule in OF_PIECES else ())]

    def prepare(self) -> None:
        """Copy the pipeline's folder, without what the job makes."""
        shutil.copytree(self.pipeline.base / "reference", self.folder, symlinks=True)
        for name in (*self.job.outputs, self.job.log):
            path = self.folder / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def moment(self, kind: str, **more: object) -> dict:
        """The fault as the hook is told it, at a touch or a time of the job's."""
        told = next(each for each in self.pipeline.moments if self.job.is_of(each["words"]))
        plan = {"kind": kind, "reached": str(self.reached), "go": str(self.go)} | more
        at = self.fault.draw("moment")
        if self.fault.variant == "at a time":
            time_of = told["begin"] + at * (told["end"] - told["begin"])
            return plan | {"cpu": self.haste * time_of}
        return plan | {"touch": int(at * told["touches"])}

    def run(self, fault: dict | None = None, **more: str) -> tuple[int, str]:
        """Ask for what the job makes, to the end."""
        with self.started(fault, **more) as (process, log):
            return process.wait(PATIENCE), log.read_text()

    @contextlib.contextmanager
    def started(
        self, fault: dict | None = None, before: tuple[str, ...] = (), **more: str
    ) -> Iterator[tuple[subprocess.Popen, Path]]:
        """Ask for what the job makes, by a process of its own session; see that all of it ends."""
        log = self.folder / f"printed{time.monotonic_ns()}.log"
        environment = self.pipeline.environment(self.folder, fault) | more
        command = [*before, *self.pipeline.command(self.folder, *self.words)]
        with open(log, "w") as stream:
            process = start(command, environment, stream)
        try:
            yield process, log
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def suffer(self) -> tuple[int, str]:
        """Run with the fault; give the exit code and what was printed.

        Raises:
            TimeoutError: It did not happen, even earlier than drawn: a step may be quicker than the
                one whose time was noted.
        """
        for self.haste in (1.0, 0.6, 0.3, 0.0):
            shutil.rmtree(self.folder, ignore_errors=True)
            self.prepare()
            done = getattr(self, self.fault.kind)()
            if self.reached.exists():
                return done
        raise TimeoutError(f"the moment did not come:\n{done[1]}")

    def kill(self) -> tuple[int, str]:
        """The job is killed."""
        return self.run(self.moment("kill"))

    def terminate(self) -> tuple[int, str]:
        """The job is asked to end."""
        return self.run(self.moment("terminate"))

    def out_of_memory(self) -> tuple[int, str]:
        """The job meets a limit, 4 KiB to 4 MiB above what it has."""
        headroom = int(2 ** (12 + 10 * self.fault.draw("headroom")))
        return self.run(self.moment("out_of_memory", headroom=headroom))

    def disk_full(self) -> tuple[int, str]:
        """The results, or temporary files, lie on a disk too small for what the job writes."""
        results, kept, after = (self.folder / name for name in ("results", "kept", "after"))
        if self.fault.variant != "results":
            results, kept = self.folder / "tmp", self.folder / "nothing"
            results.mkdir(exist_ok=True)
            kept.mkdir()
        else:
            results.rename(kept)
            results.mkdir()
        after.mkdir()
        size = (pages(kept) + 1 + int(self.fault.draw("size") * self.made())) * PAGE
        words = (str(size), str(results), str(kept), str(after))
        before = ("unshare", "--map-root-user", "--mount", "sh", "-c", SMALL_DISK, *words)
        done = self.run_before(before)
        shutil.rmtree(results)
        after.rename(results)
        shutil.rmtree(kept)
        return done

    def made(self) -> int:
        """Pages of what the job makes."""
        reference = self.pipeline.base / "reference"
        return sum(pages(reference / name) for name in self.job.outputs)

    def run_before(self, before: tuple[str, ...]) -> tuple[int, str]:
        """Run with words in front of the command, without a fault within."""
        with self.started(None, before) as (process, log):
            code = process.wait(PATIENCE)
        self.reached.touch()
        assert code != 99, log.read_text()
        return code, log.read_text()

    def read_only(self) -> tuple[int, str]:
        """All results, or the folder of the job's, cannot be written."""
        where = self.folder / "results"
        if self.fault.variant == "outputs":
            where = (self.folder / self.target).parent
            where.mkdir(parents=True, exist_ok=True)
        before = ("unshare", "--map-root-user", "--mount", "sh", "-c", READ_ONLY, str(where))
        return self.run_before(before)

    def clock_jump(self) -> tuple[int, str]:
        """The clock is set while the job runs, or was ahead when its inputs were made."""
        if self.fault.variant == "inputs ahead":
            ahead = time.time() + 86_400
            for name in self.job.inputs:
                os.utime(self.folder / name, (ahead, ahead))
            self.reached.touch()
            return self.run()
        days = {"back": -1, "forward": 400}[self.fault.variant]
        clock = self.folder / "clock"
        clock.write_text("0")
        # So that Snakemake has the hook, too.
        path = str(self.pipeline.base / "repository/workflow")
        fault = self.moment("clock_jump", days=days)
        return self.run(fault, CIRCLET_CLOCK=str(clock), PYTHONPATH=path)

    def two_at_once(self) -> tuple[int, str]:
        """A second Snakemake asks for the same while the job is at its moment."""
        with self.started(self.moment("pause")) as (process, log):
            self.wait_for_moment(process)
            more = ["--nolock", "--rerun-incomplete"] if self.fault.variant == "unlocked" else []
            code, told = self.pipeline.run(self.folder, *self.words, *more)
            if self.fault.variant == "locked":
                assert code != 0
                assert "Directory cannot be locked" in told
            self.go.touch()
            return process.wait(PATIENCE), log.read_text()

    def snakemake_ends(self) -> tuple[int, str]:
        """Snakemake is killed or stopped while the job is at its moment."""
        with self.started(self.moment("pause")) as (process, log):
            job = self.wait_for_moment(process)
            stop(process, self.fault.variant)
            self.go.touch()
            code = process.wait(PATIENCE)
            if self.fault.variant != "all killed":
                wait_until(lambda: not is_running(job))
            return code, log.read_text()

    def wait_for_moment(self, process: subprocess.Popen) -> int:
        """Wait until the job is at its moment; give its process."""
        wait_until(lambda: self.reached.exists() or process.poll() is not None)
        return int(self.reached.read_text())

    def said(self) -> str:
        """What the job says in its log, if it came to that."""
        log = self.folder / self.job.log
        return log.read_text() if log.exists() else ""

    def finish(self) -> list[str]:
        """Ask for the results again, as Snakemake says how; give what it refused before."""
        return finish(
            lambda *more: self.pipeline.run(self.folder, *self.words, *more), self.set_times_right
        )

    def set_times_right(self) -> None:
        """Give the inputs the times that they had before the clock was wrong."""
        for name in self.job.inputs:
            shutil.copystat(self.pipeline.base / "reference" / name, self.folder / name)

    def strays(self, found: dict[str, str]) -> list[str]:
        """Results that nobody asked for, such as temporary files."""
        own = {str(Path(name).relative_to("results")) for name in self.job.outputs}
        return sorted(set(found) - set(self.pipeline.expected) - own)


def finish(
    ask: Callable[..., tuple[int, str]], set_times_right: Callable[[], None] = lambda: None
) -> list[str]:
    """Run Snakemake until it is done, by its own advice; give what it refused before.

    Args:
        ask: Runs it with some more words; gives its exit code and what it prints.
        set_times_right: What a user does who is told of a wrong clock.
    """
    refused: list[str] = []
    more: list[str] = []
    for _ in range(4):
        code, told = ask(*more)
        if code == 0:
            return refused
        if "Directory cannot be locked" in told and "locked" not in refused:
            refused.append("locked")
            assert ask("--unlock")[0] == 0
        elif "--rerun-incomplete" in told and "incomplete" not in refused:
            refused.append("incomplete")
            more = ["--rerun-incomplete"]
        elif "clock skew problem" in told and "clock skew" not in refused:
            refused.append("clock skew")
            set_times_right()
        else:
            raise AssertionError(f"neither done nor refused clearly:\n{told}")
    raise AssertionError(f"not done in four runs:\n{told}")


def start(command: list[str], environment: dict[str, str], stream: IO[str]) -> subprocess.Popen:
    """Start a program in a session of its own, which heeds SIGINT even if these tests do not."""
    return subprocess.Popen(
        command,
        env=environment,
        stdout=stream,
        stderr=stream,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def stop(process: subprocess.Popen, how: str) -> None:
    """Kill or stop a Snakemake, alone or, as a terminal or a loss of power does, all of it."""
    if how.startswith("all killed"):
        os.killpg(process.pid, signal.SIGKILL)
    elif how.startswith("interrupted"):
        os.killpg(process.pid, signal.SIGINT)
    else:
        number = signal.SIGKILL if how.startswith("killed") else signal.SIGTERM
        os.kill(process.pid, number)


def pages(path: Path) -> int:
    """How many pages a file, or all files of a folder, take."""
    files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
    return sum(-(-each.stat().st_size // PAGE) for each in files)


def is_running(pid: int) -> bool:
    """Whether a process runs; one that waits for its parent to look does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def wait_until(is_so: Callable[[], object]) -> None:
    """Wait for something to be so.

    Raises:
        TimeoutError: It is not.
    """
    end = time.monotonic() + PATIENCE
    while not is_so():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {PATIENCE} s")
        time.sleep(0.02)
