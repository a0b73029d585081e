import contextlib
import copy
import math
import re

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from circlet.errors import InputError
from circlet.model import trainer as trainer_module
from circlet.model.distributed import Ranks
from circlet.model.network import NetworkConfig, build_network
from circlet.model.padding import plan_batches
from circlet.model.schedule import make_optimizer
from circlet.model.settings import TrainingConfig
from circlet.model.tokens import TokenStore
from circlet.model.trainer import Sums, Trainer, batch_loss, train_epoch, train_step, validate

CPU = torch.device("cpu")
# Sequences of token 2 to 5; what the stub network below counts is token 5.
ROWS = [
    ("circRNA", "train", [5, 5, 2, 3]),
    ("lncRNA", "train", [2, 3, 2]),
    ("circRNA", "validation", [5, 5, 5, 2, 2, 2]),
    ("lncRNA", "validation", [5, 5, 3]),
    ("lncRNA", "test", [5, 5, 5, 5, 5]),
    ("circRNA", "validation", [5, 2]),
    ("lncRNA", "validation", [2, 3, 4, 4]),
    ("circRNA", "train", [5, 4, 3, 2, 5]),
    ("lncRNA", "train", [2]),
]
SMALL = {"width": 8, "layers": 1, "heads": 2, "feedforward": 8, "descriptors": "sixteen"}
SHAPE = NetworkConfig(6, max_tokens=8, streams=1, patch=1, ends=2, **SMALL)


class Counter(nn.Module):
    """Logit: how often token 5 occurs, plus a weight."""

    multiple = 1

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, tokens, features):
        return (tokens == 5).sum(dim=1) + self.weight


def make_store(rows=ROWS):
    labels, parts, sequences = zip(*rows, strict=True)
    return TokenStore(
        np.concatenate([np.array(each, dtype=np.uint16) for each in sequences]),
        np.concatenate([[0], np.cumsum([len(each) for each in sequences])]),
        np.repeat(np.arange(len(rows), dtype=np.float32)[:, None] % 4, 16, axis=1),
        pd.DataFrame({"id": map(str, range(len(rows))), "label": labels, "part": parts}),
    )


def make_trainer(network=None, rows=ROWS, shape=SHAPE, **settings):
    network, config = network or Counter(), TrainingConfig(**settings)
    average = copy.deepcopy(network) if config.average else None
    optimizer = make_optimizer(network, config)
    return Trainer(network, network, shape, make_store(rows), config, CPU, optimizer, average)


def watch_rows(monkeypatch):
    """Collect the rows that are loaded, batch after batch."""
    seen, load = [], Trainer.load

    def watched(self, rows, rng=None):
        seen.append(rows.tolist())
        return load(self, rows, rng)

    monkeypatch.setattr(Trainer, "load", watched)
    return seen


def losses(logits, targets):
    p = 1 / (1 + np.exp(-np.asarray(logits, float)))
    return -(np.asarray(targets) * np.log(p) + (1 - np.asarray(targets)) * np.log(1 - p))


# Batches


def test_load_gives_tokens_and_features():
    batch = make_trainer().load(np.array([1, 0]))
    assert batch.tokens.tolist() == [[2, 3, 2, 0], [5, 5, 2, 3]]
    assert batch.features.tolist() == [[1] * 16, [0] * 16]


def test_batches_count_cropped_tokens():
    trainer = make_trainer(batch_tokens=16, shape=NetworkConfig(6, max_tokens=4))
    batches = trainer.batches(np.array([7, 4, 2, 0]), None)  # 5, 5, 6 and 4 tokens
    assert [batch.tolist() for batch in batches] == [[7, 4, 2, 0]]
    expected = plan_batches(np.array([4, 4, 4, 4]), 16)
    assert [batch.tolist() for batch in expected] == [[0, 1, 2, 3]]


def test_batches_count_the_padding_of_a_multiple():
    trainer = make_trainer(batch_tokens=12)
    rows = np.array([8, 5, 3, 0])  # 1, 2, 3 and 4 tokens
    assert [batch.tolist() for batch in trainer.batches(rows, None)] == [[8, 5, 3], [0]]
    trainer.network.multiple = 6
    assert [batch.tolist() for batch in trainer.batches(rows, None)] == [[8, 5], [3, 0]]


def test_a_sequence_without_bounds_keeps_the_budget(monkeypatch):
    rng = np.random.default_rng(0)
    rows = [(label, part, rng.integers(2, 6, 200_000)) for label, part, _ in ROWS[:1]] + ROWS[1:]
    shape = NetworkConfig(6, max_tokens=900, window=64, **SMALL)
    trainer = make_trainer(build_network(shape), rows, shape, batch_tokens=900)
    sizes, load = [], Trainer.load

    def watched(self, *args):
        batch = load(self, *args)
        sizes.append(batch.tokens.numel())
        return batch

    monkeypatch.setattr(Trainer, "load", watched)
    train_epoch(trainer)
    assert max(sizes) == 900
    assert trainer.sums.tokens == 900 + 3 + 5 + 1


def test_plan_deals_batches_to_steps():
    trainer = make_trainer(batch_tokens=1, accumulate=3)
    one, again, other = (trainer.plan(epoch) for epoch in (1, 1, 2))
    assert [len(step) for step in one] == [3, 1]
    assert sorted(row for step in one for rows in step for row in rows) == [0, 1, 7, 8]
    orders = [[rows.tolist() for step in plan for rows in step] for plan in (one, again, other)]
    assert orders[0] == orders[1] != orders[2]
    trainer.ranks = Ranks(1, 2)
    assert [rows.tolist() for step in trainer.plan(1) for rows in step] == orders[0]


# Loss


def test_loss_of_a_batch_is_the_sum():
    # Logits 2 and 0 of classes 1 and 0.
    loss = batch_loss(make_trainer(), np.array([0, 1]), 1, 0)
    assert loss.item() == pytest.approx(losses([2, 0], [1, 0]).sum(), rel=1e-6)


def test_smoothing_moves_the_targets_of_training_alone():
    trainer = make_trainer(label_smoothing=0.2)
    loss = batch_loss(trainer, np.array([0, 1]), 1, 0)
    assert loss.item() == pytest.approx(losses([2, 0], [0.9, 0.1]).sum(), rel=1e-6)
    assert validate(trainer) == validate(make_trainer())


def test_balance_weighs_the_classes_of_training_alone():
    rows = [*ROWS, ("lncRNA", "train", [4, 4]), ("lncRNA", "train", [4, 5])]  # two against four
    trainer = make_trainer(rows=rows, class_weight="balanced")
    assert trainer.weights.tolist() == [1.5 if row[0] == "circRNA" else 0.75 for row in rows]
    assert trainer.weights[trainer.store.rows("train")].mean() == 1
    loss = batch_loss(trainer, np.array([0, 1]), 1, 0)
    assert loss.item() == pytest.approx(losses([2, 0], [1, 0]) @ [1.5, 0.75], rel=1e-6)
    assert validate(trainer) == validate(make_trainer(rows=rows))


def test_chance_is_that_of_the_place_in_the_epoch():
    settings = {"mutate": 0.3, "mask": 0.3, "rotate": 0.5}
    torch.manual_seed(0)
    network = build_network(NetworkConfig(6, dropout=0.5, **SMALL))
    rows, values = np.array([0, 7]), {}
    for seed, epoch, place in ((1, 1, 0), (1, 1, 1), (1, 2, 0), (2, 1, 0)):
        trainer = make_trainer(network, seed=seed, **settings)
        network.train()
        values[seed, epoch, place] = batch_loss(trainer, rows, epoch, place).item()
        torch.rand(3)
        assert batch_loss(trainer, rows, epoch, place).item() == values[seed, epoch, place]
    assert len(set(values.values())) == 4


def test_chance_of_the_first_batch_is_not_that_of_the_plan(monkeypatch):
    seeds = []
    monkeypatch.setattr(torch, "manual_seed", seeds.append)
    batch_loss(make_trainer(), np.array([0]), 1, 0)
    assert seeds != [np.random.default_rng([1, 1]).integers(2**63)]


def test_a_piece_has_chance_of_its_own(monkeypatch):
    seeds = []
    monkeypatch.setattr(torch, "manual_seed", seeds.append)
    for place, piece in ((2, 0), (2, 1), (2, 2), (3, 1), (2, 1)):
        batch_loss(make_trainer(seed=5), np.array([0]), 1, place, piece)
    assert len(set(seeds)) == 4
    assert seeds[1] == seeds[4]
    # Of a whole batch, what it was before there were pieces.
    assert seeds[0] == np.random.default_rng([5, 1, 3]).integers(2**63)


def test_only_training_changes_the_tokens():
    trainer = make_trainer(mutate=0.4, mask=0.5, rotate=1.0)
    plain, changed = (trainer.load(np.array([7]), rng) for rng in (None, np.random.default_rng(1)))
    assert plain.tokens.tolist() == [[5, 4, 3, 2, 5]]
    assert changed.tokens.tolist() != plain.tokens.tolist()
    assert validate(trainer) == validate(make_trainer())


def test_rotation_turns_the_whole_ring_before_it_is_cropped():
    rows = [("circRNA", "train", list(range(2, 62)))]
    trainer = make_trainer(rows=rows, rotate=1.0)
    tokens = trainer.load(np.array([0]), np.random.default_rng(2)).tokens[0].numpy()
    ring = np.roll(np.arange(2, 62), -(tokens[0] - 2))
    assert tokens[0] != 2
    assert tokens.tolist() == [*ring[:4], *ring[-4:]]


# Steps


def test_micro_batches_are_one_batch():
    networks = []
    for settings in ({"batch_tokens": 36}, {"batch_tokens": 9, "accumulate": 4}):
        torch.manual_seed(0)
        networks.append(build_network(NetworkConfig(6, patch=3, dropout=0, **SMALL)))
        trainer = make_trainer(networks[-1], learning_rate=0.1, warmup=0, clip=1e6, **settings)
        plan = trainer.plan(1)
        assert [len(step) for step in plan] == [settings.get("accumulate", 1)]
        train_step(trainer, plan[0], 1, 0, 0.5)
    for one, other in zip(*(network.parameters() for network in networks), strict=True):
        torch.testing.assert_close(one.grad, other.grad)


def step_of(ranks, monkeypatch, **settings):
    """Take the steps of an epoch as one of many processes; give what they add to each gradient."""
    trainer, gradients = make_trainer(clip=1e6, **settings), []
    trainer.ranks = ranks
    monkeypatch.setattr(Ranks, "add_up", lambda self, value: value)
    for number, step in enumerate(trainer.plan(1)):
        train_step(trainer, step, 1, number * trainer.config.accumulate, 0.5)
        gradients.append(trainer.network.weight.grad.item())
        trainer.network.weight.data.zero_()
    return np.array(gradients)


@pytest.mark.parametrize(
    ("settings", "steps"),
    [
        ({"batch_tokens": 1, "accumulate": 3}, 2),  # of three batches and of one, none is cut
        ({"batch_tokens": 12, "accumulate": 1}, 2),  # of three sequences and of one
        ({"batch_tokens": 100, "accumulate": 1}, 1),
        ({"batch_tokens": 100, "accumulate": 1, "class_weight": "balanced"}, 1),
    ],
)
@pytest.mark.parametrize("count", [2, 3])
def test_shares_of_ranks_have_the_gradient_of_one(monkeypatch, count, settings, steps):
    alone = step_of(Ranks(), monkeypatch, **settings)
    shares = [step_of(Ranks(rank, count), monkeypatch, **settings) for rank in range(count)]
    assert len(alone) == steps
    assert np.mean(shares, axis=0) == pytest.approx(alone, abs=1e-7)
    idle = [share[-1] for share in shares].count(0)
    assert idle == (count - 1 if steps == 2 else 0)  # the second has one sequence


@pytest.mark.parametrize("accumulate", [1, 2, 3])
@pytest.mark.parametrize("rank", range(4))
def test_gradients_are_shared_once_a_step(monkeypatch, accumulate, rank):
    passes = []

    @contextlib.contextmanager
    def watched(model):
        passes[-1] -= 1  # of those that are shared
        yield

    def loss(*args):
        passes[-1] += 1
        return batch_loss(*args)

    monkeypatch.setattr(trainer_module, "accumulating", watched)
    monkeypatch.setattr(trainer_module, "batch_loss", loss)
    monkeypatch.setattr(Ranks, "add_up", lambda self, value: value)
    trainer = make_trainer(batch_tokens=5, accumulate=accumulate)
    trainer.ranks = Ranks(rank, 4)
    for step in trainer.plan(1):
        passes.append(0)
        train_step(trainer, step, 1, 0, 0.5)
    assert passes == [1] * len(trainer.plan(1))


def test_clipping_bounds_the_step(monkeypatch):
    norms, clip = [], nn.utils.clip_grad_norm_

    def watched(parameters, most):
        parameters = list(parameters)
        norm = clip(parameters, most)
        norms.append(parameters[0].grad.norm().item())
        return norm

    monkeypatch.setattr(nn.utils, "clip_grad_norm_", watched)
    train_epoch(make_trainer(batch_tokens=1, clip=0.01))
    assert len(norms) == 4
    assert max(norms) <= 0.01 + 1e-6


def test_average_follows_the_weights_and_is_what_is_kept():
    trainer = make_trainer(batch_tokens=1, average=0.15, learning_rate=0.5, warmup=0)
    expected, weights = 0.0, []
    for step, batches in enumerate(trainer.plan(1)):
        train_step(trainer, batches, 1, step, 0.1)
        decay = min(0.15, (1 + step) / (10 + step))
        weights.append(trainer.network.weight.item())
        expected = decay * expected + (1 - decay) * weights[-1]
    assert trainer.average.weight.item() == pytest.approx(expected, rel=1e-5)
    assert trainer.average.weight.item() != pytest.approx(weights[-1], rel=1e-3)
    assert trainer.kept is trainer.average
    trainer.network.forward = None  # not called
    assert validate(trainer)[1] == 0.75


@pytest.mark.parametrize("accumulate", [1, 2])
def test_the_called_model_is_the_one_that_training_calls(accumulate):
    trainer, called = make_trainer(batch_tokens=1, accumulate=accumulate), []

    class Wrapped(nn.Module):
        def __init__(self):
            super().__init__()
            self.module = trainer.network

        def forward(self, *batch):
            called.append(len(batch))
            return self.module(*batch)

    trainer.model = Wrapped()
    train_epoch(trainer)
    assert called == [2, 2, 2, 2]
    validate(trainer)
    assert len(called) == 4


# Epochs


def test_epoch_sees_each_training_transcript_once(monkeypatch):
    seen, trainer = watch_rows(monkeypatch), make_trainer(batch_tokens=5)
    trainer.network.eval()
    train_epoch(trainer)
    assert sorted(row for rows in seen for row in rows) == [0, 1, 7, 8]
    sums = trainer.sums
    assert (trainer.steps, sums.steps, sums.sequences, sums.tokens) == (4, 4, 4, 13)
    assert sums.seconds > 0
    assert trainer.network.training


def test_loss_of_an_epoch_is_the_sum_over_transcripts():
    # The rate is 0, so the logits are the counts 2, 0, 2, 0 of classes 1, 0, 1, 0.
    trainer = make_trainer(batch_tokens=12, learning_rate=0.0)
    train_epoch(trainer)
    assert trainer.steps == 2  # of three transcripts and of one
    assert float(trainer.sums.loss) == pytest.approx(
        losses([2, 0, 2, 0], [1, 0, 1, 0]).sum(), rel=1e-6
    )


def test_epoch_goes_on_from_its_sums(monkeypatch):
    seen, whole = watch_rows(monkeypatch), make_trainer(batch_tokens=1, accumulate=3)
    train_epoch(whole)
    order = list(seen)
    seen.clear()
    resumed = make_trainer(batch_tokens=1, accumulate=3)
    resumed.sums = Sums(steps=1, sequences=3, tokens=9, loss=torch.tensor(2.0))
    train_epoch(resumed)
    assert seen == order[3:]
    assert (resumed.sums.steps, resumed.sums.sequences) == (2, 4)


def test_state_can_be_kept_after_each_step():
    trainer, kept = make_trainer(batch_tokens=1, accumulate=2), []
    train_epoch(trainer, lambda: kept.append((trainer.steps, trainer.sums.steps)))
    assert kept == [(1, 1), (2, 2)]


def watch_progress(monkeypatch):
    """Collect the share of the budget that each step is told."""
    told, step = [], train_step

    def watched(trainer, batches, epoch, first, progress):
        told.append(progress)
        return step(trainer, batches, epoch, first, progress)

    monkeypatch.setattr(trainer_module, "train_step", watched)
    return told


def test_rate_follows_the_share_of_the_epochs(monkeypatch):
    told = watch_progress(monkeypatch)
    trainer = make_trainer(batch_tokens=1, epochs=4, warmup=0.0, learning_rate=0.2)
    trainer.epochs = [{}, {}]
    train_epoch(trainer)
    assert told == [0.53125, 0.59375, 0.65625, 0.71875]
    last = 0.2 * 0.5 * (1 + math.cos(math.pi * 0.71875))
    assert {group["lr"] for group in trainer.optimizer.param_groups} == {last}


def test_rate_follows_the_time_where_that_is_ahead(monkeypatch):
    told = watch_progress(monkeypatch)
    monkeypatch.setattr(Trainer, "time_used", property(lambda self: 0.25))
    train_epoch(make_trainer(batch_tokens=1, epochs=2, max_minutes=1))
    assert told == [0.25, 0.25, 0.3125, 0.4375]


def test_time_used(monkeypatch):
    monkeypatch.setattr(trainer_module.time, "monotonic", lambda: 130.0)
    trainer = make_trainer(max_minutes=2.0)
    trainer.started = 100.0
    assert (trainer.seconds, trainer.time_used) == (30.0, 0.25)
    trainer.before = 60.0
    assert (trainer.seconds, trainer.time_used) == (90.0, 0.75)
    trainer.config = TrainingConfig()
    assert trainer.time_used == 0


def test_epoch_ends_when_the_time_is_up(monkeypatch):
    monkeypatch.setattr(Trainer, "time_used", property(lambda self: float(self.steps >= 3)))
    trainer = make_trainer(batch_tokens=1, max_minutes=1)
    train_epoch(trainer)
    assert (trainer.steps, trainer.sums.sequences) == (3, 3)


def test_epoch_takes_one_step_though_the_time_is_up(monkeypatch):
    monkeypatch.setattr(Trainer, "time_used", property(lambda self: 1.0))
    trainer = make_trainer(batch_tokens=1, max_minutes=1)
    train_epoch(trainer)
    assert trainer.sums.steps == 1


@pytest.fixture
def look_as_on(monkeypatch):
    """A function that has losses looked at as on another device, where it takes time."""

    def look(trainer, device):
        monkeypatch.setattr(trainer_module, "LOOK_EVERY", 3)
        monkeypatch.setattr(Trainer, "to_device", lambda self, values: values)
        monkeypatch.setattr(trainer_module, "autocast", lambda *args: contextlib.nullcontext())
        trainer.device = torch.device(device)

    return look


@pytest.mark.parametrize(("device", "steps"), [("cpu", 2), ("cuda", 3)])
def test_of_a_diverging_loss_the_batch_is_told(look_as_on, caplog, device, steps):
    """The second one's, however late it is looked at."""
    trainer = make_trainer(batch_tokens=1, epochs=3)
    trainer.epochs, trainer.steps = [{}], 10
    ((row,),) = trainer.plan(2)[1]
    trainer.targets[row] = math.nan
    look_as_on(trainer, device)
    with pytest.raises(InputError) as caught:
        train_epoch(trainer)
    problem = f"epoch 2, step 12: the loss or its gradient became nan with the sequences ['{row}']"
    told = "lower learning_rate, or look at them"
    assert str(caught.value) == f"training: {problem}; {told}"
    assert caplog.messages == [problem]
    assert trainer.sums.steps == steps


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_gradient_that_is_no_number_is_told_before_a_state_is_kept(look_as_on, device):
    trainer, kept = make_trainer(batch_tokens=1), []
    gradients = iter([1.0, math.inf, 1.0, 1.0])
    trainer.network.weight.register_hook(lambda gradient: gradient * next(gradients))
    look_as_on(trainer, device)

    def keep():
        trainer_module.refuse_divergence(trainer)  # as a keeper does
        kept.append(trainer.network.weight.item())

    with pytest.raises(InputError, match="epoch 1, step 2: the loss or its gradient became inf"):
        train_epoch(trainer, keep)
    assert len(kept) == 1
    assert math.isfinite(kept[0])


def test_of_a_large_batch_the_first_ids_are_told_and_all_are_logged(caplog):
    trainer = make_trainer(batch_tokens=100)
    trainer.network.weight.data.fill_(math.nan)
    with pytest.raises(InputError) as caught:
        train_epoch(trainer)
    ids = [str(row) for row in np.concatenate(trainer.plan(1)[0])]
    assert len(ids) == 4
    assert f"with the sequences {ids[:3]} and 1 more; lower" in str(caught.value)
    assert caplog.messages[0].endswith(str(ids))


# Validation


def test_validation_scores_by_hand():
    # Logits 3, 2, 1, 0 of classes 1, 0, 1, 0: three of four pairs are in order.
    loss, auroc = validate(make_trainer(batch_tokens=6))
    assert loss == pytest.approx(losses([3, 2, 1, 0], [1, 0, 1, 0]).mean(), rel=1e-6)
    assert auroc == 0.75


def test_validation_reads_its_part_without_dropout(monkeypatch):
    seen, trainer = watch_rows(monkeypatch), make_trainer()
    trainer.network.train()
    validate(trainer)
    assert sorted(row for rows in seen for row in rows) == [2, 3, 5, 6]
    assert not trainer.network.training


def test_validation_tells_the_sequences_whose_score_is_no_number(monkeypatch):
    trainer, forward = make_trainer(batch_tokens=6), Counter.forward

    def odd(self, tokens, features):
        logits = forward(self, tokens, features)
        return torch.where(logits == 2, math.inf, logits)  # of row 3 alone

    monkeypatch.setattr(Counter, "forward", odd)
    told = "training: validation after epoch 1: the loss became inf with the sequences ['3'];"
    with pytest.raises(InputError, match=re.escape(told)):
        validate(trainer)


def test_precision_reaches_the_forward_pass():
    network = build_network(NetworkConfig(6, **SMALL))
    trainer = make_trainer(network)
    network.eval()
    batch = trainer.load(np.array([0, 7]))
    with torch.inference_mode():
        exact = trainer.forward(network, batch)
        trainer.config = TrainingConfig(precision="bf16")
        rough = trainer.forward(network, batch)
    assert rough.dtype == exact.dtype == torch.float32
    assert 0 < (rough - exact).abs().max() < 0.05


def test_bf16_trains_weights_that_stay_fp32():
    torch.manual_seed(0)
    network = build_network(NetworkConfig(6, dropout=0, **SMALL))
    before = [each.detach().clone() for each in network.parameters()]
    trainer = make_trainer(network, precision="bf16", warmup=0)
    train_epoch(trainer)
    assert {each.dtype for each in network.parameters()} == {torch.float32}
    changed = [not torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True)]
    assert all(changed)
    assert math.isfinite(validate(trainer)[0])


def test_constant_logits_are_told(caplog):
    trainer = make_trainer()
    assert validate(trainer)[1] > 0.5
    assert caplog.records == []
    trainer.network.forward = lambda tokens, features: torch.zeros(len(tokens))
    assert validate(trainer)[1] == 0.5
    assert [record.message for record in caplog.records] == [
        "every sequence gets the same probability: this seed died, another may not"
    ]
