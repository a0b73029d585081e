import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from circlet.model import trainer as trainer_module
from circlet.model.batches import plan_batches
from circlet.model.network import NetworkConfig, build_network
from circlet.model.tokens import TokenStore
from circlet.model.trainer import (
    Trainer,
    TrainingConfig,
    learning_rate_factor,
    make_optimizer,
    train_epoch,
    train_step,
    validate,
)

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


class Counter(nn.Module):
    """Logit: how often token 5 occurs, plus a weight."""

    multiple = 1

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, tokens):
        return (tokens == 5).sum(dim=1) + self.weight


def make_trainer(network=None, **settings):
    labels, parts, sequences = zip(*ROWS, strict=True)
    ids = [f"t{row}" for row in range(len(ROWS))]
    store = TokenStore(
        np.concatenate([np.array(each, dtype=np.uint16) for each in sequences]),
        np.concatenate([[0], np.cumsum([len(each) for each in sequences])]),
        pd.DataFrame({"id": ids, "label": labels, "part": parts}),
    )
    shape = NetworkConfig(6, max_tokens=8, streams=1, width=8, layers=1, heads=2, feedforward=8)
    network, config = network or Counter(), TrainingConfig(**settings)
    return Trainer(network, shape, store, config, CPU, make_optimizer(network, config))


def watch_rows(monkeypatch):
    """Collect the rows that are loaded, batch after batch."""
    seen, load = [], Trainer.load
    monkeypatch.setattr(
        Trainer, "load", lambda self, batch: (seen.extend(batch.tolist()), load(self, batch))[1]
    )
    return seen


@pytest.mark.parametrize(
    ("progress", "warmup", "factor"),
    [
        (0.0, 0.0, 1.0),
        (0.0, 0.2, 0.0),
        (0.1, 0.2, 0.5),
        (0.2, 0.2, 1.0),
        (0.6, 0.2, 0.5),
        (0.4, 0.2, 0.5 + math.sqrt(2) / 4),
        (1.0, 0.2, 0.0),
        (1.7, 0.2, 0.0),
    ],
)
def test_learning_rate_factor(progress, warmup, factor):
    assert learning_rate_factor(progress, warmup) == pytest.approx(factor, abs=1e-12)


@pytest.mark.parametrize("architecture", ["kmer_transformer", "text_transformer"])
def test_only_matrices_decay(architecture):
    shape = NetworkConfig(
        9, architecture=architecture, max_tokens=12, width=12, layers=1, heads=2, feedforward=8
    )
    network = build_network(shape)
    optimizer = make_optimizer(network, TrainingConfig(learning_rate=0.1, weight_decay=0.5))
    before = {name: each.detach().clone() for name, each in network.named_parameters()}
    for each in network.parameters():
        each.grad = torch.zeros_like(each)
    optimizer.step()
    embeddings = {"embedding.weight", "positions.weight"}
    decayed = {name for name, each in before.items() if each.ndim == 2} - embeddings
    for name, each in network.named_parameters():
        shrunk = 1 - 0.1 * 0.5 if name in decayed else 1
        torch.testing.assert_close(each.detach(), shrunk * before[name], msg=name)
    assert {"head.1.weight", "blocks.0.qkv.weight"} <= decayed or "head.0.weight" in decayed


def test_adagrad_takes_every_parameter_and_no_decay():
    network = Counter()
    optimizer = make_optimizer(network, TrainingConfig(optimizer="adagrad", learning_rate=0.3))
    assert isinstance(optimizer, torch.optim.Adagrad)
    assert optimizer.param_groups[0]["params"] == [network.weight]
    assert (optimizer.defaults["lr"], optimizer.defaults["weight_decay"]) == (0.3, 0)


def test_validation_scores_by_hand():
    # Logits 3, 2, 1, 0 of classes 1, 0, 1, 0: three of four pairs are in order.
    loss, auroc = validate(make_trainer(batch_tokens=6))
    logits, classes = np.array([3.0, 2, 1, 0]), np.array([1, 0, 1, 0])
    p = 1 / (1 + np.exp(-logits))
    assert loss == pytest.approx(-np.log(np.where(classes, p, 1 - p)).mean(), rel=1e-6)
    assert auroc == 0.75


def test_validation_reads_its_part_without_dropout(monkeypatch):
    seen, trainer = watch_rows(monkeypatch), make_trainer()
    trainer.network.train()
    validate(trainer)
    assert sorted(seen) == [2, 3, 5, 6]
    assert not trainer.network.training


def test_load_gives_tokens_and_classes():
    tokens, classes = make_trainer().load(np.array([1, 0]))
    assert tokens.tolist() == [[2, 3, 2, 0], [5, 5, 2, 3]]
    assert classes.tolist() == [0, 1]


def test_epoch_sees_each_training_transcript_once(monkeypatch):
    seen, trainer = watch_rows(monkeypatch), make_trainer(batch_tokens=5)
    trainer.network.eval()
    loss, share = train_epoch(trainer, 1)
    assert sorted(seen) == [0, 1, 7, 8]
    assert (trainer.steps, share) == (4, 1.0)
    assert trainer.network.training
    assert 0 < loss < 2


def test_loss_of_an_epoch_is_the_mean_over_transcripts():
    # The rate is 0, so the logits are the counts 2, 0, 2, 0 of classes 1, 0, 1, 0.
    trainer = make_trainer(batch_tokens=12, learning_rate=0.0)
    loss, _ = train_epoch(trainer, 1)
    assert trainer.steps == 2  # of three transcripts and of one
    assert loss == pytest.approx((math.log1p(math.exp(-2)) + math.log(2)) / 2, rel=1e-6)


def test_epochs_mix_the_batches_anew_and_by_seed(monkeypatch):
    seen, orders = watch_rows(monkeypatch), []
    for seed, epoch in ((1, 1), (1, 1), (1, 2), (2, 1), (1, 3)):
        train_epoch(make_trainer(batch_tokens=1, seed=seed), epoch)
        orders.append(tuple(seen))
        seen.clear()
    assert orders[0] == orders[1]
    assert len(set(orders[1:])) > 2


def watch_shares(monkeypatch):
    """Collect the share of the budget that each step is told."""
    shares, step = [], train_step
    monkeypatch.setattr(
        trainer_module,
        "train_step",
        lambda trainer, batch, share: (shares.append(share), step(trainer, batch, share))[1],
    )
    return shares


def test_rate_follows_the_share_of_the_epochs(monkeypatch):
    shares = watch_shares(monkeypatch)
    trainer = make_trainer(batch_tokens=1, epochs=4, warmup=0.0, learning_rate=0.2)
    train_epoch(trainer, 3)
    assert shares == [0.53125, 0.59375, 0.65625, 0.71875]
    last = 0.2 * 0.5 * (1 + math.cos(math.pi * 0.71875))
    assert {group["lr"] for group in trainer.optimizer.param_groups} == {last}


def test_rate_follows_the_time_where_that_is_ahead(monkeypatch):
    shares = watch_shares(monkeypatch)
    monkeypatch.setattr(Trainer, "time_used", property(lambda self: 0.25))
    train_epoch(make_trainer(batch_tokens=1, epochs=2), 1)
    assert shares == [0.25, 0.25, 0.3125, 0.4375]


def test_adagrad_keeps_its_rate():
    trainer = make_trainer(batch_tokens=1, optimizer="adagrad", learning_rate=0.2, warmup=0.9)
    train_epoch(trainer, 1)
    assert trainer.optimizer.param_groups[0]["lr"] == 0.2


def test_time_used(monkeypatch):
    monkeypatch.setattr(trainer_module.time, "monotonic", lambda: 130.0)
    trainer = make_trainer(max_minutes=2.0)
    trainer.started = 100.0
    assert (trainer.seconds, trainer.time_used) == (30.0, 0.25)
    trainer.config = TrainingConfig()
    assert trainer.time_used == 0


def test_epoch_ends_when_the_time_is_up(monkeypatch):
    monkeypatch.setattr(Trainer, "time_used", property(lambda self: float(self.steps >= 3)))
    trainer = make_trainer(batch_tokens=1)
    _, share = train_epoch(trainer, 1)
    assert (trainer.steps, share) == (3, 0.75)


def test_epoch_takes_one_step_though_the_time_is_up(monkeypatch):
    monkeypatch.setattr(Trainer, "time_used", property(lambda self: 1.0))
    trainer = make_trainer(batch_tokens=1)
    assert train_epoch(trainer, 1)[1] == 0.25


def test_batches_count_cropped_tokens():
    trainer = make_trainer(batch_tokens=16)
    trainer.network_config = NetworkConfig(6, max_tokens=4)
    rows = np.array([7, 4, 2, 0])  # 5, 5, 6 and 4 tokens
    batches = trainer.batches(rows, None)
    assert [batch.tolist() for batch in batches] == [[7, 4, 2, 0]]
    expected = plan_batches(np.array([4, 4, 4, 4]), 16)
    assert [batch.tolist() for batch in expected] == [[0, 1, 2, 3]]


def test_clipping_bounds_the_step(monkeypatch):
    norms = []
    clip = nn.utils.clip_grad_norm_
    monkeypatch.setattr(
        nn.utils,
        "clip_grad_norm_",
        lambda parameters, most: (
            clip(parameters := list(parameters), most),
            norms.append(parameters[0].grad.norm().item()),
        ),
    )
    train_epoch(make_trainer(batch_tokens=1, clip=0.01), 1)
    assert len(norms) == 4
    assert max(norms) <= 0.01 + 1e-6


def test_precision_reaches_the_forward_pass():
    trainer = make_trainer(build_network(NetworkConfig(6, width=8, heads=2, feedforward=8)))
    trainer.network.eval()
    tokens = torch.tensor([[2, 3, 4, 5, 2, 3]])
    with torch.inference_mode():
        exact = trainer.forward(tokens)
        trainer.config = TrainingConfig(precision="bf16")
        rough = trainer.forward(tokens)
    assert rough.dtype == exact.dtype == torch.float32
    assert 0 < abs(rough - exact) < 0.05


def test_store_of_the_step_divides_as_its_split(toy_run):
    files = (Path(word) for word in toy_run.flags("train")[1:6:2])
    store = TokenStore.load(*files)
    assert [len(store.rows(part)) for part in ("train", "validation", "test")] == [96, 48, 16]


def test_constant_logits_are_told(caplog):
    trainer = make_trainer()
    assert validate(trainer)[1] > 0.5
    assert caplog.records == []
    trainer.network.forward = lambda tokens: torch.zeros(len(tokens))
    assert validate(trainer)[1] == 0.5
    assert [record.message for record in caplog.records] == [
        "every sequence gets the same probability: this seed died, another may not"
    ]
