import pytest
import yaml

from circlet.errors import InputError
from circlet.serve.hyperparameters import find_config, options, read_defaults, read_settings

DEFAULTS = {
    "seeds": [1, 2],
    "boosting": True,
    "calibration": "platt",
    "dataset.min_length": 200,
    "vocabulary.k": 3,
    "vocabulary.ring": True,
    "vocabulary.window": None,
    "network.window": 256,
    "network.max_tokens": 300,
    "training.compile": False,
}


def test_defaults_are_those_of_the_first_run():
    config = yaml.safe_load(find_config().read_text())
    run, defaults = config["runs"][config["run"][0]], read_defaults(find_config())
    assert defaults["network.width"] == run["network"]["width"]
    assert defaults["training.epochs"] == run["training"]["epochs"]
    assert defaults["vocabulary.k"] == run["vocabulary"]["k"]
    assert defaults["seeds"] == run["seeds"]
    assert defaults["dataset.min_length"] == config["dataset"]["min_length"]
    assert not any(name.startswith("split") for name in defaults)


def test_a_run_has_the_settings_of_its_base(tmp_path):
    text = """
    dataset: {min_length: 100}
    run: [mine, other]
    runs:
      other: {seeds: [9]}
      old: {seeds: [1], boosting: true, calibration: none,
            vocabulary: {k: 3}, network: {width: 8, heads: 2}, training: {epochs: 1}}
      mine: {base: old, seeds: [5], network: {width: 16}}
    """
    (tmp_path / "config.yaml").write_text(text)
    assert read_defaults(tmp_path / "config.yaml") == {
        "seeds": [5],
        "boosting": True,
        "calibration": "none",
        "dataset.min_length": 100,
        "vocabulary.k": 3,
        "network.width": 16,
        "network.heads": 2,
        "training.epochs": 1,
    }


@pytest.mark.parametrize("text", ["", "run: []", "run: [a]\nruns: {}", "{", "runs: 3\nrun: [a]"])
def test_what_is_no_config_is_refused(tmp_path, text):
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(InputError, match=r"config\.yaml: not a config with a run"):
        read_defaults(tmp_path / "config.yaml")


def test_hyperparameters_take_the_place_of_defaults():
    given = {"k": 5, "network.window": 64, "seeds": 7, "min_length": 60, "boosting": False}
    assert read_settings(given, DEFAULTS) == DEFAULTS | {
        "vocabulary.k": 5,
        "network.window": 64,
        "seeds": [7],
        "dataset.min_length": 60,
        "boosting": False,
    }


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"widht": 3}, "widht: there is no such setting; choose of boosting, calibration, compile"),
        ({"window": 3}, "window: two settings have this name; give vocabulary.window or network."),
        ({"seeds": [1, 1]}, r"seeds: is \[1, 1\]; give different whole numbers"),
        ({"seeds": []}, r"seeds: is \[\]; give different"),
        ({"boosting": "yes"}, "boosting: is 'yes'; give true or false"),
    ],
)
def test_other_hyperparameters_are_refused(given, line):
    with pytest.raises(InputError, match=f"^hyperparameters: {line}"):
        read_settings(given, DEFAULTS)


def test_options_bear_the_names_of_settings():
    assert options(DEFAULTS, "vocabulary") == ["--k", "3", "--ring"]
    assert options(DEFAULTS, "network") == ["--max-tokens", "300", "--window", "256"]
    assert options(DEFAULTS, "training") == ["--no-compile"]
