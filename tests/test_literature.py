import tomllib
from pathlib import Path

import pytest

from circlet.errors import InputError
from circlet.evaluation.literature import COLUMNS, PATH, SCORES, read_literature

REPOSITORY = Path(__file__).resolve().parents[1]


def write(folder: Path, **changed: str) -> Path:
    row = dict.fromkeys(COLUMNS, "") | {
        "name": "theirs",
        "kind": "quoted",
        "source": "Somebody 2020",
        "split": "random",
        "note": "as stated in the abstract",
        "mcc": "0.5",
    }
    path = folder / "literature.tsv"
    lines = ["\t".join(COLUMNS), "\t".join((row | changed)[name] for name in COLUMNS)]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_published_figures_are_those_of_their_sources():
    table = read_literature().set_index("name")
    with_flanks = table.loc["circDeep, with conservation and flanking repeats"]
    assert (with_flanks["accuracy"], with_flanks["mcc"]) == (0.942, 0.883)
    alone = table.loc["circDeep, sequence network alone"]
    assert (alone["accuracy"], alone["mcc"], alone["kind"]) == (0.898, 0.779, "quoted")
    rerun = table.loc["Circ-ATTEN-MIL"]
    assert (rerun["kind"], rerun["split"]) == ("rerun", "random")
    assert (rerun["accuracy"], rerun["mcc"], rerun["auroc"]) == (0.908, 0.817, 0.974)
    prototype = table.loc["prototype of this pipeline"]
    assert (prototype["accuracy"], prototype["f1"]) == (0.943, 0.942)
    assert prototype[["mcc", "auroc"]].isna().all()
    assert table.loc["PredcircRNA, on its own data", "mcc"] == 0.554


def test_every_figure_tells_where_it_was_found_and_has_a_score():
    table = read_literature()
    assert table[["source", "split", "note"]].map(len).min().min() > 2
    assert table[list(SCORES)].notna().any(axis=1).all()
    assert table["name"].is_unique


def test_table_is_part_of_the_package():
    packaged = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["setuptools"]
    assert PATH.name in packaged["package-data"]["circlet.evaluation"]


def test_texts_are_empty_and_scores_missing_where_not_published(tmp_path):
    row = read_literature(write(tmp_path)).iloc[0]
    assert (row["doi"], row["mcc"]) == ("", 0.5)
    assert row[["accuracy", "f1", "auroc"]].isna().all()


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"note": ""}, "lacks name, source, split or note"),
        ({"kind": "run"}, "the kind 'run'"),
        ({"mcc": "high"}, "not a number"),
        ({"mcc": "88.3"}, "not from -1 to 1"),
    ],
)
def test_refuses_a_table_that_cannot_be_quoted(tmp_path, changed, told):
    with pytest.raises(InputError, match=told):
        read_literature(write(tmp_path, **changed))
