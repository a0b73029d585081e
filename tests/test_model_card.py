"""The model card: its metadata, its numbers, and what it says of them."""

import dataclasses
import json
import math
import re

import pandas as pd
import pytest
import yaml
from card_inputs import SHA256, rows_of, sha256, write_inputs
from card_inputs import make as make_dataset_card
from model_card_inputs import (
    CONFIG,
    VOCABULARY,
    call,
    difference,
    facts_of,
    make,
    row,
    rows,
    stratum,
    training,
    write_run,
)

from circlet.evaluation.model_card.about import tell_model, tell_split
from circlet.evaluation.model_card.front_matter import as_yaml, front_matter
from circlet.evaluation.model_card.inputs import (
    best_rival,
    find_score,
    find_stop_free,
    other_scores,
    other_test_sets,
)
from circlet.evaluation.model_card.limits import tell_limits
from circlet.evaluation.model_card.model_card import render_card
from circlet.evaluation.model_card.scores import tell_calibration, tell_part, told_difference
from circlet.evaluation.model_card.training import tell_training
from circlet.evaluation.model_card.trust import (
    tell_beyond,
    tell_coding,
    tell_hard,
    tell_linear,
    tell_matched,
    tell_meaning,
    tell_share,
)
from circlet.files import read_json, write_json, write_table

NASTY = "x|*a*[b](javascript:c)`<script>"


@pytest.fixture(scope="module")
def flags(tmp_path_factory, card):
    return write_run(tmp_path_factory.mktemp("run"), card.folder)


@pytest.fixture(scope="module")
def pages(flags):
    return make(flags)


@pytest.fixture(scope="module")
def facts(flags, pages):
    return facts_of(flags)


def test_metadata_is_that_of_the_hub(pages):
    found = pages.metadata
    assert found["license"] == "mit"
    assert found["library_name"] == "circlet"
    assert found["pipeline_tag"] == "text-classification"
    assert {"circRNA", "lncRNA", "circformer", "gradient-boosting"} < set(found["tags"])
    # Databases by their type, other sources by their name.
    assert found["datasets"] == ["circrnadb", "exons", "gencode"]
    assert {"roc_auc", "matthews_correlation", "f1"} < set(found["metrics"])
    (index,) = found["model-index"]
    assert index["name"] == "main"
    assert {result["task"]["type"] for result in index["results"]} == {"text-classification"}


def test_metadata_has_the_numbers_of_the_comparison(pages, card):
    (index,) = pages.metadata["model-index"]
    first, *others = index["results"]
    assert first["dataset"] == {
        "type": "circlet",
        "name": "circlet dataset, split gene, test part: 4,599 circRNAs, 2,838 lncRNAs",
        "config": "gene",
        "split": "test",
        "revision": sha256(card.folder / "transcripts.parquet"),
    }
    metrics = {metric["type"]: metric for metric in first["metrics"]}
    assert metrics["roc_auc"]["value"] == 0.987654
    assert metrics["roc_auc"]["name"] == "AUROC (95 % interval 0.978 to 0.998)"
    assert metrics["matthews_correlation"]["value"] == 0.75
    assert metrics["ece"]["value"] == 0.031
    assert [other["dataset"]["split"] for other in others] == ["matched", "hard"]
    assert others[0]["metrics"] == [{"type": "roc_auc", "name": "AUROC", "value": 0.71}]
    assert others[1]["dataset"]["name"].endswith("4,599 circRNAs, 1,500 hard negatives")


def test_yaml_is_read_back():
    content = {
        "text": 'a: "b" # c\n- no',
        "yes": "no",
        "number": 1e-5,
        "list": ["a", "1"],
        "nested": [{"one": {"two": "x"}, "three": [{"four": "y"}]}],
    }
    read = yaml.safe_load("\n".join(as_yaml(content)))
    assert read["text"] == 'a: "b" # c - no'
    assert (read["number"], read[True]) == (1e-5, "no")
    assert read["list"] == ["a", "1"]
    assert read["nested"] == content["nested"]


def test_card_tells_the_scores(pages):
    text = pages.card
    assert "# circlet model: main\n" in text
    assert "has an AUROC of 0.988 \\[0.978, 0.998\\] on the test part of the split “gene”" in text
    assert rows_of(text, "MCC")[0][0] == "0.750 \\[0.740, 0.760\\]"
    assert rows_of(text, "descriptors", "baseline")[0] == [
        "0.980 \\[0.970, 0.990\\]",
        *["0.750 \\[0.740, 0.760\\]"] * 3,
        "+0.012 \\[+0.005, +0.020\\], p = 0.032 (Holm): better",
    ]
    assert rows_of(text, "stop_free", "baseline")[0][-1] == "not compared"
    assert rows_of(text, "hard negatives")[0] == [
        *("4,599", "1,500", "0.620 \\[0.610, 0.630\\]"),
        *("0.750 \\[0.740, 0.760\\]", "0.750 \\[0.740, 0.760\\]", "0.125 \\[0.740, 0.760\\]"),
        "descriptors: 0.600 \\[0.590, 0.610\\]",
        "+0.012 \\[+0.005, +0.020\\], p = 0.032 (Holm): better",
    ]
    assert rows_of(text, "matched subset")[0][:3] == ["300", "299", "0.710"]
    assert "Intervals of 95 % are from 1,000 bootstrap replicates" in text
    assert "symmetric on the logit scale by their standard error" in text
    # The verdict goes by the corrected p-value, as that of the report does.
    assert "so the run is better." in text


def test_card_tells_data_split_and_training(pages, card):
    text = pages.card
    assert "The dataset holds 4 circRNAs, 4 lncRNAs and 2 hard negatives" in text
    assert sha256(card.folder / "transcripts.parquet") in text
    assert "it holds 4 of 31,939 circRNAs." in text
    assert rows_of(text, "circles", "circles.zip")[0] == [
        SHA256,
        "https://up.example.org/circles.zip",
    ]
    assert rows_of(text, "gencode", "lncRNA")[0][:2] == ["GENCODE", "hg19"]
    assert rows_of(text, "train") == [["2", "2", "0", "2"]]
    assert rows_of(text, "hard") == [["0", "0", "1", "1"]]
    assert "6.2 % (shared 31-mer)" in text
    assert "31-mers of the training part has an AUROC of 0.530" in text
    assert "269,153 parameters each" in text
    assert "their share of the raw score is 25.0 %" in text
    assert rows_of(text, "highest learning rate") == [["0.001"]]
    assert rows_of(text, "1", "2") == [["2 of 4", "0.920", "100", "all epochs are done"]]
    assert "Training took 201 s for 2 seeds, on: cpu, threads: 2, processes: 1" in text
    assert "/home/me" not in text
    assert "Files came through a mirror" in text


def test_card_cites_and_tells_the_terms(pages):
    assert "circRNADb: A comprehensive database" in pages.card
    assert "https://www.ebi.ac.uk/about/terms-of-use/" in pages.card
    assert "MIT licence" in pages.card


def test_card_is_the_same_twice(flags, pages):
    assert make(flags) == pages


def test_use_in_python_is_a_program(pages):
    (code,) = re.findall(r"```python\n(.*?)```", pages.card, re.DOTALL)
    compile(code, "card", "exec")
    assert "from_pretrained('path/to/main')" in code


def alter(facts, name="main", **changes):
    """The facts with other values in the run's rows, by test set."""
    altered = [
        {**one, **changes.get(one["test_set"], {})} if one["name"] == name else one
        for one in rows()
    ]
    return dataclasses.replace(facts, row=altered[0], rows=altered)


def test_confound_is_told_by_the_numbers(facts):
    assert (
        "Alone it has an AUROC of 0.960 [0.950, 0.970] on the test part, where this model has "
        "0.988 [0.978, 0.998]. That one number alone goes 94.3 % of the way from a coin toss (0.5) "
        "to the score of the model."
    ) in tell_coding(facts)
    lower = alter(facts, test={"auroc": 0.95})
    assert "The model is not above what that one number scores." in tell_coding(lower)
    assert "no better than a coin toss" in tell_share({"auroc": 0.5}, {"auroc": 0.9})
    assert " goes 0.0 % of the way" in tell_share({"auroc": 0.9}, {"auroc": 0.4})
    silent = dataclasses.replace(facts, rows=facts.rows[:2], sheet={**facts.sheet, "confounds": []})
    assert "was not measured" in tell_coding(silent)


def test_confound_is_of_the_audit_where_no_baseline_tells_it(facts):
    fewer = [one for one in facts.rows if one["name"] != "stop_free"]
    audited = dataclasses.replace(facts, rows=fewer)
    assert find_stop_free(audited, "test") == {
        "auroc": 0.936,
        "auroc_low": 0.919,
        "auroc_high": 0.946,
    }
    # The test part of a fold is another.
    row_of_fold = {**facts.row, "scheme": "gene.fold1"}
    assert find_stop_free(dataclasses.replace(audited, row=row_of_fold), "test") is None


def test_what_is_left_when_matched(facts):
    said = tell_matched(facts)
    assert "on 300 circRNAs and 299 lncRNAs of the same part" in said
    assert "an AUROC of 0.710. The stretch alone has 0.502 [0.449, 0.558] there." in said
    assert "The best baseline, descriptors, has 0.600." in said
    decided = "The difference is +0.012 [+0.005, +0.020], p = 0.032 after Holm\u2019s correction"
    assert decided in said
    assert "for all comparisons of the run, so the run is better." in said
    assert "No interval of the model's score is at hand" in said
    assert tell_matched(dataclasses.replace(facts, differences=[])) == ""


def test_matched_set_of_the_comparison_has_an_interval(facts):
    matched = row("main", "run", 0.7, test_set="matched", n_circrna=310)
    told = dataclasses.replace(facts, rows=[*facts.rows, matched])
    assert find_score(told, "matched")["auroc_low"] == pytest.approx(0.69)
    assert "on 310 circRNAs" in tell_matched(told)
    assert "something beyond these two" in tell_matched(told)
    assert find_score(told, "test")["auroc"] == 0.987654


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ((0.55, 0.6), "something beyond these two"),
        ((0.45, 0.6), "nothing is shown"),
        ((math.nan, math.nan), "is not settled"),
    ],
)
def test_beyond(limits, said):
    low, high = limits
    assert said in tell_beyond({"auroc_low": low, "auroc_high": high})


def test_hard_negatives_are_told_by_the_numbers(facts):
    said = tell_hard(facts)
    assert "1,500 exon runs of linear coding transcripts" in said
    assert "It has seen none of them in training." in said
    assert "AUROC is 0.620 [0.610, 0.630]" in said
    assert "That is 24.0 % of the way from a coin toss to certainty." in said
    assert "it calls 87.5 % of these linear exons circRNA, and 75.0 % of the circRNAs" in said
    taught = dataclasses.replace(facts, row={**facts.row, "scheme": "gene.hardonly"})
    assert "It was trained with such hard negatives" in tell_hard(taught)
    assert "than like pieces of linear coding transcripts." in tell_meaning(taught)
    both = dataclasses.replace(facts, row={**facts.row, "scheme": "gene.fold1.hard"})
    assert both.negatives == "other lncRNAs or pieces of linear coding transcripts"
    without = dataclasses.replace(facts, rows=facts.rows[:3], differences=[])
    assert "is not known: this run has no scores on hard negatives" in tell_hard(without)


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ((0.45, 0.55), "does not tell circRNAs from linear coding exons"),
        ((0.3, 0.4), "worse than a coin toss"),
        ((math.nan, math.nan), "may be chance"),
    ],
)
def test_linear(limits, said):
    low, high = limits
    told = tell_linear({"auroc": 0.5, "auroc_low": low, "auroc_high": high})
    assert said in told
    assert "threshold" not in told


def test_meaning_counts_the_calls(facts):
    said = tell_meaning(facts)
    assert "Of 4,500 calls circRNA on the test part 4,400 (97.8 %) are right" in said
    assert "of the linear coding exons tried it calls 87.5 % circRNA" in said
    assert "where 61.8 % of the transcripts are circRNAs" in said
    nothing = {"confusion": {"tp": 0, "fp": 0, "tn": 1, "fn": 1}}
    assert "calls circRNA" not in tell_meaning(dataclasses.replace(facts, scored=nothing))


def test_limits_name_the_weak_strata(facts):
    points = tell_limits(facts).points
    assert any(
        "length, nt (4000 and more): 0.840 [0.840, 0.840] on 300 circRNAs and 100 lncRNAs" in point
        for point in points
    )
    assert not any("below 0.4" in point or "chr1" in point for point in points)
    assert any("the 2 seeds alone have AUROCs from 0.920 to 0.940" in point for point in points)
    assert "Labels in doubt that are still in the dataset: 1 lncRNAs that overlap" in str(points)
    assert not any("only" in point for point in points)


def test_limits_warn_of_small_parts_and_random_splits(facts):
    row_of_few = {**facts.row, "n_circrna": 20, "n_lncrna": 30, "n_groups": 9, "scheme": "random"}
    few = dataclasses.replace(facts, row=row_of_few, training=[training(1)], strata=[])
    points = tell_limits(few).points
    assert any("only 50 transcripts: the sample is small" in point for point in points)
    assert any("only 9 groups" in point for point in points)
    assert any("The split is random" in point for point in points)
    assert any("trained with one seed" in point for point in points)
    assert any("Where it is weak cannot be told" in point for point in points)


def test_limits_where_no_stratum_is_weak(facts):
    strong = dataclasses.replace(facts, strata=[stratum("length", "up to 299", 0.999)])
    assert any("scores below the whole" in point for point in tell_limits(strong).points)


def test_rivals_of_another_split_are_left_out(facts):
    other = difference("matched", "other", 0.71, rival_value=0.9, rival_scheme="random")
    own = difference("matched", "descriptors", 0.71, rival_scheme="gene")
    told = dataclasses.replace(facts, differences=[other, own])
    assert best_rival(told, "matched")["name"] == "descriptors"


def test_own_test_sets_follow_the_known_ones(facts):
    own = row("main", "run", 0.8, test_set="mouse")
    told = dataclasses.replace(facts, rows=[*facts.rows, own])
    assert other_test_sets(told) == ["matched", "hard", "mouse"]
    assert "| mouse | 4,599 |" in render_card(told)


def test_a_test_set_scored_under_another_split_alone_is_passed_over(facts):
    other = {**difference("mouse", "descriptors", 0.71), "scheme": "random"}
    told = dataclasses.replace(facts, differences=[*facts.differences, other])
    assert other_test_sets(told) == ["matched", "hard", "mouse"]
    assert [name for name, _ in other_scores(told)] == ["matched", "hard"]
    assert "| mouse |" not in render_card(told)


def test_differences_tell_p_where_it_is_known():
    gap = difference("test", "x", 0.9)
    interval = "+0.012 [+0.005, +0.020]"
    assert told_difference(gap, 0.95) == f"{interval}, p = 0.032 (Holm): better"
    assert "p < 0.001" in told_difference(gap | {"p_holm": 0.0}, 0.95)
    assert told_difference(gap | {"low": math.nan}, 0.95) == "+0.012"
    assert told_difference(None, 0.95) == "not compared"


def test_corrected_p_decides_where_the_interval_would_say_otherwise():
    gap = difference("test", "x", 0.9)
    interval = "+0.012 [+0.005, +0.020]"
    assert told_difference(gap, 0.99) == f"{interval}, p = 0.032 (Holm): not told apart"
    tried = gap | {"p_holm": 0.2}
    assert told_difference(tried, 0.95) == f"{interval}, p = 0.200 (Holm): not told apart"
    assert told_difference(gap | {"p_holm": math.nan}, 0.95) == f"{interval}: not told apart"
    worse = gap | {"difference": -0.0123, "low": -0.02, "high": -0.005}
    assert told_difference(worse, 0.95).endswith("p = 0.032 (Holm): worse")


def test_confidence_is_that_of_the_scores(facts):
    assert facts.confidence == 0.95
    made = {**facts.scored, "bootstrap": {**facts.scored["bootstrap"], "confidence": 0.99}}
    stricter = dataclasses.replace(facts, scored=made)
    assert stricter.confidence == 0.99
    assert "so the two cannot be told apart on this sample." in tell_matched(stricter)
    assert dataclasses.replace(facts, scored={}).confidence == 0.95


def test_validation_part_is_no_held_out_part():
    assert "had no say" in tell_part("test")
    assert "flattered" in tell_part("validation")


def test_calibration_tells_method_and_error(facts):
    said = " ".join(tell_calibration(facts).sentences)
    assert "a logistic curve with two parameters (Platt)" in said
    assert "A probability of 0.432 or more" in said
    assert "off by 0.031 [0.021, 0.041]" in said
    config = {**facts.config, "calibration": {"method": "none"}}
    raw = " ".join(tell_calibration(dataclasses.replace(facts, config=config)).sentences)
    assert raw.startswith("Calibration: none")


def test_one_network_is_told_as_one(facts):
    config = {**CONFIG, "members": ["seed1"], "tree_weight": None}
    vocabulary = {**VOCABULARY, "window": 400, "ring": False}
    one = dataclasses.replace(facts, config=config, vocabulary=vocabulary, training=[training(1)])
    said = " ".join(tell_model(one).sentences)
    assert "one network: circformer" in said
    assert "trees" not in said
    assert "The networks read the first 400 nt alone." in said
    assert "closed to a ring" not in tell_training(one).sentences[0]


def test_split_of_a_run_taught_on_hard_negatives(facts):
    taught = dataclasses.replace(facts, row={**facts.row, "scheme": "gene.hardonly"})
    said = " ".join(tell_split(taught).sentences)
    assert "holds hard negatives in place of the lncRNAs" in said
    assert "Under the scheme gene (the run's split is a change of it)" in said


def test_names_with_marks_do_no_harm(tmp_path):
    dataset = write_inputs(tmp_path)
    settings = json.loads((tmp_path / "settings.json").read_text())
    settings["sources"]["circles"]["file"] = f"/home/me/{NASTY.replace('/', '')}"
    write_json(tmp_path / "settings.json", settings)
    make_dataset_card(dataset)
    found = make(write_run(tmp_path / "run", tmp_path, NASTY))
    (index,) = found.metadata["model-index"]
    assert index["name"] == NASTY
    body = found.card.split("---\n", 2)[2]
    for text in (body, found.dome):
        prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
        assert "<script>" not in prose.replace("\\<script\\>", "")
        assert not re.search(r"(?<!\\)\[b(?<!\\)\]", prose)
        assert "x\\|\\*a\\*\\[b\\]" in prose
    # A fence is closed by the template alone.
    assert body.count("```") == 4


def test_without_differences_and_benchmark(flags, tmp_path):
    fewer = {key: value for key, value in flags.items() if key != "differences"}
    fewer |= {"benchmark": [str(tmp_path / "none.tsv")], "card": [str(tmp_path / "README.md")]}
    fewer |= {"dome": [str(tmp_path / "DOME.md")]}
    found = make(fewer)
    assert "matched subset" not in found.card
    assert "It was not recorded in this run." in found.dome


@pytest.mark.parametrize("key", ["comparison", "metrics", "differences", "strata", "datasheet"])
def test_missing_files_are_named(flags, tmp_path, key, capsys):
    path = str(tmp_path / "none.tsv")
    assert call(flags | {key: [path]}) == 2
    assert f"{path}: no such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("config.json", {"network": {}}, "lacks min_length"),
        ("vocabulary.json", [], "lacks k, stride"),
        ("training.json", [{"seed": 1}], "not the records of trainings"),
        ("training.json", [], "not the records of trainings"),
    ],
)
def test_broken_models_are_refused(card, tmp_path, capsys, name, content, problem):
    flags = write_run(tmp_path, card.folder)
    write_json(tmp_path / "model" / name, content)
    assert call(flags) == 2
    assert problem in capsys.readouterr().err


def test_files_of_other_runs_are_refused(card, tmp_path, capsys):
    flags = write_run(tmp_path, card.folder)
    assert call(flags | {"name": ["other"]}) == 2
    assert "holds no run other" in capsys.readouterr().err
    assert call(flags | {"split": [str(card.folder / "splits/random.parquet")]}) == 2
    assert "the run's split is gene" in capsys.readouterr().err
    assert call(flags | {"metrics": [str(tmp_path / "hard.json")]}) == 2
    assert "no metrics of main gene test" in capsys.readouterr().err
    (tmp_path / "benchmark.tsv").write_text("s\n-\n")
    assert call(flags) == 2
    assert "tells no seconds" in capsys.readouterr().err


def test_scores_that_are_missing_stay_out_of_the_metadata(facts):
    gone = alter(facts, test={"mcc": math.nan})
    (index,) = yaml.safe_load(front_matter(gone))["model-index"]
    first = {metric["type"] for metric in index["results"][0]["metrics"]}
    assert "matthews_correlation" not in first
    assert "roc_auc" in first


def test_table_of_the_comparison_without_hard_negatives(card, tmp_path):
    flags = write_run(tmp_path, card.folder)
    table = pd.DataFrame([one for one in rows() if one["part"] == "test"])
    write_table(tmp_path / "comparison.tsv", table)
    assert find_score(facts_of(flags), "hard")["auroc"] == 0.62  # of the differences
    assert read_json(tmp_path / "model/config.json") == CONFIG
    assert "no scores on hard negatives" not in make(flags).card
