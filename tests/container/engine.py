"""Images built and containers run without an engine, in storage of their own; needs root."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pip_settings import write_settings

REPOSITORY = Path(__file__).resolve().parents[2]
PROGRAMS = ("buildah", "podman", "runc", "mmdebstrap", "nsenter")
PACKAGES = "buildah podman runc mmdebstrap util-linux"
SUITE = "bookworm"
# What Debian needs to look like the Dockerfile's base: 'python' and 'pip', which installs.
PYTHON = "python3,python3-pip,python3-venv,ca-certificates"
AS_BASE = 'ln -s python3 "$1/usr/bin/python"; rm -f "$1"/usr/lib/python3*/EXTERNALLY-MANAGED'
NEEDED = 8  # GiB of memory, where all is built: on a disk it takes minutes more
LIMITS = ("--ulimit=nofile=1024:1024", "--ulimit=nproc=1000:1000")
SOMEBODY = "12345:23456"  # whom no image knows
PATIENCE = 90  # s
# Sends what it reads: a container has a network of its own, where no port is taken.
CLIENT = """
import sys
from http.client import HTTPConnection
port, method, path, *headers = sys.argv[1:]
connection = HTTPConnection("127.0.0.1", int(port), timeout=60)
sent = dict(header.split(": ") for header in headers)
connection.request(method, path, sys.stdin.buffer.read() or None, sent)
answer = connection.getresponse()
sys.stdout.buffer.write(b"%d\\n" % answer.status + answer.read())
"""


class Answer(NamedTuple):
    """What a server answers.

    Attributes:
        status: Of HTTP.
        body: As text.
    """

    status: int
    body: str


class Engine:
    """Builds the Dockerfile's images and runs them.

    Args:
        folder: An empty one, at which memory is mounted, where all of it is.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        run("mount", "-t", "tmpfs", "-o", "size=90%,mode=755", "circlet-images", str(folder))
        self._at = (f"--root={folder / 'storage'}", f"--runroot={folder / 'run'}")
        self._at += ("--storage-driver=overlay",)
        self._environment = {"env": os.environ | {"TMPDIR": str(folder)}}

    def podman(self, *words: str) -> str:
        """Run podman; give what it prints."""
        command = ("podman", *self._at, "--runtime=runc", "--cgroup-manager=cgroupfs", *words)
        return run(*command, **self._environment)

    def make_base(self) -> None:
        """Make what the Dockerfile stands on, of Debian's packages."""
        (python,) = re.findall(r"^ARG PYTHON=(\S+)$", dockerfile(), re.MULTILINE)
        packed, settings = self.folder / "base.tar", self.folder / "apt.conf"
        settings.write_text(apt_settings())
        words = ("--quiet", "--variant=minbase", f"--include={PYTHON}", f"--aptopt={settings}")
        run("mmdebstrap", *words, f"--customize-hook={AS_BASE}", SUITE, str(packed))
        self.podman("import", "--quiet", str(packed), f"docker.io/library/python:{python}")
        packed.unlink()

    def build(self, target: str) -> str:
        """Build an image as the Dockerfile has it; give its name."""
        name = f"localhost/circlet-{target}"
        words = ("--format=docker", "--layers", "--pull-never", f"--target={target}")
        words += ("--isolation=chroot", "--network=host", *LIMITS, f"--tag={name}")
        mounts = [f"--volume={mount}:ro" for mount in write_settings(self.folder / "pip.conf")]
        run("buildah", *self._at, "build", *words, *mounts, str(REPOSITORY), **self._environment)
        return name

    def about(self, image: str) -> dict[str, Any]:
        """Tell what an image has: its config, layers and size."""
        return json.loads(self.podman("image", "inspect", image))[0]

    def call(self, image: str, *words: str, user: str = SOMEBODY) -> str:
        """Run a command in an image that cannot be written to; give what it prints."""
        return self.podman("run", "--rm", *shut(user), image, *words)

    @contextlib.contextmanager
    def running(self, image: str, *words: str, model: Path | None = None) -> Iterator["Container"]:
        """Run a server, for a model that is mounted or the one shipped, until the block ends."""
        mounts = () if model is None else (f"--volume={model}:/opt/ml/model:ro",)
        started = self.podman("run", "--detach", *shut(SOMEBODY), *mounts, image, *words)
        container = Container(self, started.splitlines()[-1])
        try:
            yield container
        finally:
            self.podman("rm", "--force", "--time=0", container.name)

    def remove(self) -> None:
        """Leave nothing."""
        self.podman("rm", "--all", "--force", "--time=0")
        run("umount", "--recursive", "--lazy", str(self.folder))
        self.folder.rmdir()


class Container:
    """A container that runs.

    Args:
        engine: What runs it.
        name: By which the engine knows it.
    """

    def __init__(self, engine: Engine, name: str) -> None:
        self.engine, self.name = engine, name

    def wait_until_healthy(self) -> None:
        """Wait until the image's own check passes.

        Raises:
            AssertionError: It does not; what the container says is with it.
        """
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            with contextlib.suppress(subprocess.CalledProcessError):
                self.engine.podman("healthcheck", "run", self.name)
                return
            time.sleep(0.2)
        raise AssertionError(f"it is not healthy:\n{self.engine.podman('logs', self.name)}")

    def ask(self, port: int, method: str, path: str, *headers: str, body: str = "") -> Answer:
        """Send a request from within the container's network."""
        pid = self.engine.podman("inspect", "--format={{.State.Pid}}", self.name).strip()
        within = ("nsenter", f"--target={pid}", "--net", sys.executable, "-c", CLIENT)
        told = run(*within, str(port), method, path, *headers, input=body)
        status, _, content = told.partition("\n")
        return Answer(int(status), content)

    def stop(self) -> tuple[int, float]:
        """Ask it to end by SIGTERM; give its exit code, and how long it took in seconds."""
        start = time.monotonic()
        self.engine.podman("stop", f"--time={PATIENCE}", self.name)
        took = time.monotonic() - start
        return int(self.engine.podman("inspect", "--format={{.State.ExitCode}}", self.name)), took


def shut(user: str) -> tuple[str, ...]:
    """Words that run an image with no network, and with /tmp alone to write to."""
    return ("--network=none", "--read-only", "--tmpfs=/tmp", f"--user={user}", *LIMITS)


def run(*words: str, **options: Any) -> str:
    """Run a program; give what it prints.

    Raises:
        subprocess.CalledProcessError: It fails; the end of what it says is with it.
    """
    try:
        return subprocess.run(words, check=True, capture_output=True, text=True, **options).stdout
    except subprocess.CalledProcessError as error:
        error.add_note(f"{error.stdout[-2000:]}\n{error.stderr[-4000:]}")
        raise


def dockerfile() -> str:
    """The Dockerfile."""
    return (REPOSITORY / "Dockerfile").read_text()


def apt_settings() -> str:
    """How this machine's apt reaches its mirror: proxies, certificates, what it checks."""
    told = run("apt-config", "dump", "--no-empty", "--format=%F %v%n", "Acquire")
    lines = [line.partition(" ") for line in told.splitlines()]
    of_network = re.compile(r"Acquire::(https?|Check-|Retries)", re.IGNORECASE)
    return "".join(f'{name} "{value}";\n' for name, _, value in lines if of_network.match(name))


def lacking() -> str:
    """Say what keeps images from being built here; empty if nothing does."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        return f"{', '.join(missing)} missing: apt-get install {PACKAGES}"
    if os.geteuid() != 0:
        return "needs root, to mount file systems"
    told = re.search(r"^MemAvailable: *(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    memory = int(told[1]) / 2**20
    return "" if memory >= NEEDED else f"needs {NEEDED} GiB of free memory, there are {memory:.1f}"
