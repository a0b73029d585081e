import logging
import multiprocessing
import re
import shutil

import numpy as np
import pytest
import torch
from test_trainer import make_trainer
from training_inputs import SOME_OF_ALL, timeless_record, train_and_die, train_words, write_inputs

from circlet.cli import main
from circlet.errors import InputError
from circlet.files import read_json
from circlet.model import trainer as trainer_module
from circlet.model.state import NAME, Keeper, fingerprint

STEPS = 5  # of an epoch of SOME_OF_ALL, the last with one batch instead of two
KILLED = -9


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_inputs(tmp_path_factory.mktemp("inputs"))


@pytest.fixture(scope="module")
def trained(files, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    assert train(files, folder) == 0
    return folder


@pytest.fixture(scope="module")
def start():
    """Starts trainings in processes of their own; what is slow is imported before they part."""
    context = multiprocessing.get_context("forkserver")
    # The last is what the first optimiser imports.
    context.set_forkserver_preload(["circlet.model.train", "training_inputs", "torch._dynamo"])

    def start_one(*args):
        process = context.Process(target=train_and_die, args=args)
        process.start()
        return process

    return start_one


def words_of(files, folder, **changes):
    return train_words(files, folder, **SOME_OF_ALL | {"epochs": 2} | changes)


def train(files, folder, **changes):
    return main(words_of(files, folder, **changes))


def weights_of(folder):
    return (folder / "seed1.safetensors").read_bytes()


def assert_same(folder, trained):
    assert weights_of(folder) == weights_of(trained)
    assert timeless_record(folder) == timeless_record(trained)
    assert sorted(path.name for path in folder.iterdir()) == ["seed1.json", "seed1.safetensors"]


class KillError(Exception):
    """Stands in for a kill where one process has to do."""


def train_until(files, folder, saves, **changes):
    """Train until the state was saved so often; return the steps.

    It is after each step, and before and after each validation.
    """
    done, save = [], Keeper.save

    def watched(self, trainer):
        save(self, trainer)
        done.append(trainer.steps)
        if len(done) == saves:
            raise KillError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Keeper, "save", watched)
        with pytest.raises(KillError):
            train(files, folder, save_every=0, **changes)
    return done[-1]


@pytest.mark.parametrize(
    ("every", "deaths"),
    [
        (0, [("before a step", 1)]),
        (0, [("before a step", 3), ("before a step", STEPS)]),
        (1e6, [("before a step", STEPS + 2)]),
        (0, [("within a step", 2), ("within a step", STEPS)]),
        (0, [("in validation", 1), ("in validation", 1)]),
        (1e6, [("in validation", 2), ("in validation", 1)]),
        (0, [("in writing the state", 1), ("in writing the state", 2)]),
        (1e6, [("in writing the state", 2)]),
        (0, [("between the outputs", 1)]),
    ],
)
def test_killed_training_ends_as_if_it_was_not(start, files, trained, tmp_path, deaths, every):
    words = words_of(files, tmp_path, save_every=every)
    for death in deaths:
        process = start(words, *death)
        process.join(60)
        assert process.exitcode == KILLED
    process = start(words)
    process.join(60)
    assert process.exitcode == 0
    assert_same(tmp_path, trained)


def test_training_killed_from_outside_ends_as_if_it_was_not(start, files, trained, tmp_path):
    words, kills, seconds = words_of(files, tmp_path, save_every=0), 0, 0.1
    while (process := start(words)).join(seconds) or process.exitcode is None:
        process.kill()
        process.join(60)
        kills, seconds = kills + 1, 1.3 * seconds
    assert process.exitcode == 0
    assert kills > 0
    assert_same(tmp_path, trained)


@pytest.mark.parametrize("saves", [1, STEPS, STEPS + 1, STEPS + 2, STEPS + 4])
def test_only_what_is_left_is_done(files, trained, tmp_path, monkeypatch, caplog, saves):
    caplog.set_level(logging.INFO)
    done, left, step = train_until(files, tmp_path, saves), [], trainer_module.train_step

    def watched(*args):
        left.append(args)
        return step(*args)

    monkeypatch.setattr(trainer_module, "train_step", watched)
    assert train(files, tmp_path) == 0
    assert done + len(left) == 2 * STEPS
    epoch, within = (1, min(saves, STEPS)) if saves <= STEPS + 1 else (2, saves - STEPS - 2)
    place = f"{tmp_path / 'state' / NAME}: going on from epoch {epoch}, step {within}, after"
    assert any(message.startswith(place) for message in caplog.messages)
    assert_same(tmp_path, trained)


@pytest.mark.parametrize("size", [0, 5, 100, 0.5, -1])
def test_damaged_state_is_told_and_left_aside(files, trained, tmp_path, caplog, size):
    train_until(files, tmp_path, 4)
    path = tmp_path / "state" / NAME
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2 if size == 0.5 else size])
    assert train(files, tmp_path) == 0
    warnings = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == 1
    assert warnings[0].startswith(f"{path}: damaged (")
    assert warnings[0].endswith("); the training begins anew")
    assert_same(tmp_path, trained)


def test_foreign_file_is_told_and_left_aside(files, trained, tmp_path, caplog):
    path = tmp_path / "state" / NAME
    path.parent.mkdir()
    shutil.copy(trained / "seed1.safetensors", path)  # of the same kind, but no state
    assert train(files, tmp_path) == 0
    assert any(message.startswith(f"{path}: damaged (") for message in caplog.messages)
    assert_same(tmp_path, trained)


@pytest.mark.parametrize("change", [{"seed": 5}, {"width": 12}, {"min_length": 61}])
def test_state_of_other_settings_is_not_gone_on_from(files, trained, tmp_path, caplog, change):
    train_until(files, tmp_path, 4, **change)
    assert train(files, tmp_path) == 0
    warning = f"{tmp_path / 'state' / NAME}: of other settings, data or software; the training"
    assert f"{warning} begins anew" in caplog.messages
    assert_same(tmp_path, trained)


def test_state_of_other_data_is_not_gone_on_from(files, tmp_path, caplog):
    copied = {name: shutil.copy(path, tmp_path) for name, path in files.items()}
    train_until(copied, tmp_path, 2)
    features = np.load(copied["features"])
    features[0, 0] += 1
    np.save(copied["features"], features)
    assert train(copied, tmp_path) == 0
    assert any("of other settings, data or software" in message for message in caplog.messages)


def test_what_kills_left_is_deleted_at_the_next_start(files, tmp_path):
    train_until(files, tmp_path, 2)
    for name in (f".abc.{NAME}", ".tmpAb3dE6"):
        (tmp_path / "state" / name).touch()
    train_until(files, tmp_path, 1)
    assert [path.name for path in (tmp_path / "state").iterdir()] == [NAME]


def test_time_used_before_counts(files, tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    save = Keeper.save

    def after_an_hour(self, trainer):
        trainer.before = 3600.0
        save(self, trainer)

    with monkeypatch.context() as patch:
        patch.setattr(Keeper, "save", after_an_hour)
        train_until(files, tmp_path, 3, max_minutes=90)
    assert train(files, tmp_path, max_minutes=90) == 0
    assert any(message.endswith("step 3, after 60.0 minutes") for message in caplog.messages)
    record = read_json(tmp_path / "seed1.json")
    assert 3600 < record["seconds"] < 3660
    assert record["stopped"] == "all epochs are done"


def test_no_state_is_saved_of_a_loss_that_is_no_number(tmp_path):
    trainer = make_trainer(batch_tokens=1)
    trainer.steps, trainer.sums.steps = 7, 3
    trainer.unseen = list(torch.tensor([1.0, float("inf"), float("nan")]))
    (row,) = np.concatenate(trainer.plan(1)[1])
    told = f"epoch 1, step 6: the loss or its gradient became inf with the sequences ['{row}'];"
    with pytest.raises(InputError, match=re.escape(f"training: {told} lower learning_rate")):
        Keeper(tmp_path, "", 0).keep(trainer)
    assert list(tmp_path.iterdir()) == []


def test_a_training_whose_loss_is_no_number_leaves_its_state_as_it_was(
    files, trained, tmp_path, monkeypatch
):
    assert train_until(files, tmp_path, 2) == 2
    before = (tmp_path / "state" / NAME).read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(trainer_module, "train_step", lambda trainer, *_: torch.tensor(float("inf")))
        assert train(files, tmp_path, save_every=0) == 2
    assert (tmp_path / "state" / NAME).read_bytes() == before
    assert train(files, tmp_path) == 0
    assert_same(tmp_path, trained)


def test_other_files_in_the_folder_are_left_alone(tmp_path):
    for name in ("mine.txt", NAME, f".abc.{NAME}", ".tmpAb3dE6"):
        (tmp_path / name).touch()
    Keeper(tmp_path, "", 60).forget()
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    Keeper(tmp_path / "none", "", 60).forget()


def test_fingerprint_is_of_content_and_settings(tmp_path):
    one, same, other = (tmp_path / name for name in ("one", "same", "other"))
    for path, text in ((one, "a"), (same, "a"), (other, "b")):
        path.write_text(text)
    first = fingerprint([one], width=3, seed=1)
    assert first == fingerprint([same], seed=1, width=3)
    assert len({first, fingerprint([other], width=3, seed=1), fingerprint([one], width=4)}) == 3
