import argparse

import pytest

from circlet.cli import main
from circlet.errors import InputError
from circlet.serve import deploy
from circlet.serve.deployment import Deployment

SIZE = {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
WANTED = Deployment("circlet", "image:1", "role", "s3://models/a", SIZE)


class SageMaker:
    """Tells one status after another of the endpoint, and keeps what is asked for it."""

    def __init__(self, *statuses, config=WANTED.config_name, reason=None):
        self.statuses, self.asked = list(statuses), []
        self.about = {"EndpointName": "circlet", "EndpointConfigName": config}
        self.about |= {} if reason is None else {"FailureReason": reason}

    def describe_endpoint(self, **names):
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return self.about | {"EndpointStatus": status}

    def describe_model(self, **names):
        return {}

    describe_endpoint_config = describe_model

    def update_endpoint(self, **names):
        self.asked.append(names["EndpointConfigName"])


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(deploy, "POLL_SECONDS", 0)


def test_it_waits_for_an_endpoint_that_another_run_changes(caplog):
    caplog.set_level("INFO")
    aws = SageMaker("Updating", "Creating", "InService")
    deploy.deploy(aws, WANTED, 60)
    assert aws.asked == []
    assert caplog.messages == [
        "endpoint circlet is Updating",
        "endpoint circlet is Creating",
        "endpoint circlet is as wanted",
    ]


@pytest.mark.parametrize(
    ("aws", "line"),
    [
        (
            SageMaker("Failed", reason="the image is missing"),
            "endpoint circlet: is Failed (the image is missing); see its log group in CloudWatch; "
            "'circlet deploy --delete' removes it",
        ),
        (
            SageMaker("InService", "InService", config="circlet-old", reason="ping failed"),
            "endpoint circlet: was not changed and serves as before (ping failed); "
            "see its log group in CloudWatch",
        ),
        (
            SageMaker("InService", config="theirs"),
            "endpoint circlet: was not made by 'circlet deploy'; give another --name",
        ),
        (
            SageMaker("Creating"),
            "endpoint circlet: is Creating after 0.05 s; give a longer --timeout, and run again",
        ),
    ],
)
def test_an_endpoint_that_does_not_come_to_serve(aws, line):
    with pytest.raises(InputError) as caught:
        deploy.deploy(aws, WANTED, 0.05)
    assert str(caught.value) == line


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ([], "--package: is missing; only --delete does without it"),
        (
            ["--package", "m", "--bucket", "b", "--image", "i", "--role", "r"],
            "m: no such file; check the path",
        ),
        (
            ["--package", "m", "--bucket", "b", "--image", "i", "--role", "r", "--concurrency=0"],
            "--concurrency: is 0; give a whole number from 1 to 200",
        ),
    ],
)
def test_wrong_arguments_are_told_before_aws_is_asked(words, line, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["deploy", *words]) == 2
    assert capsys.readouterr().err == f"circlet deploy: error: {line}\n"


@pytest.mark.parametrize("name", ["circlet", "a", "my-Endpoint-2", "a" * 50])
def test_names(name):
    assert deploy.endpoint_name(name) == name


@pytest.mark.parametrize("name", ["", "-a", "a-", "a--b", "a_b", "a" * 51, "a.b"])
def test_names_that_sagemaker_would_refuse(name):
    with pytest.raises(argparse.ArgumentTypeError, match="up to 50 letters and digits"):
        deploy.endpoint_name(name)
