"""What a job runs, and what it says when it fails; by AWS' own program: serving/."""

import json
from pathlib import Path

import pytest

from circlet.cli import build_parser
from circlet.errors import InputError
from circlet.serve import sagemaker_training
from circlet.serve.hyperparameters import find_config, read_defaults, read_settings
from circlet.serve.sagemaker_training import (
    CALLED,
    Job,
    StepError,
    check,
    main,
    plan,
    run_step,
    train,
)

TOLD = {"SM_HPS": '{"k": 4}', "SM_CHANNEL_TRAINING": "/data", "SM_MODEL_DIR": "/model"}


def planned(gpus: int = 0, **given: object) -> dict[str, list]:
    """The steps of a job and their parsed options, by the names of the steps."""
    job = Job(given, Path("data"), Path("model"), None, gpus)
    settings = read_settings(given, read_defaults(find_config()))
    found: dict[str, list] = {}
    for words in plan(job, settings, Path("scratch"), Path("kept")):
        found.setdefault(words[0], []).append(build_parser(words[0]).parse_args(words))
    return found


def test_a_job_is_what_the_toolkit_says(tmp_path):
    variables = TOLD | {"SAGEMAKER_BASE_DIR": str(tmp_path), "SM_NUM_GPUS": "4"}
    assert Job.read(variables) == ({"k": 4}, Path("/data"), Path("/model"), None, 4)
    (tmp_path / "checkpoints").mkdir()
    assert Job.read(variables).checkpoints == tmp_path / "checkpoints"


@pytest.mark.parametrize("name", TOLD)
def test_without_a_channel_or_the_toolkit_there_is_no_job(name):
    variables = {key: value for key, value in TOLD.items() if key != name}
    with pytest.raises(InputError, match=f"environment: {name}: is not set; .* 'training'"):
        Job.read(variables)


def test_several_instances_are_refused():
    with pytest.raises(InputError, match="resources: the job has several instances; ask for one"):
        Job.read(TOLD | {"SM_HOSTS": json.dumps(["algo-1", "algo-2"])})


def test_a_job_takes_the_steps_of_the_workflow():
    steps = planned(seeds=[3, 5], width=32, k=4, epochs=2, min_length=60, calibration="isotonic")
    assert tuple(steps) == CALLED
    first, second = steps["train"]
    assert (first.seed, second.seed) == (3, 5)
    assert (first.width, first.epochs, first.min_length) == (32, 2, 60)
    assert (first.device, first.gpus) == ("cpu", 0)
    assert steps["vocabulary"][0].k == 4
    assert steps["vocabulary"][0].ring
    assert steps["trees"][0].seed == 3
    (last,) = steps["assemble"]
    assert last.weights == [first.weights, second.weights]
    assert last.records == [first.record, second.record]
    assert (last.trees, last.calibration) == (steps["trees"][0].output, "isotonic")
    assert (last.output, last.min_length, last.tokens) == ("model", 60, first.tokens)


def test_without_boosting_no_trees_are_grown():
    steps = planned(boosting=False)
    assert "trees" not in steps
    assert steps["assemble"][0].trees is None


def test_gpus_share_a_training():
    steps = planned(gpus=4)
    assert {(each.device, each.gpus) for each in steps["train"]} == {("cuda", 4)}
    assert steps["assemble"][0].device == "cuda"


def test_an_option_that_a_step_refuses_is_told_in_a_line():
    with pytest.raises(InputError) as caught:
        check(["assemble", "--calibration", "plat"])
    told = "hyperparameters: argument --calibration: invalid choice: 'plat' (choose from "
    assert str(caught.value).startswith(told)


def test_a_step_that_fails_is_told_by_its_line(tmp_path, capfd):
    words = ["trees", *(f"--{name}=missing" for name in ("tokens", "offsets", "features", "index"))]
    with pytest.raises(
        StepError, match=r"^circlet trees: error: missing: no such file; check"
    ) as caught:
        run_step([*words, "--output", str(tmp_path / "trees")])
    assert caught.value.code == 2
    assert "circlet trees: error: missing: no such file" in capfd.readouterr().err


@pytest.fixture
def run_main(monkeypatch, tmp_path):
    """Give a function that runs `main` with hyperparameters; give its code and the reason."""

    def run(hyperparameters: dict, train=None) -> tuple[int, str]:
        told = TOLD | {"SM_HPS": json.dumps(hyperparameters), "SM_OUTPUT_DIR": str(tmp_path)}
        for name, value in told.items():
            monkeypatch.setenv(name, value)
        if train:
            monkeypatch.setattr(sagemaker_training, "train", train)
        return main(), (tmp_path / "failure").read_text()

    return run


def test_bad_input_ends_with_2_and_its_line(run_main):
    code, reason = run_main({"x": 1})
    assert code == 2
    assert reason.startswith("hyperparameters: x: there is no such setting; choose of ")


def test_a_failed_step_tells_code_and_line(run_main):
    def fail(job):
        raise StepError("circlet train: error: x; y", 3)

    assert run_main({}, fail) == (3, "circlet train: error: x; y\n")


def test_an_error_of_ours_is_told_too(run_main, tmp_path):
    def fail(job):
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        run_main({}, fail)
    assert (tmp_path / "failure").read_text() == "ValueError('no')\n"


def test_a_seed_that_an_earlier_try_trained_is_not_trained_again(monkeypatch, toy_run, tmp_path):
    ran: list[list[str]] = []
    monkeypatch.setattr(sagemaker_training, "run_step", ran.append)
    (tmp_path / "checkpoints").mkdir()
    given = {"seeds": [1, 2], "boosting": False}
    job = Job(given, toy_run.folder, tmp_path / "model", tmp_path / "checkpoints", 0)
    train(job)
    (first, second) = (Path(words[-1]) for words in ran if words[0] == "train")
    assert first.parent.parent == tmp_path / "checkpoints"
    first.parent.mkdir()
    first.write_text("{}")
    ran.clear()
    train(job)
    assert [words[-1] for words in ran if words[0] == "train"] == [str(second)]
    ran.clear()
    train(job._replace(hyperparameters=given | {"width": 32}))  # another training
    assert len([words for words in ran if words[0] == "train"]) == 2
    assert (tmp_path / "model/code/inference.py").exists()
