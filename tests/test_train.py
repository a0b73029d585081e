import copy

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from training_inputs import SOME_OF_ALL, timeless_record, train_words, write_inputs

from circlet.cli import main
from circlet.files import read_json, read_table, write_table
from circlet.model import train as train_module
from circlet.model.checkpoint import load_member
from circlet.model.kmers import KmerVocab
from circlet.model.network import NetworkConfig
from circlet.model.padding import plan_batches
from circlet.model.settings import TrainingConfig
from circlet.model.tokens import TokenStore
from circlet.model.train import reason_to_stop
from circlet.model.trainer import Sums, Trainer


def train(files, folder, **changes):
    """Train by the command line; returns its exit code."""
    return main(train_words(files, folder, **changes))


def record_of(folder):
    return read_json(folder / "seed1.json")


def weights_of(folder):
    return (folder / "seed1.safetensors").read_bytes()


def script_validation(monkeypatch, aurocs):
    """Make validation give these AUROCs; returns the weights that it was shown, epoch by epoch."""
    shown, script = [], iter(aurocs)

    def validate(trainer):
        state = trainer.network.state_dict()
        shown.append({name: value.clone() for name, value in state.items()})
        return 0.5, next(script)

    monkeypatch.setattr(train_module, "validate", validate)
    return shown


def is_state(path, state):
    saved = load_file(path)
    return set(saved) == set(state) and all(torch.equal(saved[name], state[name]) for name in saved)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_inputs(tmp_path_factory.mktemp("inputs"))


@pytest.fixture(scope="module")
def trained(files, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    assert train(files, folder) == 0
    return folder


def test_separable_classes_are_learnt(trained):
    record = record_of(trained)
    assert max(epoch["validation_auroc"] for epoch in record["epochs"]) > 0.95
    losses = [epoch["train_loss"] for epoch in record["epochs"]]
    assert losses[-1] < 0.5 * losses[0]


def test_record_of_a_training(trained):
    record = record_of(trained)
    config = NetworkConfig(**record["network"])
    assert config == NetworkConfig(
        66,
        max_tokens=90,
        width=8,
        layers=1,
        heads=2,
        feedforward=16,
        dropout=0,
        ends=4,
        descriptors="none",
    )
    network = load_member(config, trained / "seed1.safetensors")
    assert record["architecture"] == "circformer"
    assert record["parameters"] == sum(each.numel() for each in network.parameters())
    assert (record["seed"], record["optimizer"], record["max_epochs"]) == (1, "adamw", 3)
    assert (record["device"], record["threads"], record["processes"]) == ("cpu", 1, 1)
    assert (record["min_length"], record["compile"]) == (60, False)
    assert record["versions"]["torch"] == torch.__version__
    assert [epoch["epoch"] for epoch in record["epochs"]] == [1, 2, 3]
    assert {epoch["seen"] for epoch in record["epochs"]} == {1.0}
    assert record["stopped"] == "all epochs are done"
    assert all(epoch["nt_per_second"] > 0 for epoch in record["epochs"])
    assert record["peak_mib"]["memory"] > 50


def test_only_the_outputs_are_left(trained):
    assert sorted(path.name for path in trained.iterdir()) == ["seed1.json", "seed1.safetensors"]


@pytest.mark.parametrize("changes", [{}, SOME_OF_ALL | {"precision": "bf16"}])
def test_same_seed_gives_the_same_bytes(files, tmp_path, changes):
    records = []
    for name in ("one", "again"):
        assert train(files, tmp_path / name, **changes) == 0
        records.append(timeless_record(tmp_path / name))
    assert records[0] == records[1]
    assert weights_of(tmp_path / "one") == weights_of(tmp_path / "again")
    assert train(files, tmp_path / "other", **changes, seed=2) == 0
    assert weights_of(tmp_path / "one") != weights_of(tmp_path / "other")


@pytest.mark.parametrize("change", SOME_OF_ALL)
def test_each_setting_counts(files, trained, tmp_path, change):
    assert train(files, tmp_path, **{change: SOME_OF_ALL[change]}) == 0
    # The classes are balanced already.
    assert (weights_of(tmp_path) == weights_of(trained)) == (change == "class_weight")


def test_test_part_is_never_read(files, trained, tmp_path):
    tokens, offsets = np.load(files["tokens"]), np.load(files["offsets"])
    features, index = np.load(files["features"]), read_table(files["index"])
    is_test = index["part"] == "test"
    for row in np.flatnonzero(is_test):
        tokens[offsets[row] : offsets[row + 1]] = 9
    features[is_test] = 0
    index.loc[is_test, "label"] = "circRNA"
    np.save(tmp_path / "tokens.npy", tokens)
    np.save(tmp_path / "features.npy", features)
    write_table(tmp_path / "index.parquet", index)
    changed = {flag: tmp_path / files[flag].name for flag in ("tokens", "features", "index")}
    assert train(files, tmp_path, **changed) == 0
    assert weights_of(tmp_path) == weights_of(trained)


def test_best_epoch_is_kept_and_patience_ends(files, tmp_path, monkeypatch):
    shown = script_validation(monkeypatch, [0.7, 0.9, 0.8, 0.9])
    assert train(files, tmp_path, patience=2, epochs=6) == 0
    record = record_of(tmp_path)
    assert (len(record["epochs"]), record["best_epoch"]) == (4, 2)
    assert record["stopped"] == "no better epoch for 2 epochs"
    assert is_state(tmp_path / "seed1.safetensors", shown[1])
    assert not is_state(tmp_path / "seed1.safetensors", shown[3])


def test_epochs_are_a_budget(files, tmp_path, monkeypatch):
    shown = script_validation(monkeypatch, [0.7, 0.8, 0.9])
    assert train(files, tmp_path, epochs=3, patience=1) == 0
    assert record_of(tmp_path)["stopped"] == "all epochs are done"
    assert is_state(tmp_path / "seed1.safetensors", shown[2])


def test_the_average_is_what_is_saved(files, tmp_path, monkeypatch):
    kept, validate = [], train_module.validate

    def watched(trainer):
        kept.append(copy.deepcopy(trainer.average.state_dict()))
        assert not torch.equal(trainer.average.head[-1].bias, trainer.network.head[-1].bias)
        return validate(trainer)

    monkeypatch.setattr(train_module, "validate", watched)
    assert train(files, tmp_path, average=0.9) == 0
    best = record_of(tmp_path)["best_epoch"]
    assert is_state(tmp_path / "seed1.safetensors", kept[best - 1])


def test_time_is_a_budget_and_ends_within_an_epoch(files, tmp_path, monkeypatch):
    monkeypatch.setattr(Trainer, "time_used", property(lambda self: float(self.steps >= 12)))
    assert train(files, tmp_path, max_minutes=2.5) == 0
    store = TokenStore.load(*(files[name] for name in ("tokens", "offsets", "features", "index")))
    lengths = -(-store.lengths[store.rows("train")] // 12) * 12
    first, second = (plan_batches(lengths, 1024, np.random.default_rng([1, e])) for e in (1, 2))
    assert len(first) < 12 < len(first) + len(second)
    seen = sum(map(len, second[: 12 - len(first)])) / 96
    record = record_of(tmp_path)
    assert record["stopped"] == "2.5 minutes are over"
    assert [epoch["seen"] for epoch in record["epochs"]] == [1.0, round(seen, 4)]
    assert 0 < seen < 1


@pytest.mark.parametrize(
    ("used", "epochs", "best", "steps", "reason"),
    [
        (1.0, 0, 0, 0, None),
        (0.0, 1, 1, 0, None),
        (0.0, 3, 2, 0, None),
        (0.0, 4, 2, 0, "no better epoch for 2 epochs"),
        (0.0, 5, 5, 0, "all epochs are done"),
        (1.0, 1, 1, 0, "3 minutes are over"),
        (1.2, 4, 2, 0, "3 minutes are over"),
        (1.2, 4, 2, 1, None),
    ],
)
def test_reason_to_stop(monkeypatch, used, epochs, best, steps, reason):
    monkeypatch.setattr(Trainer, "time_used", property(lambda self: used))
    config = TrainingConfig(epochs=5, patience=2, max_minutes=3)
    trainer = Trainer(None, None, None, None, config, torch.device("cpu"), None)
    trainer.sums = Sums(steps=steps)
    trainer.epochs = [
        {"epoch": number, "validation_auroc": float(number == best), "validation_loss": 1.0}
        for number in range(1, epochs + 1)
    ]
    assert reason_to_stop(trainer) == reason


def test_of_epochs_with_equal_auroc_the_least_loss_is_best(files, tmp_path, monkeypatch):
    script = iter([(0.6, 0.8), (0.5, 0.9), (0.4, 0.9), (0.3, 0.7), (0.45, 0.9)])
    monkeypatch.setattr(train_module, "validate", lambda trainer: next(script))
    assert train(files, tmp_path, epochs=5, patience=5) == 0
    assert record_of(tmp_path)["best_epoch"] == 3


@pytest.mark.parametrize(
    ("budget", "told"),
    [
        (1024, "epoch 1, step 2: the loss or its gradient became nan with the sequences ['t"),
        (10**6, "validation after epoch 1: the loss became nan with the sequences ['t"),
    ],
)
def test_diverging_loss_ends_with_one_line(files, tmp_path, capsys, budget, told):
    changes = {"learning_rate": 1e30, "warmup": 0, "batch_tokens": budget}
    assert train(files, tmp_path, **changes) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith(f"circlet train: error: training: {told}")
    assert error.endswith(" more; lower learning_rate, or look at them")
    # Of the second one, that meets it in validation, the state was good.
    assert [path.name for path in tmp_path.iterdir()] == ["state"] * (budget > 1024)


def test_tokens_of_another_vocabulary_are_refused(files, tmp_path, capsys):
    vocabulary = tmp_path / "vocabulary.json"
    KmerVocab(3, 1, None, True, ("ACG",)).save(vocabulary)
    assert train(files, tmp_path, vocabulary=vocabulary) == 2
    assert "tokens: has ids beyond the vocabulary" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [vocabulary]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 0}, "settings: epochs: is 0; give a number above 0"),
        ({"patience": 0}, "settings: patience: is 0"),
        ({"batch_tokens": -1}, "settings: batch_tokens: is -1"),
        ({"batch_tokens": 89}, "settings: max_tokens: is 90, above batch_tokens, 89; lower"),
        ({"accumulate": 0}, "settings: accumulate: is 0"),
        ({"learning_rate": 0}, "settings: learning_rate: is 0.0"),
        ({"clip": 0}, "settings: clip: is 0.0"),
        ({"max_minutes": 0}, "settings: max_minutes: is 0.0"),
        ({"warmup": 1}, "settings: warmup: is 1.0; give a share from 0 to below 1"),
        ({"dropout": -0.1}, "settings: dropout: is -0.1"),
        ({"dropout": 1}, "settings: dropout: is 1.0"),
        ({"average": 1}, "settings: average: is 1.0"),
        ({"width": 0}, "settings: width is 0, not a whole number above 0"),
        ({"heads": 0}, "settings: heads is 0, not"),
        ({"streams": 0}, "settings: streams is 0, not"),
        ({"max_tokens": 0}, "settings: max_tokens is 0, not"),
        ({"streams": 91}, "settings: streams * patch exceeds max_tokens"),
        ({"seed": -1}, "settings: seed: is -1; give a whole number from 0 to 4294967295"),
        ({"seed": 2**70}, "settings: seed: is 1180591620717411303424"),
        ({"weight_decay": -1}, "settings: weight_decay: is -1.0"),
        ({"weight_decay": "nan"}, "settings: weight_decay: is nan"),
        ({"learning_rate": "nan"}, "settings: learning_rate: is nan"),
        ({"max_minutes": "inf"}, "settings: max_minutes: is inf"),
        ({"clip": "nan"}, "settings: clip: is nan"),
        ({"threads": -1}, "threads: is -1; give a whole number from 1 to 1024"),
        ({"heads": 3}, "settings: 3 heads do not divide a width of 8 evenly"),
        ({"architecture": "lstm"}, "settings: architecture 'lstm' is none of"),
        ({"architecture": "text_transformer"}, "settings: max_tokens: text_transformer reads"),
    ],
)
def test_settings_out_of_range_end_with_one_line(files, tmp_path, capsys, changes, message):
    assert train(files, tmp_path, **changes) == 2
    assert f"circlet train: error: {message}" in capsys.readouterr().err.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("part", ["train", "validation"])
def test_part_that_lacks_a_class_is_refused(files, tmp_path, capsys, part):
    index = read_table(files["index"])
    index.loc[index["part"] == part, "label"] = "lncRNA"
    write_table(tmp_path / "index.parquet", index)
    assert train(files, tmp_path, index=tmp_path / "index.parquet") == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error == f"circlet train: error: split: {part}: the part lacks a class; use more data"
    assert [path.name for path in tmp_path.iterdir()] == ["index.parquet"]


def test_missing_tokens_end_with_one_line(files, tmp_path, capsys):
    assert train(files, tmp_path, tokens=tmp_path / "none.npy") == 2
    assert f"{tmp_path / 'none.npy'}: no such file" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_comparator_is_trained(tmp_path):
    files = write_inputs(tmp_path, (3, 1, 60, False))
    comparator = {
        "architecture": "text_transformer",
        "max_tokens": 58,
        "width": 12,
        "batch_tokens": 16 * 58,
        "optimizer": "adagrad",
        "warmup": 0,
        "clip": 1e6,
        "epochs": 12,
        "patience": 12,
        "seed": 3,
    }
    assert train(files, tmp_path / "out", **comparator) == 0
    record = record_of(tmp_path / "out")
    assert record["optimizer"] == "adagrad"
    assert max(epoch["validation_auroc"] for epoch in record["epochs"]) > 0.9


def test_compiled_network_trains_as_the_plain_one(files, trained, tmp_path, monkeypatch):
    asked, compile_it = [], torch.compile

    def watched(network, **options):
        asked.append(options)
        return compile_it(network, backend="eager", **options)  # without the wait for a compiler

    monkeypatch.setattr(torch, "compile", watched)
    assert train(files, tmp_path, compile=True) == 0
    assert asked == [{"dynamic": True}]
    one, other = (load_file(folder / "seed1.safetensors") for folder in (trained, tmp_path))
    assert one.keys() == other.keys()
    for name, value in one.items():
        torch.testing.assert_close(other[name], value, atol=1e-4, rtol=1e-3, msg=name)
