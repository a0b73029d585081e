"""A real SLURM of two nodes on this machine, for as long as a `with` block lasts; needs root."""

import contextlib
import os
import re
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
CONFIGURED = Path("/etc/slurm")
NO_ACCOUNTING = "AccountingStorageType=accounting_storage/none"
ACCOUNTING = """AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={port}
AccountingStoragePass={folder}/munge.sock"""
PROGRAMS = ("munged", "slurmctld", "slurmd", "slurmdbd", "sbatch", "srun", "mariadbd")
PACKAGES = "slurmctld slurmd slurmdbd slurm-client munge mariadb-server"
NODES = ("circlet1", "circlet2")


class Job(NamedTuple):
    """A job as squeue tells it.

    Attributes:
        id: Its number, with that of the task in an array.
        state: Such as RUNNING.
        comment: Of Snakemake: the rule and its wildcards.
        partition: Where it is.
        nodes: How many it has, or the name of the one.
    """

    id: str
    state: str
    comment: str
    partition: str
    nodes: str


def ask(*words: str) -> str:
    """Run a client of SLURM's, and give what it prints."""
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=60).stdout


def jobs(about: str = "") -> list[Job]:
    """The jobs whose comment begins so, by number; those that have ended too."""
    lines = ask("squeue", "--all", "--states=all", "--noheader", "--array", "-o", "%i|%T|%k|%P|%N")
    found = [Job(*line.split("|")) for line in lines.splitlines()]
    return sorted(job for job in found if job.comment.startswith(about))


def wait_until(is_so: Callable[[], object], what: str, seconds: float = 120) -> object:
    """Wait for something to be so, and give it.

    Raises:
        TimeoutError: It is not.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := is_so():
            return found
        time.sleep(0.2)
    raise TimeoutError(f"{what}: not within {seconds} s")


def free_ports(count: int) -> list[int]:
    """Find ports in a row that nobody listens on.

    Raises:
        OSError: There are none.
    """
    for first in range(20000 + secrets.randbelow(10000), 40000, count):
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            for port in range(first, first + count):
                stack.enter_context(socket.socket()).bind(("", port))
            return list(range(first, first + count))
    raise OSError("no free ports")


@contextlib.contextmanager
def configured(folder: Path, kill_wait: int, accounting: bool) -> Iterator[int]:
    """Fill in the settings, and link them to where SLURM's programs look by themselves.

    Snakemake starts a job's step without `SLURM_CONF` in its environment.

    Yields:
        The port for a database.

    Raises:
        FileExistsError: This machine has settings of its own.
    """
    controller, *nodes, keeper, database = free_ports(5)
    settings = ACCOUNTING.format(port=keeper, folder=folder) if accounting else NO_ACCOUNTING
    values = {
        "RUN": str(folder),
        "HOST": socket.gethostname().partition(".")[0],
        "PORT": str(controller),
        "PORT1": str(nodes[0]),
        "PORT2": str(nodes[1]),
        "KILLWAIT": str(kill_wait),
        "DBDPORT": str(keeper),
        "SQLPORT": str(database),
        "ACCOUNTING": settings,
    }
    CONFIGURED.mkdir(exist_ok=True)
    with contextlib.ExitStack() as stack:
        for template in HERE.glob("*.conf.in"):
            text = re.sub(r"@(\w+)@", lambda match: values[match[1]], template.read_text())
            (folder / template.stem).touch(mode=0o600)  # slurmdbd's has to be
            (folder / template.stem).write_text(text)
            link = CONFIGURED / template.stem
            if link.is_symlink():  # of a SLURM of ours that was killed
                link.unlink()
            link.symlink_to(folder / template.stem)
            stack.callback(link.unlink)
        yield database


@contextlib.contextmanager
def daemon(folder: Path, *words: str) -> Iterator[subprocess.Popen]:
    """Run one of SLURM's programs, with a log in the folder."""
    name = "-".join(words[:1] + words[-1:]).replace("/", "_") if "-N" in words else words[0]
    # It does not outlive a test session that is killed.
    words = ("setpriv", "--pdeathsig", "TERM", *words)
    with open(folder / f"{name}.log", "w") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def accounts(folder: Path, port: int) -> Iterator[None]:
    """Run a database and, over it, SLURM's accounting."""
    data, socket_file = folder / "mariadb", folder / "mariadb.sock"
    where = [f"--datadir={data}", f"--socket={socket_file}"]
    shape = ["--auth-root-authentication-method=normal", "--skip-test-db", "--user=root"]
    made = ["mariadb-install-db", "--no-defaults", *where[:1], *shape]
    subprocess.run(made, check=True, capture_output=True)
    server = ["mariadbd", "--no-defaults", *where, f"--port={port}", "--user=root"]
    with daemon(folder, *server, "--bind-address=127.0.0.1"):
        wait_until(socket_file.exists, "mariadb")
        grant = (
            "CREATE USER slurm@'%' IDENTIFIED BY 'slurm'; GRANT ALL ON slurm_acct.* TO slurm@'%'"
        )
        subprocess.run(["mariadb", "--no-defaults", where[1], "-e", grant], check=True)
        with daemon(folder, "slurmdbd", "-D"):
            wait_until(knows_clusters, "slurmdbd")
            ask("sacctmgr", "--immediate", "add", "cluster", "circlet")
            for about in ("account", "lab"), ("user", "root", "account=lab"):
                ask("sacctmgr", "--immediate", "add", *about)
            yield


def knows_clusters() -> bool:
    """Whether the accounting answers."""
    return subprocess.run(["sacctmgr", "list", "cluster"], capture_output=True).returncode == 0


def is_idle() -> bool:
    """Whether all nodes wait for work."""
    try:
        return set(ask("sinfo", "-h", "-N", "-o", "%N %T", "-p", "cpu").splitlines()) == {
            f"{node} idle" for node in NODES
        }
    except subprocess.CalledProcessError:
        return False


def logs(folder: Path) -> str:
    """The ends of all logs of a SLURM."""
    return "\n".join(f"{path}:\n{path.read_text()[-2000:]}" for path in folder.glob("*.log"))


@contextlib.contextmanager
def running(kill_wait: int = 30, accounting: bool = False) -> Iterator[None]:
    """Run a SLURM.

    Args:
        kill_wait: Seconds between the two signals that end a job.
        accounting: Whether it keeps accounts, which sacct reads.

    Raises:
        TimeoutError: It does not come up; what its logs say is with it.
    """
    with tempfile.TemporaryDirectory(prefix="slurm-") as folder:
        try:
            with _running(Path(folder), kill_wait, accounting):
                yield
        except TimeoutError as error:
            error.add_note(logs(Path(folder)))
            raise


@contextlib.contextmanager
def _running(folder: Path, kill_wait: int, accounting: bool) -> Iterator[None]:
    """Run a SLURM with settings, state and logs in a folder."""
    folder.chmod(0o755)  # munge's socket has to be reached
    (folder / "state").mkdir()
    key, place = folder / "munge.key", folder / "munge.sock"
    key.touch(mode=0o600)
    key.write_bytes(secrets.token_bytes(1024))
    files = {"key-file": key, "socket": place, "pid-file": folder / "munged.pid"}
    files |= {"log-file": folder / "munge.log", "seed-file": folder / "munge.seed"}
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(configured(folder, kill_wait, accounting))
        start = lambda *words: stack.enter_context(daemon(folder, *words))  # noqa: E731
        start("munged", "--foreground", *(f"--{name}={path}" for name, path in files.items()))
        wait_until(place.exists, "munge")
        if accounting:
            stack.enter_context(accounts(folder, database))
        start("slurmctld", "-D", "-c")
        for node in NODES:
            start("slurmd", "-D", "-N", node)
        wait_until(is_idle, "the nodes", 60)
        yield
        if found := [job.id for job in jobs() if job.state in ("PENDING", "RUNNING")]:
            ask("scancel", *found)


def lacking() -> str:
    """Say what keeps SLURM from running here; empty if nothing does."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        return f"{', '.join(missing)} missing: apt-get install {PACKAGES}"
    return "" if os.geteuid() == 0 else "needs root, for the nodes to run jobs of a user"
