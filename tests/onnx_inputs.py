"""Small networks, and sequences for them, of the tests of ONNX files."""

from dataclasses import replace

import numpy as np
import torch
from torch import nn

from circlet.model.network import NetworkConfig, build_network
from circlet.model.onnx_export import export_networks

CIRC = NetworkConfig(
    66,
    max_tokens=96,
    patch=2,
    window=4,
    width=8,
    layers=2,
    heads=2,
    feedforward=16,
    ends=5,
)
PLAIN = replace(CIRC, ends=0, layers=1, descriptors="none")
TEXT = NetworkConfig(
    66, architecture="text_transformer", max_tokens=24, width=12, layers=1, heads=2, feedforward=32
)


def make_members(config, count):
    """Networks with weights of their own, whose scores lie apart."""
    torch.manual_seed(3)
    members = [build_network(config).eval() for _ in range(count)]
    for member in members:
        nn.init.normal_(member.head[-1].weight, std=2)
    return members


def make_tokens(lengths):
    """Token ids of sequences of the lengths given, some of them unknown."""
    rng = np.random.default_rng(4)
    return [rng.integers(1, 66, length).astype(np.int64) for length in lengths]


def make_features(count):
    """Features within their ranges; the last sequence has a base unknown at each end."""
    rng = np.random.default_rng(5)
    codes = rng.integers(0, 4, (count, 8))
    codes[-1, [0, 7]] = 4
    return np.hstack([rng.random((count, 8)), codes, rng.random((count, 340)) / 64]).astype("f4")


def export(members, config, path, metadata=None):
    """Write the file, with little to say in it."""
    export_networks(members, config, path, metadata or {"note": "small"})
