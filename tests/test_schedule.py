import math

import pytest
import torch
from torch import nn

from circlet.model.network import NetworkConfig, build_network
from circlet.model.schedule import (
    learning_rate_factor,
    make_optimizer,
    set_rate,
    update_average,
)
from circlet.model.settings import TrainingConfig


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


@pytest.mark.parametrize(("optimizer", "rate"), [("adamw", 0.1), ("adagrad", 0.2)])
def test_adagrad_keeps_its_rate(optimizer, rate):
    config = TrainingConfig(optimizer=optimizer, learning_rate=0.2, warmup=0.5)
    made = make_optimizer(nn.Linear(2, 2), config)
    set_rate(made, config, 0.25)
    assert {group["lr"] for group in made.param_groups} == {rate}


@pytest.mark.parametrize("architecture", ["circformer", "text_transformer"])
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
    embeddings = {
        f"{name}.weight"
        for name, module in network.named_modules()
        if isinstance(module, nn.Embedding)
    }
    decayed = {name for name, each in before.items() if each.ndim == 2} - embeddings
    for name, each in network.named_parameters():
        shrunk = 1 - 0.1 * 0.5 if name in decayed else 1
        torch.testing.assert_close(each.detach(), shrunk * before[name], msg=name)
    assert embeddings
    assert {"head.1.weight", "blocks.0.qkv.weight"} <= decayed or "head.0.weight" in decayed


def test_adamw_is_one_kernel_with_its_decays():
    optimizer = make_optimizer(nn.Linear(2, 2), TrainingConfig(beta2=0.98))
    assert isinstance(optimizer, torch.optim.AdamW)
    assert optimizer.defaults["betas"] == (0.9, 0.98)
    assert optimizer.defaults["fused"]
    assert not make_optimizer(nn.Linear(2, 2, device="meta"), TrainingConfig()).defaults["fused"]


def test_adagrad_takes_every_parameter_and_no_decay():
    network = nn.Linear(2, 2)
    optimizer = make_optimizer(network, TrainingConfig(optimizer="adagrad", learning_rate=0.3))
    assert isinstance(optimizer, torch.optim.Adagrad)
    assert optimizer.param_groups[0]["params"] == [network.weight, network.bias]
    assert (optimizer.defaults["lr"], optimizer.defaults["weight_decay"]) == (0.3, 0)


@pytest.mark.parametrize(
    ("steps", "decay"), [(0, 0.1), (1, 2 / 11), (20, 0.7), (90, 0.9), (10**6, 0.9)]
)
def test_average_forgets_faster_at_the_start(steps, decay):
    average, network = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        average.weight.fill_(1)
        network.weight.fill_(2)
    update_average(average, network, 0.9, steps)
    assert average.weight.item() == pytest.approx(decay + 2 * (1 - decay), rel=1e-6)
    assert network.weight.item() == 2
