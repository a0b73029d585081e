import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from circlet.errors import InputError
from circlet.files import read_json, write_json
from circlet.model.checkpoint import Checkpoint
from circlet.model.kmers import KmerVocab
from circlet.model.network import NetworkConfig, build_network

FILES = ("config.json", "model.safetensors", "training.json", "vocabulary.json")


def change_config(folder, change):
    content = read_json(folder / "config.json")
    change(content)
    (folder / "config.json").write_text(json.dumps(content))


def test_save_and_load(tmp_path):
    torch.manual_seed(0)
    vocabulary = KmerVocab(1, 1, None, ("A", "C", "G", "T"))
    config = NetworkConfig(6, max_tokens=30, streams=1, width=8, layers=1, heads=2, feedforward=8)
    network = build_network(config).eval()
    training = {"best_epoch": 3, "epochs": [{"epoch": 1, "seen": 0.5}]}
    Checkpoint(network, config, vocabulary, 17, 0.25, training).save(tmp_path / "made")
    loaded = Checkpoint.load(tmp_path / "made")
    assert (loaded.config, loaded.vocabulary) == (config, vocabulary)
    assert (loaded.min_length, loaded.threshold, loaded.training) == (17, 0.25, training)
    tokens = torch.randint(1, 6, (5, 24))
    with torch.inference_mode():
        assert torch.equal(loaded.network.eval()(tokens), network(tokens))


def test_saved_again_it_has_the_same_bytes(checkpoint_folder, tmp_path):
    Checkpoint.load(checkpoint_folder).save(tmp_path / "again")
    for name in FILES:
        assert (tmp_path / "again" / name).read_bytes() == (checkpoint_folder / name).read_bytes()


def test_files_are_json_and_safetensors_alone(checkpoint_folder):
    assert sorted(path.name for path in checkpoint_folder.iterdir()) == list(FILES)
    weights = load_file(checkpoint_folder / "model.safetensors")
    assert set(weights) == set(Checkpoint.load(checkpoint_folder).network.state_dict())


def test_missing_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"none: no such checkpoint folder"):
        Checkpoint.load(tmp_path / "none")


@pytest.mark.parametrize("name", FILES)
def test_missing_file_is_refused(checkpoint_folder, name):
    (checkpoint_folder / name).unlink()
    with pytest.raises(InputError, match=f"{name}: no such file"):
        Checkpoint.load(checkpoint_folder)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kept", [0, 7, -10])
def test_truncated_file_is_refused(checkpoint_folder, name, kept):
    path = checkpoint_folder / name
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(InputError, match=name):
        Checkpoint.load(checkpoint_folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.update(format=2), "not a checkpoint's config of format 1"),
        (lambda c: c.pop("network"), "config.json: network: the key is missing"),
        (lambda c: c.pop("min_length"), "config.json: min_length: the key is missing"),
        (lambda c: c.pop("threshold"), "config.json: threshold: the key is missing"),
        (lambda c: c["network"].update(depth=3), "config.json: network: describes no network"),
        (lambda c: c["network"].pop("vocabulary_size"), "network: describes no network"),
        (lambda c: c["network"].update(architecture="lstm"), "architecture 'lstm' is none of"),
        (lambda c: c["network"].update(heads=3), "3 heads do not divide a width of 8"),
        (lambda c: c["network"].update(heads="2"), "network: describes no network"),
        (lambda c: c["network"].update(heads=0), "heads is 0, not a whole number above 0"),
        (lambda c: c["network"].update(streams=True), "streams is True, not"),
        (lambda c: c["network"].update(max_tokens="9"), "max_tokens is '9', not"),
        (lambda c: c.update(min_length="x"), "min_length: is 'x', not a length in nt"),
        (lambda c: c.update(min_length=-1), "min_length: is -1, not a length in nt"),
        (lambda c: c.update(threshold=None), "threshold: is None, not a probability"),
        (lambda c: c.update(threshold=1.5), "threshold: is 1.5, not a probability"),
        (lambda c: c.update(threshold=float("nan")), "threshold: is nan, not a probability"),
        (lambda c: c["network"].update(layers=None), "network: describes no network"),
        (lambda c: c["network"].update(dropout=1.5), "network: describes no network"),
        (lambda c: c.update(network=[1]), "network: describes no network"),
    ],
)
def test_tampered_config_is_refused(checkpoint_folder, change, message):
    change_config(checkpoint_folder, change)
    with pytest.raises(InputError, match=message) as caught:
        Checkpoint.load(checkpoint_folder)
    assert str(caught.value).startswith(str(checkpoint_folder / "config.json"))


def test_config_that_is_no_mapping_is_refused(checkpoint_folder):
    write_json(checkpoint_folder / "config.json", ["format", 1])
    with pytest.raises(InputError, match=r"config\.json: not a checkpoint's config"):
        Checkpoint.load(checkpoint_folder)


def test_training_record_that_is_no_mapping_is_refused(checkpoint_folder):
    write_json(checkpoint_folder / "training.json", [1])
    with pytest.raises(InputError, match=r"training\.json: not the record of a training"):
        Checkpoint.load(checkpoint_folder)


def test_vocabulary_of_another_run_is_refused(checkpoint_folder):
    KmerVocab(2, 1, None, ("AC", "GT")).save(checkpoint_folder / "vocabulary.json")
    with pytest.raises(InputError, match=r"vocabulary\.json: has 4 tokens but the network 18"):
        Checkpoint.load(checkpoint_folder)


@pytest.mark.parametrize("setting", ["width", "feedforward", "layers", "patch"])
def test_weights_of_another_shape_are_refused(checkpoint_folder, setting):
    change_config(
        checkpoint_folder, lambda c: c["network"].update({setting: 2 * c["network"][setting]})
    )
    with pytest.raises(InputError, match=r"model\.safetensors: does not fit the config"):
        Checkpoint.load(checkpoint_folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda weights: weights.pop("merge.bias"),
        lambda weights: weights.update(more=torch.zeros(2)),
        lambda weights: weights.update({"merge.bias": torch.zeros(9)}),
        lambda weights: weights["merge.bias"].fill_(torch.nan),
    ],
)
def test_tampered_weights_are_refused(checkpoint_folder, change):
    path = checkpoint_folder / "model.safetensors"
    weights = load_file(path)
    change(weights)
    save_file(weights, path)
    with pytest.raises(InputError, match=r"does not fit the config|not finite numbers") as caught:
        Checkpoint.load(checkpoint_folder)
    assert "\n" not in str(caught.value)
