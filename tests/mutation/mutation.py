"""Change modules in one place at a time and see whether their tests notice: `make mutants`.

    python tests/mutation/mutation.py --mutmut build/tools/bin/mutmut
    python tests/mutation/mutation.py --mutmut build/tools/bin/mutmut --again '*splits*'

`[tool.mutmut]` in pyproject.toml names the modules and their tests. Of what survived, the change is
shown by `mutmut show NAME` in build/mutants, with the same PYTHONPATH as here.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from collections import Counter
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
LEAST = 0.8  # of a module's mutants, that its tests are to kill
# By pytest's exit code, and by the signal of a time limit; all others count as survived.
KINDS = {1: "killed", 3: "killed", -24: "timeout", 24: "timeout", 152: "timeout"}


def main() -> int:
    """Run the mutants and tell the figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--mutmut", type=Path, required=True, help="the program")
    parser.add_argument("--folder", type=Path, default=REPOSITORY / "build" / "mutants")
    parser.add_argument("--again", nargs="+", default=[], help="of the last run, these alone")
    parser.add_argument("--processes", type=int, default=1)
    args = parser.parse_args()
    if not args.again:
        lay_out(args.folder)
    command = [args.mutmut.absolute(), "run", "--max-children", str(args.processes), *args.again]
    # The packages of this Python go before those beside the program.
    packages = {"PYTHONPATH": sysconfig.get_path("purelib"), "OMP_NUM_THREADS": "1"}
    code = subprocess.run(command, cwd=args.folder, env=os.environ | packages).returncode
    return code or tell(args.folder / "mutants")


def lay_out(folder: Path) -> None:
    """Make a folder as mutmut expects it, with the package at its top; copies come below it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for path in ("workflow/circlet", "tests", "pyproject.toml"):
        (folder / Path(path).name).symlink_to(REPOSITORY / path)


def tell(folder: Path) -> int:
    """Print the figures of each module; give 1 if one has too few mutants killed."""
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["mutmut"]
    is_short = False
    for module in settings["only_mutate"]:
        results = json.loads((folder / f"{module}.meta").read_text())["exit_code_by_key"]
        counts = Counter(KINDS.get(code, "survived") for code in results.values())
        share = (counts["killed"] + counts["timeout"]) / max(1, len(results))
        is_short |= share < LEAST
        print(
            f"{module}: {len(results)} mutants, {counts['killed']} killed,"
            f" {counts['timeout']} ended by time, {counts['survived']} survived: {share:.1%}"
        )
    if is_short:
        print(f"mutants: a module has less than {LEAST:.0%} killed")
    return int(is_short)


if __name__ == "__main__":
    sys.exit(main())
