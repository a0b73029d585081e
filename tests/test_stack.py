import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import circlet
from circlet.serve import aws_lambda
from circlet.serve.deploy import MEMORY_SIZES, MOST_CONCURRENT

TEMPLATE = Path(circlet.__file__).parent / "serve/templates/stack.yaml"


class Loader(yaml.SafeLoader):
    """Reads the short forms of CloudFormation's functions: `!Ref x` as {"Ref": "x"}."""


def read_function(loader, name, node):
    """Read one of them."""
    construct = {
        yaml.ScalarNode: loader.construct_scalar,
        yaml.SequenceNode: lambda node: loader.construct_sequence(node, deep=True),
        yaml.MappingNode: lambda node: loader.construct_mapping(node, deep=True),
    }[type(node)]
    return {name: construct(node)}


Loader.add_multi_constructor("!", read_function)


@pytest.fixture(scope="module")
def stack():
    return yaml.load(TEMPLATE.read_text(), Loader)  # a SafeLoader


def statements(stack, role):
    """What a role may do: actions, and on what."""
    policy = stack["Resources"][role]["Properties"]["Policies"][0]["PolicyDocument"]
    return [(each["Action"], each["Resource"]) for each in policy["Statement"]]


def test_cfn_lint_has_nothing_to_say():
    command = [Path(sys.executable).with_name("cfn-lint"), "--include-checks", "I"]
    done = subprocess.run(
        [*command, "--template", TEMPLATE], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


def test_the_function_may_ask_its_endpoint_and_write_its_logs_alone(stack):
    assert statements(stack, "FunctionRole") == [
        ("sagemaker:InvokeEndpoint", {"Ref": "Endpoint"}),
        (["logs:CreateLogStream", "logs:PutLogEvents"], {"GetAtt": "FunctionLogs.Arn"}),
    ]


def test_the_model_may_read_its_package_alone(stack):
    allowed = statements(stack, "ModelRole")
    package = {"Sub": "arn:${AWS::Partition}:s3:::${Bucket}/${ModelKey}"}
    assert allowed[0] == ("s3:GetObject", package)
    everywhere = [action for action, resource in allowed if resource == "*"]
    assert everywhere == ["ecr:GetAuthorizationToken", "cloudwatch:PutMetricData"]


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
