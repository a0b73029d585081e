from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx_inputs import CIRC, PLAIN, TEXT, export, make_features, make_members, make_tokens

from circlet.model.onnx_export import quantise
from circlet.model.onnx_file import SEAL

# A window is 4 positions of 2 tokens in each of 3 streams: 24 tokens.
LENGTHS = [1, 2, 5, 6, 7, 23, 24, 25, 36, 48, 49, 96, 100]


@pytest.fixture(scope="module", params=[(CIRC, 1), (PLAIN, 2)], ids=["ends", "plain"])
def circ(request, tmp_path_factory):
    """Members, and a session of ONNX Runtime on their file."""
    config, count = request.param
    members = make_members(config, count)
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    export(members, config, path)
    return members, onnxruntime.InferenceSession(path)


def compute(session, tokens, features):
    return session.run(None, {"tokens": tokens, "features": features})[0]


def score(members, tokens, features):
    with torch.inference_mode():
        arguments = torch.from_numpy(tokens), torch.from_numpy(features)
        return torch.stack([member(*arguments) for member in members]).numpy()


def pad(sequences, length):
    return np.stack([np.pad(tokens, (0, length - len(tokens))) for tokens in sequences])


@pytest.mark.parametrize("rows", [1, 2, 7])
@pytest.mark.parametrize("longest", LENGTHS)
def test_graph_equals_torch_at_each_batch_and_length(circ, rows, longest):
    members, session = circ
    sequences = make_tokens([longest, *range(1, longest, max(1, longest // 6))])[:rows]
    for padding in (0, 6, 48):
        tokens = pad(sequences, -(-longest // 6) * 6 + padding)
        features = make_features(len(tokens))
        found = compute(session, tokens, features)
        assert (found.shape, found.dtype) == ((len(members), len(tokens)), np.float32)
        np.testing.assert_allclose(found, score(members, tokens, features), rtol=0, atol=1e-5)


def test_members_and_sequences_differ(circ):
    """What equals torch must not do so for want of any difference."""
    found = compute(circ[1], pad(make_tokens([100, 49, 7, 1]), 102), make_features(4))
    assert np.ptp(found, axis=1).min() > 0.2
    assert np.ptp(found[:, 0]) > 1 or len(found) == 1


def test_nothing_and_the_unknown_are_scored(circ):
    members, session = circ
    tokens = np.array([[0] * 12, [1] * 12, [1, 5] * 6, [5] + [0] * 11], dtype=np.int64)
    features = make_features(4)
    found = compute(session, tokens, features)
    np.testing.assert_allclose(found, score(members, tokens, features), rtol=0, atol=1e-5)


def test_text_transformer_equals_torch(tmp_path):
    members = make_members(TEXT, 2)
    export(members, TEXT, tmp_path / "text.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "text.onnx")
    tokens, features = pad(make_tokens([24, 13, 7, 1]), 24), make_features(4)
    expected = score(members, tokens, features)
    assert np.ptp(expected, axis=1).min() > 1e-3
    for rows in (1, 4):
        found = compute(session, tokens[:rows], features[:rows])
        np.testing.assert_allclose(found, expected[:, :rows], rtol=0, atol=1e-5)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A network with sixteen descriptors, and two files of it."""
    config = replace(PLAIN, descriptors="sixteen")
    members, folder = make_members(config, 1), tmp_path_factory.mktemp("small")
    for name in ("one.onnx", "two.onnx"):
        export(members, config, folder / name, {"note": "wörds", "a": "b"})
    return members, folder


def test_same_network_gives_the_same_bytes(small):
    one, two = (small[1] / name for name in ("one.onnx", "two.onnx"))
    assert one.read_bytes() == two.read_bytes()
    assert sorted(path.name for path in small[1].iterdir()) == ["one.onnx", "two.onnx"]


def test_sixteen_descriptors_equal_torch(small):
    tokens, features = pad(make_tokens([24, 13, 7, 1]), 24), make_features(4)
    found = compute(onnxruntime.InferenceSession(small[1] / "one.onnx"), tokens, features)
    np.testing.assert_allclose(found, score(small[0], tokens, features), rtol=0, atol=1e-5)


def test_file_is_valid_and_tells_its_metadata_and_nothing_of_the_machine(small):
    path = small[1] / "one.onnx"
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    metadata = {each.key: each.value for each in model.metadata_props}
    assert len(metadata.pop(SEAL)) == 64
    assert metadata == {
        "a": "b",
        "circlet.format": "1",
        "circlet.max_tokens": "96",
        "circlet.multiple": "6",
        "note": "wörds",
    }
    assert not any(node.metadata_props or node.doc_string for node in model.graph.node)
    content = path.read_bytes()
    assert not any(word in content for word in (b".py", b"site-packages", b"stack_trace", b"/home"))


def test_opset_is_the_plain_one_of_onnx(small):
    model = onnx.load(small[1] / "one.onnx")
    assert [(each.domain, each.version) for each in model.opset_import] == [("", 20)]
    assert not model.functions


def test_integers_come_close_and_keep_the_metadata(small, tmp_path):
    for name in ("one.onnx", "two.onnx"):
        quantise(small[1] / "one.onnx", tmp_path / name)
    assert (tmp_path / "one.onnx").read_bytes() == (tmp_path / "two.onnx").read_bytes()
    model = onnx.load(tmp_path / "one.onnx")
    kinds = {node.op_type for node in model.graph.node}
    assert "MatMulInteger" in kinds
    metadata = {each.key: each.value for each in model.metadata_props}
    assert metadata["note"] == "wörds"
    assert metadata["circlet.multiple"] == "6"
    tokens, features = pad(make_tokens([24, 13, 7, 1]), 24), make_features(4)
    expected = score(small[0], tokens, features)
    found = compute(onnxruntime.InferenceSession(tmp_path / "one.onnx"), tokens, features)
    assert 0 < np.abs(found - expected).max() < 0.1 * np.ptp(expected)
