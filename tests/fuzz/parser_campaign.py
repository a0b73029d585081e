"""Many tries of each parser of the data wing: `fuzz.py` starts it, and a test a short one."""

import argparse
import json
import logging
import os
import random
import resource
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

from campaign import FAULTS, bound_memory, mark_of
from damage import harm, vary
from parsers import PARSERS, FaultError, Files, Parser, require

from circlet.errors import InputError

UNPACKED = ("table", "sequences", "positives.tsv")  # read as they come
LONGEST_LINE = 2000  # letters of an error, beside the folder


def whole(parser: Parser, folder: Path) -> Any:
    """What a parser makes of the files as they should be."""
    _write(folder, parser.files)
    found = parser.read(folder)
    parser.check(found, parser.files)
    return found


def _write(folder: Path, files: Files) -> None:
    """Write files into a folder that has nothing else."""
    for path in folder.iterdir():
        path.unlink()
    for name, content in files.items():
        (folder / name).write_bytes(content)


def attempt(parser: Parser, rng: random.Random, folder: Path, expected: Any) -> tuple[str, Files]:
    """Try a parser once; tell how it ended, and what it was given.

    Raises:
        Exception: It let through what it must not, or what it read is wrong.
    """
    files = dict(parser.files)
    is_varied = rng.random() < 0.15
    for name in rng.sample(list(files), k=1 if rng.random() < 0.8 else len(files)):
        may_pack = name not in UNPACKED
        files[name] = vary(rng, files[name], may_pack) if is_varied else harm(rng, files[name])
    _write(folder, files)
    return ended(parser, files, folder, expected if is_varied else None), files


def ended(parser: Parser, files: Files, folder: Path, expected: Any) -> str:
    """Read files that are there; tell how it ended, in a word."""
    try:
        found = parser.read(folder)
    except InputError as error:
        check_line(str(error), folder)
        require(expected is None, f"refused, though the files are as they should be: {error}")
        return "refused"
    if expected is not None:
        require(_same(found, expected), "another result than of the same in another manner")
        return "varied"
    parser.check(found, files)
    return "read"


def _same(found: Any, expected: Any) -> bool:
    return found.equals(expected) if hasattr(found, "equals") else found == expected


def check_line(line: str, folder: Path) -> None:
    """An error is one line of bounded length that can be printed and names a file."""
    require(line.isprintable(), f"an error that cannot be printed: {line!r:.300}")
    require(len(line.replace(str(folder), "")) <= LONGEST_LINE, f"{len(line)} letters of an error")
    require(str(folder) in line, f"an error that names no file: {line}")


def tries(
    name: str, seed: int, most: int, until: float, folder: Path, faults: dict[str, str]
) -> Counter[str]:
    """Try a parser many times; count how they ended, and keep the first of each kind of fault.

    Args:
        name: Of the parser.
        seed: Tells other tries.
        most: Number of tries.
        until: When to end all the same, by `time.monotonic`.
        folder: Scratch; faults are kept in it.
        faults: Where a fault's files are, by its kind.
    """
    parser, ends = PARSERS[name], Counter[str]()
    work = folder / "parser"
    work.mkdir(parents=True, exist_ok=True)
    expected = whole(parser, work)
    for number in range(most):
        if time.monotonic() >= until:
            break
        rng = random.Random(f"{name} {seed} {number}")
        try:
            end, _ = attempt(parser, rng, work, expected)
        except (Exception, RecursionError) as error:
            kept = folder / "faults" / f"{name}-{seed}-{number}"
            shutil.copytree(work, kept, dirs_exist_ok=True)
            (kept / "traceback.txt").write_text(traceback.format_exc())
            end = "in a fault"
            faults.setdefault(_kind(error), str(kept))
        ends[end] += 1
    return ends


def _kind(error: BaseException) -> str:
    """Tell faults apart: by the place, and by what is said before anything is quoted."""
    said = str(error).partition("'")[0] if isinstance(error, FaultError) else ""
    return f"{mark_of(error).partition(' ')[2].partition(' ')[0]} {type(error).__name__} {said}"


def main() -> None:
    """Run a campaign, parser by parser."""
    cli = argparse.ArgumentParser()
    cli.add_argument("folder", type=Path)
    cli.add_argument("--seconds", type=float, default=150)
    cli.add_argument("--seed", type=int, default=1)
    args = cli.parse_args()
    logging.disable(logging.CRITICAL)
    if sys.platform == "linux":
        bound_memory()
    scratch = Path(tempfile.mkdtemp(dir=args.folder))
    tempfile.tempdir = str(scratch)
    faults: dict[str, str] = {}
    total = 0
    for name in PARSERS:
        begin, ends, seed = time.monotonic(), Counter[str](), args.seed
        until = begin + args.seconds / len(PARSERS)
        while time.monotonic() < until:
            ends += tries(name, seed, 500, until, args.folder, faults)
            seed += 1
        told = ", ".join(f"{count:,} {how}" for how, count in sorted(ends.items()))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"fuzz: {name}: {ends.total():,} inputs: {told}; {peak:,.0f} MiB", flush=True)
        total += ends.total()
    shutil.rmtree(scratch, ignore_errors=True)
    shutil.rmtree(args.folder / "parser", ignore_errors=True)
    for kind, place in faults.items():
        text = (Path(place) / "traceback.txt").read_text()
        print(f"fuzz: fault {kind} in {place}\n{text[-3000:]}", flush=True)
    print(
        f"fuzz: {total:,} inputs of {len(PARSERS)} parsers, peak {peak:,.0f} MiB;"
        f" {len(faults)} different faults",
        flush=True,
    )
    (args.folder / "parsers.json").write_text(json.dumps(faults, indent=2))
    sys.stdout.flush()
    os._exit(FAULTS if faults else 0)


if __name__ == "__main__":
    main()
