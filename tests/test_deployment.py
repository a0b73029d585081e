from functools import partial

import pytest
from botocore import exceptions

from circlet.errors import InputError
from circlet.serve.deployment import Deployment, digest_of, found, told

SIZE = {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
DEPLOYMENT = partial(Deployment, "circlet", "image:1", "role", "s3://models/a", SIZE)


def refusal(code, message="no"):
    """An error of AWS."""
    return exceptions.ClientError({"Error": {"Code": code, "Message": message}}, "CreateModel")


def test_names_tell_what_the_parts_are():
    this = DEPLOYMENT()
    digest = digest_of("image:1", "role", "s3://models/a")
    assert this.model_name == f"circlet-{digest}"
    assert this.config_name == f"circlet-{digest_of(this.model_name, SIZE)}"
    assert len(digest) == 12
    other = Deployment("circlet", "image:2", "role", "s3://models/a", SIZE)
    assert other.model_name != this.model_name
    assert other.config_name != this.config_name
    larger = Deployment("circlet", "image:1", "role", "s3://models/a", SIZE | {"More": 1})
    assert larger.model_name == this.model_name
    assert larger.config_name != this.config_name


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            refusal("AccessDeniedException", "User may not"),
            "AWS: CreateModel: AccessDeniedException: User may not; "
            "give these credentials, or the role, that permission",
        ),
        (refusal("ExpiredToken"), "AWS: CreateModel: ExpiredToken: no; sign in to AWS again"),
        (refusal("Other"), "AWS: CreateModel: Other: no; check the arguments"),
        (
            exceptions.NoCredentialsError(),
            "AWS: there are no credentials; sign in, or name a profile by AWS_PROFILE",
        ),
        (
            exceptions.NoRegionError(),
            "--region: is missing; give it, or set AWS_DEFAULT_REGION",
        ),
        (
            exceptions.ProfileNotFound(profile="mine"),
            "AWS: The config profile (mine) could not be found; "
            "check arguments, profile and network",
        ),
    ],
)
def test_errors_of_aws_are_told_in_one_line(error, line):
    with pytest.raises(InputError) as caught, told():
        raise error
    assert str(caught.value) == line


def test_what_is_not_there_is_none_and_other_errors_are_passed_on():
    def describe(code, message):
        raise refusal(code, message)

    assert (
        found(partial(describe, message="Could not find model 'x'."), code="ValidationException")
        is None
    )
    for code, message in [("ValidationException", "bad name"), ("AccessDenied", "Could not find")]:
        with pytest.raises(exceptions.ClientError, match=message):
            found(describe, code=code, message=message)
