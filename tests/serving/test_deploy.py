"""The step `deploy` on a moto server: what it makes, changes and removes in AWS."""

import gzip
import os
import subprocess
import sys

import boto3
import pytest
import requests
from moto.core.responses import ActionResult
from moto.sagemaker.responses import SageMakerResponse
from moto.server import ThreadedMotoServer

ROLE = "arn:aws:iam::123456789012:role/circlet"
IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/circlet:1"


def update_endpoint(self):
    """What moto has not: the endpoint goes over to another configuration at once."""
    endpoint = self.sagemaker_backend.endpoints[self._get_param("EndpointName")]
    endpoint.endpoint_config_name = self._get_param("EndpointConfigName")
    return ActionResult({"EndpointArn": endpoint.arn})


@pytest.fixture(scope="module")
def aws():
    """Address of a server that stands for AWS."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SageMakerResponse, "update_endpoint", update_endpoint, raising=False)
        server.start()
        try:
            yield "http://{}:{}".format(*server.get_host_and_port())
        finally:
            server.stop()


@pytest.fixture
def variables(aws, tmp_path):
    """The environment of a user who is signed in; nothing of this machine's own is read."""
    requests.post(f"{aws}/moto-api/reset", timeout=60)
    nothing = str(tmp_path / "nothing")
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        "AWS_ENDPOINT_URL": aws,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_CONFIG_FILE": nothing,
        "AWS_SHARED_CREDENTIALS_FILE": nothing,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@pytest.fixture
def clients(variables):
    """S3 with the bucket `models`, and SageMaker."""
    keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}
    about = {"region_name": "eu-west-1", "endpoint_url": variables["AWS_ENDPOINT_URL"], **keys}
    s3, sagemaker = (boto3.client(name, **about) for name in ("s3", "sagemaker"))
    s3.create_bucket(Bucket="models", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return s3, sagemaker


@pytest.fixture
def package(tmp_path):
    """Stands for what `circlet package-model` makes."""
    (tmp_path / "model.tar.gz").write_bytes(gzip.compress(b"weights", mtime=0))
    return tmp_path / "model.tar.gz"


@pytest.fixture
def deploy(variables, package):
    """Give a function that runs the step; it gives exit code, output and error."""

    def deploy(*words, delete=False, **changes):
        made = ["--package", str(package), "--bucket", "models", "--image", IMAGE, "--role", ROLE]
        command = [sys.executable, "-m", "circlet", "deploy", "--region", "eu-west-1"]
        command += ["--delete"] if delete else made
        env = {name: value for name, value in (variables | changes).items() if value is not None}
        done = subprocess.run(
            [*command, *words], env=env, capture_output=True, text=True, check=False, timeout=120
        )
        return done.returncode, done.stdout, done.stderr

    return deploy


def what_is_there(clients):
    """Keys in S3, and names of models, configurations and endpoints."""
    s3, sagemaker = clients
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket="models").get("Contents", ())]
    models = [each["ModelName"] for each in sagemaker.list_models()["Models"]]
    configs = sagemaker.list_endpoint_configs()["EndpointConfigs"]
    endpoints = [each["EndpointName"] for each in sagemaker.list_endpoints()["Endpoints"]]
    return keys, models, [each["EndpointConfigName"] for each in configs], endpoints


def test_it_makes_changes_and_removes_an_endpoint(clients, deploy, package):
    s3, sagemaker = clients
    assert deploy()[:2] == (0, "circlet\n")
    made = what_is_there(clients)
    (key,), (model,), (config,), endpoints = made
    assert endpoints == ["circlet"]
    assert s3.get_object(Bucket="models", Key=key)["Body"].read() == package.read_bytes()
    about = sagemaker.describe_model(ModelName=model)
    assert about["ExecutionRoleArn"] == ROLE
    assert about["PrimaryContainer"] == {"Image": IMAGE, "ModelDataUrl": f"s3://models/{key}"}
    variant = sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"][0]
    assert variant["ModelName"] == model
    assert variant["ServerlessConfig"] == {"MemorySizeInMB": 3072, "MaxConcurrency": 5}

    code, told, log = deploy()
    assert (code, told) == (0, "circlet\n")
    assert f"s3://models/{key} is there" in log
    assert "endpoint circlet is as wanted" in log
    assert what_is_there(clients) == made

    assert deploy("--instance-type", "ml.m5.large")[0] == 0
    keys, models, (other,), _ = what_is_there(clients)
    assert (keys, models) == made[:2]
    assert other != config
    variant = sagemaker.describe_endpoint_config(EndpointConfigName=other)["ProductionVariants"][0]
    assert (variant["InstanceType"], variant["InitialInstanceCount"]) == ("ml.m5.large", 1)
    about = sagemaker.describe_endpoint(EndpointName="circlet")
    assert about["EndpointConfigName"] == other

    package.write_bytes(gzip.compress(b"other weights", mtime=0))
    assert deploy("--instance-type", "ml.m5.large")[0] == 0
    (other_key,), (other_model,), (last,), _ = what_is_there(clients)
    assert other_key != key
    assert other_model != model
    assert last != other

    assert deploy(delete=True)[:2] == (0, "")
    assert what_is_there(clients) == ([], [], [], [])


def test_endpoints_of_others_are_left_alone(clients, deploy):
    _, sagemaker = clients
    container = {"Image": IMAGE, "ModelDataUrl": "s3://models/theirs"}
    sagemaker.create_model(ModelName="theirs", ExecutionRoleArn=ROLE, PrimaryContainer=container)
    variant = {"VariantName": "all", "ModelName": "theirs", "InstanceType": "ml.m5.large"}
    variant |= {"InitialInstanceCount": 1, "InitialVariantWeight": 1}
    sagemaker.create_endpoint_config(EndpointConfigName="theirs", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="circlet", EndpointConfigName="theirs")
    line = (
        "circlet deploy: error: endpoint circlet: was not made by 'circlet deploy'; "
        "give another --name\n"
    )
    for options in ({}, {"delete": True}):
        code, _, log = deploy(**options)
        assert (code, log.splitlines(keepends=True)[-1]) == (2, line)
    assert what_is_there(clients)[1:] == (["theirs"], ["theirs"], ["circlet"])


@pytest.mark.parametrize(
    ("words", "changes", "line"),
    [
        (
            ["--bucket", "missing"],
            {},
            "AWS: PutObject: NoSuchBucket: The specified bucket does not exist; "
            "check --bucket and --region",
        ),
        (
            [],
            {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None},
            "AWS: there are no credentials; sign in, or name a profile by AWS_PROFILE",
        ),
        (
            [],
            {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"},
            'AWS: Could not connect to the endpoint URL: "http://127.0.0.1:9/models/circlet/',
        ),
        (["--region", ""], {}, "--region: is missing; give it, or set AWS_DEFAULT_REGION"),
    ],
)
def test_what_aws_refuses_is_one_line(clients, deploy, words, changes, line):
    code, told, log = deploy(*words, **changes)
    assert (code, told) == (2, "")
    assert log.splitlines()[-1].startswith(f"circlet deploy: error: {line}")
    assert "Traceback" not in log


def test_there_is_nothing_to_remove(clients, deploy):
    code, _, log = deploy(delete=True)
    line = "endpoint circlet: there is none; check --name and --region\n"
    assert (code, log) == (2, f"circlet deploy: error: {line}")
