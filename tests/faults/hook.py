"""Stands as `sitecustomize` on the path of the workflow's jobs, and does a fault at its moment.

Without `CIRCLET_FAULT` in the environment it does nothing; with `record` alone it notes the moments
of a step: how often it touches files, and the time of the processor until it first does and until
its end.
"""

import atexit
import json
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

DAY = 86_400  # s
TOUCHES = {
    "open",
    "os.chmod",
    "os.link",
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "subprocess.Popen",
    "tempfile.mkstemp",
}
# Of Python and its libraries, not of the step.
PASSED_OVER = (sys.prefix, sys.base_prefix, "/usr", "/proc", "/sys", "/etc", "/dev", "/opt")
CODE = (".py", ".pyc", ".so", ".tmp")


def is_of_the_step(event: str, arguments: tuple) -> bool:
    """Whether an event of the interpreter touches a file that is not code."""
    if event not in TOUCHES:
        return False
    path = arguments[0]
    if not isinstance(path, str | bytes | os.PathLike):
        return False
    name = os.fsdecode(path)
    return not (name.startswith(PASSED_OVER) or name.endswith(CODE) or "__pycache__" in name)


class Moment:
    """Waits within a step for the moment of a fault, and does it.

    Args:
        plan: With `kind`, and with `touch` (the n-th, from 0) or `cpu` (s) as the moment.
    """

    def __init__(self, plan: dict) -> None:
        self.plan = plan
        self.touches = 0
        self.begin: float | None = None
        self.is_done = self.is_busy = False

    def hear(self, event: str, arguments: tuple) -> None:
        """Count what touches a file."""
        if self.is_busy or not is_of_the_step(event, arguments):
            return
        self.begin = self.begin or time.process_time()
        number, self.touches = self.touches, self.touches + 1
        if number == self.plan.get("touch"):
            self.act()

    def watch(self) -> None:
        """Wait for a time of the processor."""
        while time.process_time() < self.plan["cpu"]:
            time.sleep(0.002)
        self.act()

    def act(self) -> None:
        """Do the fault, once; say so first in a file."""
        if self.is_done:
            return
        self.is_done = self.is_busy = True
        new = Path(self.plan["reached"] + ".new")
        new.write_text(str(os.getpid()))
        new.replace(self.plan["reached"])
        getattr(self, self.plan["kind"])()
        self.is_busy = False

    def kill(self) -> None:
        """End without a chance to tidy up."""
        os.kill(os.getpid(), signal.SIGKILL)

    def terminate(self) -> None:
        """Be asked to end."""
        os.kill(os.getpid(), signal.SIGTERM)

    def out_of_memory(self) -> None:
        """Have no more memory than now, but for a little."""
        size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        limit = size + self.plan["headroom"]
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    def clock_jump(self) -> None:
        """Set the clock of this step and of Snakemake."""
        Path(os.environ["CIRCLET_CLOCK"]).write_text(str(self.plan["days"]))

    def pause(self) -> None:
        """Wait until told to go on, while something is done outside."""
        while not Path(self.plan["go"]).exists():
            time.sleep(0.01)

    def record(self) -> None:
        """Note the moments that the step had."""
        told = {
            "words": sys.orig_argv[3:],
            "touches": self.touches,
            "begin": self.begin or 0.0,
            "end": time.process_time(),
        }
        Path(self.plan["record"], f"{os.getpid()}.json").write_text(json.dumps(told))


def shift_clock(told: Path) -> None:
    """Let the time be what the system says, and so many days as a file tells."""
    system = time.time

    def shifted() -> float:
        return system() + DAY * int(told.read_text() or 0)

    def at_shifted(function: Callable, seconds: float | None = None) -> object:
        return function(shifted() if seconds is None else seconds)

    time.time = shifted
    time.time_ns = lambda: int(shifted() * 1e9)
    for name in ("localtime", "gmtime", "ctime"):
        function = getattr(time, name)
        setattr(time, name, partial(at_shifted, function))


def set_up() -> None:
    """Prepare a step of circlet for the fault that the environment tells."""
    if "CIRCLET_FAULT" not in os.environ or sys.orig_argv[1:3] != ["-m", "circlet"]:
        return
    moment = Moment(json.loads(os.environ["CIRCLET_FAULT"]))
    if "record" in moment.plan:
        atexit.register(moment.record)
    if "cpu" in moment.plan:
        threading.Thread(target=moment.watch, daemon=True).start()
    else:
        sys.addaudithook(moment.hear)


if "CIRCLET_CLOCK" in os.environ:
    shift_clock(Path(os.environ["CIRCLET_CLOCK"]))
set_up()
