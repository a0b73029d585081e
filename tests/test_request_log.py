import asyncio
import contextvars

import pytest

from circlet.serve.counters import make_counters
from circlet.serve.request_log import RequestLog, request_id


def test_the_id_of_a_request_that_broke_is_left_to_the_log_of_the_server():
    async def broken(scope, receive, send):
        raise ValueError("broken")

    async def serve() -> str | None:
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/",
            "headers": [(b"x-request-id", b"a1")],
        }
        with pytest.raises(ValueError, match="broken"):
            await RequestLog(broken, make_counters())(scope, None, None)
        return request_id.get()  # as uvicorn logs the error

    assert contextvars.copy_context().run(asyncio.run, serve()) == "a1"
    assert request_id.get() is None
