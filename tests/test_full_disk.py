"""A disk that fills up costs one line, and nothing that was there; nothing is half written."""

import errno
import os
import subprocess
import sys

import numpy as np
import pytest
from measuring import unmeasured
from training_inputs import ONE_THREAD, timeless_record, train_words, write_inputs

from circlet.cli import main
from circlet.data.records import Record, records_to_table
from circlet.errors import InputError
from circlet.files import atomic_path, write_table, writing
from circlet.model.state import NAME

MOST = 20_000  # bytes that a file can have in the programs below
LIMITED = """
import resource, signal, sys
from pathlib import Path
import numpy as np, pandas as pd, torch
from circlet import files
from circlet.errors import InputError
from circlet.model.checkpoint import save_weights
from circlet.model.tokens import write_array
from circlet.shared_kmers import partition

NUMBERS = np.random.default_rng(1).random(20_000)

def write_text(path):
    with files.atomic_text(path) as handle:
        handle.write(NUMBERS.tobytes().hex())

def write_kmers(path):
    bases = "".join(np.random.default_rng(1).choice(list("ACGT"), 2000))
    partition([bases], np.array([0]), [path])

writers = {
    "out.txt": write_text,
    "out.txt.gz": write_text,
    "out.tsv": lambda path: files.write_table(path, pd.DataFrame({"a": NUMBERS})),
    "out.parquet": lambda path: files.write_table(path, pd.DataFrame({"a": NUMBERS})),
    "out.json": lambda path: files.write_json(path, NUMBERS.tolist()),
    "out.npy": lambda path: write_array(path, NUMBERS),
    # What numpy itself would lose in silence.
    "tail.npy": lambda path: write_array(path, np.ones(MOST - 127, dtype=np.uint8)),
    "out.safetensors": lambda path: save_weights(torch.nn.Linear(100, 100), path),
    "31-mers": write_kmers,
}
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (MOST, MOST))
for name, write in writers.items():
    try:
        write(Path(name))
    except InputError as error:
        print(error)
"""
# The third save of a state finds the disk full.
FULL_LATER = """
import itertools, resource, signal, sys
from circlet.cli import main
from circlet.model import state

save_file, calls = state.save_file, itertools.count(1)

def save(*args):
    if next(calls) == 3:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
    save_file(*args)

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
state.save_file = save
sys.exit(main(sys.argv[1:]))
"""
# Mounts a small disk at a folder that no other process sees, runs a program, lists the folder.
SMALL_DISK = (
    'mount -t tmpfs -o size=64k tmpfs "$0" || exit 99; "$@"; code=$?; ls -A "$0"; exit $code'
)


def python(*words, **options):
    return subprocess.run(
        [sys.executable, *words],
        env=unmeasured(ONE_THREAD),
        capture_output=True,
        text=True,
        **options,
    )


def test_no_writer_is_silent_or_leaves_anything(tmp_path):
    done = python("-c", LIMITED.replace("MOST", str(MOST)), cwd=tmp_path)
    assert done.stderr == ""
    names = ["out.txt", "out.txt.gz", "out.tsv", "out.parquet", "out.json", "out.npy"]
    names += ["tail.npy", "out.safetensors", "31-mers"]
    assert done.stdout.splitlines() == [
        f"{name}: cannot be written (File too large); free space there, and start again"
        for name in names
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["31-mers"]  # else in a temporary folder


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(errno.ENOSPC, "any words"), "No space left on device"),
        (OSError(errno.EDQUOT, "any words"), "Disk quota exceeded"),
        (OSError("Detail: [errno 28] No space left on device"), "No space left on device"),
        (ValueError("I/O error: File too large (os error 27)"), "File too large"),
    ],
)
def test_a_full_disk_is_told_in_the_words_of_the_system(tmp_path, error, reason):
    with pytest.raises(InputError) as caught, atomic_path(tmp_path / "out.txt"):
        raise error
    assert str(caught.value) == (
        f"{tmp_path / 'out.txt'}: cannot be written ({reason}); free space there, and start again"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.EIO, "Input/output error"),
        KeyError("x"),
        InputError("in.txt", "cannot be written (No space left on device)", "free space there"),
    ],
)
def test_other_errors_of_writing_stay_what_they_are(error):
    with pytest.raises(type(error)) as caught, writing("out.txt"):
        raise error
    assert caught.value is error


def test_a_disk_without_room_for_a_new_file(tmp_path, monkeypatch):
    def fail(**options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("circlet.files.tempfile.mkstemp", fail)
    with pytest.raises(InputError, match=r"cannot be written \(No space .*; free space there"):
        write_table(tmp_path / "out.tsv", records_to_table([], "x", "circRNA", "hg19"))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_inputs(tmp_path_factory.mktemp("inputs"))


def test_a_state_that_cannot_be_saved_leaves_the_one_before(files, tmp_path):
    words, path = (
        train_words(files, tmp_path / "full", save_every=0),
        tmp_path / "full/state" / NAME,
    )
    done = python("-c", FULL_LATER, *words)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == (
        f"circlet train: error: {path}: cannot be written (File too large); free space there, and "
        "start again"
    )
    assert list(path.parent.iterdir()) == [path]
    done = python("-m", "circlet", *words)
    assert done.returncode == 0
    assert f"{path}: going on from epoch 1, step 2, after" in done.stderr
    assert main(train_words(files, tmp_path / "whole")) == 0
    folders = [tmp_path / name for name in ("full", "whole")]
    weights = [(folder / "seed1.safetensors").read_bytes() for folder in folders]
    assert weights[0] == weights[1]
    assert timeless_record(folders[0]) == timeless_record(folders[1])


@pytest.fixture
def on_small_disk(tmp_path):
    """Give a function that runs a step on a disk of 64 KiB; it gives exit code, files and log."""
    disk = tmp_path / "disk"
    disk.mkdir()

    def run(*words):
        done = subprocess.run(
            ["unshare", "--mount", "sh", "-c", SMALL_DISK, disk, *words],
            env=unmeasured(ONE_THREAD),
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stdout.split(), done.stderr

    try:
        code, _, told = run("true")
    except FileNotFoundError:
        pytest.skip("there is no `unshare` here, to mount a small disk with")
    if code:
        pytest.skip(f"no small disk may be mounted here: {told.strip()}")
    return disk, run


def refusal(path):
    reason = "cannot be written (No space left on device); free space there, and start again"
    return f"{path}: {reason}"


def test_the_dataset_does_not_fit(on_small_disk, tmp_path):
    (disk, run), rng, tables = on_small_disk, np.random.default_rng(3), []
    for label in ("circRNA", "lncRNA"):
        sequences = ["".join(rng.choice(list("ACGT"), 2000)) for _ in range(100)]
        records = [Record(f"{label}{row}", each) for row, each in enumerate(sequences)]
        tables.append(tmp_path / f"{label}.parquet")
        write_table(tables[-1], records_to_table(records, label, label, "hg19"))
    outputs = ["--output", disk / "dataset.parquet", "--summary", disk / "summary.tsv"]
    code, left, told = run(
        sys.executable, "-m", "circlet", "dataset", "--records", *tables, *outputs
    )
    assert code == 2
    assert told.splitlines()[-1] == f"circlet dataset: error: {refusal(disk / 'dataset.parquet')}"
    assert left == ["summary.tsv"]  # whole, and written first


def test_the_descriptors_do_not_fit(on_small_disk, toy_run):
    disk, run = on_small_disk
    flags = ["--vocabulary", toy_run.folder / "vocabulary.json", *toy_run.flags("vocabulary")]
    flags += [
        *("--tokens", disk / "tokens.npy", "--offsets", disk / "offsets.npy"),
        *("--features", disk / "features.npy", "--index", disk / "index.parquet"),
    ]
    code, left, told = run(sys.executable, "-m", "circlet", "tokens", *flags)
    assert code == 2
    assert told.splitlines()[-1] == f"circlet tokens: error: {refusal(disk / 'features.npy')}"
    assert left == ["offsets.npy", "tokens.npy"]
    whole = [(toy_run.folder / name).stat().st_size for name in left]
    assert sum(whole) < 64 * 1024
