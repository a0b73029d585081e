"""What the model card and the DOME checklist of a run are made of, read from its own files."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from circlet.errors import InputError
from circlet.evaluation.comparison import read_comparison
from circlet.evaluation.report.inputs import (
    DIFFERENCES,
    STRATA,
    load_metrics,
    load_rows,
    load_splits,
)
from circlet.evaluation.verdict import CONFIDENCE, Row
from circlet.files import read_json, read_table
from circlet.tables import HARD, LOW_STOP_FREE, MATCHED, PARTS, TEST, records_of
from circlet.words import STOP_FREE

Sheet = dict[str, Any]

# What each file must have, beside what its reader checks.
CONFIG_KEYS = ("network", "min_length", "calibration", "threshold", "members", "tree_weight")
VOCABULARY_KEYS = ("k", "stride", "window", "ring", "kmers")
TRAINING_KEYS = (
    *("architecture", "parameters", "seed", "network", "epochs", "best_epoch", "seconds"),
    *("stopped", "device", "threads", "processes", "versions", "max_epochs", "patience"),
    *("optimizer", "learning_rate", "weight_decay", "average", "label_smoothing", "class_weight"),
    *("mutate", "mask", "rotate", "batch_tokens", "accumulate", "warmup", "clip", "precision"),
)
SHEET_KEYS = (
    *("circlet", "transcripts", "sources", "steps", "classes", "flags", "leakage"),
    *("confounds", "settings", "citations"),
)
TRIED = (MATCHED, LOW_STOP_FREE, HARD)  # test sets in the order told; others follow by name


@dataclass(frozen=True)
class Files:
    """Files of the steps before, as the options of `circlet model-card` name them."""

    model: Path
    comparison: Path
    metrics: Sequence[Path]
    differences: Path | None
    strata: Path
    datasheet: Path
    transcripts: Path
    split: Path
    benchmark: Path | None


@dataclass(frozen=True)
class Facts:
    """What is known of a run.

    Attributes:
        name: Of the run.
        config: The checkpoint's `config.json`.
        vocabulary: Its `vocabulary.json`.
        training: Its `training.json`, one record a seed.
        row: The run's row of the comparison on the part that was scored.
        rows: All rows of the comparison.
        differences: Paired differences of the run from its rivals.
        strata: Its scores by stratum.
        sheet: The dataset's datasheet.
        parts: Counts of each part of its split.
        scored: `bootstrap` and `confusion` of its metrics.
        seconds: What the classifying of the whole dataset took, None where no record is left.
    """

    name: str
    config: Sheet
    vocabulary: Sheet
    training: list[Sheet]
    row: Row
    rows: Sequence[Row]
    differences: Sequence[Row]
    strata: Sequence[Row]
    sheet: Sheet
    parts: dict[str, Sheet]
    scored: Mapping[str, Any]
    seconds: float | None

    @property
    def scheme(self) -> str:
        """Split that the run is trained and tested on, such as `gene` or `gene.hard`."""
        scheme: str = self.row["scheme"]
        return scheme

    @property
    def confidence(self) -> float:
        """Confidence of the intervals, the usual one where the scores do not say theirs."""
        return float(self.scored.get("bootstrap", {}).get("confidence", CONFIDENCE))

    @property
    def audited(self) -> str:
        """Scheme of that split, by which the dataset was audited."""
        return self.scheme.partition(".")[0]

    @property
    def is_taught_hard(self) -> bool:
        """Whether the run was trained on hard negatives."""
        return any(word.startswith("hard") for word in self.scheme.split(".")[1:])

    @property
    def negatives(self) -> str:
        """What the run was taught to tell circRNAs from, in words."""
        if "hardonly" in self.scheme.split("."):
            return "pieces of linear coding transcripts"
        beside = " or pieces of linear coding transcripts" if self.is_taught_hard else ""
        return f"other lncRNAs{beside}"


def load_facts(name: str, files: Files) -> Facts:
    """Read what is known of a run.

    Raises:
        InputError: A file is missing, is not what its step writes, or is of another run.
    """
    rows = records_of(read_comparison(files.comparison))
    row = find_run(name, rows, files.comparison)
    metrics = load_metrics(files.metrics)
    about = name, row["scheme"], row["part"]
    if about not in metrics:
        raise InputError(
            files.metrics[0], f"no metrics of {' '.join(about)}", "give the run's metrics.json"
        )
    split = load_splits([files.split], files.transcripts)[files.split.stem]
    if files.split.stem != row["scheme"]:
        raise InputError(files.split, f"the run's split is {row['scheme']}", "give its table")
    return Facts(
        name,
        read_keys(files.model / "config.json", CONFIG_KEYS),
        read_keys(files.model / "vocabulary.json", VOCABULARY_KEYS),
        read_trainings(files.model / "training.json"),
        row,
        rows,
        load_rows([files.differences] if files.differences else [], DIFFERENCES),
        load_rows([files.strata], STRATA),
        read_keys(files.datasheet, SHEET_KEYS),
        {counts["part"]: counts for counts in split},
        metrics[about],
        read_seconds(files.benchmark) if files.benchmark and files.benchmark.exists() else None,
    )


def find_run(name: str, rows: Sequence[Row], path: Path) -> Row:
    """The row of a run on the part that was scored.

    Raises:
        InputError: There is none.
    """
    for row in rows:
        is_own = (row["name"], row["kind"]) == (name, "run")
        if is_own and row["part"] in PARTS and row["test_set"] == row["part"]:
            return row
    raise InputError(path, f"holds no run {name}", "give the table that the run is in")


def read_keys(path: Path, keys: Sequence[str]) -> Sheet:
    """Read a JSON object that must have some keys.

    Raises:
        InputError: The file is missing, is no JSON object or lacks a key.
    """
    content = read_json(path)
    missing = [key for key in keys if not isinstance(content, dict) or key not in content]
    if missing:
        raise InputError(path, f"lacks {', '.join(missing)}", "make it again")
    sheet: Sheet = content
    return sheet


def read_trainings(path: Path) -> list[Sheet]:
    """Read the records of the trainings of a run.

    Raises:
        InputError: The file is missing, or holds other than such records.
    """
    records = read_json(path)
    whole = isinstance(records, list) and records
    if not whole or not all(
        isinstance(record, dict) and record.keys() >= set(TRAINING_KEYS) for record in records
    ):
        raise InputError(path, "not the records of trainings", "make it with 'circlet assemble'")
    sheets: list[Sheet] = records
    return sheets


def read_seconds(path: Path) -> float:
    """Read the seconds of a step from Snakemake's table of them.

    Raises:
        InputError: The file is missing or holds none.
    """
    try:
        return float(read_table(path, ("s",))["s"].iloc[0])
    except (IndexError, TypeError, ValueError):
        raise InputError(path, "tells no seconds", "run the step again") from None


def find_score(facts: Facts, test_set: str) -> Row | None:
    """The run's scores on a test set; without intervals where the differences alone tell them."""
    for row in facts.rows:
        if (row["name"], row["kind"], row["test_set"]) == (facts.name, "run", test_set):
            return row
    found = differences_on(facts, test_set)
    if not found:
        return None
    scores = {row["metric"]: row["value"] for row in found}
    limits = {f"{metric}_{end}": math.nan for metric in scores for end in ("low", "high")}
    return {**found[0], **scores, **limits, "kind": "run"}


def best_rival(facts: Facts, test_set: str) -> Row | None:
    """The baseline with the highest AUROC on a test set of the run's split, if there is one."""
    found = [
        row
        for row in facts.rows
        if (row["kind"], row["scheme"], row["test_set"]) == ("baseline", facts.scheme, test_set)
        and not math.isnan(row["auroc"])
    ]
    if found:
        return max(found, key=lambda row: row["auroc"])
    names = {row["name"] for row in facts.rows if row["kind"] == "baseline"}
    paired = [
        {"name": row["rival"], "auroc": row["rival_value"], "auroc_low": math.nan}
        | {"auroc_high": math.nan}
        for row in differences_on(facts, test_set)
        if row["metric"] == "auroc" and row["rival"] in names
    ]
    return max(paired, key=lambda row: row["auroc"], default=None)


def differences_on(facts: Facts, test_set: str) -> list[Row]:
    """The run's paired differences on a test set from rivals that are of its own split."""
    return [
        row
        for row in facts.differences
        if (row["name"], row["scheme"], row["test_set"]) == (facts.name, facts.scheme, test_set)
        and (row.get("rival_scheme") or facts.scheme) == facts.scheme
    ]


def find_difference(facts: Facts, test_set: str, rival: str, metric: str = "auroc") -> Row | None:
    """The paired difference from a rival by a metric, if it is at hand."""
    found = differences_on(facts, test_set)
    return next((row for row in found if (row["rival"], row["metric"]) == (rival, metric)), None)


def other_test_sets(facts: Facts) -> list[str]:
    """Test sets beside the scored part on which the run has an AUROC."""
    own = {
        row["test_set"]
        for row in facts.rows
        if (row["name"], row["kind"], row["scheme"]) == (facts.name, "run", facts.scheme)
    }
    paired = {row["test_set"] for row in facts.differences if row["name"] == facts.name}
    found = sorted((own | paired) - {facts.row["part"]})
    return sorted(found, key=lambda name: TRIED.index(name) if name in TRIED else len(TRIED))


def other_scores(facts: Facts) -> list[tuple[str, Row]]:
    """The run's scores on each of `other_test_sets`, as far as they are of its own split."""
    found = ((name, find_score(facts, name)) for name in other_test_sets(facts))
    return [(name, row) for name, row in found if row is not None]


def find_stop_free(facts: Facts, test_set: str) -> Row | None:
    """What the longest stop-free fraction alone scores on a test set: the baseline, or the audit.

    Returns:
        A row with `auroc`, `auroc_low` and `auroc_high`, or None where it was not measured.
    """
    wanted = ("stop_free", "baseline", facts.scheme, test_set)
    for row in facts.rows:
        if (row["name"], row["kind"], row["scheme"], row["test_set"]) == wanted:
            return row
    if (facts.scheme, facts.row["part"]) != (facts.audited, TEST):
        return None  # the audit's test part is another
    about = {"scheme": facts.scheme, "test_set": test_set, "descriptor": STOP_FREE}
    for row in facts.sheet["confounds"]:
        if about.items() <= row.items() and row["auroc"] is not None:
            limits = {f"auroc_{end}": as_float(row[end]) for end in ("low", "high")}
            return {"auroc": row["auroc"], **limits}
    return None


def as_float(value: float | None) -> float:
    """A number, NaN where it is missing."""
    return math.nan if value is None else float(value)
