"""Answers of a run to the DOME recommendations, each from the run's own files.

The 21 items are those of Walsh et al. 2021 (Nat. Methods 18:1122)
and https://dome-ml.org; the questions are put in our own words.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from circlet.evaluation.model_card import dome_data, dome_evaluation, dome_model, dome_optimisation
from circlet.evaluation.model_card.inputs import Facts


@dataclass(frozen=True)
class Item:
    """An item of the checklist.

    Attributes:
        number: Such as `1.1`.
        name: Its name.
        question: What it asks.
        tell: Gives the answer, and the files that it was read from.
    """

    number: str
    name: str
    question: str
    tell: Callable[[Facts], tuple[str, Sequence[str]]]


PILLARS: tuple[tuple[str, tuple[Item, ...]], ...] = (
    (
        "Data",
        (
            Item(
                "1.1",
                "Provenance",
                "Where do the data come from, how many are of each class, who used them before?",
                dome_data.provenance,
            ),
            Item(
                "1.2",
                "Dataset splits",
                "How large are the parts, and are the classes spread alike over them?",
                dome_data.splits,
            ),
            Item(
                "1.3",
                "Redundancy between data splits",
                "Are training and test part independent, and how was that enforced?",
                dome_data.redundancy,
            ),
            Item(
                "1.4",
                "Availability of data",
                "Are data and splits released, where, and under which licence?",
                dome_data.availability,
            ),
        ),
    ),
    (
        "Optimisation",
        (
            Item(
                "2.1",
                "Algorithm",
                "Which class of algorithm is it, is it new, and why was it chosen?",
                dome_optimisation.algorithm,
            ),
            Item(
                "2.2",
                "Meta-predictions",
                "Do other predictors feed it, and were they kept from the test part?",
                dome_optimisation.meta_predictions,
            ),
            Item(
                "2.3",
                "Data encoding",
                "How are sequences encoded?",
                dome_optimisation.encoding,
            ),
            Item(
                "2.4",
                "Parameters",
                "How many parameters are there, and how was their number chosen?",
                dome_optimisation.parameters,
            ),
            Item(
                "2.5",
                "Features",
                "How many features are there, and were they selected without the test part?",
                dome_optimisation.features,
            ),
            Item(
                "2.6",
                "Fitting",
                "Are there many more parameters than training data, and was overfitting ruled out?",
                dome_optimisation.fitting,
            ),
            Item(
                "2.7",
                "Regularisation",
                "What was done against overfitting?",
                dome_optimisation.regularisation,
            ),
            Item(
                "2.8",
                "Availability of configuration",
                "Are settings, schedule and model files reported, and where?",
                dome_optimisation.configuration,
            ),
        ),
    ),
    (
        "Model",
        (
            Item(
                "3.1",
                "Interpretability",
                "Is it a black box, or can examples be given of how it decides?",
                dome_model.interpretability,
            ),
            Item("3.2", "Output", "Is it classification or regression?", dome_model.output),
            Item(
                "3.3",
                "Execution time",
                "How long does a prediction take?",
                dome_model.execution_time,
            ),
            Item(
                "3.4",
                "Availability of software",
                "Is the code released, and a way to run it?",
                dome_model.availability,
            ),
        ),
    ),
    (
        "Evaluation",
        (
            Item(
                "4.1",
                "Evaluation method",
                "How was it evaluated?",
                dome_evaluation.method,
            ),
            Item(
                "4.2",
                "Performance measures",
                "Which measures are reported, and do they suit the field?",
                dome_evaluation.measures,
            ),
            Item(
                "4.3",
                "Comparison",
                "Was it compared with public methods and with simpler baselines?",
                dome_evaluation.comparison,
            ),
            Item(
                "4.4",
                "Confidence",
                "Are there confidence intervals, and is a claim to be better significant?",
                dome_evaluation.confidence,
            ),
            Item(
                "4.5",
                "Availability of evaluation",
                "Are the raw files of the evaluation available?",
                dome_evaluation.availability,
            ),
        ),
    ),
)


def answer_all(facts: Facts) -> list[tuple[str, list[tuple[Item, str, Sequence[str]]]]]:
    """The name of each pillar, and its items with their answers and the files of those."""
    return [(pillar, [(item, *item.tell(facts)) for item in items]) for pillar, items in PILLARS]
