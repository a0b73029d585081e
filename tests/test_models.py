import json
import re
import shutil

import pytest
from checkpoint_inputs import make_checkpoint

from circlet import models
from circlet.cli import main
from circlet.errors import InputError
from circlet.evaluation.model_card.front_matter import as_yaml
from circlet.models import (
    SHIPPED,
    Found,
    describe_model,
    figures_of,
    find_model,
    list_models,
    read_card,
    show,
)

AUROC, MCC = (
    {"type": kind, "name": f"{name} (95 % interval {low} to {high})", "value": value}
    for kind, name, low, high, value in (
        ("roc_auc", "AUROC", "0.912", "0.951", 0.934567),
        ("matthews_correlation", "MCC", "-0.012", "0.301", 0.2),
    )
)
OTHER = {"type": "brier_score", "name": "Brier score", "value": 0.25}
DATASET = 'circlet dataset, split gene, test: 40 circRNAs, 30 "other" lncRNAs'


def card(*metrics):
    """A model card, as the workflow writes it."""
    first = {"dataset": {"type": "circlet", "name": DATASET}, "metrics": list(metrics)}
    hard = {"dataset": {"name": "hard"}, "metrics": [OTHER]}
    index = [{"name": "main", "results": [first, hard]}]
    lines = as_yaml({"license": "mit", "tags": ["rna"], "model-index": index})
    return "---\n" + "\n".join(lines) + "\n---\n\n# A model\n\n---\n\nMore.\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two runs, one with a card, and the shipped model."""
    for name in ("models/main", "models/bare", "shipped"):
        make_checkpoint().save(tmp_path / name)
    (tmp_path / "models/main/README.md").write_text(card(MCC, OTHER, AUROC))
    (tmp_path / "models/notes").mkdir()
    monkeypatch.setattr(models, "SHIPPED", tmp_path / "shipped")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "models"


def test_a_model_is_described_by_its_files(folder):
    found = describe_model("mine", folder / "main")
    size = sum(path.stat().st_size for path in (folder / "main").glob("*.safetensors"))
    figures = {"AUROC": "0.935 [0.912, 0.951]", "MCC": "0.200 [-0.012, 0.301]"}
    assert found == Found("mine", 2, False, size, figures, DATASET)


def test_trees_are_told(folder):
    config = json.loads((folder / "bare/config.json").read_text()) | {"tree_weight": 0.0}
    (folder / "bare/config.json").write_text(json.dumps(config))
    assert describe_model("a", folder / "bare").has_trees


def test_the_shipped_model_comes_first_and_the_others_by_name(folder):
    found = list_models(folder)
    assert [each.model for each in found] == ["default", str(folder / "bare"), str(folder / "main")]
    assert [bool(each.figures) for each in found] == [False, False, True]
    assert len(list_models(folder / "none")) == 1


def test_the_table_is_for_people(folder):
    lines = show(list_models(folder)).splitlines()
    header = ["model", "networks", "trees", "size", "AUROC", "MCC", "scored on"]
    assert re.split("  +", lines[0]) == header
    assert re.split("  +", lines[1]) == ["default", "2", "no", "0.1 MiB", "-", "-", "no card"]
    assert lines[3].endswith(f"0.935 [0.912, 0.951]  0.200 [-0.012, 0.301]  {DATASET}")
    assert lines[1].index("2") == lines[0].index("networks")


def test_the_step_prints_a_table_or_json(folder, capsys):
    assert main(["models", "--folder", "models"]) == 0
    told = capsys.readouterr().out
    assert told == show(list_models("models"))
    assert main(["models", "--folder", "models", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [each["model"] for each in found] == ["default", "models/bare", "models/main"]
    assert found[2]["figures"]["AUROC"] == "0.935 [0.912, 0.951]"


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"members": 3}', "\ufffe"])
def test_a_folder_that_is_damaged_is_told_and_left_out(folder, caplog, text):
    (folder / "bare/config.json").write_text(text)
    assert [each.model for each in list_models(folder)] == ["default", str(folder / "main")]
    (warning,) = caplog.records
    assert warning.getMessage().startswith(f"not listed: {folder / 'bare/config.json'}: ")


def test_a_metric_that_was_not_scored_is_left_out(tmp_path):
    (tmp_path / "README.md").write_text(card(MCC | {"name": "MCC"}))
    assert read_card(tmp_path / "README.md") == ({"MCC": "0.200"}, DATASET)
    assert read_card(tmp_path / "none.md") == ({}, "")


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "# A model\n",
            "---\n",
            "---\nlicense: mit\n---\n",
            "---\n[\n---\n",
            "---\n- 3\n---\n",
        ),
        *(card(AUROC | {"value": "high"}), "---\nmodel-index: []\n---\n"),
    ],
)
def test_a_card_without_its_metadata_is_refused(tmp_path, text):
    (tmp_path / "README.md").write_text(text)
    with pytest.raises(InputError, match=r"README\.md: not a model card with its figures; write"):
        read_card(tmp_path / "README.md")


def test_a_model_may_have_no_card_or_one_that_a_person_wrote(tmp_path):
    (tmp_path / "m.onnx").touch()
    assert figures_of(tmp_path / "m.onnx") == figures_of(tmp_path) == ({}, "")
    (tmp_path / "README.md").write_text("# Mine\n\nIt is good.\n")
    assert figures_of(tmp_path) == ({}, "")
    figures, scored_on = figures_of(SHIPPED)
    assert list(figures) == ["AUROC", "MCC"]
    assert scored_on.startswith("circlet dataset")


def test_a_model_is_found_by_what_it_is_called(folder):
    shipped = folder.parent / "shipped"
    assert find_model() == find_model(None) == find_model("default") == shipped
    assert find_model("models/main") == find_model(folder / "main").relative_to(folder.parent)
    with pytest.raises(
        InputError, match=r"^none: no such checkpoint folder or ONNX file; 'circlet"
    ):
        find_model("none")
    shutil.copytree(shipped, "default")
    assert str(find_model("default")) == "default"
