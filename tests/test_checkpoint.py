import json
from dataclasses import asdict, fields, replace

import numpy as np
import pytest
import torch
from checkpoint_inputs import REFERENCE, TREES, reseal
from safetensors.torch import load_file, save_file

from circlet.errors import InputError
from circlet.files import read_json, write_json
from circlet.model.calibration import Calibration
from circlet.model.checkpoint import Checkpoint, load_weights, save_weights
from circlet.model.description import Description
from circlet.model.kmers import KmerVocab
from circlet.model.network import NetworkConfig, build_network

FILES = (
    "config.json",
    "manifest.json",
    "reference.safetensors",
    "seed1.safetensors",
    "seed4.safetensors",
    "training.json",
    "vocabulary.json",
)
VOCABULARY = KmerVocab(k=1, stride=1, window=None, ring=False, kmers=("A", "C", "G", "T"))
CONFIG = NetworkConfig(
    6, max_tokens=30, streams=1, patch=2, width=8, layers=1, heads=2, feedforward=8, ends=2
)
CALIBRATION = Calibration("platt", {"scale": 2.0, "offset": -0.5})


def make_checkpoint(config=CONFIG, vocabulary=VOCABULARY, seeds=(1, 4)):
    torch.manual_seed(0)
    members = [build_network(config).eval() for _ in seeds]
    training = [{"seed": seed, "network": asdict(config), "best_epoch": 3} for seed in seeds]
    about = (asdict(config), vocabulary, 17, CALIBRATION, 0.25, training, REFERENCE)
    return Checkpoint(Description(*about), members)


@pytest.fixture
def checkpoint_folder(tmp_path):
    """Folder of a checkpoint of two members."""
    make_checkpoint().save(tmp_path / "checkpoint")
    return tmp_path / "checkpoint"


def change_json(folder, name, change):
    """Change a file as a careful forger would: the manifest fits it."""
    content = read_json(folder / name)
    change(content)
    (folder / name).write_text(json.dumps(content))
    reseal(folder)


def test_save_and_load(checkpoint_folder):
    made, loaded = make_checkpoint(), Checkpoint.load(checkpoint_folder)
    about = loaded.description
    assert (about.network, about.vocabulary) == (asdict(CONFIG), VOCABULARY)
    assert (about.min_length, about.calibration, about.threshold) == (17, CALIBRATION, 0.25)
    assert about.training == made.description.training
    assert about.names == ["seed1", "seed4"]
    assert (about.max_tokens, about.multiple) == (30, 2)
    # Its fields alone: what it has derived from them, if another test used it, is not kept.
    for field in fields(REFERENCE):
        assert np.array_equal(getattr(about.reference, field.name), getattr(REFERENCE, field.name))
    tokens, features = torch.randint(1, 6, (5, 24)), torch.zeros(5, 356)
    with torch.inference_mode():
        logits = [member(tokens, features) for member in made.members]
        assert not torch.equal(*logits)
        for member, expected in zip(loaded.members, logits, strict=True):
            assert torch.equal(member(tokens, features), expected)


@pytest.mark.parametrize(
    "calibration",
    [
        Calibration("none", {}),
        Calibration("temperature", {"temperature": 1 / 3}),
        Calibration("isotonic", {"scores": [-1.5, 0.1], "probabilities": [1 / 7, 2 / 3]}),
    ],
)
def test_every_calibration_comes_back(tmp_path, calibration):
    checkpoint = make_checkpoint()
    checkpoint.description.calibration = calibration
    checkpoint.save(tmp_path)
    assert Checkpoint.load(tmp_path).description.calibration == calibration


def test_saved_again_it_has_the_same_bytes(checkpoint_folder, tmp_path):
    Checkpoint.load(checkpoint_folder).save(tmp_path / "again")
    for name in FILES:
        assert (tmp_path / "again" / name).read_bytes() == (checkpoint_folder / name).read_bytes()


def test_files_are_json_and_safetensors_alone(checkpoint_folder):
    assert sorted(path.name for path in checkpoint_folder.iterdir()) == list(FILES)
    assert read_json(checkpoint_folder / "config.json") == {
        "format": 3,
        "network": asdict(CONFIG),
        "min_length": 17,
        "calibration": {"method": "platt", "parameters": {"scale": 2.0, "offset": -0.5}},
        "threshold": 0.25,
        "members": ["seed1", "seed4"],
        "tree_weight": None,
    }
    weights = load_file(checkpoint_folder / "seed4.safetensors")
    assert set(weights) == set(Checkpoint.load(checkpoint_folder).members[1].state_dict())


def test_trees_come_back(tmp_path):
    checkpoint = make_checkpoint()
    checkpoint.description.trees, checkpoint.description.tree_weight = TREES, 0.25
    checkpoint.save(tmp_path)
    loaded = Checkpoint.load(tmp_path).description
    assert loaded.tree_weight == 0.25
    features = np.random.default_rng(0).random((3, 356))
    assert (loaded.trees(features) == TREES(features)).all()
    (tmp_path / "trees.safetensors").unlink()
    with pytest.raises(InputError, match=r"trees\.safetensors: no such file"):
        Checkpoint.load(tmp_path)


def test_trees_of_no_weight_are_kept_as_such(tmp_path):
    checkpoint = make_checkpoint()
    checkpoint.description.trees = TREES
    checkpoint.save(tmp_path)
    loaded = Checkpoint.load(tmp_path).description
    assert loaded.trees is not None
    assert loaded.tree_weight == 0


def test_weights_of_members_that_are_not_named_are_left_alone(checkpoint_folder):
    (checkpoint_folder / "seed2.safetensors").write_bytes(b"of an ensemble before")
    assert Checkpoint.load(checkpoint_folder).description.names == ["seed1", "seed4"]


def test_model_card_in_the_folder_is_ignored(checkpoint_folder):
    (checkpoint_folder / "README.md").write_text("---\nlicense: mit\n---\n")
    (checkpoint_folder / "DOME.md").write_text("# DOME\n")
    assert Checkpoint.load(checkpoint_folder).description.names == ["seed1", "seed4"]


def test_weights_alone(tmp_path):
    first, second = make_checkpoint().members
    save_weights(first, tmp_path / "made/first.safetensors")
    load_weights(second, tmp_path / "made/first.safetensors")
    for name, value in first.state_dict().items():
        assert torch.equal(second.state_dict()[name], value)
    with pytest.raises(InputError, match=r"none\.safetensors: no such file"):
        load_weights(second, tmp_path / "none.safetensors")


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
        (lambda c: c.update(format=4), "not a checkpoint's config of format 3"),
        (lambda c: c.pop("network"), "config.json: network: the key is missing"),
        (lambda c: c.pop("min_length"), "config.json: min_length: the key is missing"),
        (lambda c: c.pop("threshold"), "config.json: threshold: the key is missing"),
        (lambda c: c.pop("calibration"), "config.json: calibration: the key is missing"),
        (lambda c: c.pop("members"), "config.json: members: the key is missing"),
        (lambda c: c.pop("tree_weight"), "config.json: tree_weight: the key is missing"),
        (lambda c: c.update(tree_weight=2), "tree_weight: is 2, not a share or null"),
        (lambda c: c.update(tree_weight="0.5"), "tree_weight: is '0.5', not a share or null"),
        (lambda c: c["network"].update(depth=3), "config.json: network: describes no network"),
        (lambda c: c["network"].pop("vocabulary_size"), "not the shape of a network"),
        (lambda c: c["network"].update(architecture="lstm"), "architecture 'lstm' is none of"),
        (lambda c: c["network"].update(heads=3), "3 heads do not divide a width of 8"),
        (lambda c: c["network"].update(heads="2"), "network: describes no network"),
        (lambda c: c["network"].update(heads=0), "heads is 0, not a whole number above 0"),
        (lambda c: c["network"].update(streams=True), "not the shape of a network"),
        (lambda c: c["network"].update(max_tokens="9"), "not the shape of a network"),
        (lambda c: c.update(min_length="x"), "min_length: is 'x', not a length in nt"),
        (lambda c: c.update(min_length=-1), "min_length: is -1, not a length in nt"),
        (lambda c: c.update(threshold=None), "threshold: is None, not a probability"),
        (lambda c: c.update(threshold=1.5), "threshold: is 1.5, not a probability"),
        (lambda c: c.update(threshold=float("nan")), "threshold: is nan, not a probability"),
        (lambda c: c["network"].update(layers=None), "network: describes no network"),
        (lambda c: c["network"].update(dropout=1.5), "network: describes no network"),
        (lambda c: c.update(network=[1]), r"network: is \[1\], not the shape of a network"),
        (lambda c: c.update(calibration=None), "calibration: describes no calibration"),
        (lambda c: c["calibration"].pop("method"), "calibration: describes no calibration"),
        (lambda c: c["calibration"].update(method="x"), "method 'x' is none of"),
        (lambda c: c["calibration"]["parameters"].update(scale=-2.0), "scale is -2.0, not above"),
        (lambda c: c["calibration"]["parameters"].update(offset=float("nan")), "offset is not"),
        (lambda c: c["calibration"].update(parameters={}), "platt takes"),
        (lambda c: c.update(members=[]), "members: is \\[\\], not a list of different names"),
        (lambda c: c.update(members="seed1"), "members: is 'seed1', not a list"),
        (lambda c: c.update(members=["seed1", "seed1"]), "not a list of different names"),
        (lambda c: c.update(members=["seed1", 4]), "not a list of different names"),
        (lambda c: c.update(members=["seed1", "../seed4"]), "not a list of different names"),
    ],
)
def test_tampered_config_is_refused(checkpoint_folder, change, message):
    change_json(checkpoint_folder, "config.json", change)
    if network := read_json(checkpoint_folder / "config.json").get("network"):
        follow = lambda records: [record.update(network=network) for record in records]  # noqa: E731
        change_json(checkpoint_folder, "training.json", follow)
    with pytest.raises(InputError, match=message) as caught:
        Checkpoint.load(checkpoint_folder)
    assert str(caught.value).startswith(str(checkpoint_folder / "config.json"))


def test_config_that_is_no_mapping_is_refused(checkpoint_folder):
    write_json(checkpoint_folder / "config.json", ["format", 1])
    reseal(checkpoint_folder)
    with pytest.raises(InputError, match=r"config\.json: not a checkpoint's config"):
        Checkpoint.load(checkpoint_folder)


@pytest.mark.parametrize("number", [1, 2])
def test_older_formats_are_refused(tmp_path, number):
    """They had no manifest."""
    content = {"format": number, "network": asdict(CONFIG), "min_length": 17, "threshold": 0.5}
    write_json(tmp_path / "config.json", content)
    with pytest.raises(InputError) as caught:
        Checkpoint.load(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path / 'config.json'}: is of format {number}, which is no longer read; "
        "run the workflow again: the step assemble makes it anew"
    )


@pytest.mark.parametrize(
    "content",
    [
        {"seed": 1},
        [1],
        [{"seed": 1}, {"seed": 4}],
        [{"seed": True, "network": {}}],
        [{"seed": 1, "network": [6]}],
    ],
)
def test_what_is_no_training_record_is_refused(checkpoint_folder, content):
    write_json(checkpoint_folder / "training.json", content)
    reseal(checkpoint_folder)
    with pytest.raises(InputError, match=r"training\.json: not the records of trainings"):
        Checkpoint.load(checkpoint_folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda records: records.pop(),
            r"is of \['seed1'\] but the config of \['seed1', 'seed4'\]",
        ),
        (lambda records: records.reverse(), r"is of \['seed4', 'seed1'\] but the config"),
        (lambda records: records[1].update(seed=5), r"is of \['seed1', 'seed5'\] but the config"),
        (lambda records: records[1]["network"].update(width=16), "seed4: was trained with another"),
        (lambda records: records[0]["network"].update(depth=1), "seed1: was trained with another"),
    ],
)
def test_training_records_of_other_members_are_refused(checkpoint_folder, change, message):
    change_json(checkpoint_folder, "training.json", change)
    with pytest.raises(InputError, match=message):
        Checkpoint.load(checkpoint_folder)


def test_vocabulary_of_another_run_is_refused(checkpoint_folder):
    KmerVocab(k=2, stride=1, window=None, ring=False, kmers=("AC", "GT")).save(
        checkpoint_folder / "vocabulary.json"
    )
    reseal(checkpoint_folder)
    with pytest.raises(InputError, match=r"vocabulary\.json: has 4 tokens but the network 6"):
        Checkpoint.load(checkpoint_folder)


@pytest.mark.parametrize(("window", "ring"), [(None, False), (None, True), (29, False)])
def test_text_transformer_needs_its_window(tmp_path, window, ring):
    config = NetworkConfig(
        6, "text_transformer", max_tokens=30, width=4, layers=1, heads=2, feedforward=4
    )
    whole = replace(VOCABULARY, window=30)
    make_checkpoint(config, whole).save(tmp_path)
    assert Checkpoint.load(tmp_path).description.vocabulary == whole
    replace(VOCABULARY, window=window, ring=ring).save(tmp_path / "vocabulary.json")
    reseal(tmp_path)
    with pytest.raises(InputError, match=r"vocabulary\.json: gives no window of 30 tokens"):
        Checkpoint.load(tmp_path)


@pytest.mark.parametrize("setting", ["width", "feedforward", "layers", "patch"])
def test_weights_of_another_shape_are_refused(checkpoint_folder, setting):
    def change(network):
        network[setting] *= 2

    change_json(checkpoint_folder, "config.json", lambda content: change(content["network"]))
    change_json(checkpoint_folder, "training.json", lambda content: change(content[0]["network"]))
    change_json(checkpoint_folder, "training.json", lambda content: change(content[1]["network"]))
    with pytest.raises(InputError, match=r"seed1\.safetensors: does not fit the config"):
        Checkpoint.load(checkpoint_folder)


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("width", 1 << 20, r"describes no network \(it has [\d,]+ weights or more, above"),
        ("layers", 10**9, r"config\.json: network: describes no network \(layers is 1000000000"),
    ],
)
def test_no_memory_is_taken_for_weights_that_are_not_there(
    checkpoint_folder, setting, value, message
):
    def change(network):
        network[setting] = value

    change_json(checkpoint_folder, "config.json", lambda content: change(content["network"]))
    change_json(checkpoint_folder, "training.json", lambda content: change(content[0]["network"]))
    change_json(checkpoint_folder, "training.json", lambda content: change(content[1]["network"]))
    with pytest.raises(InputError, match=message):
        Checkpoint.load(checkpoint_folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda weights: weights.pop("blocks.0.project.bias"),
        lambda weights: weights.update(more=torch.zeros(2)),
        lambda weights: weights.update({"blocks.0.project.bias": torch.zeros(9)}),
        lambda weights: weights["blocks.0.project.bias"].fill_(torch.nan),
    ],
)
def test_tampered_weights_are_refused(checkpoint_folder, change):
    path = checkpoint_folder / "seed4.safetensors"
    weights = load_file(path)
    change(weights)
    save_file(weights, path)
    reseal(checkpoint_folder)
    with pytest.raises(InputError, match=r"does not fit the config|not finite numbers") as caught:
        Checkpoint.load(checkpoint_folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", [name for name in FILES if name != "manifest.json"])
def test_a_changed_byte_is_found(checkpoint_folder, name):
    path = checkpoint_folder / name
    content = bytearray(path.read_bytes())
    content[-2] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        Checkpoint.load(checkpoint_folder)
    assert str(caught.value) == (
        f"{path}: its SHA-256 is not the one in manifest.json: damaged or changed; "
        "train the run again, or name the folder of a whole checkpoint"
    )


def test_an_added_byte_is_found(checkpoint_folder):
    path = checkpoint_folder / "seed4.safetensors"
    size = path.stat().st_size
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(
        InputError, match=rf"has {size + 1:,} bytes where manifest.json says {size:,}"
    ):
        Checkpoint.load(checkpoint_folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.update(format=2),
        lambda c: c.pop("files"),
        lambda c: c["files"].update({"../config.json": c["files"]["config.json"]}),
        lambda c: c["files"]["config.json"].pop("sha256"),
        lambda c: c["files"]["config.json"].update(bytes="9"),
    ],
)
def test_what_is_no_manifest_is_refused(checkpoint_folder, change):
    content = read_json(checkpoint_folder / "manifest.json")
    change(content)
    write_json(checkpoint_folder / "manifest.json", content)
    with pytest.raises(InputError, match="not the manifest of a checkpoint of format 3"):
        Checkpoint.load(checkpoint_folder)


@pytest.mark.parametrize(
    ("name", "message"),
    [("seed4.safetensors", "is not in manifest.json"), ("reference.safetensors", "no such file")],
)
def test_files_that_the_manifest_leaves_out_are_not_read(checkpoint_folder, name, message):
    content = read_json(checkpoint_folder / "manifest.json")
    content["files"].pop(name)
    write_json(checkpoint_folder / "manifest.json", content)
    with pytest.raises(InputError, match=f"{name}: {message}"):
        Checkpoint.load(checkpoint_folder)


def test_half_precision_is_what_comes_back(tmp_path):
    first, second = make_checkpoint().members
    save_weights(first, tmp_path / "whole.safetensors")
    save_weights(first, tmp_path / "half.safetensors", half=True)
    load_weights(second, tmp_path / "half.safetensors")
    for name, value in first.state_dict().items():
        assert second.state_dict()[name].dtype == torch.float32
        assert torch.equal(second.state_dict()[name], value.half().float())
    sizes = [(tmp_path / f"{name}.safetensors").stat().st_size for name in ("half", "whole")]
    assert sizes[0] < 0.8 * sizes[1]


@pytest.mark.parametrize("name", ["", "..", "../a", "/etc/passwd", "a\0b", "a/b", ".hidden"])
def test_a_manifest_names_files_of_its_own_folder_alone(checkpoint_folder, name):
    manifest = read_json(checkpoint_folder / "manifest.json")
    manifest["files"][name] = {"bytes": 1, "sha256": "0"}
    write_json(checkpoint_folder / "manifest.json", manifest)
    with pytest.raises(InputError, match=r"manifest\.json: not the manifest of a checkpoint"):
        Checkpoint.load(checkpoint_folder)
