"""A collection of requests for Postman, Bruno and newman, made from the API's description.

The usual converters know one body a request and write placeholders where a schema has
alternatives; here each type of body and of answer is a request that can be sent as it is.
"""

import itertools
import json
from collections.abc import Iterator
from typing import Any

SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
BASE = "{{baseUrl}}"
ADDRESS = "http://127.0.0.1:8080"
OK = "200"
TEST = """pm.test("is answered", () => pm.response.to.have.status(200));
pm.test("in the type that was asked for", () =>
    pm.expect(pm.response.headers.get("Content-Type")).to.include(pm.request.headers.get("Accept")));"""

Json = dict[str, Any]


def make_collection(description: Json) -> Json:
    """Make a collection, of the format 2.1, with the requests of each tag in a folder.

    Args:
        description: An OpenAPI 3.1 document whose bodies have examples.
    """
    folders: dict[str, list[Json]] = {}
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            requests = list(_requests(path, method.upper(), operation))
            folders.setdefault(operation["tags"][0], []).extend(requests)
    about = description["info"]
    return {
        "info": {
            "name": f"{about['title']} {about['version']}",
            "description": about["description"],
            "schema": SCHEMA,
        },
        "variable": [{"key": "baseUrl", "value": ADDRESS}],
        "event": [{"listen": "test", "script": {"exec": TEST.splitlines()}}],
        "item": [{"name": tag, "item": items} for tag, items in sorted(folders.items())],
    }


def _requests(path: str, method: str, operation: Json) -> Iterator[Json]:
    """Yield a request for each type of body and of answer that an operation has."""
    bodies = operation.get("requestBody", {}).get("content", {None: {}})
    answers = operation["responses"][OK]["content"]
    for (sent, about), wanted in itertools.product(bodies.items(), answers):
        headers = {"Accept": wanted} if sent is None else {"Content-Type": sent, "Accept": wanted}
        types = "" if sent is None else f": {sent} to {wanted}"
        request = {
            "method": method,
            "description": operation["description"],
            "header": [{"key": key, "value": value} for key, value in headers.items()],
            "url": {
                "raw": "{{baseUrl}}" + path,
                "host": ["{{baseUrl}}"],
                "path": path[1:].split("/"),
            },
        }
        if sent is not None:
            request["body"] = {"mode": "raw", "raw": _text(about["example"])}
        yield {"name": operation["summary"] + types, "request": request}


def _text(example: object) -> str:
    """Write an example as a body."""
    return example if isinstance(example, str) else json.dumps(example, indent=2)
