"""Files of a small run, beside the dataset of `card_inputs`, and the step that is made of them."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from circlet.cli import main
from circlet.evaluation.model_card.inputs import Facts, Files, load_facts
from circlet.evaluation.scores import METRICS
from circlet.files import write_json, write_table
from circlet.tables import DIFFERENCE_COLUMNS, STRATUM_COLUMNS, STRATUM_METRICS

NETWORK = {"architecture": "circformer", "max_tokens": 3072, "dropout": 0.5}
NETWORK |= {"descriptors": "composition"}
CONFIG = {
    "format": 2,
    "network": NETWORK,
    "min_length": 200,
    "calibration": {"method": "platt", "parameters": {"scale": 1.0, "offset": 0.0}},
    "threshold": 0.4321,
    "members": ["seed1", "seed2"],
    "tree_weight": 0.25,
}
VOCABULARY = {"k": 3, "stride": 1, "window": None, "ring": True, "kmers": ["AAA", "AAC"]}
ABOUT = {"scheme": "gene", "part": "test"}


def training(seed: int, **others: Any) -> dict[str, Any]:
    """The record of a training."""
    epochs = [
        {"epoch": 1, "train_loss": 0.6, "validation_loss": 0.5, "validation_auroc": 0.8},
        {
            "epoch": 2,
            "train_loss": 0.4,
            "validation_loss": 0.3,
            "validation_auroc": 0.9 + seed / 50,
        },
    ]
    settings = {"optimizer": "adamw", "learning_rate": 0.001, "weight_decay": 0.2, "average": 0.998}
    settings |= {"label_smoothing": 0.0, "class_weight": "none", "mutate": 0.125, "mask": 0.0}
    settings |= {"rotate": 0.0, "batch_tokens": 32768, "accumulate": 1, "warmup": 0.05, "clip": 1.0}
    settings |= {"precision": "auto", "max_epochs": 4, "patience": 3}
    machine = {"device": "cpu", "threads": 2, "processes": 1, "versions": {"torch": "9.8.7"}}
    outcome = {
        "epochs": epochs,
        "best_epoch": 2,
        "seconds": 100.5,
        "stopped": "all epochs are done",
    }
    about = {"architecture": "circformer", "parameters": 269153, "seed": seed, "network": NETWORK}
    return {**about, **settings, **machine, **outcome, **others}


def scores(auroc: float, width: float = 0.01, **others: Any) -> dict[str, float]:
    """All metrics with their limits."""
    values = dict.fromkeys(METRICS, 0.75) | {"auroc": auroc, "ece": 0.031} | others
    return {
        f"{metric}{end}": value + shift
        for metric, value in values.items()
        for end, shift in (("", 0.0), ("_low", -width), ("_high", width))
    }


def row(name: str, kind: str, auroc: float, **others: Any) -> dict[str, Any]:
    """A row of the comparison."""
    counts = {"n_circrna": 4599, "n_lncrna": 2838, "n_groups": 1204}
    about = {"name": name, "kind": kind, **ABOUT}
    made = {**about, **counts, **scores(auroc), **others}
    return {"test_set": made["part"], **made}


def rows(name: str = "main") -> list[dict[str, Any]]:
    """The comparison of a run with two baselines, and with hard negatives."""
    hard = {"part": "hard", "n_lncrna": 1500}
    return [
        row(name, "run", 0.987654),
        row("descriptors", "baseline", 0.98),
        row("stop_free", "baseline", 0.96),
        row(name, "run", 0.62, **hard, **{"specificity": 0.125}),
        row("descriptors", "baseline", 0.6, **hard),
    ]


def difference(test_set: str, rival: str, value: float, **others: Any) -> dict[str, Any]:
    """A row of the paired differences in AUROC."""
    gap = {"difference": 0.0123, "low": 0.005, "high": 0.02, "rival_value": 0.6}
    gap |= {"rival_scheme": "gene", "p_value": 0.0107, "p_holm": 0.0321}
    counts = {"n_circrna": 300, "n_lncrna": 299, "n_groups": 400}
    about = {"name": "main", "rival": rival, **ABOUT, "test_set": test_set, "metric": "auroc"}
    return {**about, **counts, "value": value, **gap, **others}


def stratum(description: str, name: str, auroc: float | None, size: int = 300) -> dict[str, Any]:
    """A row of the scores by stratum."""
    counts = {"n_circrna": size, "n_lncrna": 100, "n_groups": 200}
    wrong = {"false_negatives": 3, "false_positives": 4}
    found = {f"{metric}{end}": auroc for metric in STRATUM_METRICS for end in ("", "_low", "_high")}
    return {"name": "main", **ABOUT, "description": description, "stratum": name} | {
        **counts,
        **wrong,
        **found,
    }


def metrics(name: str, part: str) -> dict[str, Any]:
    """What the card reads of a file of metrics."""
    bootstrap = {"unit": "group", "replicates": 1000, "confidence": 0.95}
    return {
        **{"name": name, "scheme": "gene", "part": part, "test_set": part},
        "bootstrap": bootstrap | {"undefined_replicates": 0},
        "confusion": {"tp": 4400, "fp": 100, "tn": 2738, "fn": 199},
    }


@dataclass(frozen=True)
class Pages:
    """What the step wrote."""

    card: str
    dome: str

    @property
    def metadata(self) -> dict[str, Any]:
        """The front matter of the card."""
        _, text, _ = self.card.split("---\n", 2)
        return yaml.safe_load(text)


def write_run(folder: Path, dataset: Path, name: str = "main") -> dict[str, list[str]]:
    """Write the files of a run and give the arguments of the step for them.

    Args:
        folder: Where they go.
        dataset: Folder of the dataset card of `card_inputs`.
        name: Of the run.
    """
    model = folder / "model"
    write_json(model / "config.json", CONFIG)
    write_json(model / "vocabulary.json", VOCABULARY)
    write_json(model / "training.json", [training(1), training(2)])
    write_json(folder / "metrics.json", metrics(name, "test"))
    write_json(folder / "hard.json", metrics(name, "hard"))
    write_table(folder / "comparison.tsv", pd.DataFrame(rows(name)))
    differences = [
        difference("test", "descriptors", 0.987654),
        difference("hard", "descriptors", 0.62),
    ]
    differences += [difference("matched", "descriptors", 0.71)]
    table = pd.DataFrame(differences).assign(name=name)
    write_table(folder / "differences.tsv", table[list(DIFFERENCE_COLUMNS)])
    strata = [stratum("all", "all", 0.987654, 4599), stratum("length", "4000 and more", 0.84)]
    strata += [stratum("gc", "below 0.4", 0.5, 60), stratum("chrom", "chr1", math.nan)]
    table = pd.DataFrame(strata).assign(name=name)
    write_table(folder / "strata.tsv", table[list(STRATUM_COLUMNS)])
    (folder / "benchmark.tsv").write_text("s\th:m:s\n2.5\t0:00:02\n")
    return {
        "name": [name],
        "model": [str(model)],
        "comparison": [str(folder / "comparison.tsv")],
        "metrics": [str(folder / "metrics.json"), str(folder / "hard.json")],
        "differences": [str(folder / "differences.tsv")],
        "strata": [str(folder / "strata.tsv")],
        "datasheet": [str(dataset / "card/datasheet.json")],
        "transcripts": [str(dataset / "transcripts.parquet")],
        "split": [str(dataset / "splits/gene.parquet")],
        "benchmark": [str(folder / "benchmark.tsv")],
        "card": [str(folder / "README.md")],
        "dome": [str(folder / "DOME.md")],
    }


def call(flags: dict[str, list[str]]) -> int:
    """Run the step; give its exit code."""
    words = [word for key, values in flags.items() for word in (f"--{key}", *values)]
    return main(["model-card", *words])


def make(flags: dict[str, list[str]]) -> Pages:
    """Run the step and read what it wrote."""
    assert call(flags) == 0
    return Pages(*(Path(flags[key][0]).read_text() for key in ("card", "dome")))


def facts_of(flags: dict[str, list[str]]) -> Facts:
    """What the step knows of the run."""
    many = {"metrics": [Path(path) for path in flags["metrics"]]}
    keys = ("model", "comparison", "differences", "strata", "datasheet", "transcripts", "split")
    one = {key: Path(flags[key][0]) for key in (*keys, "benchmark")}
    return load_facts(flags["name"][0], Files(**one, **many))
