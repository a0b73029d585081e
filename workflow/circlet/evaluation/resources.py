"""Time and memory of the workflow's steps, gathered from Snakemake's benchmark files.

Its columns: https://snakemake.readthedocs.io/en/stable/snakefiles/rules.html#benchmark-rules.
They differ from run to run, and so do this table and its figure.
"""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from circlet.drawing import KIND_STYLES, save, style
from circlet.errors import InputError
from circlet.evaluation.row_plot import ROW
from circlet.files import read_table, write_table

# Snakemake's columns, by ours.
MEASURES = {
    "seconds": "s",
    "cpu_seconds": "cpu_time",
    "peak_mib": "max_rss",
    "mean_load_percent": "mean_load",
}
COLUMNS = ("step", "run", "name", *MEASURES)
UNKNOWN = ["NA", "-"]  # Snakemake's words for what it could not measure
# What the figure shows of each step, and how its jobs make one bar.
PANELS = {
    "seconds": ("time, s (line: a job, bar: their sum)", "sum"),
    "peak_mib": ("peak memory, MiB (line: a job, bar: the highest)", "max"),
}

log = logging.getLogger(__name__)


def find_benchmarks(folder: Path, names: Sequence[str] | None) -> dict[str, Path]:
    """Find the benchmark files of a folder, by their paths in it without the ending.

    Args:
        folder: Where Snakemake wrote them.
        names: Those to take, in this order, where they are there; or all, sorted.
    """
    found = {
        path.relative_to(folder).with_suffix("").as_posix(): path for path in folder.rglob("*.tsv")
    }
    if names is None:
        return dict(sorted(found.items()))
    missing = [name for name in names if name not in found]
    if missing:
        log.info("%d steps have no benchmark, such as %s", len(missing), missing[0])
    return {name: found[name] for name in names if name in found}


def read_benchmark(path: Path) -> dict[str, float]:
    """Read the measures of one job; of repeated ones their mean. What was not measured is NaN.

    Raises:
        InputError: It is no benchmark of Snakemake's.
    """
    table = read_table(path, tuple(MEASURES.values()))
    mend = "remove it, or let Snakemake make it again"
    if table.empty:
        raise InputError(path, "the benchmark has no row", mend)
    measured = table[list(MEASURES.values())].replace(UNKNOWN, np.nan)
    try:
        means = measured.astype(float).mean()
    except ValueError as error:
        raise InputError(path, f"a measure is not a number ({error})", mend) from None
    return {name: float(means[theirs]) for name, theirs in MEASURES.items()}


def gather(benchmarks: dict[str, Path], runs: Sequence[str]) -> pd.DataFrame:
    """Put benchmarks in one table.

    Args:
        benchmarks: Files by name: the step, a run if it is of one, and what else tells the job.
        runs: Names of runs.

    Returns:
        `COLUMNS`: `run` is empty for what is of no run, `name` where step and run tell it all;
        `mean_load_percent` is 100 for one core kept busy.
    """
    rows = []
    for name, path in benchmarks.items():
        step, *others = name.split("/")
        run = others.pop(0) if others and others[0] in runs else ""
        rows.append({"step": step, "run": run, "name": "/".join(others)} | read_benchmark(path))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def draw(resources: pd.DataFrame) -> Figure:
    """Draw a bar a step for time and for memory, and a line a job, on logarithmic axes.

    Args:
        resources: See `gather`; there may be no row, and then the figure says so.
    """
    times = resources.groupby("step")["seconds"].sum()
    steps = times.sort_values(ascending=False, kind="stable").index
    with style():
        figure = Figure(figsize=(9.2, 1.0 + 1.15 * ROW * max(len(steps), 4)))
        panels = figure.subplots(1, len(PANELS), sharey=True)
        for axes, (measure, (label, how)) in zip(panels, PANELS.items(), strict=True):
            axes.set_xlabel(label)
            if len(steps):
                _draw_measure(axes, resources, measure, how, list(steps))
            else:
                axes.text(0.5, 0.5, "no benchmark", ha="center", transform=axes.transAxes)
        counts = resources["step"].value_counts()
        labels = [f"{step} (\N{MULTIPLICATION SIGN}{counts[step]})" for step in steps]
        panels[0].set_yticks(range(len(steps)), labels, parse_math=False)
        panels[1].tick_params(axis="y", length=0)
        panels[0].set_ylim(max(len(steps), 1) - 0.4, -0.6)
    return figure


def _draw_measure(
    axes: Axes, resources: pd.DataFrame, measure: str, how: str, steps: list[str]
) -> None:
    """Draw one measure of all steps, its number at the end of each bar."""
    jobs = resources.groupby("step")[measure]
    bars = jobs.agg(how)[steps].to_numpy(float)
    known = resources[measure][resources[measure] > 0]
    # A bar on a logarithmic axis begins anywhere: just below the smallest job.
    start = 10 ** np.floor(np.log10(known.min())) if len(known) else 0.1
    places = np.arange(len(steps))
    colour, _ = KIND_STYLES["run"]
    axes.barh(places, np.maximum(bars - start, 0), left=start, color=colour, alpha=0.35, height=0.7)
    for place, step in zip(places, steps, strict=True):
        values = jobs.get_group(step)
        axes.plot(values, [place] * len(values), ls="", marker="|", ms=7, mew=1, color=colour)
        is_known = bars[place] > 0
        text = f"{bars[place]:,.{0 if bars[place] >= 10 else 1}f}" if is_known else "not measured"
        end = (bars[place] if is_known else start, place)
        axes.annotate(text, end, (5, 0), textcoords="offset points", va="center", size=7.5)
    axes.set(xscale="log", xlim=(start, 4 * max(np.nanmax(bars, initial=start), 10 * start)))
    axes.grid(axis="x", color="#e4e4e4", lw=0.6)
    axes.set_axisbelow(True)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    add = parser.add_argument
    add("--benchmarks", type=Path, required=True, help="folder of Snakemake's benchmark files")
    add("--names", nargs="+", help="those to gather, as paths in it without ending (default: all)")
    add("--runs", nargs="+", default=[], help="names of runs, to tell the jobs of each")
    add("--output", type=Path, required=True, help="table to write; its figure lies beside it")


def run(args: argparse.Namespace) -> None:
    """Gather the benchmarks and draw them."""
    resources = gather(find_benchmarks(args.benchmarks, args.names), args.runs)
    write_table(args.output, resources)
    save(draw(resources), args.output.parent, args.output.stem)
    log.info("%d jobs, %.0f s in all", len(resources), resources["seconds"].sum())
