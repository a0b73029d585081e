import subprocess
import sys
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from onnx_inputs import PLAIN, export, make_features, make_members, make_tokens

from circlet.errors import InputError
from circlet.model import onnx_networks
from circlet.model.onnx_file import read_sealed, write_sealed
from circlet.model.onnx_networks import OnnxNetworks
from circlet.model.scoring import member_logits

CONFIG = replace(PLAIN, descriptors="sixteen")
LENGTHS = [0, 1, 5, 6, 7, 24, 25, 60, 96, 97, 150, 3]


@pytest.fixture(scope="module")
def members():
    return make_members(CONFIG, 2)


@pytest.fixture(scope="module")
def path(members, tmp_path_factory):
    found = tmp_path_factory.mktemp("onnx") / "model.onnx"
    export(members, CONFIG, found, {"note": "small"})
    return found


def test_logits_are_those_of_torch(members, path):
    tokens, features = make_tokens(LENGTHS), make_features(len(LENGTHS))
    expected = member_logits(members, tokens, features, 96, torch.device("cpu"))
    found = OnnxNetworks(path, threads=1)(tokens, features)
    assert (found.shape, found.dtype) == ((2, 12), np.float64)
    assert np.ptp(expected, axis=1).min() > 0.2
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("batch_tokens", [1, 100, 10_000])
def test_logits_are_independent_of_company_and_the_same_twice(path, batch_tokens):
    tokens, features = make_tokens(LENGTHS), make_features(len(LENGTHS))
    networks = OnnxNetworks(path, 1, "auto", batch_tokens)
    found = networks(tokens, features)
    np.testing.assert_array_equal(networks(tokens, features), found)
    np.testing.assert_allclose(networks(tokens[::-1], features[::-1]), found[:, ::-1], atol=1e-5)
    alone = [networks([each], features[[row]])[:, 0] for row, each in enumerate(tokens)]
    np.testing.assert_allclose(np.transpose(alone), found, rtol=0, atol=1e-5)


def test_no_sequences_have_no_logits(path):
    assert OnnxNetworks(path)([], make_features(1)[:0]).shape == (2, 0)


def test_file_tells_of_itself(path):
    networks = OnnxNetworks(path)
    assert networks.metadata["note"] == "small"
    assert (networks.members, networks.max_tokens, networks.multiple) == (2, 96, 6)


def refuse(path, words, **arguments):
    with pytest.raises(InputError, match=words):
        OnnxNetworks(path, **arguments)


def test_damage_is_refused(path, tmp_path):
    content = path.read_bytes()
    damaged = tmp_path / "damaged.onnx"
    refuse(damaged, "no such file")
    for length in (0, 10, len(content) // 2, len(content) - 1):
        damaged.write_bytes(content[:length])
        refuse(damaged, "not a whole ONNX file of circlet")
    for place in (0, len(content) // 2, len(content) - 1):
        damaged.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        refuse(damaged, "was changed after it was made")


def sealed(path, tmp_path, change):
    """A copy of a file that was changed by someone who knows of the seal."""
    model = onnx.load_from_string(read_sealed(path))
    change(model)
    write_sealed(tmp_path / "other.onnx", model.SerializeToString())
    return tmp_path / "other.onnx"


def test_data_in_other_files_are_refused(path, tmp_path, monkeypatch):
    def move_out(model):
        weight = model.graph.initializer[0]
        weight.ClearField("raw_data")
        weight.data_location = TensorProto.EXTERNAL
        weight.external_data.add(key="location", value="secret.bin")

    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret.bin").write_bytes(bytes(1 << 20))
    refuse(sealed(path, tmp_path, move_out), "has data in other files")


def make_loop(model):
    body = helper.make_graph(
        [helper.make_node("Identity", ["going"], ["goes"])],
        "body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("going", TensorProto.BOOL, []),
        ],
        [helper.make_tensor_value_info("goes", TensorProto.BOOL, [])],
    )
    model.graph.initializer.append(helper.make_tensor("most", TensorProto.INT64, [], [1 << 62]))
    model.graph.node.append(helper.make_node("Loop", ["most", ""], [], body=body))


def define_function(model):
    node = helper.make_node("Identity", ["x"], ["y"])
    opset = helper.make_opsetid("", 18)
    model.functions.append(helper.make_function("circlet", "Own", ["x"], ["y"], [node], [opset]))


@pytest.mark.parametrize("change", [make_loop, define_function])
def test_what_may_not_end_is_refused(path, tmp_path, change):
    refuse(sealed(path, tmp_path, change), "has a loop or a branch")


def test_operators_of_others_are_refused(path, tmp_path):
    def add_operator(model):
        model.opset_import.append(helper.make_opsetid("evil.example", 1))
        node = helper.make_node("Run", ["tokens"], ["ran"], domain="evil.example")
        model.graph.node.append(node)

    refuse(sealed(path, tmp_path, add_operator), "not a usable ONNX file")


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("circlet.format", "2", "of circlet of format 1"),
        ("circlet.max_tokens", "0", "circlet.max_tokens: is '0', not a whole number above 0"),
        ("circlet.multiple", "", "circlet.multiple: is '', not a whole number above 0"),
        ("circlet.multiple", "65537", "circlet.multiple: is '65537', not a whole number"),
        ("circlet.max_tokens", "9" * 5000, "circlet.max_tokens: is '999"),
    ],
)
def test_metadata_are_checked(path, tmp_path, key, value, words):
    def set_value(model):
        entry = next(each for each in model.metadata_props if each.key == key)
        entry.value = value

    refuse(sealed(path, tmp_path, set_value), words)


def test_other_inputs_are_refused(path, tmp_path):
    def rename(model):
        model.graph.input[1].name = "other"
        for node in model.graph.node:
            node.input[:] = ["other" if name == "features" else name for name in node.input]

    refuse(sealed(path, tmp_path, rename), "inputs or outputs are not those")


def test_a_fault_that_shows_in_computing_is_refused(path, tmp_path):
    def set_multiple(model):
        entry = next(each for each in model.metadata_props if each.key == "circlet.multiple")
        entry.value = "5"

    def add_row(model):
        model.graph.output[0].name = model.graph.node[-1].output[0] = "fewer"
        joined = helper.make_node("Concat", ["fewer", "fewer"], ["logits"], axis=1)
        model.graph.node.append(joined)
        model.graph.output[0].name = "logits"

    for change, words in ((set_multiple, "cannot be computed"), (add_row, "something else than")):
        networks = OnnxNetworks(sealed(path, tmp_path, change))
        with pytest.raises(InputError, match=words):
            networks(make_tokens([7, 5]), make_features(2))


def test_what_is_not_there_is_refused(path, monkeypatch):
    refuse(path, "threads: is 0", threads=0)
    refuse(path, "threads: is 1025; give a whole number from 1 to 1024", threads=1025)
    refuse(path, "device: mps: there is no mps here", device="mps")
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    refuse(path, "device: cuda: there is no cuda here", device="cuda")
    monkeypatch.setattr(onnx_networks, "find_spec", lambda name: None)
    refuse(path, r"pip install 'circlet\[onnx\]'")


def test_prediction_needs_no_torch(path):
    code = "import sys; from circlet.model.onnx_networks import OnnxNetworks as N; N(sys.argv[1]); "
    code += "sys.exit(bool({'torch', 'onnx', 'onnxscript', 'safetensors'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code, path], check=False).returncode == 0


def spoil(number, is_raw):
    """Put a number into the last weight of the largest tensor, as raw bytes or as a list."""

    def change(model):
        floats = [each for each in model.graph.initializer if each.data_type == TensorProto.FLOAT]
        tensor = max(floats, key=lambda each: np.prod(each.dims))
        values = numpy_helper.to_array(tensor).copy()
        values.reshape(-1)[-1] = number
        data = values.tobytes() if is_raw else values.reshape(-1)
        new = helper.make_tensor(tensor.name, TensorProto.FLOAT, tensor.dims, data, is_raw)
        tensor.CopyFrom(new)

    return change


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("is_raw", [True, False])
def test_weights_that_are_not_finite_are_refused_at_loading(path, tmp_path, number, is_raw):
    refuse(sealed(path, tmp_path, spoil(number, is_raw)), "has weights that are not finite numbers")
    OnnxNetworks(sealed(path, tmp_path, spoil(0.5, is_raw)))


def outside(place):
    def change(model):
        weight = model.graph.initializer[0]
        weight.ClearField("raw_data")
        weight.data_location = TensorProto.EXTERNAL
        weight.external_data.add(key="location", value=place)

    return change


def resize(model):
    model.graph.initializer[0].dims[:] = [1 << 40, 1 << 20]


def retype(model):
    model.graph.initializer[0].data_type = TensorProto.STRING


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (outside("../../../etc/passwd"), "has data in other files"),
        (outside("/etc/passwd"), "has data in other files"),
        (resize, "not a usable ONNX file"),
        (retype, "not a usable ONNX file"),
        (lambda model: model.graph.initializer.pop(), "not a usable ONNX file"),
        (lambda model: model.graph.Clear(), "not a usable ONNX file"),
        (lambda model: model.ClearField("metadata_props"), "not an ONNX file of circlet"),
    ],
)
def test_other_harm_is_refused(path, tmp_path, change, words):
    refuse(sealed(path, tmp_path, change), words)
