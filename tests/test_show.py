import pandas as pd
import pytest

from circlet.cli import main
from circlet.evaluation.comparison import SCORE_COLUMNS
from circlet.files import write_table

ROW = dict.fromkeys(SCORE_COLUMNS, 0.5) | {
    "name": "main",
    "kind": "run",
    "scheme": "gene",
    "part": "test",
    "test_set": "test",
    "n_circrna": 1234,
    "n_lncrna": 56,
    "n_groups": 78,
    "auroc": 0.9,
    "auroc_low": 0.8125,
    "auroc_high": 0.95,
    "mcc": 0.5,
    "mcc_low": -0.25,
    "mcc_high": 0.75,
    "accuracy": 0.8,
}


def test_prints_the_comparison_and_where_the_report_is(tmp_path, capsys, monkeypatch):
    comparison = tmp_path / "comparison.tsv"
    write_table(comparison, pd.DataFrame([ROW, ROW | {"name": "stop_free", "auroc": 0.85}]))
    monkeypatch.chdir(tmp_path)
    assert main(["show", "--comparison", str(comparison), "--report", "out/report.html"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "",
        "Scores on the test part:",
        "name      scheme n     AUROC [interval]     MCC [interval]        ACC  ",
        "main      gene   1,290 0.900 [0.812, 0.950] 0.500 [-0.250, 0.750] 0.800",
        "stop_free gene   1,290 0.850 [0.812, 0.950] 0.500 [-0.250, 0.750] 0.800",
        "",
        f"Report: {tmp_path.resolve()}/out/report.html",
    ]


def test_prints_hard_negatives_apart(tmp_path, capsys):
    comparison = tmp_path / "comparison.tsv"
    hard = ROW | {"part": "hard", "test_set": "hard", "auroc": 0.6, "n_lncrna": 6}
    write_table(comparison, pd.DataFrame([ROW, hard]))
    assert main(["show", "--comparison", str(comparison), "--report", "r.html"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert [line.split()[:4] for line in told[1:8]] == [
        ["Scores", "on", "the", "test"],
        ["name", "scheme", "n", "AUROC"],
        ["main", "gene", "1,290", "0.900"],
        [],
        ["Scores", "on", "the", "hard"],
        ["name", "scheme", "n", "AUROC"],
        ["main", "gene", "1,240", "0.600"],
    ]


def test_refuses_a_missing_table(tmp_path, capsys):
    comparison = tmp_path / "none.tsv"
    assert main(["show", "--comparison", str(comparison), "--report", "r.html"]) == 2
    told = capsys.readouterr()
    assert told.err == f"circlet show: error: {comparison}: no such file; check the path\n"
    assert told.out == ""


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        (pd.DataFrame([ROW]).drop(columns=["part", "mcc_low"]), "lacks the columns ['part', 'mcc"),
        (pd.DataFrame(columns=list(ROW)), "the table has no rows; make it again with 'circlet co"),
    ],
)
def test_refuses_what_is_no_comparison(tmp_path, capsys, table, problem):
    comparison = tmp_path / "comparison.tsv"
    write_table(comparison, table)
    assert main(["show", "--comparison", str(comparison), "--report", "r.html"]) == 2
    assert capsys.readouterr().err.startswith(f"circlet show: error: {comparison}: {problem}")
