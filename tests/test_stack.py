import ast
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import boto3
import pytest
import yaml
from moto import mock_aws

import circlet
from circlet.serve import aws_lambda
from circlet.serve.deploy import MEMORY_SIZES, MOST_CONCURRENT

TEMPLATE = Path(circlet.__file__).parent / "serve/templates/stack.yaml"


class Loader(yaml.SafeLoader):
    """Reads the short forms of CloudFormation's functions: `!Sub x` as {"Fn::Sub": "x"}."""


def read_function(loader, name, node):
    """Read one of them."""
    if name == "Ref":
        return {name: loader.construct_scalar(node)}
    if name == "GetAtt":
        return {f"Fn::{name}": loader.construct_scalar(node).split(".")}
    if isinstance(node, yaml.SequenceNode):
        return {f"Fn::{name}": loader.construct_sequence(node, deep=True)}
    return {f"Fn::{name}": loader.construct_scalar(node)}


Loader.add_multi_constructor("!", read_function)


@pytest.fixture(scope="module")
def stack():
    return yaml.load(TEMPLATE.read_text(), Loader)  # a SafeLoader


IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/circlet"
ARN = "arn:aws:{}:eu-west-1:123456789012:{}".format


def zip_bytes():
    """A zip that holds a file."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("circlet.py", "")
    return stream.getvalue()


@pytest.fixture(params=[":1", "@sha256:abc", ""])
def allowed(stack, request, monkeypatch):
    """What each role may do in a stack that moto makes, of images named in several ways.

    It is made without the HTTP API, of which moto's CloudFormation knows nothing.
    """
    known = {
        name: each
        for name, each in stack["Resources"].items()
        if "ApiGateway" not in each["Type"] and "Permission" not in each["Type"]
    }
    template = {key: stack[key] for key in ("Parameters", "Conditions")} | {"Resources": known}
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "none")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with mock_aws():
        s3 = boto3.client("s3")
        place = {"LocationConstraint": "eu-west-1"}
        s3.create_bucket(Bucket="models", CreateBucketConfiguration=place)
        s3.put_object(Bucket="models", Key="lambda.zip", Body=zip_bytes())
        given = {"ImageUri": IMAGE + request.param, "Bucket": "models", "CodeKey": "lambda.zip"}
        given |= {"ModelKey": "m/model.tar.gz"}
        boto3.client("cloudformation").create_stack(
            StackName="circlet",
            TemplateBody=json.dumps(template),
            Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in given.items()],
        )
        return dict(read_policies(boto3.client("iam")))


def read_policies(iam):
    """Yield the name of each policy, and pairs of actions and what they may be done to."""
    for role in iam.list_roles()["Roles"]:
        for name in iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]:
            policy = iam.get_role_policy(RoleName=role["RoleName"], PolicyName=name)
            told = ast.literal_eval(policy["PolicyDocument"])  # moto writes no JSON
            yield name, [(each["Action"], each["Resource"]) for each in told["Statement"]]


def test_cfn_lint_has_nothing_to_say():
    command = [Path(sys.executable).with_name("cfn-lint"), "--include-checks", "I"]
    done = subprocess.run(
        [*command, "--template", TEMPLATE], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


def test_the_roles_may_do_what_they_have_to_alone(allowed):
    (ask, endpoint), (write, _) = allowed["function"]
    assert (ask, write) == (
        "sagemaker:InvokeEndpoint",
        ["logs:CreateLogStream", "logs:PutLogEvents"],
    )
    assert endpoint.startswith(ARN("sagemaker", "endpoint/circlet"))
    package, (pull, image), *rest = allowed["model"]
    assert package == ("s3:GetObject", "arn:aws:s3:::models/m/model.tar.gz")
    assert pull[1:] == ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    assert image == ARN("ecr", "repository/team/circlet")
    everywhere = [action for action, resource in rest if resource == "*"]
    assert everywhere == ["ecr:GetAuthorizationToken", "cloudwatch:PutMetricData"]
    logs = next(resource for action, resource in rest if "logs:PutLogEvents" in action)
    assert logs[0] == ARN("logs", "log-group:/aws/sagemaker/Endpoints/circlet")


def test_the_function_is_the_packed_one_and_ends_before_api_gateway_does(stack):
    function = stack["Resources"]["Function"]["Properties"]
    module, _, name = function["Handler"].rpartition(".")
    assert module == aws_lambda.__name__
    assert callable(getattr(aws_lambda, name))
    tries = 2 * aws_lambda.CONNECT_SECONDS + aws_lambda.PAUSE_SECONDS + aws_lambda.READ_SECONDS
    integration = stack["Resources"]["Integration"]["Properties"]
    assert tries < function["Timeout"] < integration["TimeoutInMillis"] / 1000
    assert list(function["Environment"]["Variables"]) == ["ENDPOINT_NAME"]


def test_its_routes_are_those_of_the_function(stack):
    routes = {
        each["Properties"]["RouteKey"]
        for each in stack["Resources"].values()
        if each["Type"] == "AWS::ApiGatewayV2::Route"
    }
    told = json.loads(aws_lambda.app.get_openapi_json_schema())["paths"]
    ours = {f"{method.upper()} {path}" for path, methods in told.items() for method in methods}
    assert routes == ours == {"POST /predict", "GET /health"}


def test_nothing_is_open_unless_it_is_asked_for(stack):
    defaults = {name: each.get("Default") for name, each in stack["Parameters"].items()}
    assert defaults["Authorization"] == "AWS_IAM"
    assert defaults["CorsOrigin"] == ""


def test_sizes_are_those_of_the_step_deploy(stack):
    parameters = stack["Parameters"]
    assert parameters["MemorySize"]["AllowedValues"] == list(MEMORY_SIZES)
    assert parameters["MaxConcurrency"]["MaxValue"] == MOST_CONCURRENT
