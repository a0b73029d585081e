"""The metadata that heads a model card, as the Hugging Face Hub defines them.

See https://huggingface.co/docs/hub/model-cards and, for `model-index`,
https://github.com/huggingface/hub-docs/blob/main/modelcard.md.
"""

import json
import math
from collections.abc import Iterator
from typing import Any

from circlet.evaluation.model_card.inputs import Facts, other_scores
from circlet.evaluation.report.words import METRIC_WORDS
from circlet.evaluation.scores import METRICS
from circlet.evaluation.verdict import Row
from circlet.tables import NEGATIVE, POSITIVE
from circlet.words import TEST_SET_WORDS, name_class

LICENCE = "mit"  # of circlet's code
TASK = "text-classification"  # of the Hub's tasks the one for one label a sequence

# Names of metrics on the Hub, where it has them.
HUB_METRICS = {
    "f1": "f1",
    "accuracy": "accuracy",
    "mcc": "matthews_correlation",
    "auroc": "roc_auc",
    "sensitivity": "recall",
    "brier": "brier_score",
}
DATABASES = ("circrnadb", "circbase", "gencode")  # types of sources
DECIMALS = 6


def front_matter(facts: Facts) -> str:
    """The metadata of a run as YAML, without the lines that enclose it."""
    content = {
        "license": LICENCE,
        "library_name": "circlet",
        "pipeline_tag": TASK,
        "tags": ["biology", "genomics", "rna", POSITIVE, NEGATIVE, *architectures(facts)],
        "datasets": sorted(set(map(dataset_name, facts.sheet["sources"]))),
        "metrics": [HUB_METRICS[metric] for metric in METRICS if metric in HUB_METRICS],
        "model-index": [{"name": facts.name, "results": results(facts)}],
    }
    return "\n".join(as_yaml(content))


def dataset_name(source: dict[str, Any]) -> str:
    """The database that a source is, or else the source's own name."""
    name: str = source["type"] if source["type"] in DATABASES else source["name"]
    return name


def architectures(facts: Facts) -> list[str]:
    """Name what the model is made of."""
    trees = [] if facts.config["tree_weight"] is None else ["gradient-boosting"]
    return [facts.config["network"]["architecture"], *trees]


def results(facts: Facts) -> list[dict[str, Any]]:
    """One entry a test set, the scored part first."""
    tested = [(facts.row["part"], facts.row), *other_scores(facts)]
    return [
        {
            "task": {"type": TASK, "name": "circRNA against other lncRNA"},
            "dataset": describe_dataset(facts, test_set, row),
            "metrics": [describe_metric(facts, row, metric) for metric in scored(row)],
        }
        for test_set, row in tested
        if scored(row)
    ]


def describe_dataset(facts: Facts, test_set: str, row: Row) -> dict[str, Any]:
    """Name a test set by its split, part and sizes."""
    negatives = "hard_negatives" if test_set == "hard" else NEGATIVE
    sizes = f"{name_class(POSITIVE, int(row['n_circrna']))}, "
    sizes += name_class(negatives, int(row["n_lncrna"]))
    words = TEST_SET_WORDS.get(test_set, test_set)
    return {
        "type": "circlet",
        "name": f"circlet dataset, split {facts.scheme}, {words}: {sizes}",
        "config": facts.scheme,
        "split": test_set,
        "revision": facts.sheet["transcripts"]["sha256"],
    }


def scored(row: Row) -> list[str]:
    """Metrics of which a row has a value."""
    return [metric for metric in METRICS if not math.isnan(row.get(metric, math.nan))]


def describe_metric(facts: Facts, row: Row, metric: str) -> dict[str, Any]:
    """A metric with its value, and its interval in the name."""
    low, high = row[f"{metric}_low"], row[f"{metric}_high"]
    short = METRIC_WORDS.get(metric, (metric, ""))[0]
    name = short if short.casefold() == metric else metric.replace("_", " ")
    if not (math.isnan(low) or math.isnan(high)):
        share = 100 * facts.scored["bootstrap"]["confidence"]
        name += f" ({share:g} % interval {low:.3f} to {high:.3f})"
    return {"type": HUB_METRICS.get(metric, metric), "name": name, "value": float(row[metric])}


def as_yaml(value: Any, indent: str = "") -> Iterator[str]:
    """Lines of YAML in block style; texts are quoted as JSON does, which YAML reads alike.

    Args:
        value: Dictionaries, lists without lists in them, texts and numbers; none of them empty.
        indent: Blanks before each line.
    """
    for key, entry in value.items():
        if isinstance(entry, dict):
            yield f"{indent}{key}:"
            yield from as_yaml(entry, f"{indent}  ")
        elif isinstance(entry, list):
            yield f"{indent}{key}:"
            for item in entry:
                lines = as_yaml(item, f"{indent}  ") if isinstance(item, dict) else [scalar(item)]
                first, *rest = (line.removeprefix(f"{indent}  ") for line in lines)
                yield f"{indent}- {first}"
                yield from (f"{indent}  {line}" for line in rest)
        else:
            yield f"{indent}{key}: {scalar(entry)}"


def scalar(value: str | float) -> str:
    """A text or a number as YAML: never with an exponent, which YAML 1.1 takes for text."""
    if isinstance(value, float):
        return f"{value:.{DECIMALS}f}"
    return json.dumps(" ".join(value.split()), ensure_ascii=False)
