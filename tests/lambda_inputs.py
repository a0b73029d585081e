"""Events that API Gateway's HTTP API sends to Lambda, payload format 2.0."""

import base64
import time
from collections.abc import Mapping
from urllib.parse import urlsplit


def as_event(method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> dict:
    """Translate an HTTP request into the event that Lambda gets for it.

    Header names are in lower case, and a body whose type is no text comes in base64.
    """
    path, headers = urlsplit(url), {name.lower(): value for name, value in headers.items()}
    kind = headers.get("content-type", "application/json").partition(";")[0]
    is_text = kind.startswith("text/") or kind == "application/json"
    event = {
        "version": "2.0",
        "routeKey": f"{method} {path.path}",
        "rawPath": path.path,
        "rawQueryString": path.query,
        "headers": headers,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "abcdefghij",
            "domainName": "abcdefghij.execute-api.eu-west-1.amazonaws.com",
            "http": {
                "method": method,
                "path": path.path,
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": headers.get("x-test-request", "request-1"),
            "routeKey": f"{method} {path.path}",
            "stage": "$default",
            "timeEpoch": int(time.time() * 1000),
        },
        "isBase64Encoded": not is_text,
    }
    if body:
        event["body"] = body.decode() if is_text else base64.b64encode(body).decode()
    return event
