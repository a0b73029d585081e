"""How often the intervals hold the truth: scores made up with a known AUROC, in groups.

    python benchmarks/coverage.py --output coverage.tsv

Draws many test sets. The groups have the sizes of those of a real test part: two thirds hold one
transcript, the largest 29; one in twenty holds both classes. Scores are the class's mean, a normal
effect of the group and normal noise; ICC is the group's share of the variance. So the chance that
a circRNA scores above a lncRNA of another group is Phi(delta / sqrt(2)), and sensitivity and MCC at
a threshold half way are known as well. Two rivals' scores correlate with the first's by .8: one is
level, the other's AUROC is .01 lower.

Of each interval the table tells how many per cent of the draws it covers, and how many are wholly
above the truth and wholly below it. The standard error of a coverage near 95 % is .7 with 1,000
draws and 1.1 with 400.
"""

import argparse
import logging
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from itertools import repeat
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from circlet.evaluation.bootstrap import (
    difference_interval,
    percentile_interval,
    rarer_class_groups,
    score_interval,
    two_class_weights,
)
from circlet.evaluation.scores import ranking_metrics, threshold_metrics
from circlet.evaluation.significance import area_difference, clustered_delong
from circlet.files import write_table

# How many groups of each size the test part of the split `gene` has (circRNADb, circBase and
# GENCODE 19: 1,773 circRNAs and 2,157 lncRNAs in 2,223 groups).
SIZES = {1: 1477, 2: 376, 3: 166, 4: 85, 5: 50, 6: 19, 7: 15, 8: 9, 9: 8, 10: 2, 12: 5, 15: 5} | {
    19: 4,
    29: 1,
}
CIRCRNA_GROUPS = 0.4  # share of the groups of one class that are circRNAs'
MIXED_GROUPS = 0.05  # share of all groups, each of whose rows has either class by even chance
CORRELATION = 0.8  # of a score and its rival's, within the classes
DIFFERENCES = {"level": 0.0, "lower": 0.01}  # how far each rival's AUROC is below
CONFIDENCE = 0.95
MANY = 1000  # groups, from which on fewer sets are drawn, of the last AUROC alone
ALONE = "rows alone, percentile"  # as if rows of a group were independent

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Design:
    """What is drawn.

    Attributes:
        groups: Number of groups.
        auroc: The true AUROC.
        icc: The group's share of a score's variance within a class.
    """

    groups: int
    auroc: float
    icc: float

    @property
    def delta(self) -> float:
        """Distance of the classes' means, the variance within a class being 1."""
        return float(np.sqrt(2) * ndtri(self.auroc))

    def truths(self) -> dict[str, float]:
        """The true value of each measure, of rows drawn without end."""
        right = ndtr(self.delta / 2)  # sensitivity, and specificity
        share = (1 - MIXED_GROUPS) * CIRCRNA_GROUPS + MIXED_GROUPS / 2
        precision = share * right / (share * right + (1 - share) * (1 - right))
        negative = (1 - share) * right / ((1 - share) * right + share * (1 - right))
        return {
            "auroc": self.auroc,
            "sensitivity": float(right),
            # The geometric mean of informedness and markedness (Powers 2011).
            "mcc": float(np.sqrt((2 * right - 1) * (precision + negative - 1))),
            **{f"difference, {name}": size for name, size in DIFFERENCES.items()},
        }


def draw_groups(design: Design, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw the class and group of each row, (n,); both classes occur."""
    chances = np.array(list(SIZES.values())) / sum(SIZES.values())
    while True:
        sizes = rng.choice(list(SIZES), design.groups, p=chances)
        groups = np.repeat(np.arange(design.groups), sizes)
        truth = (rng.random(design.groups) < CIRCRNA_GROUPS)[groups]
        is_mixed = (rng.random(design.groups) < MIXED_GROUPS)[groups]
        truth[is_mixed] = rng.random(is_mixed.sum()) < 0.5
        if 0 < truth.sum() < len(truth):
            return truth, groups


def draw_scores(
    design: Design, truth: np.ndarray, groups: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Draw a score of each row, and those of the rivals by name, each (n,)."""
    parts = np.sqrt([design.icc, 1 - design.icc])
    own, other = (
        parts[0] * rng.standard_normal(design.groups)[groups]
        + parts[1] * rng.standard_normal(len(groups))
        for _ in range(2)
    )
    noise = CORRELATION * own + np.sqrt(1 - CORRELATION**2) * other
    deltas = {name: np.sqrt(2) * ndtri(design.auroc - size) for name, size in DIFFERENCES.items()}
    rivals = {name: noise + delta * truth for name, delta in deltas.items()}
    return own + design.delta * truth, rivals


def alone_interval(truth: np.ndarray, scores: np.ndarray, replicates: int) -> tuple[float, float]:
    """Interval of the AUROC from a bootstrap that knows no groups."""
    drawn = [
        ranking_metrics(truth, scores, weights)["auroc"]
        for weights in two_class_weights(truth, np.arange(len(truth)), replicates, seed=0)
    ]
    return percentile_interval(np.concatenate(drawn), CONFIDENCE)


def replicated(
    truth: np.ndarray,
    called: np.ndarray,
    scores: np.ndarray,
    rivals: dict[str, np.ndarray],
    weights: np.ndarray,
) -> pd.DataFrame:
    """Score each replicate, and the rivals' AUROC under their names; one row a replicate."""
    found = threshold_metrics(truth, called, weights) | ranking_metrics(truth, scores, weights)
    for name, other in rivals.items():
        found[name] = ranking_metrics(truth, other, weights)["auroc"]
    return pd.DataFrame(found)


def intervals(
    design: Design, replicates: int, rng: np.random.Generator
) -> Iterator[tuple[str, str, tuple[float, float]]]:
    """Draw a test set and yield measure, method and limits of each interval."""
    truth, groups = draw_groups(design, rng)
    scores, rivals = draw_scores(design, truth, groups, rng)
    measure = partial(replicated, truth, scores > design.delta / 2, scores, rivals)
    value = measure(np.ones((1, len(truth)))).iloc[0]
    weights = two_class_weights(truth, groups, replicates, seed=0)
    drawn = pd.concat(map(measure, weights), ignore_index=True)
    n_groups = rarer_class_groups(truth, groups)
    score = partial(score_interval, n_groups=n_groups, confidence=CONFIDENCE)
    for name in ("auroc", "sensitivity", "mcc"):
        found = drawn[name].to_numpy()
        yield name, "percentile", percentile_interval(found, CONFIDENCE)
        yield name, "logit", score(name, value[name], found)
    (area,), ((variance,),) = clustered_delong(truth, scores[None], groups)
    pair = area + np.sqrt(variance / 2) * np.array([-1, 1])  # that have this standard error
    yield "auroc", "logit, clustered DeLong", score("auroc", float(area), pair)
    yield "auroc", ALONE, alone_interval(truth, scores, replicates)
    for name, rival in rivals.items():
        found = (drawn["auroc"] - drawn[name]).to_numpy()
        difference, error = area_difference(truth, scores, rival, groups)
        yield f"difference, {name}", "percentile", percentile_interval(found, CONFIDENCE)
        for method, spread in (("t", found.std(ddof=1)), ("t, clustered DeLong", error)):
            limits = difference_interval(difference, float(spread), n_groups, CONFIDENCE)
            yield f"difference, {name}", method, limits


def count(design: Design, replicates: int, draws: range) -> pd.DataFrame:
    """Tell of each draw and interval whether it covers the truth, is above it, or below it."""
    truths, rows = design.truths(), []
    for seed in draws:
        rng = np.random.default_rng([seed, design.groups])
        for measure, method, (low, high) in intervals(design, replicates, rng):
            rows.append(
                {
                    "measure": measure,
                    "method": method,
                    "covers": low <= truths[measure] <= high,
                    "above": low > truths[measure],
                    "below": high < truths[measure],
                    "width": high - low,
                }
            )
    return pd.DataFrame(rows)


def cover(design: Design, replicates: int, draws: int, threads: int) -> pd.DataFrame:
    """Draw a design's test sets and lay out each interval's coverage, one row an interval."""
    shares = [range(start, draws, 4 * threads) for start in range(4 * threads)]
    with ProcessPoolExecutor(threads) as pool:
        found = pd.concat(pool.map(count, repeat(design), repeat(replicates), shares))
    table = found.groupby(["measure", "method"], sort=False).mean().reset_index()
    table[["covers", "above", "below"]] *= 100
    return table.assign(**asdict(design), draws=draws)[
        [
            "groups",
            "auroc",
            "icc",
            "measure",
            "method",
            "covers",
            "above",
            "below",
            "width",
            "draws",
        ]
    ]


def designs(groups: list[int], aurocs: list[float]) -> list[Design]:
    """All designs; from `MANY` groups on those of the last AUROC alone."""
    return [
        Design(number, auroc, icc)
        for number in groups
        for auroc in (aurocs[-1:] if number >= MANY else aurocs)
        for icc in (0.0, 0.5)
    ]


def main() -> None:
    """Measure all designs and print the coverages."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--groups", type=int, nargs="+", default=[10, 20, 100, 300, 1000, 2223], help="of a set")
    add("--aurocs", type=float, nargs="+", default=[0.75, 0.9, 0.98], help="true ones")
    add("--draws", type=int, default=1000, help="test sets a design")
    add("--large-draws", type=int, default=400, help=f"the same, from {MANY} groups on")
    add("--replicates", type=int, default=300, help="of the bootstrap; the workflow has 1,000")
    add("--threads", type=int, default=2, help="processes at work")
    add("--output", type=Path, required=True, help="table of all coverages, TSV")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    tables: list[pd.DataFrame] = []
    for design in designs(args.groups, args.aurocs):
        log.info("%s", design)
        draws = args.draws if design.groups < MANY else args.large_draws
        tables.append(cover(design, args.replicates, draws, args.threads))
        write_table(args.output, pd.concat(tables))  # after each: the largest take long
    found = pd.concat(tables)
    keys = ["measure", "method", "auroc", "icc"]
    wide = found.pivot(index=keys, columns="groups", values="covers").sort_index()
    sys.stdout.write(wide.round(1).to_string() + "\n")


if __name__ == "__main__":
    main()
