"""What a job runs, and what it says when it fails; by AWS' own program: serving/."""

import json
from pathlib import Path

import pytest

from circlet.cli import build_parser
from circlet.errors import InputError
from circlet.serve import sagemaker_training
from circlet.serve.hyperparameters import find_config, read_defaults, read_settings
from circlet.serve.sagemaker_training import CALLED, Job, StepError, check, main, plan, run_step

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
    with pytest.raises(StepError, match=r"^circlet trees: error: missing: no such file; check"):
        run_step([*words, "--output", str(tmp_path / "trees")])
    assert "circlet trees: error: missing: no such file" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (StepError("circlet train: error: x; y"), "circlet train: error: x; y\n"),
        (ValueError("no"), "ValueError('no')\n"),
    ],
)
def test_the_reason_of_a_failure_is_left_for_the_toolkit(monkeypatch, tmp_path, error, told):
    def fail(job):
        raise error

    monkeypatch.setattr(sagemaker_training, "train", fail)
    for name, value in (TOLD | {"SM_OUTPUT_DIR": str(tmp_path)}).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(type(error)):
        main()
    assert (tmp_path / "failure").read_text() == told


def test_bad_input_ends_with_2_and_its_line(monkeypatch, tmp_path):
    for name, value in (TOLD | {"SM_HPS": '{"x": 1}', "SM_OUTPUT_DIR": str(tmp_path)}).items():
        monkeypatch.setenv(name, value)
    assert main() == 2
    line = "hyperparameters: x: there is no such setting; choose of "
    assert (tmp_path / "failure").read_text().startswith(line)
