"""A small model that has learnt one motif, so that it is known what its calls rest on."""

from dataclasses import asdict
from functools import cache

import numpy as np
import torch
from checkpoint_inputs import REFERENCE
from torch.nn import functional as F

from circlet.composition import SIZE
from circlet.model.batches import collate
from circlet.model.calibration import Calibration
from circlet.model.checkpoint import Checkpoint
from circlet.model.description import Description
from circlet.model.kmers import KmerVocab
from circlet.model.network import NetworkConfig, build_network

MOTIF = "GATACAGATACA"
SHAPE = {"max_tokens": 192, "streams": 3, "patch": 2, "window": 32, "width": 8, "heads": 2}


def plant(count: int, seed: int) -> list[tuple[str, int]]:
    """Random sequences of 60 to 89 nt and where the motif begins: in every other one; else -1."""
    rng, found = np.random.default_rng(seed), []
    for row in range(count):
        sequence, place = "".join(rng.choice(list("ACGT"), rng.integers(60, 90))), -1
        if row % 2 == 0:
            place = int(rng.integers(0, len(sequence) - len(MOTIF) + 1))
            sequence = sequence[:place] + MOTIF + sequence[place + len(MOTIF) :]
        found.append((sequence, place))
    return found


@cache
def trained_checkpoint() -> Checkpoint:
    """One network that tells sequences with the motif from others; some seconds on the CPU."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    planted, rng = plant(800, 1), np.random.default_rng(2)
    vocabulary = KmerVocab.build([sequence for sequence, _ in planted], 3, ring=True)
    config = NetworkConfig(
        len(vocabulary), feedforward=16, ends=0, descriptors="none", dropout=0.0, **SHAPE
    )
    network = build_network(config)
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.002, weight_decay=0.2)
    tokens = [vocabulary.encode(sequence) for sequence, _ in planted]
    is_circrna = torch.tensor([float(place >= 0) for _, place in planted])
    nothing = np.zeros((16, SIZE))
    for _ in range(6):
        for rows in rng.permutation(len(planted)).reshape(-1, 16):
            batch = collate([tokens[row] for row in rows], nothing, 192, network.multiple)
            loss = F.binary_cross_entropy_with_logits(network(*batch), is_circrna[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    torch.set_num_threads(threads)
    calibration = Calibration("platt", {"scale": 1.0, "offset": 0.0})
    record = {"seed": 1, "network": asdict(config)}
    about = (asdict(config), vocabulary, 40, calibration, 0.5, [record], REFERENCE)
    return Checkpoint(Description(*about), [network.eval()])
