import math

import numpy as np
import pandas as pd
import pytest

from circlet.cli import main
from circlet.evaluation.scores import METRICS
from circlet.files import read_table, write_json, write_table
from circlet.tables import FOLD_ABOUT, FOLD_COLUMNS, PREDICTION_COLUMNS

FOLDS = 3
# Label and group of four transcripts a fold, and what the model of each fold says of its own.
LABELS = ["circRNA", "lncRNA", "circRNA", "lncRNA"]
GROUPS = ["a", "a", "b", "c"]
SAID = [[0.9, 0.2, 0.8, 0.1], [0.6, 0.7, 0.9, 0.1], [0.4, 0.2, 0.1, 0.3]]
THRESHOLDS = [0.5, 0.65, 0.35]
# Of the four pairs of a circRNA and a lncRNA the right ones.
AUROCS = [1.0, 3 / 4, 1 / 2]


def tables(fold):
    """Predictions of the model that does not know a fold, and the split that it was made under."""
    of_row = np.repeat(range(FOLDS), 4)
    order = ["test", "validation", "train"]
    parts = [order[(number - fold) % FOLDS] for number in of_row]
    p_circrna = np.where(of_row == fold, np.concatenate(SAID), 0.5)
    ids = [f"t{row}" for row in range(len(of_row))]
    predictions = pd.DataFrame(
        {
            "id": ids,
            "source": "toy",
            "label": LABELS * FOLDS,
            "part": parts,
            "length": 300,
            "p_circrna": p_circrna,
            "call": np.where(p_circrna >= THRESHOLDS[fold], "circRNA", "lncRNA"),
        }
    )
    groups = [f"{group}{number}" for number in range(FOLDS) for group in GROUPS]
    split = {"id": ids, "group": groups, "part": parts, "group_part": parts, "fold": of_row}
    return predictions[list(PREDICTION_COLUMNS)], pd.DataFrame(split).assign(fallback=False)


@pytest.fixture
def files(tmp_path):
    """Predictions, split and metrics of three folds; give their paths by kind."""
    found = {"metrics": [], "predictions": [], "splits": []}
    for fold in range(FOLDS):
        predictions, split = tables(fold)
        names = (f"{fold}.json", f"{fold}.tsv.gz", f"{fold}.parquet")
        for kind, name in zip(found, names, strict=True):
            found[kind].append(str(tmp_path / name))
        write_table(found["predictions"][-1], predictions, 12)
        write_table(found["splits"][-1], split[list(FOLD_COLUMNS)])
        flags = ["--name", f"main.fold{fold}", "--kind", "run", "--scheme", f"gene.fold{fold}"]
        evaluate(found, fold, *flags)
    return found


def evaluate(files, fold, *flags):
    """Write the metrics of a fold."""
    paths = ["--predictions", files["predictions"][fold], "--split", files["splits"][fold]]
    flags = [*flags, "--replicates", "50", "--output", files["metrics"][fold]]
    assert main(["evaluate", *paths, *flags]) == 0


def gather(folder, files, *flags):
    """Run the step; give its exit code and output."""
    words = [word for kind, paths in files.items() for word in (f"--{kind}", *paths)]
    about = ["--name", "main", "--scheme", "gene", "--replicates", "50"]
    output = folder / "folds.tsv"
    return main(["folds", *words, *about, *flags, "--output", str(output)]), output


def test_each_fold_stands_with_its_scores_then_mean_spread_and_all_together(files, tmp_path):
    code, output = gather(tmp_path, files)
    assert code == 0
    found = read_table(output)
    assert tuple(found.columns[:7]) == FOLD_ABOUT
    assert found["fold"].tolist() == ["0", "1", "2", "mean of folds", "sd of folds", "pooled"]
    about = found[["name", "scheme", "part"]].drop_duplicates()
    assert about.to_numpy().tolist() == [["main", "gene", "test"]]
    rows = found.set_index("fold")
    assert rows.loc[["0", "1", "2"], "auroc"].tolist() == AUROCS
    assert rows.loc["mean of folds", "auroc"] == pytest.approx(3 / 4)
    assert rows.loc["sd of folds", "auroc"] == pytest.approx(1 / 4)
    # Right calls at the threshold of each fold: 4, 2 and 3 of 4.
    assert rows.loc[["0", "1", "2"], "accuracy"].tolist() == [1, 0.5, 0.75]
    assert rows.loc["pooled", "accuracy"] == pytest.approx(9 / 12)


def test_pooled_scores_are_of_every_transcript_by_the_model_that_did_not_see_it(files, tmp_path):
    rows = read_table(gather(tmp_path, files)[1]).set_index("fold")
    # circRNAs .9 .8 .6 .9 .4 .1 against lncRNAs .2 .1 .7 .1 .2 .3: right pairs, a tie half.
    right = [6, 6, 5, 6, 5, 2 * 0.5]
    assert rows.loc["pooled", "auroc"] == pytest.approx(sum(right) / 36)
    # Calls: of six each, 5 - 1 = 4 circRNAs and 5 lncRNAs are right.
    assert rows.loc["pooled", "sensitivity"] == pytest.approx(4 / 6)
    assert rows.loc["pooled", "specificity"] == pytest.approx(5 / 6)
    mcc = (4 * 5 - 1 * 2) / math.sqrt(5 * 6 * 6 * 7)
    assert rows.loc["pooled", "mcc"] == pytest.approx(mcc)
    assert rows.loc["pooled", "auroc_low"] < rows.loc["pooled", "auroc"]


def test_sizes_are_told_where_there_are_any(files, tmp_path):
    rows = read_table(gather(tmp_path, files)[1]).set_index("fold")
    counts = rows[["n_circrna", "n_lncrna", "n_groups"]]
    assert counts.loc[["0", "1", "2"]].to_numpy().tolist() == [[2, 2, 3]] * 3
    assert counts.loc["pooled"].tolist() == [6, 6, 9]
    assert counts.loc[["mean of folds", "sd of folds"]].isna().all(axis=None)


def test_intervals_are_those_of_the_folds_and_none_of_their_spread(files, tmp_path):
    rows = read_table(gather(tmp_path, files)[1]).set_index("fold")
    limits = [f"{metric}_{end}" for metric in METRICS for end in ("low", "high")]
    assert rows.loc[["mean of folds", "sd of folds"], limits].isna().all(axis=None)
    # Two groups hold a circRNA of a fold: enough for an interval, a wide one.
    assert rows.loc["1", "auroc_low"] < AUROCS[1] < rows.loc["1", "auroc_high"]


def test_the_validation_part_can_be_gathered_while_one_works(files, tmp_path):
    for fold in range(FOLDS):
        flags = ["--name", "main", "--kind", "run", "--scheme", "gene", "--part", "validation"]
        evaluate(files, fold, *flags)
    code, output = gather(tmp_path, files, "--part", "validation")
    assert code == 0
    rows = read_table(output).set_index("fold")
    assert rows.loc["pooled", ["n_circrna", "n_lncrna"]].tolist() == [6, 6]
    assert rows.loc["pooled", "auroc"] == 0.5  # all the same


def test_the_last_line_tells_mean_and_spread(files, tmp_path, caplog):
    caplog.set_level("INFO")
    gather(tmp_path, files)
    assert caplog.messages[-1].startswith(
        "main: AUROC 0.7500, mean of 3 folds, standard deviation 0.2500; pooled 0.8056 ["
    )


def test_the_same_bytes_each_time(files, tmp_path):
    once = gather(tmp_path, files)[1].read_bytes()
    assert gather(tmp_path, files)[1].read_bytes() == once


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda f: {kind: paths[:2] for kind, paths in f.items()},
            "--predictions: 2 of 3 folds; give all of them, in order",
        ),
        (
            lambda f: {kind: [paths[1], paths[0], paths[2]] for kind, paths in f.items()},
            "1.parquet: it tests the folds [1], not 0; give the files of each fold in turn",
        ),
        (lambda f: f | {"metrics": f["metrics"][1:]}, "--splits: not as many files for each fold"),
        (
            lambda f: f | {"predictions": f["predictions"][:1] * 3},
            "part is another than in",
        ),
        (
            lambda f: f | {"metrics": f["predictions"]},
            "not valid JSON",
        ),
    ],
)
def test_what_does_not_fit_is_one_clear_line(files, tmp_path, capsys, change, message):
    code, output = gather(tmp_path, change(files))
    assert code == 2
    told = capsys.readouterr().err
    assert message in told
    assert told.startswith("circlet folds: error: ")
    assert not output.exists()


def test_metrics_of_another_part_are_refused(files, tmp_path, capsys):
    flags = ["--name", "main", "--kind", "run", "--scheme", "gene", "--part", "validation"]
    evaluate(files, 1, *flags)
    assert gather(tmp_path, files)[0] == 2
    assert "1.json: not of the part test of the fold 1; evaluate" in capsys.readouterr().err


def test_a_group_in_two_folds_is_refused(files, tmp_path, capsys):
    _, split = tables(1)
    split["group"] = split["group"].replace("b1", "b0")
    write_table(files["splits"][1], split)
    assert gather(tmp_path, files)[0] == 2
    assert "--predictions: b0: the group is in two folds; make" in capsys.readouterr().err


def test_no_metrics_are_refused(files, tmp_path, capsys):
    write_json(files["metrics"][2], [])
    assert gather(tmp_path, files)[0] == 2
    assert "2.json: not of the part test of the fold 2" in capsys.readouterr().err
