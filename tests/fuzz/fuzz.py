"""Fuzz the parsers of the data wing, then `circlet predict`: no traceback, no wrong record.

    python tests/fuzz/fuzz.py --seconds 600        a campaign; `make fuzz`
    python tests/fuzz/fuzz.py --again FOLDER       a saved case once more

Each campaign runs in a process of its own, so that one that dies is told as well. The parsers,
each by itself, have a quarter of the time.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
FAULTS = 3  # exit code of a campaign that kept them
AT_END = 120  # seconds that a campaign may take beyond its time


def run(campaign: str, words: list[str], folder: Path, environment: dict[str, str]) -> int:
    """Run a campaign; give its exit code."""
    command = [sys.executable, str(HERE / campaign), *words]
    most = float(words[2]) + AT_END
    try:
        found = subprocess.run(command, env=os.environ | environment, cwd=folder, timeout=most)
    except subprocess.TimeoutExpired:
        return -signal.SIGKILL
    return found.returncode


def main() -> int:
    """Start the campaigns and tell how they ended."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=Path("build/fuzz"), help="faults are kept")
    parser.add_argument("--again", type=Path, help="a folder that a fault was saved in")
    args = parser.parse_args()
    folder = args.folder.resolve()
    again = ["--again", str(args.again.resolve())] if args.again else []
    words = [str(folder), "--seconds", str(args.seconds), "--seed", str(args.seed), *again]
    paths = [str(HERE), str(HERE.parent), os.environ.get("PYTHONPATH", "")]
    one = {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    print(f"fuzz: seed {args.seed}, {args.seconds:g} s, faults are kept in {folder}", flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    of_parsers = 0
    if not again:
        words[2] = str(args.seconds / 4)
        of_parsers = run("parser_campaign.py", words, folder, one)
        words[2] = str(args.seconds * 3 / 4)
    code = run("campaign.py", words, folder, one) or of_parsers
    if code not in (0, FAULTS) and not again:
        died = folder / "faults" / "died"
        shutil.rmtree(died, ignore_errors=True)
        if (folder / "case").exists():
            shutil.copytree(folder / "case", died)
        print(f"fuzz: the process ended with {code} in the case that is kept in {died}")
    if code and not again:
        print(f"fuzz: try a fault again with: {Path(sys.argv[0])} --again FOLDER")
    return code


if __name__ == "__main__":
    sys.exit(main())
