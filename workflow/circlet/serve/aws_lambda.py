"""The function of AWS Lambda: HTTP requests of API Gateway, answered by a SageMaker endpoint.

It stands in the zip that `circlet package-lambda` makes, with no module of circlet but the schema,
and uses what AWS has there: boto3 comes with Lambda's Python, powertools and pydantic with the
public layer `AWSLambdaPowertoolsPythonV3`. The endpoint runs the container of `circlet serve`, and
is named by the variable ENDPOINT_NAME.
"""

import binascii
import functools
import json
import os
import time
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response, content_types
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)
from pydantic import ValidationError

from circlet.serve.schema import JsonAnswer, JsonQuery, Row

# API Gateway waits 30 s at most. Two tries to connect, the pause and one wait for the answer, which
# may be that for a cold start, end before that: 28.5 s.
CONNECT_SECONDS, READ_SECONDS, PAUSE_SECONDS = 2, 24, 0.5
PASSING = ("InternalDependencyException", "ServiceUnavailable", "ThrottlingException")
BUSY = "ThrottlingException"

MAX_RECORDS = 1000
MAX_BYTES = 4_000_000  # a serverless endpoint takes 4 MB, others 6 MB, as Lambda itself does
MAX_LINE, MAX_PLACE = 500, 100  # letters of an error, and of the place in it

BODY = 'send {"text": "ACGT..."} or {"sequences": {"id": "ACGT..."}}'
FEWER = "send fewer at once"
Refusal = Response[str]
JSON = {"content-type": content_types.APPLICATION_JSON}

logger = Logger(service="circlet-lambda")  # no parent of the loggers of modules


def read_json(text: str) -> Any:
    """Read JSON; whatever makes it unreadable is a mistake of the same kind."""
    try:
        content = json.loads(text, object_pairs_hook=make_object)
    except RecursionError:
        raise json.JSONDecodeError("nested too deep", "", 0) from None
    except json.JSONDecodeError:
        raise
    except ValueError:
        raise json.JSONDecodeError("a number has too many digits", "", 0) from None
    # Of a list powertools takes the first, and would answer one of several queries.
    return [content] if isinstance(content, list) else content


def make_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object of JSON whose names differ."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise json.JSONDecodeError("a name is there twice", "", 0)
    return found


app = APIGatewayHttpResolver(enable_validation=True, json_body_deserializer=read_json)


class EndpointError(Exception):
    """There is no answer of the endpoint: the status and the line to tell instead."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


@functools.cache
def client() -> Any:
    """Make the client of the endpoint. It tries once: `ask` decides what is tried again."""
    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": 1},
    )
    return boto3.client("sagemaker-runtime", config=config)


def is_passing(error: Exception) -> bool:
    """Whether an error came soon and may be gone at once, so that a second try is worth it."""
    if isinstance(error, ClientError):
        return name_of(error) in PASSING
    return isinstance(error, ConnectTimeoutError | EndpointConnectionError)


def ask(body: bytes) -> bytes:
    """Send JSON to the endpoint; give the bytes that it answers."""
    request = {"EndpointName": os.environ["ENDPOINT_NAME"], "Body": body}
    request |= dict.fromkeys(("ContentType", "Accept"), content_types.APPLICATION_JSON)
    try:
        response = client().invoke_endpoint(**request)
    except (BotoCoreError, ClientError) as error:
        if not is_passing(error):
            raise
        logger.warning("the endpoint is asked again", extra={"error": name_of(error)})
        time.sleep(PAUSE_SECONDS)
        response = client().invoke_endpoint(**request)
    answer: bytes = response["Body"].read()
    return answer


def name_of(error: Exception) -> str:
    """Name an error of AWS by its code, which tells nothing of what was sent."""
    if isinstance(error, ClientError):
        code: str = error.response["Error"]["Code"]
        return code
    return type(error).__name__


def detail_of(message: str) -> str:
    """Find the line of an error in what the container answered."""
    try:
        return str(json.loads(message)["detail"])
    except (ValueError, KeyError, TypeError):
        return message or "the endpoint refused it"


def failure_of(error: Exception) -> EndpointError:
    """Tell what an error of AWS means to who asks.

    The container's own 4xx are passed on; 429 is for an endpoint that is busy, 504 for one that
    takes too long, as it may for its first answer after a pause, and 502 for what else it has.
    """
    if isinstance(error, ReadTimeoutError):
        return EndpointError(504, f"no answer within {READ_SECONDS} s; try again in a minute")
    if isinstance(error, ClientError):
        status = error.response.get("OriginalStatusCode", 0)
        if 400 <= status < 500:
            return EndpointError(status, detail_of(error.response.get("OriginalMessage", "")))
        if name_of(error) == BUSY:
            return EndpointError(429, "the endpoint is busy; try again in a moment")
    return EndpointError(502, f"the endpoint cannot be used ({name_of(error)}); try again later")


def classify(query: JsonQuery) -> list[Row]:
    """Ask the endpoint, and check that it answers what was asked.

    Raises:
        EndpointError: It does not, or the query is too large for it.
    """
    body = query.model_dump_json(exclude_unset=True).encode()
    if len(body) > MAX_BYTES:
        raise EndpointError(413, f"body: more than {MAX_BYTES} bytes; {FEWER}")
    if len(query.sequences or ()) > MAX_RECORDS:
        raise EndpointError(413, f"body: more than {MAX_RECORDS} sequences; {FEWER}")
    try:
        answer = JsonAnswer.model_validate_json(ask(body), strict=True)
    except (BotoCoreError, ClientError) as error:
        failure = failure_of(error)
        logger.error("no answer", extra={"error": name_of(error), "status": failure.status})
        raise failure from error
    except ValidationError as error:
        logger.error("the answer makes no sense", extra={"errors": error.error_count()})
        raise EndpointError(502, "the endpoint's answer makes no sense; try again later") from None
    ids = [each.id for each in answer.predictions]
    if len(ids) != 1 if query.sequences is None else ids != list(query.sequences):
        logger.error("the answer is of other sequences", extra={"answered": len(ids)})
        raise EndpointError(502, "the endpoint answered something else; try again later")
    return answer.predictions


@app.post("/predict")
def predict(query: JsonQuery) -> dict[str, Any]:
    """Answer `predictions`, one a sequence; with `text`, also its `call` and `p_circrna`."""
    predictions = classify(query)
    letters = sum(each.length for each in predictions)
    logger.info("answered", extra={"records": len(predictions), "letters": letters})
    first = predictions[0]
    alone = {} if query.text is None else {"call": first.call, "p_circrna": first.p_circrna}
    return alone | {"predictions": [each.model_dump(exclude_unset=True) for each in predictions]}


@app.get("/health")
def health() -> dict[str, str]:
    """Tell that the function runs; the endpoint is not asked, since that costs."""
    return {"status": "ok"}


def refuse(status: int, detail: str) -> Refusal:
    """Answer an error: one line of JSON, as the container does."""
    body = json.dumps({"detail": " ".join(detail.split())[:MAX_LINE]})
    return Response(status, content_types.APPLICATION_JSON, body)


@app.exception_handler(EndpointError)  # type: ignore[untyped-decorator]  # by powertools
def refuse_by_endpoint(error: EndpointError) -> Refusal:
    """Answer what the endpoint's error means."""
    return refuse(error.status, str(error))


@app.exception_handler(RequestValidationError)  # type: ignore[untyped-decorator]  # by powertools
def refuse_body(error: RequestValidationError) -> Refusal:
    """Answer 422: the first mistake of a body, and where in it."""
    first = error.errors()[0]
    where, problem = ".".join(map(str, first["loc"]))[:MAX_PLACE], first["msg"]
    if first["type"] == "json_invalid":
        where, problem = "body", f"not JSON: {first['ctx']['error']}"
    logger.info("refused", extra={"mistake": first["type"]})
    return refuse(422, f"{where}: {problem.removeprefix('Value error, ')}; {BODY}")


@app.exception_handler([UnicodeDecodeError, binascii.Error])  # type: ignore[untyped-decorator]  # by powertools
def refuse_bytes(error: ValueError) -> Refusal:
    """Answer 422 to a body that is no text, or not in base64 as is said."""
    return refuse(422, f"body: not UTF-8; {BODY}")


@app.not_found
def refuse_path(error: NotFoundError) -> Refusal:
    """Answer 404 to other paths and methods."""
    return refuse(404, "no such path; POST /predict or GET /health")


@logger.inject_lambda_context(
    correlation_id_path=correlation_paths.API_GATEWAY_HTTP, log_event=False, clear_state=True
)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one event of API Gateway's HTTP API, payload format 2.0.

    Its body is read as JSON whatever type it is said to be: what else it is gets a 422.
    """
    return app.resolve(event | {"headers": (event.get("headers") or {}) | JSON}, context)
