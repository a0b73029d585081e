"""Answers of a run to the DOME recommendations on the model; see `dome.py`."""

from circlet import __version__
from circlet.evaluation.model_card.dome_data import Answer
from circlet.evaluation.model_card.dome_optimisation import files_of
from circlet.evaluation.model_card.inputs import Facts
from circlet.evaluation.model_card.trust import tell_coding


def interpretability(facts: Facts) -> Answer:
    """Black box or not."""
    return (
        "A black box; no attribution is made in this run. What is measured from outside: scores by "
        "stratum, the surest mistakes, and what single descriptors score on the same data. "
        f"{tell_coding(facts)}",
        [
            f"evaluation/{facts.name}/strata.tsv",
            f"evaluation/{facts.name}/mistakes.tsv",
            "dataset/confounds.tsv",
        ],
    )


def output(facts: Facts) -> Answer:
    """What comes out."""
    return (
        "Binary classification: the probability of a circRNA, and the call circRNA from "
        f"{facts.config['threshold']:.3f} on, else lncRNA; no call under "
        f"{facts.config['min_length']} unambiguous bases.",
        files_of(facts, "config.json"),
    )


def execution_time(facts: Facts) -> Answer:
    """How long a prediction takes."""
    transcripts = facts.sheet["transcripts"]
    if facts.seconds is None:
        return "It was not recorded in this run.", []
    each = facts.seconds / transcripts["transcripts"]
    rate = transcripts["nucleotides"] / facts.seconds if facts.seconds else 0
    return (
        f"Classifying the {transcripts['transcripts']:,} transcripts of the dataset "
        f"({transcripts['nucleotides']:,} nt) took {facts.seconds:,.1f} s, the start of the "
        f"program included: {1000 * each:,.1f} ms a transcript, {rate:,.0f} nt/s. It "
        "is one measurement, on a machine that is not recorded.",
        [f"benchmarks/predict/{facts.name}.tsv", "dataset/datasheet.json"],
    )


def availability(facts: Facts) -> Answer:
    """Whether the software can be had."""
    return (
        f"circlet {__version__}, under the MIT licence; circlet predict, or Python, runs "
        "the model. The address of its source is not known to the run.",
        ["LICENSE and README.md of circlet's source"],
    )
