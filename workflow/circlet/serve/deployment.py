"""What stands behind an endpoint of SageMaker, and the errors of AWS in words."""

import contextlib
import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

from circlet.errors import InputError

SIGN_IN = "sign in to AWS again"
ALLOW = "give these credentials, or the role, that permission"
REGION = "check --bucket and --region"
MENDS = {
    "AccessDenied": ALLOW,
    "AccessDeniedException": ALLOW,
    "AuthorizationHeaderMalformed": REGION,
    "ExpiredToken": SIGN_IN,
    "ExpiredTokenException": SIGN_IN,
    "InvalidAccessKeyId": SIGN_IN,
    "InvalidClientTokenId": SIGN_IN,
    "NoSuchBucket": REGION,
    "PermanentRedirect": REGION,
    "SignatureDoesNotMatch": SIGN_IN,
    "UnrecognizedClientException": SIGN_IN,
}


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Turn the errors of AWS into an `InputError`.

    Raises:
        InputError: What AWS refuses, or why it is not reached.
    """
    from botocore import exceptions

    try:
        yield
    except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError):
        mend = "sign in, or name a profile by AWS_PROFILE"
        raise InputError("AWS", "there are no credentials", mend) from None
    except exceptions.NoRegionError:
        mend = "give it, or set AWS_DEFAULT_REGION"
        raise InputError("--region", "is missing", mend) from None
    except exceptions.ClientError as error:
        code, message = (error.response["Error"].get(key, "") for key in ("Code", "Message"))
        mend = MENDS.get(code, "check the arguments")
        raise InputError("AWS", f"{code}: {message}", mend, error.operation_name) from None
    except exceptions.BotoCoreError as error:
        mend = "check arguments, profile and network"
        raise InputError("AWS", str(error), mend) from None


def found(describe: Callable[..., dict[str, Any]], **name: str) -> dict[str, Any] | None:
    """Ask SageMaker about something; give None if it is not there."""
    from botocore.exceptions import ClientError

    try:
        return describe(**name)
    except ClientError as error:
        about = error.response["Error"]
        if about["Code"] == "ValidationException" and "Could not find" in about["Message"]:
            return None
        raise


def digest_of(*parts: Any) -> str:
    """Name a combination by its hash."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


@dataclasses.dataclass(frozen=True)
class Deployment:
    """What an endpoint shall be.

    Its parts are named after it and what they are, so that none is made twice.

    Attributes:
        name: Of the endpoint.
        image: URI of the container.
        role: ARN of what SageMaker may do.
        url: Of the model's package in S3.
        size: Fields of the variant: `ServerlessConfig`, or `InstanceType` and the count.
    """

    name: str
    image: str
    role: str
    url: str
    size: dict[str, Any]

    @property
    def model_name(self) -> str:
        """Of SageMaker's model: image, role and package."""
        return f"{self.name}-{digest_of(self.image, self.role, self.url)}"

    @property
    def config_name(self) -> str:
        """Of the endpoint's configuration: model and size."""
        return f"{self.name}-{digest_of(self.model_name, self.size)}"

    def create_parts(self, sagemaker: Any) -> None:
        """Create model and configuration, unless they are there."""
        if found(sagemaker.describe_model, ModelName=self.model_name) is None:
            sagemaker.create_model(
                ModelName=self.model_name,
                ExecutionRoleArn=self.role,
                PrimaryContainer={"Image": self.image, "ModelDataUrl": self.url},
            )
        about = found(sagemaker.describe_endpoint_config, EndpointConfigName=self.config_name)
        if about is None:
            variant = {"VariantName": "all", "ModelName": self.model_name}
            sagemaker.create_endpoint_config(
                EndpointConfigName=self.config_name,
                ProductionVariants=[variant | {"InitialVariantWeight": 1} | self.size],
            )
