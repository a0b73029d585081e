"""Drive SageMaker's inference toolkit as its model server does; run by Python with the toolkit.

Arguments: the folder of the model. Reads requests from standard input, writes to standard output
the answers and where `circlet` came from, both as JSON.
"""

import json
import sys

from sagemaker_inference.default_handler_service import DefaultHandlerService


class Context:
    """What the model server passes along with a request."""

    def __init__(self, folder, request=None):
        self.system_properties = {"model_dir": folder}
        self.request_processor = [self]
        self.answer = {"status": 200, "phrase": "OK"}
        self.request = request

    def get_request_properties(self):
        return {
            name: self.request[name] for name in ("Content-Type", "Accept") if name in self.request
        }

    def set_response_status(self, code, phrase):
        self.answer |= {"status": code, "phrase": phrase}

    def set_response_content_type(self, index, kind):
        self.answer["type"] = kind


def main(folder):
    service, answers = DefaultHandlerService(), []
    service.initialize(Context(folder))
    for request in json.load(sys.stdin):
        context = Context(folder, request)
        (body,) = service.handle([{"body": request["body"].encode("latin-1")}], context)
        text = body.decode() if isinstance(body, bytes) else body
        answers.append(context.answer | {"body": text})
    import inference

    import circlet

    json.dump({"answers": answers, "files": [circlet.__file__, inference.__file__]}, sys.stdout)


main(sys.argv[1])
