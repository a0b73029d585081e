import json
from dataclasses import replace

import numpy as np
import pytest
from checkpoint_inputs import DIMERS, TREES, make_checkpoint
from hypothesis import given
from hypothesis import strategies as st

from circlet.errors import InputError
from circlet.model.description import CONFIG, TRAINING, VOCABULARY, Description

NAMES = ["config.json", "vocabulary.json", "training.json", "reference.safetensors"]


@pytest.fixture(scope="module")
def about():
    return make_checkpoint().description


@pytest.fixture(scope="module")
def files(about):
    return about.to_files()


def changed(files, name, **values):
    """The files with other values in one of JSON."""
    return files | {name: json.dumps(json.loads(files[name]) | values).encode()}


def read(files):
    """A description of the files, or why there is none."""
    try:
        return Description.of_files(files, "model")
    except InputError as error:
        return str(error)


def refused(files, problem):
    with pytest.raises(InputError, match=problem) as caught:
        Description.of_files(files, "model")
    assert "\n" not in str(caught.value)


def test_it_comes_back(about, files):
    assert list(files) == NAMES
    found = Description.of_files(files, "model")
    assert found.to_files() == files
    assert (found.network, found.vocabulary) == (about.network, DIMERS)
    assert (found.names, found.max_tokens) == (["seed1", "seed2"], 48)
    assert (found.min_length, found.threshold, found.trees) == (20, 0.5, None)


def test_trees_come_back(about):
    made = replace(about, trees=TREES, tree_weight=0.25)
    files = made.to_files()
    assert list(files) == [*NAMES, "trees.safetensors"]
    found = Description.of_files(files, "model")
    assert found.tree_weight == 0.25
    assert found.to_files() == files
    del files["trees.safetensors"]
    refused(files, r"^model/trees\.safetensors: no such file")


def test_a_sequence_is_padded_to_whole_patches(about):
    assert replace(about, network=about.network | {"streams": 3, "patch": 4}).multiple == 12
    text = {"architecture": "text_transformer", "streams": 3, "patch": 4}
    assert replace(about, network=about.network | text).multiple == 1


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_is_missing_or_damaged_is_named(files, name):
    refused({key: value for key, value in files.items() if key != name}, f"^model/{name}: no such")
    for content in (b"", b"{", b"\xff\xfe", files[name][:-9]):
        refused(files | {name: content}, f"^model/{name}: ")


@pytest.mark.parametrize("content", [b"[]", b"3", b"null", b'"a"', b"{}", b'{"format": 3}'])
@pytest.mark.parametrize("name", NAMES[:3])
def test_other_json_is_refused(files, name, content):
    refused(files | {name: content}, f"^model/{name}: ")


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"format": 2}, "is of format 2, which is no longer read; run the workflow again"),
        ({"format": 4}, "not a checkpoint's config of format 3"),
        ({"format": True}, "not a checkpoint's config of format 3"),
        ({"threshold": 1.5}, "threshold: is 1.5, not a probability"),
        ({"threshold": float("nan")}, "threshold: is nan, not a probability"),
        ({"threshold": True}, "threshold: is True, not a probability"),
        ({"min_length": -1}, "min_length: is -1, not a length in nt"),
        ({"min_length": 2.0}, "min_length: is 2.0, not a length in nt"),
        ({"tree_weight": "a"}, "tree_weight: is 'a', not a share or null"),
        ({"members": []}, "members: is .., not a list of different names"),
        ({"members": ["seed1", "seed1"]}, "members: .* not a list of different names"),
        ({"members": ["../seed1"]}, "members: .* not a list of different names"),
        ({"members": ["seed1", "seed3"]}, "training.json: is of .* but the config of"),
        ({"network": {}}, "network: is {}, not the shape of a network"),
        ({"calibration": None}, "calibration: describes no calibration"),
        ({"calibration": {"method": "magic", "parameters": {}}}, "describes no calibration"),
        ({"calibration": {"method": "platt", "parameters": {"scale": "a"}}}, "no calibration"),
        ({"calibration": {"method": "platt", "parameters": 3}}, "describes no calibration"),
    ],
)
def test_values_out_of_range_are_refused(files, values, problem):
    refused(changed(files, CONFIG, **values), problem)


def test_a_key_that_is_missing_is_named(files):
    config = json.loads(files[CONFIG])
    del config["threshold"]
    content = json.dumps(config).encode()
    refused(files | {CONFIG: content}, r"^model/config\.json: threshold: the key is missing")


def test_a_vocabulary_of_another_run_is_refused(about, files):
    fewer = replace(DIMERS, kmers=DIMERS.kmers[:5])
    other = replace(about, vocabulary=fewer).to_files()[VOCABULARY]
    refused(files | {VOCABULARY: other}, r"vocabulary\.json: has 7 tokens but the network 18")


@pytest.mark.parametrize("change", [{"width": 16}, None])
def test_a_training_of_another_network_is_refused(files, change):
    records = json.loads(files[TRAINING])
    if change is None:
        del records[0]["network"]
    else:
        records[1]["network"] |= change
    problem = (
        "not the records of trainings" if change is None else "seed2: was trained with another"
    )
    refused(files | {TRAINING: json.dumps(records).encode()}, problem)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(
    key=st.sampled_from(
        ["min_length", "calibration", "threshold", "members", "tree_weight", "network"]
    ),
    value=ANYTHING,
)
def test_whatever_a_config_says_it_is_read_or_refused(files, key, value):
    found = read(changed(files, CONFIG, **{key: value}))
    assert isinstance(found, Description) or found.startswith("model/")


@given(
    method=st.sampled_from(["none", "temperature", "platt", "isotonic"]),
    parameters=st.dictionaries(
        st.sampled_from(["temperature", "scale", "offset", "scores", "probabilities"]), ANYTHING
    ),
)
def test_whatever_a_calibration_says_it_is_read_or_refused(files, method, parameters):
    calibration = {"method": method, "parameters": parameters}
    found = read(changed(files, CONFIG, calibration=calibration))
    if isinstance(found, Description):
        p = found.calibration(np.array([-3.0, 0.0, 3.0]))
        assert ((p >= 0) & (p <= 1)).all()
    else:
        assert "describes no calibration" in found
