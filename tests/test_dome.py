"""The DOME checklist: all items, answered from the files of the run."""

import dataclasses
import re

import pytest
from model_card_inputs import CONFIG, facts_of, make, row, training, write_run

from circlet.evaluation.model_card import dome_data, dome_evaluation, dome_model, dome_optimisation
from circlet.evaluation.model_card.dome import PILLARS, answer_all

NUMBERS = [
    f"{pillar}.{item}"
    for pillar, items in enumerate((4, 8, 4, 5), 1)
    for item in range(1, items + 1)
]


@pytest.fixture(scope="module")
def flags(tmp_path_factory, card):
    return write_run(tmp_path_factory.mktemp("run"), card.folder)


@pytest.fixture(scope="module")
def text(flags):
    return make(flags).dome


@pytest.fixture(scope="module")
def facts(flags):
    return facts_of(flags)


def test_all_items_are_there():
    items = [item for _, items in PILLARS for item in items]
    assert [pillar for pillar, _ in PILLARS] == ["Data", "Optimisation", "Model", "Evaluation"]
    assert [item.number for item in items] == NUMBERS
    assert len(NUMBERS) == 21


def test_all_items_are_answered(facts, text):
    for _, items in answer_all(facts):
        for item, answer, files in items:
            assert len(answer) > 20, item.number
            assert answer.endswith("."), item.number
            assert files, item.number
            assert f"### {item.number} {item.name}\n" in text
    assert "None" not in text
    assert "nan" not in re.findall(r"\w+", text)


def test_data(facts, text):
    assert "circles (circRNADb): 4 of 7 records kept" in text
    assert "In all 4 circRNAs, 4 lncRNAs and 2 hard negatives." in text
    assert "4 of 31,939 circRNAs" in text
    assert "Files came through a mirror" in text
    said, files = dome_data.splits(facts)
    assert "Train: 2 circRNAs and 2 lncRNAs in 2 groups; 50.0 % of both" in said
    assert files[0] == "splits/gene.parquet"
    assert "6.2 % (shared 31-mer)" in dome_data.redundancy(facts)[0]
    assert "the run does not know" in dome_data.availability(facts)[0]


def test_optimisation(facts):
    assert "joined with gradient-boosted decision trees" in dome_optimisation.algorithm(facts)[0]
    meta = dome_optimisation.meta_predictions(facts)[0]
    assert "2 networks and boosted trees with a share of 25.0 %" in meta
    assert "fitted on the validation part" in meta
    assert "as 3-mers, 1 nt apart, 2 of them known" in dome_optimisation.encoding(facts)[0]
    said = dome_optimisation.parameters(facts)[0]
    assert "269,153 trained weights in each network, 538,306 in the 2 networks" in said
    assert "356 numbers computed from it" in dome_optimisation.features(facts)[0]
    said = dome_optimisation.fitting(facts)[0]
    assert "269,153 weights for 4 training transcripts" in said
    assert "seed 1 0.400 and 0.300 (AUROC 0.920)" in said
    said = dome_optimisation.regularisation(facts)[0]
    assert said.startswith("Dropout 0.5; weight decay 0.2; a moving average of the weights (0.998)")
    assert "0.125 of the tokens made random" in said
    assert "smoothing" not in said


def test_one_network_without_trees(facts):
    config = {**CONFIG, "members": ["seed1"], "tree_weight": None}
    one = dataclasses.replace(facts, config=config, training=[training(1, parameters=3)])
    assert dome_optimisation.meta_predictions(one)[0].endswith("It is a single network.")
    assert "trees" not in dome_optimisation.features(one)[0]
    assert "overfitting is possible" not in dome_optimisation.fitting(one)[0]
    assert "seeds" not in dome_optimisation.regularisation(one)[0]


def test_model(facts):
    said, files = dome_model.execution_time(facts)
    assert "the 10 transcripts of the dataset (162 nt) took 2.5 s" in said
    assert "250.0 ms a transcript" in said
    assert files[0] == "benchmarks/predict/main.tsv"
    assert "0.432" in dome_model.output(facts)[0]
    assert "black box" in dome_model.interpretability(facts)[0]
    assert "not known to the run" in dome_model.availability(facts)[0]
    unknown = dataclasses.replace(facts, seconds=None)
    assert dome_model.execution_time(unknown)[0] == "It was not recorded in this run."


def test_evaluation(facts):
    said = dome_evaluation.method(facts)[0]
    assert "4,599 circRNAs and 2,838 lncRNAs in 1,204 groups" in said
    assert "Besides on: matched subset and hard negatives." in said
    assert "no dataset of other origin" in said
    assert "AUROC 0.988 [0.978, 0.998]" in dome_evaluation.measures(facts)[0]
    said = dome_evaluation.comparison(facts)[0]
    assert "descriptors (baseline) 0.980 [0.970, 0.990]" in said
    told = "The run less the best baseline, descriptors: +0.012 [+0.005, +0.020], p = 0.032 (Holm):"
    assert told in said
    said = dome_evaluation.confidence(facts)[0]
    assert "Of 3 paired differences in AUROC" in said
    assert "better 3, worse 0, not told apart 0" in said
    assert "by p-values corrected after Holm for all comparisons of the run." in said
    assert "4,400 circRNAs and 2,738 lncRNAs called right" in dome_evaluation.availability(facts)[0]


def test_evaluation_with_what_else_is_known(facts):
    own = row("main", "run", 0.8, test_set="mouse")
    many = [{**gap, "p_holm": 0.3} for gap in facts.differences]
    more = dataclasses.replace(facts, rows=[*facts.rows, own], differences=many)
    assert "no dataset of other origin" not in dome_evaluation.method(more)[0]
    # Many comparisons: intervals that leave out zero decide nothing.
    assert "better 0, worse 0, not told apart 3" in dome_evaluation.confidence(more)[0]
    alone = dataclasses.replace(facts, rows=[facts.row], differences=[])
    assert "Nothing else was scored" in dome_evaluation.comparison(alone)[0]
