import logging

import numpy as np
import pandas as pd
import pytest

from circlet.cli import main
from circlet.evaluation.bootstrap import score_interval
from circlet.evaluation.metrics import evaluate, replicate_scores
from circlet.files import read_json, write_table
from circlet.tables import PREDICTION_COLUMNS


def _scored(p, is_circrna, groups):
    label = np.where(is_circrna, "circRNA", "lncRNA")
    call = np.where(np.asarray(p) >= 0.5, "circRNA", "lncRNA")
    return pd.DataFrame({"label": label, "call": call, "p_circrna": p, "group": groups})


def _simulated(rows, seed):
    rng = np.random.default_rng(seed)
    is_circrna = np.arange(rows) % 2 == 0
    # Uniform on [1/2, 1] against uniform on [0, 1]: P(circRNA above lncRNA) = 3/4.
    p = rng.random(rows)
    return np.where(is_circrna, 0.5 + p / 2, p), is_circrna


def test_known_auroc_lies_in_its_interval():
    p, is_circrna = _simulated(2000, seed=1)
    found = evaluate(_scored(p, is_circrna, np.arange(2000).astype(str)), 500, 0.95, seed=0)
    auroc = found["metrics"]["auroc"]
    assert auroc["value"] == pytest.approx(0.75, abs=0.03)
    assert auroc["low"] < 0.75 < auroc["high"]
    # Half-width by the standard error of the area, sqrt((Var F(x) + Var G(y)) / 1000).
    half_width = 1.96 * np.sqrt((1 / 48 + 5 / 48) / 1000)
    assert (auroc["high"] - auroc["low"]) / 2 == pytest.approx(half_width, rel=0.15)


def test_clones_in_a_group_widen_the_interval():
    p, is_circrna = np.repeat(_simulated(100, seed=2), 10, axis=1)
    clones, apart = np.repeat(np.arange(100), 10).astype(str), np.arange(1000).astype(str)
    widths = []
    for groups in (clones, apart):
        auroc = evaluate(_scored(p, is_circrna == 1, groups), 400, 0.95, seed=0)["metrics"]["auroc"]
        widths.append(auroc["high"] - auroc["low"])
    assert widths[0] / widths[1] == pytest.approx(np.sqrt(10), rel=0.2)


def test_order_of_rows_does_not_matter():
    p, is_circrna = _simulated(60, seed=3)
    scored = _scored(p.round(2), is_circrna, (np.arange(60) // 4).astype(str))
    first = evaluate(scored, 100, 0.9, seed=4)["metrics"]
    second = evaluate(scored.sample(frac=1, random_state=0), 100, 0.9, seed=4)["metrics"]
    for name, values in first.items():
        assert second[name] == pytest.approx(values, abs=1e-12)


def test_replicates_with_one_class_are_left_out_and_counted():
    # Two groups of one class each: a replicate has both classes only if it draws each once, and
    # nothing is known of how either class varies.
    scored = _scored([0.9, 0.2, 0.4], [True, False, False], ["g", "h", "h"])
    found = evaluate(scored, 400, 0.95, seed=0)
    assert found["bootstrap"]["undefined_replicates"] == pytest.approx(200, abs=40)
    assert found["metrics"]["auroc"] == {"value": 1.0, "low": None, "high": None}


def test_replicates_with_both_classes_all_count():
    scored = _scored([0.9, 0.2, 0.6, 0.7], [True, False, True, False], ["g", "g", "h", "h"])
    for replicates in (1, 30):
        found = evaluate(scored, replicates, 0.95, seed=0)
        assert found["bootstrap"]["undefined_replicates"] == 0


def test_the_types_of_the_columns_do_not_matter():
    """A table read from Parquet has other ones than one read from text."""
    p, is_circrna = _simulated(60, seed=3)
    scored = _scored(p, is_circrna, (np.arange(60) // 4).astype(str))
    types = dict.fromkeys(("label", "call", "group"), "string") | {"p_circrna": "Float64"}
    assert evaluate(scored.astype(types), 50, 0.9, seed=4) == evaluate(scored, 50, 0.9, seed=4)


def test_predictions_for_the_same_rows_meet_the_same_replicates():
    p, is_circrna = _simulated(60, seed=3)
    groups = (np.arange(60) // 4).astype(str)
    first = replicate_scores(_scored(p, is_circrna, groups), 50, seed=4)
    again = replicate_scores(_scored(p, is_circrna, groups)[::-1], 50, seed=4)
    # The same order with other probabilities, all calls the other way round.
    other = replicate_scores(_scored((1 - p) / 2, is_circrna, groups), 50, seed=4)
    assert len(first) == 51
    pd.testing.assert_frame_equal(first, again)
    assert other["auroc"].to_numpy() == pytest.approx(1 - first["auroc"].to_numpy())
    assert first["auroc"].nunique() > 40


PREDICTIONS = pd.DataFrame(
    [
        ("a", "x", "circRNA", "test", 300, 0.9, "circRNA"),
        ("b", "x", "circRNA", "test", 300, 0.4, "lncRNA"),
        ("c", "y", "lncRNA", "test", 300, 0.6, "circRNA"),
        ("d", "y", "lncRNA", "test", 300, 0.1, "lncRNA"),
        ("e", "y", "lncRNA", "test", 300, 0.2, "lncRNA"),
        ("f", "y", "lncRNA", "train", 300, 0.99, "circRNA"),
    ],
    columns=PREDICTION_COLUMNS,
)
SPLIT = PREDICTIONS[["id", "part"]].assign(group=["g", "f", "g", "h", "i", "j"])


def _evaluate_files(folder, predictions=PREDICTIONS, split=SPLIT, **flags):
    folder.mkdir(exist_ok=True)
    write_table(folder / "predictions.tsv.gz", predictions)
    write_table(folder / "split.parquet", split)
    flags = {
        "predictions": folder / "predictions.tsv.gz",
        "split": folder / "split.parquet",
        "part": "test",
        "name": "main",
        "kind": "run",
        "scheme": "gene",
        "replicates": 200,
        "confidence": 0.95,
        "seed": 5,
        "output": folder / "metrics.json",
    } | flags
    given = {name: value for name, value in flags.items() if value is not None}
    return main(["evaluate", *(f"--{name}={value}" for name, value in given.items())])


def test_step_tells_the_score_and_what_was_left_out(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    assert _evaluate_files(tmp_path, part=None) == 0  # test, if not told
    undefined = read_json(tmp_path / "metrics.json")["bootstrap"]["undefined_replicates"]
    assert caplog.messages == [
        f"main on test: {undefined} of 200 bootstrap replicates lacked a class and were left out",
        "main: AUROC 0.833 on test",
    ]
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


def test_step_writes_the_whole_json(tmp_path):
    assert _evaluate_files(tmp_path) == 0
    found = read_json(tmp_path / "metrics.json")
    values = {name: metric.pop("value") for name, metric in found["metrics"].items()}
    assert values == pytest.approx(
        {
            "accuracy": 3 / 5,
            "balanced_accuracy": (1 / 2 + 2 / 3) / 2,
            "sensitivity": 1 / 2,
            "specificity": 2 / 3,
            "f1": 1 / 2,
            "mcc": (1 * 2 - 1 * 1) / 6,
            "auroc": 5 / 6,
            "auprc": (1 + 2 / 3) / 2,
            "specificity_at_95_sensitivity": 2 / 3,
            "brier": (0.01 + 0.36 + 0.36 + 0.01 + 0.04) / 5,
            "ece": (0.1 + 0.6 + 0.6 + 0.1 + 0.2) / 5,  # a bin a row
        }
    )
    limits = found.pop("metrics")
    scored = PREDICTIONS[:5].assign(group=SPLIT["group"])
    drawn = replicate_scores(scored, 200, seed=5)[1:]
    for name, value in values.items():
        expected = score_interval(name, value, drawn[name].to_numpy(), 2, 0.95)
        assert (limits[name]["low"], limits[name]["high"]) == pytest.approx(expected)
    undefined = found["bootstrap"].pop("undefined_replicates")
    assert 0 < undefined < 200  # only the groups f and g have circRNAs
    assert found == {
        "name": "main",
        "kind": "run",
        "scheme": "gene",
        "part": "test",
        "test_set": "test",
        "counts": {"circRNA": 2, "lncRNA": 3, "groups": 4},
        "bootstrap": {"unit": "group", "replicates": 200, "confidence": 0.95, "seed": 5},
        "confusion": {"tp": 1, "fp": 1, "tn": 2, "fn": 1},
    }


WITH_HARD = pd.concat(
    [
        PREDICTIONS,
        pd.DataFrame(
            [
                ("h", "exons", "lncRNA", "hard", 300, 0.95, "circRNA"),
                ("i", "exons", "lncRNA", "hard", 300, 0.3, "lncRNA"),
                ("k", "exons", "lncRNA", "unused", 300, 0.99, "circRNA"),
                ("l", "x", "circRNA", "train", 300, 0.01, "lncRNA"),
            ],
            columns=PREDICTION_COLUMNS,
        ),
    ],
    ignore_index=True,
)
HARD_SPLIT = WITH_HARD[["id", "part"]].assign(group=["g", "k", *"gghijhmn"])


SUBSETS = pd.DataFrame(
    [
        *(("gene", "matched", id_) for id_ in "ac"),
        ("gene", "low_stop_free", "d"),
        *(("random", "low_stop_free", id_) for id_ in "ad"),
    ],
    columns=["scheme", "subset", "id"],
)


def test_hard_negatives_stand_against_the_circrnas_of_the_test_part(tmp_path):
    flags = {"predictions": WITH_HARD, "split": HARD_SPLIT, "test-sets": tmp_path / "sets.json"}
    assert _evaluate_files(tmp_path, **flags) == 0
    (found,) = read_json(tmp_path / "sets.json")
    assert (found["part"], found["test_set"]) == ("hard", "hard")
    assert found["counts"] == {"circRNA": 2, "lncRNA": 2, "groups": 4}
    assert found["confusion"] == {"tp": 1, "fp": 1, "tn": 1, "fn": 1}
    assert found["metrics"]["auroc"]["value"] == 2 / 4  # .9 and .4 against .95 and .3
    found = read_json(tmp_path / "metrics.json")
    assert found["counts"] == {"circRNA": 2, "lncRNA": 3, "groups": 3}  # without them


def test_subsets_of_the_scheme_are_scored_and_those_without_a_class_left_out(tmp_path, caplog):
    write_table(tmp_path / "subsets.parquet", SUBSETS)
    flags = {"subsets": tmp_path / "subsets.parquet", "test-sets": tmp_path / "sets.json"}
    assert _evaluate_files(tmp_path, **flags) == 0
    (found,) = read_json(tmp_path / "sets.json")
    assert [found[key] for key in ("name", "kind", "scheme", "part", "test_set")] == [
        *("main", "run", "gene", "test", "matched")
    ]
    assert found["confusion"] == {"tp": 1, "fp": 1, "tn": 0, "fn": 0}
    assert found["metrics"]["auroc"]["value"] == 1
    assert "The subset low_stop_free lacks a class and is left out" in caplog.messages


def _external(folder, one="one", two="two"):
    """Predictions for a set of two, and for one of three of which two are unlike training."""
    rows = [
        (f"{one}:a", one, "circRNA", "external", 300, 0.9, "circRNA"),
        (f"{one}:b", one, "lncRNA", "external", 300, 0.1, "lncRNA"),
        (f"{two}:a", two, "circRNA", "external", 300, 0.2, "lncRNA"),
        (f"{two}:b", two, "lncRNA", "external", 300, 0.1, "lncRNA"),
        (f"{two}:c", two, "lncRNA", "external", 300, 0.3, "lncRNA"),
    ]
    predictions = pd.DataFrame(rows, columns=PREDICTION_COLUMNS)
    unseen = [(one, "a"), (two, "a"), (two, "b")]
    subsets = [("gene", f"{name}.unseen", f"{name}:{row}") for name, row in unseen]
    write_table(folder / "external.tsv.gz", predictions)
    # The table of the sets has columns that are missing, such as places.
    transcripts = predictions.assign(group=predictions["id"], chrom=None)
    write_table(folder / "external.parquet", transcripts)
    subsets = pd.DataFrame(subsets, columns=["scheme", "subset", "id"])
    write_table(folder / "unseen.parquet", subsets)
    return {
        "external": folder / "external.tsv.gz",
        "external-transcripts": folder / "external.parquet",
        "external-subsets": folder / "unseen.parquet",
        "test-sets": folder / "sets.json",
    }


def test_external_sets_are_scored_whole_and_where_they_are_new(tmp_path, caplog):
    assert _evaluate_files(tmp_path, **_external(tmp_path)) == 0
    found = {entry["test_set"]: entry for entry in read_json(tmp_path / "sets.json")}
    assert list(found) == ["one", "two", "two.unseen"]
    assert {entry["part"] for entry in found.values()} == {"external"}
    aurocs = [entry["metrics"]["auroc"]["value"] for entry in found.values()]
    assert aurocs == [1, 0.5, 1]
    assert found["two"]["counts"] == {"circRNA": 1, "lncRNA": 2, "groups": 3}
    assert "The external set one.unseen lacks a class and is left out" in caplog.messages


def test_external_sets_may_have_digits_for_a_name(tmp_path):
    flags = _external(tmp_path, "007", "2")
    assert _evaluate_files(tmp_path, **flags) == 0
    found = [entry["test_set"] for entry in read_json(tmp_path / "sets.json")]
    assert found == ["007", "2", "2.unseen"]


@pytest.mark.parametrize("missing", ["external-transcripts", "external-subsets"])
def test_external_predictions_need_their_tables(tmp_path, capsys, missing):
    flags = _external(tmp_path)
    del flags[missing]
    assert _evaluate_files(tmp_path, **flags) == 2
    assert capsys.readouterr().err == (
        "circlet evaluate: error: --external: lacks the tables that tell of its sequences; "
        "give --external-transcripts and --external-subsets\n"
    )
    assert not (tmp_path / "metrics.json").exists()


def test_same_seed_same_bytes(tmp_path):
    for folder, seed in (("one", 1), ("two", 1), ("three", 2)):
        assert _evaluate_files(tmp_path / folder, seed=seed) == 0
    one, two, three = (
        (tmp_path / folder / "metrics.json").read_bytes() for folder in ("one", "two", "three")
    )
    assert one == two
    assert one != three


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"predictions": PREDICTIONS[1:]}, "split.parquet: a: not in"),
        ({"split": SPLIT[:-1]}, "predictions.tsv.gz: f: not in"),
        (
            {"predictions": PREDICTIONS.assign(p_circrna=[0.1, None, 0.2, 0.3, 0.4, 0.5])},
            "predictions.tsv.gz: b: p_circrna is not a probability",
        ),
        (
            {"predictions": PREDICTIONS.assign(p_circrna=["0.1", "0.2", "high", "1", "1", "1"])},
            "predictions.tsv.gz: c: p_circrna is not a probability",
        ),
        (
            {"predictions": PREDICTIONS.assign(p_circrna=[0.1, 0.2, 0.3, 1.5, 0.4, 0.5])},
            "predictions.tsv.gz: d: p_circrna is not a probability",
        ),
        (
            {"predictions": PREDICTIONS.assign(label=["circRNA"] * 5 + ["mRNA"])},
            "predictions.tsv.gz: f: label is not lncRNA or circRNA",
        ),
        (
            {"predictions": PREDICTIONS.assign(call=["circRNA"] * 5 + [None])},
            "predictions.tsv.gz: f: call is not lncRNA or circRNA",
        ),
        (
            {"predictions": PREDICTIONS.assign(part=["test"] * 4 + ["train", None])},
            "predictions.tsv.gz: e: part is another than in",
        ),
        ({"predictions": PREDICTIONS.drop(columns="call")}, "lacks the columns ['call']"),
    ],
)
def test_bad_tables_are_refused(tmp_path, capsys, change, message):
    assert _evaluate_files(tmp_path, **change) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "metrics.json").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"part": "train"}, "predictions.tsv.gz: the part train has no circRNA;"),
        (
            {"part": "train", "test-sets": "sets.json"},
            "predictions.tsv.gz: the part train has no circRNA;",
        ),
        ({"part": "validation"}, "the part validation has no lncRNA and no circRNA;"),
        ({"replicates": 0}, "--replicates: 0 is too few"),
        (
            {"replicates": 1, "seed": 4},
            "--replicates: none of 1 bootstrap replicates had both lncRNA and circRNA; give more\n",
        ),
        ({"confidence": 95}, "--confidence: 95.0 is not between 0 and 1"),
    ],
)
def test_bad_flags_are_refused(tmp_path, capsys, flags, message):
    assert _evaluate_files(tmp_path, **flags) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "metrics.json").exists()


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (
            [],
            "the following arguments are required: --predictions, --split, --name, --kind, "
            "--scheme, --output",
        ),
        (["--part", "hard"], "argument --part: invalid choice: 'hard'"),
        (["--kind", "network"], "argument --kind: invalid choice: 'network' (choose from 'run',"),
    ],
)
def test_a_command_line_that_makes_no_sense(capsys, words, problem):
    with pytest.raises(SystemExit) as end:
        main(["evaluate", *words])
    assert end.value.code == 2
    assert problem in capsys.readouterr().err
