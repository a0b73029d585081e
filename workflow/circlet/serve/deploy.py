"""Put a packed model behind a SageMaker endpoint that runs circlet's container, or remove it.

Credentials come from where boto3 looks for them: a profile, the environment, or the machine's role.
"""

import argparse
import base64
import logging
import re
import sys
import time
from pathlib import Path
from typing import Any

from circlet.errors import InputError
from circlet.serve.deployment import Deployment, found, told

MEMORY_SIZES = range(1024, 6145, 1024)  # of a serverless endpoint, MB
MOST_CONCURRENT = 200
POLL_SECONDS = 10
MOVING = ("Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting")

log = logging.getLogger(__name__)


def upload(s3: Any, package: Path, bucket: str, key: str, digest: str) -> None:
    """Upload a package, unless its key, which has its hash, is there.

    Args:
        s3: Client of S3.
        package: What `circlet package-model` made.
        bucket: Where to put it.
        key: Its name there.
        digest: Its SHA-256, hexadecimal, by which S3 checks what arrives.
    """
    from botocore.exceptions import ClientError

    try:
        s3.head_object(Bucket=bucket, Key=key)
    except ClientError:  # not there, or we may not look: the upload tells what is wrong
        log.info("uploading %s (%d bytes)", package, package.stat().st_size)
        checksum = base64.b64encode(bytes.fromhex(digest)).decode()
        with package.open("rb") as body:
            s3.put_object(Bucket=bucket, Key=key, Body=body, ChecksumSHA256=checksum)
    else:
        log.info("s3://%s/%s is there", bucket, key)


def wait(sagemaker: Any, name: str, seconds: float) -> dict[str, Any] | None:
    """Wait until an endpoint neither comes, changes nor goes; give what AWS tells of it, if it is.

    Raises:
        InputError: It takes longer.
    """
    end = time.monotonic() + seconds
    while True:
        about = found(sagemaker.describe_endpoint, EndpointName=name)
        if about is None or about["EndpointStatus"] not in MOVING:
            return about
        if time.monotonic() >= end:
            problem = f"is {about['EndpointStatus']} after {seconds:g} s"
            raise InputError(f"endpoint {name}", problem, "give a longer --timeout, and run again")
        log.info("endpoint %s is %s", name, about["EndpointStatus"])
        time.sleep(POLL_SECONDS)


def check_own(about: dict[str, Any]) -> None:
    """Check that an endpoint is one of ours: its configuration is named after it.

    Raises:
        InputError: Somebody else made it.
    """
    name = about["EndpointName"]
    if not about["EndpointConfigName"].startswith(f"{name}-"):
        problem = "was not made by 'circlet deploy'"
        raise InputError(f"endpoint {name}", problem, "give another --name")


def check_service(about: dict[str, Any] | None, name: str, config: str | None = None) -> None:
    """Check that an endpoint serves, and by this configuration if one is given.

    Raises:
        InputError: It failed, or went back to what it was.
    """
    if about is None:
        raise InputError(f"endpoint {name}", "was removed meanwhile", "run again")
    status, reason = about["EndpointStatus"], about.get("FailureReason", "AWS gives no reason")
    mend = "see its log group in CloudWatch; 'circlet deploy --delete' removes it"
    if status != "InService":
        raise InputError(f"endpoint {name}", f"is {status} ({reason})", mend)
    if config is not None and about["EndpointConfigName"] != config:
        problem = f"was not changed and serves as before ({reason})"
        raise InputError(f"endpoint {name}", problem, "see its log group in CloudWatch")


def deploy(sagemaker: Any, wanted: Deployment, seconds: float) -> None:
    """Create an endpoint, or change the one that is there, and wait until it serves.

    Args:
        sagemaker: Client of SageMaker.
        wanted: What shall be.
        seconds: How long to wait at most.

    Raises:
        InputError: It does not come to serve.
    """
    name, config = wanted.name, wanted.config_name
    about = wait(sagemaker, name, seconds)
    if about is not None:
        check_own(about)
        check_service(about, name)
    wanted.create_parts(sagemaker)
    if about is None:
        log.info("creating the endpoint %s", name)
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
    elif about["EndpointConfigName"] == config:
        log.info("endpoint %s is as wanted", name)
    else:
        log.info("changing the endpoint %s", name)
        sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=config)
    check_service(wait(sagemaker, name, seconds), name, config)


def sweep(s3: Any, sagemaker: Any, name: str, kept: Deployment | None = None) -> int:
    """Remove the parts that were made for an endpoint, but those of `kept`; tell how many were."""
    pages = sagemaker.get_paginator("list_endpoint_configs").paginate(NameContains=name)
    names = [each["EndpointConfigName"] for page in pages for each in page["EndpointConfigs"]]
    own = [each for each in names if re.fullmatch(rf"{name}-[0-9a-f]{{12}}", each)]
    old = [each for each in own if kept is None or each != kept.config_name]
    for config in old:
        discard(s3, sagemaker, config, kept)
    return len(old)


def discard(s3: Any, sagemaker: Any, config: str, kept: Deployment | None) -> None:
    """Remove a configuration, its model and the model's package, but what `kept` has too."""
    about = sagemaker.describe_endpoint_config(EndpointConfigName=config)
    model = about["ProductionVariants"][0]["ModelName"]
    sagemaker.delete_endpoint_config(EndpointConfigName=config)
    log.info("removed the configuration %s", config)
    about = found(sagemaker.describe_model, ModelName=model)
    if about is None or (kept is not None and kept.model_name == model):
        return
    sagemaker.delete_model(ModelName=model)
    log.info("removed the model %s", model)
    url = about["PrimaryContainer"]["ModelDataUrl"]
    if kept is None or kept.url != url:
        bucket, _, key = url.removeprefix("s3://").partition("/")
        s3.delete_object(Bucket=bucket, Key=key)
        log.info("removed %s", url)


def remove(s3: Any, sagemaker: Any, name: str, seconds: float) -> None:
    """Remove an endpoint and all that was made for it.

    Raises:
        InputError: There is none, it is not ours, or it does not go.
    """
    about = wait(sagemaker, name, seconds)
    if about is not None:
        check_own(about)
        sagemaker.delete_endpoint(EndpointName=name)
        wait(sagemaker, name, seconds)
        log.info("removed the endpoint %s", name)
    if sweep(s3, sagemaker, name) == 0 and about is None:
        raise InputError(f"endpoint {name}", "there is none", "check --name and --region")


def endpoint_name(text: str) -> str:
    """Read the name of an endpoint; SageMaker takes 63 letters, of which its parts need 13 more."""
    if not re.fullmatch(r"[a-zA-Z0-9](-?[a-zA-Z0-9]){0,49}", text) or len(text) > 50:
        problem = "is not up to 50 letters and digits with single hyphens between them"
        raise argparse.ArgumentTypeError(f"{text!r} {problem}")
    return text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    add = parser.add_argument
    add("--name", type=endpoint_name, default="circlet", help="of the endpoint")
    add("--region", help="of AWS; by default that of the profile or of AWS_DEFAULT_REGION")
    add("--package", type=Path, help="model.tar.gz that 'circlet package-model' made")
    add("--bucket", help="of S3, in the same region, that takes the package")
    add("--prefix", default="circlet", help="of its key there")
    add("--image", help="URI in ECR of circlet's container, target 'api'")
    add("--role", help="ARN of the role that SageMaker takes: it reads bucket and image")
    add("--memory", type=int, choices=MEMORY_SIZES, default=3072, help="of the endpoint, MB")
    add("--concurrency", type=int, default=5, help="requests that it computes at once")
    add("--instance-type", help="a machine of its own, such as ml.m5.large, instead of serverless")
    add("--timeout", type=float, default=1800, help="seconds to wait for the endpoint")
    add("--delete", action="store_true", help="remove the endpoint and what was made for it")


def plan(args: argparse.Namespace) -> tuple[Deployment, str, str]:
    """Read the arguments: what shall be, the package's key and its hash.

    Raises:
        InputError: One is missing or makes no sense.
    """
    from circlet.files import sha256_of

    for name in ("package", "bucket", "image", "role"):
        if not getattr(args, name):
            raise InputError(f"--{name}", "is missing", "only --delete does without it")
    if not 1 <= args.concurrency <= MOST_CONCURRENT:
        mend = f"give a whole number from 1 to {MOST_CONCURRENT}"
        raise InputError("--concurrency", f"is {args.concurrency}", mend)
    digest = sha256_of(args.package)
    key = "/".join(filter(None, (args.prefix.strip("/"), args.name, digest[:16], "model.tar.gz")))
    memory = {"MemorySizeInMB": args.memory, "MaxConcurrency": args.concurrency}
    size: dict[str, Any] = {"ServerlessConfig": memory}
    if args.instance_type:
        size = {"InstanceType": args.instance_type, "InitialInstanceCount": 1}
    url = f"s3://{args.bucket}/{key}"
    return Deployment(args.name, args.image, args.role, url, size), key, digest


def run(args: argparse.Namespace) -> None:
    """Run the step."""
    wanted, key, digest = (None, "", "") if args.delete else plan(args)
    with told():
        import boto3

        logging.getLogger("botocore").setLevel(logging.WARNING)
        session = boto3.Session(region_name=args.region or None)
        s3, sagemaker = session.client("s3"), session.client("sagemaker")
        if wanted is None:
            remove(s3, sagemaker, args.name, args.timeout)
            return
        upload(s3, args.package, args.bucket, key, digest)
        deploy(sagemaker, wanted, args.timeout)
        sweep(s3, sagemaker, args.name, wanted)
    sys.stdout.write(f"{args.name}\n")
