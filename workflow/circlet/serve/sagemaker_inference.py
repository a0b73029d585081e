"""What SageMaker's inference toolkit calls: load the model, read a body, predict, write a body.

The toolkit counts the parameters of the four functions. It is part of AWS' containers, not of ours.
"""

import contextlib
from collections.abc import Iterator

from circlet.predict import Predictor
from circlet.serve.answers import Answer, answer, write_body
from circlet.serve.bodies import BodyError, Query, read_body

try:
    from sagemaker_inference.errors import GenericInferenceToolkitError
except ModuleNotFoundError:  # whoever else calls these functions knows our own error
    GenericInferenceToolkitError = None


@contextlib.contextmanager
def telling() -> Iterator[None]:
    """Turn a refusal into the toolkit's error, which the client gets with its status.

    Any other error of ours would reach the client as 500.
    """
    try:
        yield
    except BodyError as error:
        if GenericInferenceToolkitError is None:
            raise
        raise GenericInferenceToolkitError(error.status, str(error)) from None


def model_fn(model_dir: str) -> Predictor:
    """Load the checkpoint in the folder that `model.tar.gz` was unpacked to; on a GPU if one is."""
    return Predictor.from_pretrained(model_dir)


def input_fn(body: str | bytes, content_type: str | None) -> Query:
    """Read the body of a request; some content types the toolkit has decoded already."""
    content = body.encode() if isinstance(body, str) else bytes(body)
    with telling():
        return read_body(content, content_type or "")


def predict_fn(data: Query, model: Predictor) -> Answer:
    """Classify the sequences of a request."""
    return answer(data, model)


def output_fn(prediction: Answer, accept: str) -> tuple[bytes, str]:
    """Write the body of the response, and tell its content type."""
    with telling():
        return write_body(prediction, accept)
