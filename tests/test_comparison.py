import math

import pytest

from circlet.cli import main
from circlet.evaluation.comparison import compare, format_parts, format_table, read_comparison
from circlet.evaluation.scores import METRICS
from circlet.files import read_json, read_table, write_json


def _entry(name, auroc, part="test", kind="baseline", scheme="gene", test_set=None):
    metrics = {metric: {"value": 0.5, "low": 0.4, "high": 0.625} for metric in METRICS}
    metrics["auroc"] = {"value": auroc, "low": auroc - 0.125, "high": auroc + 0.0625}
    return {
        "name": name,
        "kind": kind,
        "scheme": scheme,
        "part": part,
        "test_set": test_set or part,
        "counts": {"circRNA": 30, "lncRNA": 20, "groups": 25},
        "metrics": metrics,
    }


def _write(folder, name, auroc, part="test", kind="baseline", drop=None, scheme="gene"):
    content = _entry(name, auroc, part, kind, scheme)
    content.pop(drop, None)
    path = folder / f"{name}.{scheme}.{part}.json"
    write_json(path, content)
    return str(path)


def test_step_writes_one_row_each_best_first_ties_by_name(tmp_path):
    paths = [
        _write(tmp_path, "length", 0.5),
        _write(tmp_path, "stop_free", 0.75),
        _write(tmp_path, "main", 0.875, kind="run"),
        _write(tmp_path, "descriptors", 0.75),
    ]
    output = tmp_path / "comparison.tsv"
    assert main(["compare", "--metrics", *paths, "--output", str(output)]) == 0
    lines = output.read_text().splitlines()
    assert lines[0].split("\t") == [
        *("name", "kind", "scheme", "part", "test_set", "n_circrna", "n_lncrna", "n_groups"),
        *(f"{metric}{limit}" for metric in METRICS for limit in ("", "_low", "_high")),
    ]
    found = read_table(output)
    assert found["name"].tolist() == ["main", "descriptors", "stop_free", "length"]
    first = found.iloc[0].to_dict()
    assert (first["kind"], first["scheme"], first["part"]) == ("run", "gene", "test")
    assert (first["n_circrna"], first["n_lncrna"], first["n_groups"]) == (30, 20, 25)
    assert (first["auroc"], first["auroc_low"], first["auroc_high"]) == (0.875, 0.75, 0.9375)
    for metric in ("brier", "ece"):
        limits = [first[f"{metric}{end}"] for end in ("", "_low", "_high")]
        assert limits == [0.5, 0.4, 0.625]


def test_a_score_without_an_interval_stays_without(tmp_path):
    path = _write(tmp_path, "main", 0.875)
    content = read_json(path)
    for found in content["metrics"].values():
        found |= {"low": None, "high": None}
    write_json(path, content)
    output = tmp_path / "comparison.tsv"
    assert main(["compare", "--metrics", path, "--output", str(output)]) == 0
    (row,) = read_comparison(output).to_dict("records")
    assert (row["auroc"], row["brier"]) == (0.875, 0.5)
    assert all(math.isnan(row[f"{metric}{end}"]) for metric in METRICS for end in ("_low", "_high"))


def test_format_table_aligns_its_columns(tmp_path):
    table = compare([_write(tmp_path, "stop_free", 0.75), _write(tmp_path, "main", 0.875)])
    assert format_table(table).splitlines() == [
        "name      scheme n  AUROC [interval]     MCC [interval]       ACC  ",
        "main      gene   50 0.875 [0.750, 0.938] 0.500 [0.400, 0.625] 0.500",
        "stop_free gene   50 0.750 [0.625, 0.812] 0.500 [0.400, 0.625] 0.500",
    ]


def test_hard_negatives_come_last_whatever_their_scores(tmp_path):
    paths = [
        _write(tmp_path, "main", 0.9, part="hard"),
        _write(tmp_path, "length", 0.5),
        _write(tmp_path, "length", 0.625, part="hard"),
        _write(tmp_path, "main", 0.75, scheme="random"),
        _write(tmp_path, "main", 0.75),
    ]
    output = tmp_path / "comparison.tsv"
    assert main(["compare", "--metrics", *paths, "--output", str(output)]) == 0
    found = read_table(output)
    assert found[["name", "scheme", "part"]].to_numpy().tolist() == [
        ["main", "gene", "test"],
        ["main", "random", "test"],
        ["length", "gene", "test"],
        ["main", "gene", "hard"],
        ["length", "gene", "hard"],
    ]


def test_other_test_sets_follow_in_their_order(tmp_path):
    entries = [
        _entry("main", 0.5, "external", test_set="mine.unseen"),
        _entry("main", 0.9, "external", test_set="mine"),
        _entry("main", 0.6, "hard"),
        _entry("main", 0.7, test_set="low_stop_free"),
        _entry("main", 0.7, test_set="matched"),
    ]
    write_json(tmp_path / "test_sets.json", entries)
    write_json(tmp_path / "none.json", [])
    paths = [str(tmp_path / "none.json"), str(tmp_path / "test_sets.json")]
    table = compare([*paths, _write(tmp_path, "main", 0.8, kind="run")])
    assert table["test_set"].tolist() == [
        *("test", "matched", "low_stop_free", "hard", "mine", "mine.unseen")
    ]
    assert table["auroc"].tolist() == [0.8, 0.7, 0.7, 0.6, 0.9, 0.5]
    headings = [line for line in format_parts(table).splitlines() if line.startswith("Scores")]
    assert headings == [
        "Scores on the test part:",
        "Scores on the matched subset:",
        "Scores on the subset below 0.5 stop-free:",
        "Scores on the hard negatives:",
        "Scores on the external set mine:",
        "Scores on the external set mine, what shares no 31-mer with training:",
    ]


def test_beside_the_part_only_splits_of_runs_are_laid_out(tmp_path):
    paths = [
        _write(tmp_path, "main", 0.8, kind="run"),
        _write(tmp_path, "length", 0.6, scheme="random"),
        _write(tmp_path, "length", 0.6, part="hard", scheme="random"),
        _write(tmp_path, "length", 0.5, part="hard"),
    ]
    told = [line.split()[:2] for line in format_parts(compare(paths)).splitlines() if line]
    assert [words for words in told if words[0] in ("main", "length")] == [
        ["main", "gene"],
        ["length", "random"],
        ["length", "gene"],
    ]


def test_scores_keep_twelve_digits(tmp_path):
    output = tmp_path / "comparison.tsv"
    path = _write(tmp_path, "main", 0.123456789012)
    assert main(["compare", "--metrics", path, "--output", str(output)]) == 0
    assert read_table(output)["auroc"].tolist() == [0.123456789012]


def test_each_part_is_laid_out_under_its_name(tmp_path, caplog):
    caplog.set_level("INFO")
    paths = [
        _write(tmp_path, "length", 0.75, part="hard"),
        _write(tmp_path, "main", 0.875, part="validation"),
    ]
    expected = [
        "Scores on the validation part:",
        "name scheme n  AUROC [interval]     MCC [interval]       ACC  ",
        "main gene   50 0.875 [0.750, 0.938] 0.500 [0.400, 0.625] 0.500",
        "",
        "Scores on the hard negatives:",
        "name   scheme n  AUROC [interval]     MCC [interval]       ACC  ",
        "length gene   50 0.750 [0.625, 0.812] 0.500 [0.400, 0.625] 0.500",
    ]
    assert format_parts(compare(paths)).splitlines() == expected
    assert main(["compare", "--metrics", *paths, "--output", str(tmp_path / "c.tsv")]) == 0
    assert caplog.messages[-1].splitlines() == expected
    assert format_parts(compare(paths[:1])).splitlines() == expected[4:]


def test_parts_are_not_mixed(tmp_path, capsys):
    paths = [_write(tmp_path, "one", 0.75), _write(tmp_path, "two", 0.75, part="validation")]
    output = tmp_path / "comparison.tsv"
    assert main(["compare", "--metrics", *paths, "--output", str(output)]) == 2
    expected = f"{paths[1]}: evaluated on the part validation, but {paths[0]} on test;"
    assert expected in capsys.readouterr().err
    hard = _write(tmp_path, "one", 0.75, part="hard")  # as the first, it excuses no other
    assert main(["compare", "--metrics", hard, *paths, "--output", str(output)]) == 2
    assert expected in capsys.readouterr().err
    assert not output.exists()


@pytest.mark.parametrize("drop", ["name", "counts", "metrics"])
def test_other_json_is_refused(tmp_path, capsys, drop):
    path = _write(tmp_path, "one", 0.75, drop=drop)
    output = tmp_path / "comparison.tsv"
    assert main(["compare", "--metrics", path, "--output", str(output)]) == 2
    assert f"{path}: not a file of metrics ('{drop}')" in capsys.readouterr().err
    assert not output.exists()
