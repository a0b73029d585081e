"""The four functions, called as SageMaker's toolkit does; with the toolkit itself: serving/."""

import inspect
import json

import pytest

from circlet.serve import sagemaker_inference
from circlet.serve.bodies import BodyError
from circlet.serve.sagemaker_inference import input_fn, model_fn, output_fn, predict_fn

SEQUENCE = "ACGTACGGTTCAGGATCCGATTACAGG"


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (model_fn, ["model_dir"]),
        (input_fn, ["body", "content_type"]),
        (predict_fn, ["data", "model"]),
        (output_fn, ["prediction", "accept"]),
    ],
)
def test_the_toolkit_counts_these_parameters(function, names):
    assert list(inspect.signature(function).parameters) == names


@pytest.mark.parametrize("kind", [str, str.encode, lambda text: bytearray(text.encode())])
def test_a_body_may_be_decoded_already(kind):
    query = input_fn(kind(json.dumps({"sequences": {"mine": SEQUENCE}})), "application/json")
    assert [(each.id, each.sequence) for each in query.records] == [("mine", SEQUENCE)]


def test_a_sequence_goes_all_the_way(checkpoint_folder, predictor):
    query = input_fn(f">mine\n{SEQUENCE}\n".encode(), "text/x-fasta")
    answer = predict_fn(query, model_fn(str(checkpoint_folder)))
    body, kind = output_fn(answer, "application/json")
    assert kind == "application/json"
    (told,) = json.loads(body)["predictions"]
    (expected,) = predictor.predict_proba([SEQUENCE])
    assert told["p_circrna"] == pytest.approx(expected, abs=1e-5)
    assert (told["id"], told["call"]) == ("mine", predictor.call(expected))


def test_without_the_toolkit_our_own_error_is_raised():
    with pytest.raises(BodyError, match="body: is of the type image/png") as caught:
        input_fn(b"", "image/png")
    assert caught.value.status == 415


def test_a_body_of_no_type_is_refused():
    with pytest.raises(BodyError) as caught:
        input_fn(b"ACGT", None)
    assert caught.value.status == 415


def test_with_the_toolkit_its_error_has_our_status_and_line(monkeypatch):
    class ToolkitError(Exception):
        pass

    monkeypatch.setattr(sagemaker_inference, "GenericInferenceToolkitError", ToolkitError)
    with pytest.raises(ToolkitError) as caught:
        input_fn("{", "application/json")
    status, line = caught.value.args
    assert status == 400
    assert line.startswith("body: is not JSON: ")
    with pytest.raises(ToolkitError) as caught:
        output_fn(None, "image/png")
    assert caught.value.args[0] == 406
