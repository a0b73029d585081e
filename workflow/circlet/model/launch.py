"""One training as several processes: torchrun starts them, here or by SLURM on several nodes."""

import argparse
import logging
import os
import shutil
import socket
import sys
from collections.abc import Sequence

from circlet.errors import InputError

log = logging.getLogger(__name__)

STARTED = "LOCAL_WORLD_SIZE"  # what torchrun tells its processes: how many it started here


def torchrun(words: Sequence[str], each: int, nodes: int = 1) -> list[str]:
    """Give the command that starts the processes of this node.

    Args:
        words: Those of `circlet` that each process is to run.
        each: Processes on each node.
        nodes: Of several, one of them (by c10d) is where all meet: this one.
    """
    meeting = ["--standalone"]
    if nodes > 1:
        place = f"{socket.gethostname()}:{free_port()}"
        name = os.environ.get("SLURM_JOB_ID", "circlet")
        meeting = [f"--nnodes={nodes}", "--rdzv-backend=c10d"]
        meeting += [f"--rdzv-endpoint={place}", f"--rdzv-id={name}"]
    shape = [*meeting, f"--nproc-per-node={each}", "-m", "circlet"]
    return [sys.executable, "-m", "torch.distributed.run", *shape, *words]


def across(nodes: int, command: Sequence[str]) -> list[str]:
    """Give the command that runs another one once on each node of this job of SLURM's.

    It may use all that the job has there: of CPUs not only that of one task, which is the default.

    Raises:
        InputError: There is no SLURM here.
    """
    if shutil.which("srun") is None:
        mend = "submit the job to SLURM, or ask for one"
        raise InputError("nodes", f"{nodes} are asked for, but there is no srun", mend)
    shape = [f"--nodes={nodes}", f"--ntasks={nodes}", "--ntasks-per-node=1", "--cpu-bind=none"]
    return ["srun", *shape, "--kill-on-bad-exit=1", *command]


def free_port() -> int:
    """Find a port that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("", 0))
        port: int = listener.getsockname()[1]
    return port


def launch(args: argparse.Namespace) -> None:
    """Become torchrun if several processes are asked for; return in each that it starts.

    Args:
        args: With `processes`, `gpus` and `nodes`, and with `words`: those that the command line
            was given, and that each process is given anew.

    Raises:
        InputError: The processes cannot be dealt out to the nodes, or there is no SLURM to do it.
    """
    count, nodes = max(args.processes, args.gpus), args.nodes
    if STARTED in os.environ or count == nodes == 1:
        return
    if nodes < 1 or count < 1 or count % nodes:
        mend = "give each node as many: a multiple of their number"
        raise InputError("processes", f"{count} cannot be dealt out to {nodes} nodes", mend)
    command = torchrun(args.words, count // nodes, nodes)
    if nodes > 1:
        command = across(nodes, command)
    log.info("starting %d processes, nodes: %d", count, nodes)
    # A thread a process is what torchrun sets, with a warning; the step sets its own.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.execvp(command[0], command)


def share_of_threads(threads: int | None) -> int | None:
    """Give the threads of one process, where torchrun started several on this node."""
    started = int(os.environ.get(STARTED, "1"))
    return threads if threads is None or started == 1 else max(1, threads // started)


def add_launch_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `launch`."""
    add = parser.add_argument_group("several processes, started by torchrun").add_argument
    add("--processes", type=int, default=1, help="how many train together, on all nodes")
    add("--gpus", type=int, default=0, help="how many there are: each gets a process at the least")
    add("--nodes", type=int, default=1, help="several of a job of SLURM's, reached by srun")
