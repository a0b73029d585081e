"""AWS' own toolkits, in a small environment of their own, train a model here and serve one."""

import csv
import io
import json
import os
import shutil
import subprocess
import sysconfig
import tarfile
import venv
from pathlib import Path
from typing import Any

import pytest
from prediction_inputs import classify, fasta_of, read_rows, some_sequences
from training_inputs import OPTIONS

from circlet.cli import main
from circlet.predict import Predictor

REPOSITORY = Path(__file__).resolve().parents[2]
TOOLKITS = ("sagemaker-inference==1.10.1", "sagemaker-training==5.1.4")
PATIENCE = 600  # s
SEQUENCES = [each * 10 for each in some_sequences(5)]  # long enough for the model that ships
IDS = [f"r{row}" for row in range(5)]
JSON, LINES, CSV, FASTA = "application/json", "application/jsonlines", "text/csv", "text/x-fasta"
BODIES = {
    JSON: json.dumps({"sequences": dict(zip(IDS, SEQUENCES, strict=True))}),
    FASTA: fasta_of(SEQUENCES),
    CSV: "id,sequence\n"
    + "".join(f"{name},{each}\n" for name, each in zip(IDS, SEQUENCES, strict=True)),
}
BROKEN = [
    ({"Content-Type": JSON}, "{", 400, "body: is not JSON: "),
    ({"Content-Type": f"{JSON}; charset=utf-8"}, "\xff", 400, "body: is not UTF-8 at byte 0"),
    ({"Content-Type": JSON}, '{"sequences": {}}', 422, "body: sequences: "),
    ({"Content-Type": CSV}, "", 422, "body: has no row"),
    ({"Content-Type": "image/png"}, "x", 415, "body: is of the type image/png"),
    ({}, "x", 415, "body: is of the type that is not told"),
    ({"Content-Type": FASTA, "Accept": "image/png"}, ">a\nACGT\n", 406, "Accept: none of the"),
]


@pytest.fixture(scope="session")
def aws(tmp_path_factory) -> Path:
    """Programs of an environment with AWS' toolkits, and the packages of this one without ours."""
    folder = tmp_path_factory.mktemp("aws") / "env"
    venv.create(folder, with_pip=True)
    (site,) = folder.glob("lib/python*/site-packages")
    # What is named so is not asked for .pth files of its own, such as that of our package.
    (site / "here.pth").write_text(sysconfig.get_path("purelib") + "\n")
    install = [folder / "bin/python", "-m", "pip", "install", "--quiet", "--constraint"]
    subprocess.run(
        [*install, REPOSITORY / "envs/constraints.txt", *TOOLKITS], check=True, timeout=PATIENCE
    )
    return folder / "bin"


def environment(aws: Path, **more: object) -> dict[str, str]:
    """Variables of a process that finds AWS' programs and no copy of our package."""
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    variables |= {"PATH": f"{aws}:{variables['PATH']}", "AWS_EC2_METADATA_DISABLED": "true"}
    variables["OMP_NUM_THREADS"] = "1"  # on a busy machine several would wait for each other
    return variables | {name: str(value) for name, value in more.items()}


def transform(aws: Path, model: Path, requests: list[dict[str, str]]) -> list[dict[str, Any]]:
    """Give what the toolkit answers, having loaded the model with the code beside it alone."""
    done = subprocess.run(
        [aws / "python", REPOSITORY / "tests/serving/transform.py", model],
        env=environment(aws, PYTHONPATH=model / "code"),  # as the model server sets it
        input=json.dumps(requests),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        cwd=model.parent,
        timeout=PATIENCE,
    )
    told = json.loads(done.stdout)
    assert told["files"] == [
        str(model / f"code/{name}") for name in ("circlet/__init__.py", "inference.py")
    ]
    return told["answers"]


def probabilities(body: str, kind: str) -> list[float]:
    """Read those of an answer."""
    if kind == CSV:
        rows = list(csv.DictReader(io.StringIO(body)))
    else:
        rows = (
            [json.loads(line) for line in body.splitlines()]
            if kind == LINES
            else json.loads(body)["predictions"]
        )
    assert [row["id"] for row in rows] == IDS
    return [float(row["p_circrna"]) for row in rows]


@pytest.fixture(scope="session")
def expected(tmp_path_factory) -> list[float]:
    """What `circlet predict` says."""
    folder = tmp_path_factory.mktemp("expected")
    (folder / "in.fa").write_text(fasta_of(SEQUENCES))
    assert classify(Path("default"), folder / "calls.tsv", str(folder / "in.fa")) == 0
    names, *rows = read_rows(folder / "calls.tsv")
    return [float(row[names.index("p_circrna")]) for row in rows]


@pytest.fixture(scope="session")
def answers(aws, tmp_path_factory) -> list[tuple[dict[str, str], dict[str, Any]]]:
    """Requests in all formats, and broken ones, with the answers of the model that ships."""
    folder = tmp_path_factory.mktemp("packed")
    assert (
        main(["package-model", "--model", "default", "--output", str(folder / "model.tar.gz")]) == 0
    )
    with tarfile.open(folder / "model.tar.gz") as archive:
        archive.extractall(folder / "model", filter="data")
    accepts: list[dict[str, str]] = [{}, *({"Accept": kind} for kind in ("*/*", JSON, LINES, CSV))]
    requests = [
        {"Content-Type": kind, "body": body} | accept
        for kind, body in BODIES.items()
        for accept in accepts
    ]
    requests += [headers | {"body": body} for headers, body, *_ in BROKEN]
    return list(zip(requests, transform(aws, folder / "model", requests), strict=True))


def test_every_format_has_the_probabilities_of_predict(answers, expected):
    seen = set()
    for request, answer in answers[: -len(BROKEN)]:
        assert answer["status"] == 200, answer["body"]
        asked = request.get("Accept", "*/*")
        assert answer["type"] == (JSON if asked == "*/*" else asked)
        assert probabilities(answer["body"], answer["type"]) == pytest.approx(expected, abs=1e-5)
        seen.add((request["Content-Type"], asked))
    assert len(seen) == 12
    assert max(expected) - min(expected) > 0.01


def test_what_is_refused_has_its_status_and_line(answers):
    for (_, answer), (_, _, status, line) in zip(answers[-len(BROKEN) :], BROKEN, strict=True):
        assert answer["status"] == status, answer["body"]
        assert answer["body"].startswith(line)
        assert answer["phrase"].startswith(line)


@pytest.fixture(scope="session")
def source(tmp_path_factory) -> Path:
    """What a job's `source_dir` is packed from."""
    path = tmp_path_factory.mktemp("source") / "sourcedir.tar.gz"
    assert main(["package-training", "--output", str(path)]) == 0
    return path


def train(aws: Path, source: Path, base: Path, channel: Path, **changes: object) -> tuple[int, str]:
    """Run AWS' program on a channel; give its exit code and what it printed."""
    hyperparameters = {name: value for name, value in OPTIONS.items() if name not in OF_A_MACHINE}
    hyperparameters |= {"sagemaker_program": "train.py", "sagemaker_submit_directory": str(source)}
    hyperparameters |= {"seeds": [3], "epochs": 2, **changes}
    files = {
        "hyperparameters": {name: json.dumps(value) for name, value in hyperparameters.items()},
        "inputdataconfig": {"training": {"TrainingInputMode": "File"}},
        "resourceconfig": {"current_host": "localhost", "hosts": ["localhost"]},
    }
    for folder in ("input/config", "model", "output", "checkpoints"):
        (base / folder).mkdir(parents=True)
    for name, content in files.items():
        (base / f"input/config/{name}.json").write_text(json.dumps(content))
    shutil.copytree(channel, base / "input/data/training")
    done = subprocess.run(
        [aws / "train"],
        env=environment(aws, SAGEMAKER_BASE_DIR=base, PIP_NO_INDEX=1),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    return done.returncode, done.stdout


OF_A_MACHINE = {"device", "threads", "save_every"}


def test_aws_program_trains_a_model_that_can_be_deployed(aws, source, toy_run, tmp_path):
    code, printed = train(aws, source, tmp_path / "ml", toy_run.folder)
    assert code == 0, printed
    assert (tmp_path / "ml/output/success").exists()
    assert not (tmp_path / "ml/output/failure").exists()
    model = tmp_path / "ml/model"
    predictor = Predictor.from_pretrained(model, "cpu")
    assert predictor.description.names == ["seed3"]
    assert predictor.min_length == 60
    record = predictor.description.training[0]
    assert (record["network"]["width"], record["max_epochs"]) == (8, 2)
    sequences = toy_run.transcripts["sequence"].tolist()[:5]
    body = json.dumps({"sequences": dict(zip(IDS, sequences, strict=True))})
    (answer,) = transform(aws, model, [{"Content-Type": JSON, "body": body}])
    expected = predictor.predict_proba(sequences)
    assert probabilities(answer["body"], JSON) == pytest.approx(expected, abs=1e-5)
    # For a job that is started again: the network, and no state of a training that has ended.
    kept = {path.name for path in (tmp_path / "ml/checkpoints").glob("*/*.*")}
    assert kept == {"seed3.json", "seed3.safetensors"}


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"widht": 8}, "hyperparameters: widht: there is no such setting; choose of accumulate"),
        (
            {"calibration": "plat"},
            "hyperparameters: argument --calibration: invalid choice: 'plat'",
        ),
        ({"dropout": 1.5}, "circlet train: error: settings: dropout: is 1.5; give a share from 0"),
    ],
)
def test_a_broken_hyperparameter_is_the_reason_of_the_failure(
    aws, source, toy_run, tmp_path, changes, line
):
    code, printed = train(aws, source, tmp_path / "ml", toy_run.folder, **changes)
    assert code != 0
    assert (tmp_path / "ml/output/failure").read_text().startswith(line), printed
    assert not (tmp_path / "ml/output/success").exists()


def test_a_broken_channel_is_the_reason_of_the_failure(aws, source, toy_run, tmp_path):
    (tmp_path / "channel").mkdir()
    shutil.copy(toy_run.folder / "transcripts.parquet", tmp_path / "channel")
    code, printed = train(aws, source, tmp_path / "ml", tmp_path / "channel")
    assert code != 0
    reason = (tmp_path / "ml/output/failure").read_text()
    assert reason.endswith("training/split.parquet: no such file; check the path\n"), printed
