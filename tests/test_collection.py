import json

from circlet.cli import main


def test_the_collection(tmp_path):
    assert main(["openapi", "--postman", "--output", str(tmp_path / "collection.json")]) == 0
    collection = json.loads((tmp_path / "collection.json").read_text())
    assert collection["info"]["schema"].endswith("/v2.1.0/collection.json")
    folders = {folder["name"]: folder["item"] for folder in collection["item"]}
    assert {name: len(items) for name, items in folders.items()} == {
        "SageMaker": 10,
        "health": 3,
        "prediction": 10,
    }
    names = [item["name"] for item in folders["prediction"]]
    assert "Classify sequences: text/x-fasta to application/jsonlines" in names
    request = next(
        item["request"]
        for item in folders["prediction"]
        if item["name"].endswith("csv to text/csv")
    )
    assert request["method"] == "POST"
    assert request["url"]["raw"] == "{{baseUrl}}/v1/predict"
    assert request["url"]["path"] == ["v1", "predict"]
    assert {each["key"]: each["value"] for each in request["header"]} == {
        "Content-Type": "text/csv",
        "Accept": "text/csv",
    }
    assert request["body"]["raw"].startswith("id,sequence\nmine,ATGG")


def test_the_description(capsys):
    assert main(["openapi"]) == 0
    description = json.loads(capsys.readouterr().out)
    assert description["openapi"].startswith("3.1")
    assert set(description["paths"]) == {
        "/healthz",
        "/invocations",
        "/metrics",
        "/ping",
        "/readyz",
        "/v1/model",
        "/v1/predict",
    }
    assert set(description["paths"]["/v1/predict"]["post"]["responses"]) == {
        "200", "400", "406", "408", "413", "415", "422", "429", "503", "504",
    }  # fmt: skip
