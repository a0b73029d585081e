import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from circlet.cli import main
from circlet.errors import InputError
from circlet.files import read_json, read_table, write_table
from circlet.model import train as train_module
from circlet.model.batches import plan_batches
from circlet.model.checkpoint import Checkpoint
from circlet.model.kmers import KmerVocab
from circlet.model.network import NetworkConfig
from circlet.model.tokens import TokenStore
from circlet.model.train import check_settings, reason_to_stop
from circlet.model.trainer import Trainer, TrainingConfig

OPTIONS = {
    "--width": 8,
    "--layers": 1,
    "--heads": 2,
    "--feedforward": 16,
    "--max-tokens": 90,
    "--batch-tokens": 1024,
    "--epochs": 6,
    "--patience": 6,
    "--learning-rate": 0.03,
    "--min-length": 60,
    "--device": "cpu",
    "--threads": 1,
}


def train(run, folder, **changes):
    """Train by the command line; returns its exit code."""
    options = OPTIONS | {f"--{key.replace('_', '-')}": value for key, value in changes.items()}
    words = [str(word) for pair in options.items() for word in pair]
    places = ["--state", str(folder / "state"), "--output", str(folder / "model")]
    return main(["train", *run.flags("train"), *words, *places])


def record_of(folder):
    return read_json(folder / "model" / "training.json")


def weights_of(folder):
    """Bytes of the weights of the best and of the last epoch."""
    return [
        (folder / place / "model.safetensors").read_bytes() for place in ("model", "state/last")
    ]


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
def trained(toy_run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    assert train(toy_run, folder) == 0
    return folder


def test_separable_classes_are_learnt(trained):
    record = record_of(trained)
    assert max(epoch["validation_auroc"] for epoch in record["epochs"]) > 0.95
    losses = [epoch["train_loss"] for epoch in record["epochs"]]
    assert losses[-1] < 0.5 * losses[0]


def test_record_of_a_training(trained):
    record = record_of(trained)
    network = Checkpoint.load(trained / "model").network
    assert record["architecture"] == "kmer_transformer"
    assert record["parameters"] == sum(each.numel() for each in network.parameters())
    assert (record["seed"], record["optimizer"], record["max_epochs"]) == (1, "adamw", 6)
    assert (record["device"], record["threads"]) == ("cpu", 1)
    assert record["versions"]["torch"] == torch.__version__
    assert [epoch["epoch"] for epoch in record["epochs"]] == list(range(1, 7))
    assert {epoch["seen"] for epoch in record["epochs"]} == {1.0}
    assert record["stopped"] == "all epochs are done"


def test_checkpoint_of_a_training(trained, toy_run):
    checkpoint = Checkpoint.load(trained / "model")
    assert checkpoint.vocabulary == KmerVocab.load(toy_run.folder / "vocabulary.json")
    assert checkpoint.config == NetworkConfig(
        66, max_tokens=90, width=8, layers=1, heads=2, feedforward=16
    )
    assert (checkpoint.min_length, checkpoint.threshold) == (60, 0.5)
    assert weights_of(trained)[0] == (trained / "state/best/model.safetensors").read_bytes()


def test_same_seed_gives_the_same_bytes(trained, toy_run, tmp_path):
    assert train(toy_run, tmp_path / "again") == 0
    assert weights_of(tmp_path / "again") == weights_of(trained)
    assert train(toy_run, tmp_path / "other", seed=2) == 0
    for one, other in zip(weights_of(trained), weights_of(tmp_path / "other"), strict=True):
        assert one != other


def test_test_part_is_never_read(trained, toy_run, tmp_path):
    store = [toy_run.folder / name for name in ("tokens.npy", "offsets.npy", "index.parquet")]
    tokens, offsets, index = np.load(store[0]), np.load(store[1]), read_table(store[2])
    for row in np.flatnonzero(index["part"] == "test"):
        tokens[offsets[row] : offsets[row + 1]] = 9
    index.loc[index["part"] == "test", "label"] = "circRNA"
    np.save(tmp_path / "tokens.npy", tokens)
    write_table(tmp_path / "index.parquet", index)
    changes = {"tokens": tmp_path / "tokens.npy", "index": tmp_path / "index.parquet"}
    assert train(toy_run, tmp_path, **changes) == 0
    assert weights_of(tmp_path) == weights_of(trained)


def test_best_epoch_is_kept_and_patience_ends(toy_run, tmp_path, monkeypatch):
    shown = script_validation(monkeypatch, [0.7, 0.9, 0.8, 0.9])
    assert train(toy_run, tmp_path, patience=2) == 0
    record = record_of(tmp_path)
    assert (len(record["epochs"]), record["best_epoch"]) == (4, 2)
    assert record["stopped"] == "no better epoch for 2 epochs"
    assert is_state(tmp_path / "model/model.safetensors", shown[1])
    assert is_state(tmp_path / "state/best/model.safetensors", shown[1])
    assert is_state(tmp_path / "state/last/model.safetensors", shown[3])
    assert not is_state(tmp_path / "model/model.safetensors", shown[3])


def test_epochs_are_a_budget(toy_run, tmp_path, monkeypatch):
    shown = script_validation(monkeypatch, [0.7, 0.8, 0.9])
    assert train(toy_run, tmp_path, epochs=3, patience=1) == 0
    assert record_of(tmp_path)["stopped"] == "all epochs are done"
    assert is_state(tmp_path / "model/model.safetensors", shown[2])


def test_time_is_a_budget_and_ends_within_an_epoch(toy_run, tmp_path, monkeypatch):
    monkeypatch.setattr(Trainer, "time_used", property(lambda self: float(self.steps >= 12)))
    assert train(toy_run, tmp_path, max_minutes=2.5) == 0
    store = TokenStore.load(*toy_run.flags("train")[1:6:2])
    lengths = store.lengths[store.rows("train")]
    first, second = (plan_batches(lengths, 1024, np.random.default_rng([1, e])) for e in (1, 2))
    assert len(first) < 12 < len(first) + len(second)
    seen = sum(map(len, second[: 12 - len(first)])) / 96
    record = record_of(tmp_path)
    assert record["stopped"] == "2.5 minutes are over"
    assert [epoch["seen"] for epoch in record["epochs"]] == [1.0, round(seen, 4)]
    assert 0 < seen < 1


@pytest.mark.parametrize(
    ("used", "epochs", "best", "reason"),
    [
        (0.0, 1, 1, None),
        (0.0, 3, 2, None),
        (0.0, 4, 2, "no better epoch for 2 epochs"),
        (0.0, 5, 5, "all epochs are done"),
        (1.0, 1, 1, "3 minutes are over"),
        (1.2, 4, 2, "3 minutes are over"),
    ],
)
def test_reason_to_stop(monkeypatch, used, epochs, best, reason):
    monkeypatch.setattr(Trainer, "time_used", property(lambda self: used))
    config = TrainingConfig(epochs=5, patience=2, max_minutes=3)
    trainer = Trainer(None, None, None, config, torch.device("cpu"), None)
    assert reason_to_stop(trainer, [{}] * epochs, best) == reason


def test_diverging_loss_ends_with_one_line(toy_run, tmp_path, capsys):
    assert train(toy_run, tmp_path, learning_rate=1e30, warmup=0) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error == (
        "circlet train: error: training: step 2: the loss became nan; lower learning_rate"
    )
    assert not (tmp_path / "model").exists()


def test_divergence_in_the_last_step_of_an_epoch_ends_with_one_line(toy_run, tmp_path, capsys):
    assert train(toy_run, tmp_path, learning_rate=1e30, warmup=0, batch_tokens=10**6) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error == (
        "circlet train: error: training: step 1: the loss became nan; lower learning_rate"
    )
    assert not (tmp_path / "model").exists()


def test_tokens_of_another_vocabulary_are_refused(toy_run, tmp_path, capsys):
    KmerVocab(3, 1, None, ("ACG",)).save(tmp_path / "vocabulary.json")
    assert train(toy_run, tmp_path, vocabulary=tmp_path / "vocabulary.json") == 2
    assert "tokens: has ids beyond the vocabulary" in capsys.readouterr().err
    assert not (tmp_path / "model").exists()


def test_of_epochs_with_equal_auroc_the_least_loss_is_best(toy_run, tmp_path, monkeypatch):
    script = iter([(0.6, 0.8), (0.5, 0.9), (0.4, 0.9), (0.3, 0.7), (0.45, 0.9)])
    monkeypatch.setattr(train_module, "validate", lambda trainer: next(script))
    assert train(toy_run, tmp_path, epochs=5, patience=5) == 0
    assert record_of(tmp_path)["best_epoch"] == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 0}, "settings: epochs: is 0; give a number above 0"),
        ({"patience": 0}, "settings: patience: is 0"),
        ({"batch_tokens": -1}, "settings: batch_tokens: is -1"),
        ({"learning_rate": 0}, "settings: learning_rate: is 0.0"),
        ({"clip": 0}, "settings: clip: is 0.0"),
        ({"max_minutes": 0}, "settings: max_minutes: is 0.0"),
        ({"warmup": 1}, "settings: warmup: is 1.0; give a share from 0 to below 1"),
        ({"dropout": -0.1}, "settings: dropout: is -0.1"),
        ({"dropout": 1}, "settings: dropout: is 1.0"),
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
        ({"threads": -1}, "threads: is -1; give a whole number above 0"),
        ({"heads": 3}, "settings: 3 heads do not divide a width of 8 evenly"),
        ({"architecture": "lstm"}, "settings: architecture 'lstm' is none of"),
        ({"architecture": "text_transformer"}, "settings: max_tokens: text_transformer reads"),
    ],
)
def test_settings_out_of_range_end_with_one_line(toy_run, tmp_path, capsys, changes, message):
    assert train(toy_run, tmp_path, **changes) == 2
    assert f"circlet train: error: {message}" in capsys.readouterr().err.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


def test_window_has_to_fit_the_comparator():
    vocabulary = KmerVocab(5, 1, 400, ())
    network = NetworkConfig(2, architecture="text_transformer", max_tokens=396)
    check_settings(network, TrainingConfig(), vocabulary)
    with pytest.raises(InputError, match="such as 400 and 396 for k 5"):
        check_settings(network, TrainingConfig(), KmerVocab(5, 1, 401, ()))


@pytest.mark.parametrize("part", ["train", "validation"])
def test_part_that_lacks_a_class_is_refused(toy_run, tmp_path, capsys, part):
    index = read_table(toy_run.folder / "index.parquet")
    index.loc[index["part"] == part, "label"] = "lncRNA"
    write_table(tmp_path / "index.parquet", index)
    assert train(toy_run, tmp_path, index=tmp_path / "index.parquet") == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error == f"circlet train: error: split: {part}: the part lacks a class; use more data"
    assert not (tmp_path / "model").exists()


def test_missing_tokens_end_with_one_line(toy_run, tmp_path, capsys):
    assert train(toy_run, tmp_path, tokens=tmp_path / "none.npy") == 2
    assert f"{tmp_path / 'none.npy'}: no such file" in capsys.readouterr().err
    assert not (tmp_path / "model").exists()


def test_comparator_is_trained(toy_run, tmp_path):
    data, vocabulary = toy_run.flags("vocabulary"), str(tmp_path / "vocabulary.json")
    shape = ["--k", "3", "--window", "60"]
    assert main(["vocabulary", *data, *shape, "--output", vocabulary]) == 0
    names = {"tokens": "tokens.npy", "offsets": "offsets.npy", "index": "index.parquet"}
    store = {key: tmp_path / name for key, name in names.items()}
    words = [str(word) for key, path in store.items() for word in (f"--{key}", path)]
    assert main(["tokens", *data, "--vocabulary", vocabulary, *words]) == 0
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
    assert train(toy_run, tmp_path, vocabulary=vocabulary, **store, **comparator) == 0
    record = record_of(tmp_path)
    assert record["optimizer"] == "adagrad"
    assert max(epoch["validation_auroc"] for epoch in record["epochs"]) > 0.9
