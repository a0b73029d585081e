import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from Bio.Seq import Seq, reverse_complement
from Bio.SeqRecord import SeqRecord
from checkpoint_inputs import DIMERS, REFERENCE, make_checkpoint, reseal
from hypothesis import given
from hypothesis import strategies as st
from measuring import unmeasured
from prediction_inputs import some_sequences

import circlet
from circlet import chunks as chunks_module
from circlet.calls import Prediction
from circlet.composition import compose_any
from circlet.data.records import Entry
from circlet.data.sources.sequences import read_sequences
from circlet.errors import InputError
from circlet.files import read_json, write_json
from circlet.hashes import hash_sequences
from circlet.model.batches import collate
from circlet.model.checkpoint import Checkpoint, save_weights, weights_path
from circlet.model.trees import Trees
from circlet.predict import Predictor

CPU = torch.device("cpu")


@pytest.fixture
def small_windows(monkeypatch):
    """Two windows of three records a chunk."""
    monkeypatch.setattr(chunks_module, "WINDOW_RECORDS", 3)
    monkeypatch.setattr(chunks_module, "CHUNK_WINDOWS", 2)


def flags_of(predictor, *sequences):
    """Flags of each sequence."""
    return [each.flags for each in predictor.predict(enumerate(sequences))]


def test_probability_is_the_calibrated_mean_of_the_members(checkpoint_folder, predictor, sequences):
    first, second = Checkpoint.load(checkpoint_folder).members
    logits = []
    for bases in sequences:
        batch = collate([DIMERS.encode(bases)], compose_any([bases]), 48, first.multiple)
        with torch.inference_mode():
            logits.append([first(*batch).item(), second(*batch).item()])
    expected = 1 / (1 + np.exp(-0.8 * np.mean(logits, axis=1) - 0.1))
    found = predictor.predict_proba(sequences)
    assert found.dtype == np.float64
    assert np.ptp(expected) > 0.2  # so that the comparison says something
    assert np.abs(np.diff(logits, axis=1)).max() > 0.2
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


def test_scores_are_what_is_calibrated(predictor, sequences):
    scores = predictor.scores([*sequences, "ACGT"])
    assert np.isnan(scores[-1])
    expected = 1 / (1 + np.exp(-0.8 * scores[:-1] - 0.1))
    np.testing.assert_allclose(predictor.predict_proba(sequences), expected, atol=1e-12)


@pytest.mark.parametrize(
    ("sequence", "is_fit"),
    [("ACGT" * 5, True), ("ACGT" * 4 + "ACG", False), ("ACGN" * 5, False), ("acgt" * 5, False)],
)
def test_calls_of_plain_sequences_can_be_explained(predictor, sequence, is_fit):
    assert predictor.can_explain(sequence) == is_fit


def test_attributions_are_of_the_networks_score(predictor):
    sequence = "ACGTTGCAAC" * 4
    found = predictor.attribute(sequence, steps=100)
    assert found.total == pytest.approx(found.target, abs=0.02 * np.abs(found.bases).sum())
    same = predictor.attribute(sequence.lower().replace("t", "u"), steps=100)
    np.testing.assert_array_equal(found.bases, same.bases)
    assert predictor.roll_out(sequence).sum() == pytest.approx(1)


def test_a_shuffled_model_is_another_and_the_first_stays(predictor, sequences):
    before = predictor.scores(sequences)
    shuffled = predictor.shuffled(5)
    np.testing.assert_array_equal(predictor.scores(sequences), before)
    assert not np.allclose(shuffled.scores(sequences), before)
    np.testing.assert_array_equal(
        predictor.shuffled(5).scores(sequences), shuffled.scores(sequences)
    )


def test_trees_join_the_networks(checkpoint_folder, predictor, sequences):
    checkpoint = Checkpoint.load(checkpoint_folder)
    about = checkpoint.description
    about.trees = Trees(
        roots=np.array([0]),
        feature=np.array([7, 0, 0]),  # GC
        threshold=np.array([0.5, 0.0, 0.0]),
        left=np.array([1, 1, 2]),
        right=np.array([2, 1, 2]),
        value=np.array([0.0, -3.0, 3.0]),
        baseline=np.array([0.0]),
    )
    about.tree_weight = 0.25
    checkpoint.save(checkpoint_folder)
    found = Predictor.from_pretrained(checkpoint_folder, "cpu").predict_proba(sequences)
    alone = predictor.predict_proba(sequences)
    is_rich = np.array([(s.count("G") + s.count("C")) / len(s) > 0.5 for s in sequences])
    assert 0 < is_rich.sum() < len(sequences)
    raw = (np.log(alone / (1 - alone)) - 0.1) / 0.8
    joined = 0.75 * raw + 0.25 * np.where(is_rich, 3, -3)
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-0.8 * joined - 0.1)), rtol=0, atol=1e-6)


@pytest.mark.parametrize("batch_tokens", [1, 100, 32768])
def test_company_and_order_have_no_influence(predictor, sequences, batch_tokens):
    expected = predictor.predict_proba(sequences)
    predictor.networks[0].batch_tokens = batch_tokens
    alone = np.concatenate([predictor.predict_proba([bases]) for bases in sequences])
    backwards = predictor.predict_proba(sequences[::-1])[::-1]
    for found in (alone, backwards, predictor.predict_proba(sequences)):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


def test_prediction_is_repeatable_whatever_the_networks_did_before(checkpoint_folder, sequences):
    checkpoint = Checkpoint.load(checkpoint_folder)
    checkpoint.members[1].train()
    predictor = Predictor.of_checkpoint(checkpoint, [CPU])
    first = predictor.predict_proba(sequences)
    assert (predictor.predict_proba(sequences) == first).all()
    assert not any(member.training for member in checkpoint.members)


def test_only_the_ends_of_a_long_sequence_are_read():
    predictor = Predictor.of_checkpoint(make_checkpoint(descriptors="none"), [CPU])
    # 48 tokens of 2-mers: the first 24 read 25 nt, the last 24 likewise.
    head, tail = "ACGTTGCATGACCATTGACCGATAG", "GGATCCTTAGACATTACGGATACCA"
    first, second = predictor.predict_proba([head + "A" * 30 + tail, head + "CG" * 15 + tail])
    assert first == pytest.approx(second, abs=1e-6)
    assert first != predictor.predict_proba([tail + "A" * 30 + head])[0]


def test_descriptors_see_the_whole_of_it(predictor):
    head, tail = "ACGTTGCATGACCATTGACCGATAG", "GGATCCTTAGACATTACGGATACCA"
    first, second = predictor.predict_proba([head + "A" * 30 + tail, head + "CG" * 15 + tail])
    assert abs(first - second) > 1e-4


def test_rna_and_lower_case_are_dna(predictor, sequences):
    expected = predictor.predict_proba(sequences)
    rna = [bases.lower().replace("t", "u") for bases in sequences]
    assert (predictor.predict_proba(rna) == expected).all()


def test_unknown_letters_are_scored(predictor, sequences):
    # One by one: the place in a batch may move the last bit, by the processor.
    clean, *dirty = (
        predictor.predict_proba([start + sequences[0][2:]])[0]
        for start in (sequences[0][:2], "NN", "RY")
    )
    assert np.isfinite(dirty).all()
    assert dirty[0] == dirty[1] != clean


def test_too_short_sequences_have_no_probability(predictor):
    found = predictor.predict_proba(["A" * 19, "A" * 20, "", "ACGT" * 10])
    assert np.isnan(found).tolist() == [True, False, True, False]
    ambiguous = predictor.predict_proba(["N" * 300, "acgu" * 5 + "N" * 9, "A" * 19 + "RYKM"])
    assert np.isnan(ambiguous).tolist() == [True, False, True]
    assert np.isnan(predictor.predict_proba(["A"])).tolist() == [True]
    assert predictor.predict_proba([]).shape == (0,)


def test_call_is_by_the_threshold(predictor):
    predictor.description.threshold = 0.3
    values = (0.0, 0.2999, 0.3, 1.0, np.nan)
    calls = [predictor.call(value) for value in values]
    assert calls == ["lncRNA", "lncRNA", "circRNA", "circRNA", ""]


def test_threshold_of_the_checkpoint_counts(checkpoint_folder, predictor, sequences):
    p = predictor.predict_proba(sequences)
    threshold = float(np.sort(p)[7])
    config = read_json(checkpoint_folder / "config.json")
    write_json(checkpoint_folder / "config.json", config | {"threshold": threshold})
    reseal(checkpoint_folder)
    changed = Predictor.from_pretrained(checkpoint_folder, "cpu")
    calls = [each.call for each in changed.predict(enumerate(sequences))]
    assert calls == ["circRNA" if value >= threshold else "lncRNA" for value in p]
    assert calls.count("lncRNA") == 7


def test_a_threshold_of_the_user_takes_its_place(predictor, sequences):
    p = predictor.predict_proba(sequences)
    limit = float(np.sort(p)[18])
    calls = [each.call for each in predictor.predict(enumerate(sequences), threshold=limit)]
    assert calls == ["circRNA" if value >= limit else "lncRNA" for value in p]
    assert calls.count("circRNA") == 5


def test_a_prediction_tells_all(predictor, sequences):
    members = predictor.predict_members(sequences)
    found = list(predictor.predict((f"r{row}", bases) for row, bases in enumerate(sequences)))
    spread = np.std([members["seed1"], members["seed2"]], axis=0, ddof=1)
    assert spread.min() > 0
    for row, bases in enumerate(sequences):
        p = members["model"][row]
        assert found[row] == Prediction(
            f"r{row}",
            len(bases),
            pytest.approx(p, abs=1e-6),
            predictor.call(p),
            pytest.approx(spread[row], abs=1e-6),
            () if 30 <= len(bases) <= 80 else ("outside_training_length",),
        )


def test_one_member_alone_has_no_spread(sequences):
    checkpoint = make_checkpoint()
    about = replace(checkpoint.description, training=checkpoint.description.training[:1])
    predictor = Predictor.of_checkpoint(Checkpoint(about, checkpoint.members[:1]), [CPU])
    (found,) = predictor.predict([("a", sequences[0])])
    assert 0 < found.p_circrna < 1
    assert np.isnan(found.spread)


def test_records_are_taken_as_they_are_needed(predictor, sequences, small_windows):
    taken = []
    records = ((row, sequences[row % 23]) for row in range(1000) if not taken.append(row))
    predictions = predictor.predict(records)
    assert taken == []
    for done in range(1, 30):
        next(predictions)
        # Of chunks of six: the one that is given out, those under way, and one record to see it.
        assert len(taken) <= 6 * (-(-done // 6) + 2) + 1
    predictions.close()
    assert len(taken) < 60


def test_records_read_ahead_are_bounded_too(predictor, sequences, small_windows):
    taken = []
    records = ((row, sequences[row % 23]) for row in range(1000) if not taken.append(row))
    predictions = predictor.predict(records, read_ahead=True)
    assert [next(predictions).id for _ in range(12)] == [str(row) for row in range(12)]
    predictions.close()
    assert len(taken) < 100


@pytest.mark.parametrize("read_ahead", [False, True])
@pytest.mark.parametrize("before", [0, 1, 3, 6, 7, 23])
def test_what_breaks_off_gives_all_that_came_before(
    predictor, sequences, small_windows, before, read_ahead
):
    def breaking():
        yield from enumerate(sequences[:before])
        raise InputError("in.fa.gz", "the gzip stream is truncated", "fetch it again")

    found = []
    with pytest.raises(InputError, match=r"^in\.fa\.gz: the gzip stream is truncated; fetch"):
        found.extend(predictor.predict(breaking(), read_ahead=read_ahead))
    assert found == list(predictor.predict(enumerate(sequences[:before])))
    assert [each.id for each in found] == [str(row) for row in range(before)]


def test_a_fault_of_who_gives_the_records_is_not_hidden(predictor, sequences):
    def faulty():
        yield "a", sequences[0]
        raise RuntimeError("a bug")

    for read_ahead in (False, True):
        with pytest.raises(RuntimeError, match="a bug"):
            list(predictor.predict(faulty(), read_ahead=read_ahead))


@given(
    order=st.permutations(range(23)),
    batch_tokens=st.sampled_from([1, 60, 300, 32768]),
    window=st.integers(1, 24),
    chunk=st.integers(1, 4),
)
def test_order_batches_and_windows_have_no_influence(order, batch_tokens, window, chunk):
    sequences = some_sequences()
    predictor = Predictor.of_checkpoint(make_checkpoint(), [CPU])
    expected = predictor.predict_proba(sequences)
    predictor.networks[0].batch_tokens = batch_tokens
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks_module, "WINDOW_RECORDS", window)
        patch.setattr(chunks_module, "CHUNK_WINDOWS", chunk)
        found = list(predictor.predict((row, sequences[row]) for row in order))
    assert [each.id for each in found] == [str(row) for row in order]
    assert np.abs([each.p_circrna for each in found] - expected[list(order)]).max() < 1e-5


def test_devices_share_the_work_and_change_nothing(sequences, small_windows):
    one, two = (Predictor.of_checkpoint(make_checkpoint(), [CPU] * count) for count in (1, 2))
    assert len(two.networks) == 2
    assert two.networks[0].members[0] is not two.networks[1].members[0]
    calls = []
    two.networks = [
        lambda *about, number=number, compute=compute: calls.append(number) or compute(*about)
        for number, compute in enumerate(two.networks)
    ]
    assert list(two.predict(enumerate(sequences))) == list(one.predict(enumerate(sequences)))
    assert set(calls) == {0, 1}


def test_strands_are_told_apart(predictor, sequences, small_windows):
    given_ = predictor.predict_proba(sequences)
    other = predictor.predict_proba([reverse_complement(bases) for bases in sequences])
    records = [("short", "ACGT"), *enumerate(sequences)]
    short, *found = predictor.predict(records, both_strands=True)
    assert {each.strand for each in found} == {"+", "-"}
    for row, each in enumerate(found):
        assert each.strand == ("+" if given_[row] >= other[row] else "-")
        assert each.p_circrna == pytest.approx(max(given_[row], other[row]), abs=1e-6)
        assert each.p_other_strand == pytest.approx(min(given_[row], other[row]), abs=1e-6)
        assert each.call == predictor.call(each.p_circrna)
    assert (short.call, short.strand, short.flags) == ("", "", ("too_short",))
    assert np.isnan([short.p_circrna, short.p_other_strand, short.spread]).all()


def test_the_other_strand_of_rna_in_lower_case_and_of_a_mixture(predictor, sequences):
    bases = sequences[0] + "TRYN"
    forms = [bases, bases.lower().replace("t", "u"), bases.replace("T", "U", 3), "ACGÉ" * 9]
    *found, foreign = predictor.predict(enumerate(forms), both_strands=True)
    assert len({each.strand for each in found}) == 1
    for name in ("p_circrna", "p_other_strand"):
        values = [getattr(each, name) for each in found]
        np.testing.assert_allclose(values, values[0], atol=1e-6)
    assert foreign.flags == ("not_nucleotides",)


def test_of_both_strands_the_one_that_was_seen_counts(sequences):
    seen = replace(REFERENCE, hashes=np.sort(hash_sequences(sequences)))
    predictor = Predictor.of_checkpoint(make_checkpoint(seen), [CPU])
    found = list(predictor.predict(enumerate(sequences), both_strands=True))
    assert {each.strand for each in found} == {"+", "-"}
    assert all("seen_in_training" in each.flags for each in found)


def test_flags_of_what_has_no_call(predictor):
    protein, gaps = "MKVLAARE" * 6, "ACGT-ACGT" * 6
    found = list(
        predictor.predict(
            [
                ("protein", protein),
                ("gaps", gaps),
                ("short", "ACGT" * 4),
                ("masked", "N" * 100),
                ("empty", ""),
                Entry("chr1", "ACGT" * 10, 50_000_000),
            ]
        )
    )
    assert [(each.id, each.length, each.flags) for each in found] == [
        ("protein", 48, ("not_nucleotides",)),
        ("gaps", 54, ("not_nucleotides",)),
        ("short", 16, ("too_short",)),
        ("masked", 100, ("too_short", "ambiguous_bases")),
        ("empty", 0, ("too_short",)),
        ("chr1", 50_000_000, ("too_long",)),
    ]
    assert {each.call for each in found} == {""}
    assert np.isnan([(each.p_circrna, each.spread) for each in found]).all()


def test_flags_of_what_has_a_call(predictor):
    assert flags_of(predictor, "ACGTA" * 6, "ACGTN" * 6, "ACGTA" * 5, "ACGTA" * 16, "A" * 81) == [
        (),
        ("ambiguous_bases",),
        ("outside_training_length",),
        (),
        ("outside_training_length",),
    ]


def test_what_was_seen_is_told_in_any_letters(sequences):
    seen = replace(REFERENCE, hashes=np.sort(hash_sequences(sequences[:2])))
    predictor = Predictor.of_checkpoint(make_checkpoint(seen), [CPU])
    rna = sequences[0].lower().replace("t", "u")
    found = flags_of(predictor, *sequences[:3], rna, rna + "a")
    assert ["seen_in_training" in flags for flags in found] == [True, True, False, True, False]


def test_what_is_unlike_the_training_is_told(sequences):
    simple = "AC" * 30
    entropy = replace(REFERENCE, limits=np.array([100.0, 1.5]))
    predictor = Predictor.of_checkpoint(make_checkpoint(entropy), [CPU])
    found = flags_of(predictor, "ACG", simple, *sequences)
    assert ["unlike_training" in flags for flags in found] == [False, True, *[False] * 23]
    layout = replace(REFERENCE, limits=np.array([-1.0, 0.0]))
    predictor = Predictor.of_checkpoint(make_checkpoint(layout), [CPU])
    assert all("unlike_training" in flags for flags in flags_of(predictor, *sequences))


def test_records_of_many_kinds(predictor, sequences, tmp_path):
    bases = sequences[0]
    (tmp_path / "in.fa").write_text(f">c of mine\n{bases}\n")
    records = [
        ("a", bases),
        ["b", bases],
        *read_sequences(tmp_path / "in.fa"),
        SeqRecord(Seq(bases), id="d"),
        (5, bases),
    ]
    found = list(predictor.predict(iter(records)))
    assert [each.id for each in found] == ["a", "b", "c", "d", "5"]
    assert len({(each.length, each.call) for each in found}) == 1
    np.testing.assert_allclose([each.p_circrna for each in found], found[0].p_circrna, atol=1e-6)
    assert list(predictor.predict([])) == []


@pytest.mark.parametrize(
    "record",
    [
        "ACGT",
        "AC",
        b"AC",
        5,
        None,
        ("a",),
        ("a", 5),
        ("a", "C", "G"),
        SeqRecord(None),
        SeqRecord(Seq(None, 9)),
        {"a": "C"},
    ],
)
def test_what_is_no_record_is_refused_in_one_line(predictor, sequences, record):
    found = []
    with pytest.raises(InputError, match=r"^records: is neither a pair of id and") as caught:
        found.extend(predictor.predict([("a", sequences[0]), record]))
    assert [each.id for each in found] == ["a"]
    assert "\n" not in str(caught.value)


def test_weights_of_half_precision_are_loaded(checkpoint_folder, predictor, sequences):
    expected = predictor.predict_proba(sequences)
    for name, member in zip(["seed1", "seed2"], predictor.networks[0].members, strict=True):
        save_weights(member, weights_path(checkpoint_folder, name), half=True)
    reseal(checkpoint_folder)
    found = Predictor.from_pretrained(checkpoint_folder, "cpu").predict_proba(sequences)
    assert not (found == expected).all()
    np.testing.assert_allclose(found, expected, rtol=0, atol=0.02)


def test_torch_is_imported_where_it_is_needed():
    code = "import sys, circlet.predict, circlet.classify; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_the_package_gives_the_predictor_and_stays_light():
    assert circlet.Predictor is Predictor
    assert "Predictor" in dir(circlet)
    with pytest.raises(AttributeError, match="has no attribute 'Prediction_'"):
        circlet.Prediction_  # noqa: B018
    code = "import sys, circlet; print(len([name for name in sys.modules if '.' in name]) < 60)"
    code += "; print('numpy' in sys.modules); from circlet import Predictor; print(Predictor)"
    done = subprocess.run(
        [sys.executable, "-c", code], env=unmeasured(), capture_output=True, text=True, check=True
    )
    assert done.stdout.split("\n")[:2] == ["True", "False"]
    assert "circlet.predict.Predictor" in done.stdout


def test_absent_device_is_refused(checkpoint_folder, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="there is no cuda here"):
        Predictor.from_pretrained(checkpoint_folder, "cuda")
