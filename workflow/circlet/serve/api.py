"""The HTTP API: what a SageMaker endpoint asks of a container, and a few routes for people."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from fastapi import APIRouter, FastAPI, HTTPException, Request, Response
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse
from fastapi_offline import FastAPIOffline
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from circlet import __version__
from circlet.serve.answers import Answer, negotiate, write_body
from circlet.serve.batching import StoppedError
from circlet.serve.bodies import BodyError, Query, read_body, too_large
from circlet.serve.desk import Desk
from circlet.serve.documentation import ANSWERS, DESCRIPTION, REFUSALS, REQUEST, UNREADY
from circlet.serve.request_log import HEADER
from circlet.serve.schema import About, State

RETRY_SECONDS = 1  # after which a client that met 429 may try again

GONE = 499  # in the log and the counters, as of nginx

router = APIRouter()


def create_app(desk: Desk | None, cors_origins: str = "") -> FastAPI:
    """Make the application.

    Args:
        desk: The model and its bounds; without one the application can only describe itself.
        cors_origins: Comma list of origins whose pages may call it from a browser.
    """

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        if desk is not None:
            await run_in_threadpool(desk.batcher.stop)

    app = FastAPIOffline(
        title="circlet",
        version=__version__,
        description=DESCRIPTION,
        openapi_tags=[{"name": name} for name in ("prediction", "SageMaker", "health")],
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.desk = desk
    app.include_router(router)
    app.add_exception_handler(BodyError, _refuse)
    app.add_exception_handler(Exception, _apologise)
    if origins := [word.strip() for word in cors_origins.split(",") if word.strip()]:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Content-Type", HEADER],
            expose_headers=[HEADER],
        )
    return app


@router.post(
    "/v1/predict",
    summary="Classify sequences",
    operation_id="predict",
    tags=["prediction"],
    response_class=JSONResponse,
    responses={**ANSWERS, **REFUSALS},
    openapi_extra=REQUEST,
)
@router.post(
    "/invocations",
    summary="Classify sequences, as SageMaker calls it",
    operation_id="invoke",
    tags=["SageMaker"],
    response_class=JSONResponse,
    responses={**ANSWERS, **REFUSALS},
    openapi_extra=REQUEST,
)
async def predict(request: Request) -> Response:
    """Answer a request by one prediction a sequence, in their order."""
    desk: Desk = request.app.state.desk
    with desk.place() as is_free:
        body = await _read(request, desk, is_free)
        if not is_free:
            detail = "requests: too many are waiting; try again later"
            raise HTTPException(429, detail, {"Retry-After": str(RETRY_SECONDS)})
        if request.query_params:
            detail = "query: has no meaning here; send threshold and strand within JSON"
            raise HTTPException(422, detail)
        accept = request.headers.get("accept", "")
        negotiate(accept)  # before the work
        kind = request.headers.get("content-type", "")
        async with desk.parsing:
            query = await run_in_threadpool(read_body, body, kind, desk.limits)
        del body  # the memory holds the sequences alone while they wait
        answer = await _ask(desk, query)
        content, kind = await run_in_threadpool(write_body, answer, accept)
    return Response(content, media_type=kind)


async def _read(request: Request, desk: Desk, keep: bool) -> bytes:
    """Read the body of a request, no more than is allowed; keep it, or only let it pass.

    Raises:
        HTTPException: It does not come in time, or is compressed.
        BodyError: It is too large.
    """
    if request.headers.get("content-encoding", "identity") != "identity":
        raise HTTPException(415, "body: is compressed; send it as it is")
    told = request.headers.get("content-length", "")
    if told.isdecimal() and int(told) > desk.limits.body_bytes:
        raise too_large(desk.limits)
    body, size = bytearray(), 0
    try:
        async with asyncio.timeout(desk.timeout):
            async for piece in request.stream():
                size += len(piece)
                if size > desk.limits.body_bytes:
                    raise too_large(desk.limits)
                if keep:
                    body += piece
    except TimeoutError:
        raise HTTPException(408, "body: did not arrive in time; send it faster") from None
    except ClientDisconnect:  # no one reads the answer, but the log tells it
        raise HTTPException(GONE, "body: its sender went away; send it again") from None
    return bytes(body)


async def _ask(desk: Desk, query: Query) -> Answer:
    """Wait for what the model says.

    Raises:
        HTTPException: It does not answer in time, or no more.
    """
    try:
        async with asyncio.timeout(desk.timeout):
            return await desk.batcher.ask(query)
    except TimeoutError:
        detail = f"model: no answer within {desk.timeout:g} s; send fewer sequences"
        raise HTTPException(504, detail) from None
    except StoppedError:
        raise HTTPException(503, "server: is stopping; ask another one") from None


@router.get("/v1/model", summary="The model that answers", tags=["prediction"])
async def model(request: Request) -> About:
    """Tell which model answers, what it asks of sequences, and how good it is."""
    desk: Desk = request.app.state.desk
    return desk.about


@router.get("/healthz", summary="Whether the server runs", tags=["health"])
async def healthz() -> State:
    """Answer as long as the process does."""
    return State(status="ok")


@router.get("/readyz", summary="Whether requests are taken", responses=UNREADY, tags=["health"])
@router.get(
    "/ping",
    summary="Whether requests are taken, as SageMaker asks it",
    responses=UNREADY,
    tags=["SageMaker"],
)
async def readyz(request: Request, response: Response) -> State:
    """Tell whether the model takes requests."""
    if not request.app.state.desk.batcher.is_alive:
        response.status_code = 503
        return State(status="not ready")
    return State(status="ready")


@router.get(
    "/metrics",
    summary="Counters for Prometheus",
    tags=["health"],
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(request: Request) -> Response:
    """Expose what is counted, of all workers."""
    content = request.app.state.desk.counters.expose()
    return Response(content, media_type=CONTENT_TYPE_LATEST)


async def _refuse(request: Request, error: Exception) -> Response:
    """Answer what is refused."""
    assert isinstance(error, BodyError)
    return JSONResponse({"detail": str(error)}, error.status)


async def _apologise(request: Request, error: Exception) -> Response:
    """Answer where something broke; the log has the rest under the request's id."""
    return JSONResponse({"detail": "server: internal error; its log tells more"}, 500)
