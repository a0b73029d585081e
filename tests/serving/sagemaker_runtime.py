"""SageMaker's runtime service before a container: `InvokeEndpoint` as AWS answers it."""

import json
import re

import requests
from lambda_system import Handler

INVOCATIONS = r"/endpoints/([^/]+)/invocations"


class SageMakerRuntime(Handler):
    """Hands requests to the container of one endpoint, and its errors back as `ModelError`.

    Attributes:
        endpoint: Its name.
        container: Address, the only item of a list, so that a test can put another there.
    """

    endpoint: str
    container: list[str]

    def do_POST(self) -> None:  # noqa: N802, a name that http.server gives
        """Answer `InvokeEndpoint`."""
        body, found = self.read(), re.fullmatch(INVOCATIONS, self.path)
        assert "Credential=" in self.headers["Authorization"]  # it is signed
        if found is None or found[1] != self.endpoint:
            message = f"Endpoint {self.path} of account 123456789012 not found."
            self.refuse(400, "ValidationError", {"Message": message})
            return
        headers = {name: self.headers[name] for name in ("Content-Type", "Accept")}
        try:
            url = f"{self.container[0]}/invocations"
            told = requests.post(url, body, headers=headers, timeout=60)
        except requests.ConnectionError:
            self.refuse_by_container(500, "")
            return
        if told.ok:
            self.reply(200, {"Content-Type": told.headers["content-type"]}, told.content)
        else:
            self.refuse_by_container(told.status_code, told.text)

    def refuse_by_container(self, status: int, text: str) -> None:
        """Answer an error of the container."""
        kind = "client" if status < 500 else "server"
        fields = {
            "Message": f'Received {kind} error ({status}) from primary with message "{text}".',
            "OriginalMessage": text,
            "OriginalStatusCode": status,
            "LogStreamArn": "arn:aws:logs:eu-west-1:123456789012:log-group:endpoint",
        }
        self.refuse(424, "ModelError", fields)

    def refuse(self, status: int, code: str, fields: dict[str, object]) -> None:
        """Answer an error."""
        headers = {"Content-Type": "application/json", "x-amzn-ErrorType": code}
        self.reply(status, headers, json.dumps(fields).encode())
