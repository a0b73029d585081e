"""Many tries, one after the other, in a process of their own: `fuzz.py` starts it and reads on."""

import argparse
import hashlib
import itertools
import json
import logging
import os
import resource
import shutil
import sys
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path

from cases import Case, arbitrary, broken, many, valid
from checks import check
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisWarning
from models import draw_kinds, make_model

from circlet import models

ROUND = 60  # tries of a kind at a time
FAULTS = 3  # exit code
MEMORY = 6 << 30  # bytes of address space beside what the libraries take when all are loaded


class Campaign:
    """Tries, their count, and the faults that they met.

    Args:
        folder: Scratch; faults are kept in it.
        model: The checkpoint that is as it should be.
        until: When to end, by `time.monotonic`.
    """

    def __init__(self, folder: Path, model: Path, until: float) -> None:
        self.folder, self.model, self.until = folder, model, until
        # In a short campaign all kinds shall have their turn.
        self.size = min(ROUND, max(4, int(until - time.monotonic()) // 4))
        self.ended: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()
        self.faults: dict[str, str] = {}
        self._last: Case | None = None

    def attempt(self, case: Case) -> None:
        """Try one case; one that meets a known fault is counted and no more."""
        if time.monotonic() >= self.until:
            return
        self._last = case
        logging.getLogger().setLevel(logging.INFO)
        self.kinds[case.kind] += 1
        try:
            self.ended[check(case, self.folder, self.model)] += 1
        except (Exception, RecursionError) as error:
            self.ended["in a fault"] += 1
            if (mark := mark_of(error)) not in self.faults:
                self._mark = mark
                raise

    def round(self, strategy: st.SearchStrategy, number: int) -> None:
        """Try some cases of a kind; keep the smallest that meets a new fault."""

        @seed(number)
        @settings(
            max_examples=self.size,
            deadline=None,
            database=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
            print_blob=False,
        )
        @given(strategy)
        def some(case: Case) -> None:
            self.attempt(case)

        try:
            some()
        except Exception as error:
            self._keep(error)

    def _keep(self, error: Exception) -> None:
        """Save a case that meets a fault, and say so."""
        if self._last is None:
            raise error
        place = self.folder / "faults" / hashlib.sha256(self._mark.encode()).hexdigest()[:8]
        self._last.write(place)
        error.__notes__ = []  # hypothesis's, with all of the case
        text = "".join(traceback.format_exception(error))
        (place / "traceback.txt").write_text(text)
        self.faults[self._mark] = str(place)
        print(f"fuzz: fault in {place}: {self._last.words!r:.300}\n{text[-3000:]}", flush=True)


def mark_of(error: BaseException) -> str:
    """Tell faults apart: by the place where they come up."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "circlet" in frame.filename] or frames
    message = str(error)[:60] if isinstance(error, AssertionError) else ""
    message = "".join(letter for letter in message if not letter.isdigit())
    return f"{type(error).__name__} {ours[-1].filename}:{ours[-1].lineno} {message}"


def bound_memory() -> None:
    """Let the process take so much address space more than it has, and no more."""
    with open("/proc/self/statm") as handle:
        taken = int(handle.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY, resource.RLIM_INFINITY))


def main() -> None:
    """Run a campaign, or one case again."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--again", type=Path)
    args = parser.parse_args()
    warnings.resetwarnings()
    for kind in (UserWarning, RuntimeWarning, FutureWarning, SyntaxWarning):
        warnings.filterwarnings("always", category=kind)
    warnings.filterwarnings("ignore", category=HypothesisWarning)
    for kind in (DeprecationWarning, PendingDeprecationWarning, ResourceWarning, ImportWarning):
        warnings.filterwarnings("ignore", category=kind)
    model = make_model(args.folder / "model")
    models.SHIPPED = model
    if args.again:
        print(check(Case.read(args.again), args.folder, model))
        return
    kinds = {"valid": valid(), "broken": broken(), "arbitrary": arbitrary(), "many": many()}
    kinds |= draw_kinds(args.folder, model)
    check(Case("valid input", ["models", "--folder", "."]), args.folder, model)
    if sys.platform == "linux":
        bound_memory()
    begin = time.monotonic()  # exporting took a while
    campaign = Campaign(args.folder, model, begin + args.seconds)
    numbers = itertools.count(args.seed * 1_000_000)
    while time.monotonic() < campaign.until:
        for name, strategy in kinds.items():
            if name == "many" and next(numbers) % 4:
                continue
            campaign.round(strategy, next(numbers))
            (args.folder / "count.json").write_text(json.dumps(sum(campaign.kinds.values())))
    tell(campaign, time.monotonic() - begin)
    shutil.rmtree(args.folder / "case", ignore_errors=True)
    # What libraries do at the end is not of interest.
    os._exit(FAULTS if campaign.faults or not campaign.kinds else 0)


def tell(campaign: Campaign, seconds: float) -> None:
    """Print how it went, in one line."""
    kinds = ", ".join(f"{count:,} of {kind}" for kind, count in sorted(campaign.kinds.items()))
    ended = ", ".join(f"{count:,} {how}" for how, count in sorted(campaign.ended.items()))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"fuzz: {sum(campaign.kinds.values()):,} inputs ({kinds}) in {seconds:.0f} s, peak"
        f" {peak:,.0f} MiB; ended {ended}; {len(campaign.faults)} different faults",
        flush=True,
    )


if __name__ == "__main__":
    main()
