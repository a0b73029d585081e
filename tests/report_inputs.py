"""Small inputs of the report, the page that is made of them, and how the tests read it."""

from html.parser import HTMLParser
from pathlib import Path

import pandas as pd

from circlet.cli import main
from circlet.evaluation.figures import FIGURES
from circlet.evaluation.scores import METRICS
from circlet.files import write_json, write_table
from circlet.tables import DIFFERENCE_COLUMNS, MISTAKE_COLUMNS, STRATUM_METRICS

NASTY = '<script>alert("x")</script>'
SHA256 = "0123456789abcdef" * 4
SUMMARY = pd.DataFrame(
    [
        ("circrnadb", "circRNA", "records", None, None, 4099, None),
        ("circrnadb", "circRNA", "too_short", None, 21, 4078, None),
        ("circrnadb", "circRNA", "duplicate", None, 3, 4075, None),
        ("total", "circRNA", "kept", None, None, 4075, 31939),
    ],
    columns=["source", "label", "step", "flagged", "removed", "remaining", "reference"],
)
TRAINING = {
    "architecture": "transformer",
    "parameters": 483201,
    "seed": 1,
    "device": "cpu",
    "epochs": [
        {
            "epoch": 1,
            "train_loss": 0.61,
            "validation_loss": 0.52,
            "validation_auroc": 0.813,
            "seconds": 31.2,
        }
    ],
    "best_epoch": 1,
    "stopped": "all epochs are done",
    "seconds": 1234.5,
    "versions": {"torch": "9.8.7"},
}
DOWNLOAD = {
    "url": "https://mirror.example.org/up.example.org/a/lnc.fa.gz",
    "requested_urls": ["https://up.example.org/a/lnc.fa.gz"],
    "size": 1234567,
    "sha256": SHA256,
    "retrieved": "2026-01-02T03:04:05+00:00",
}


class Page(HTMLParser):
    """Tags, addresses and ids of a page, and whether its tags are balanced."""

    VOID = ("meta", "img", "br", "link", "input", "hr")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open, self.tags, self.ids, self.sources = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.tags.append(tag)
        self.ids += [found["id"]] if "id" in found else []
        self.sources += [found["src"]] if "src" in found else []
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def comparison_row(name: str, kind: str, auroc: float, **others) -> dict:
    scores = {f"{metric}{end}": 0.5 for metric in METRICS for end in ("", "_low", "_high")}
    about = {"name": name, "kind": kind, "scheme": "gene", "part": "test"}
    about["test_set"] = others.get("part", "test")  # a part is a test set of its own name
    counts = {"n_circrna": 300, "n_lncrna": 200, "n_groups": 150}
    interval = {"auroc": auroc, "auroc_low": auroc - 0.01, "auroc_high": auroc + 0.01}
    return about | counts | scores | interval | others


def write_inputs(folder: Path) -> dict[str, list]:
    """Write the files of a report on one run and one baseline, and give its flags."""
    rows = [comparison_row("main", "run", 0.9), comparison_row("length", "baseline", 0.6)]
    write_table(folder / "comparison.tsv", pd.DataFrame(rows))
    write_table(folder / "summary.tsv", SUMMARY.astype({"removed": "Int64"}))
    metrics = {
        "name": "main",
        "scheme": "gene",
        "part": "test",
        "test_set": "test",
        "bootstrap": {
            "unit": "group",
            "replicates": 2000,
            "confidence": 0.95,
            "seed": 1,
            "undefined_replicates": 17,
        },
        "confusion": {"tp": 271, "fp": 23, "tn": 177, "fn": 29},
    }
    write_json(folder / "evaluation/main/metrics.json", metrics)
    for figure in FIGURES:
        (folder / f"evaluation/main/{figure}.svg").write_text(f"<svg id='{figure}'/>")
    write_json(folder / "models/main/training.json", [TRAINING])
    write_json(folder / "lnc.json", DOWNLOAD)
    split = pd.DataFrame(
        {"id": list("abc"), "group": list("ggh"), "part": ["train"] * 2 + ["test"]}
    )
    write_table(folder / "gene.parquet", split)
    return {
        "--comparison": [folder / "comparison.tsv"],
        "--summary": [folder / "summary.tsv"],
        "--metrics": [folder / "evaluation/main/metrics.json"],
        "--figures": [folder / "evaluation/main"],
        "--downloads": [folder / "lnc.json"],
        "--split": [folder / "gene.parquet"],
        "--training": [folder / "models/main/training.json"],
        "--title": ["A title"],
        "--output": [folder / "report.html"],
    }


def difference_row(test_set: str, metric: str, found: tuple, p_holm=1.0, **others) -> dict:
    about = {"name": "main", "rival": "length", "scheme": "gene", "part": "test"}
    about |= {"rival_scheme": "gene"}
    sizes = {"test_set": test_set, "n_circrna": 301, "n_lncrna": 202, "n_groups": 153}
    values = dict(zip(("difference", "low", "high"), found, strict=True))
    values |= {"value": 0.5, "rival_value": 0.5, "p_value": 0.001, "p_holm": p_holm}
    return about | sizes | {"metric": metric} | values | others


DIFFERENCES = [
    difference_row("test", "auroc", (0.3, 0.28, 0.32), p_holm=0.002),
    difference_row("test", "ece", (-0.05, -0.07, -0.03), p_holm=0.06),
    difference_row("low_stop_free", "auroc", (-0.1, -0.3, 0.1)),
    difference_row("low_stop_free", "ece", (0.01, None, None), p_holm=None),
    difference_row("hard", "auroc", (0.2, 0.1, 0.3), rival="far", rival_scheme="random"),
    difference_row("test", "auroc", (0.9, 0.8, 1.0), scheme="random"),
]


def stratum_row(description: str, stratum: str, auroc: float | None, **others) -> dict:
    about = {"name": "main", "scheme": "gene", "part": "test"}
    counts = {"n_circrna": 301, "n_lncrna": 202, "n_groups": 153}
    wrong = {"false_negatives": 31, "false_positives": 27}
    scores = dict.fromkeys(f"{m}{end}" for m in STRATUM_METRICS for end in ("", "_low", "_high"))
    found = {"auroc": auroc, "auroc_low": auroc and auroc - 0.01, "auroc_high": auroc}
    told = {"description": description, "stratum": stratum}
    return about | told | counts | wrong | scores | found | others


STRATA = [
    stratum_row("all", "all", 0.9),
    stratum_row("exon_count", "2", 0.8),  # the name of a stratum may look like a number
    stratum_row("same_gene", "yes", None),
    stratum_row("gc", "below 0.4", 0.7, scheme="random"),
]
MISTAKE = dict.fromkeys(MISTAKE_COLUMNS) | {
    **{"name": "main", "scheme": "gene", "part": "test", "id": "hsa_circ_1", "label": "circRNA"},
    **{"p_circrna": 0.0625, "doubt": 0.0625, "length": 1234, "stop_free": 0.25, "gc": 0.5},
    **{"chrom": "chr3", "start": 12345, "gene": NASTY},
}


def write_differences(folder: Path, rows: list[dict]) -> Path:
    path = folder / "differences.tsv"
    write_table(path, pd.DataFrame(rows)[list(DIFFERENCE_COLUMNS)])
    return path


def make(flags: dict[str, list]) -> str:
    """Make the report and give its text."""
    assert call(flags) == 0
    return Path(flags["--output"][0]).read_text(encoding="utf-8")


def call(flags: dict[str, list]) -> int:
    return main(["report", *(str(word) for flag in flags for word in (flag, *flags[flag]))])
