"""Small checkpoints of random weights, and what else the tests of them share."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from circlet.files import write_json
from circlet.model.calibration import Calibration
from circlet.model.checkpoint import MANIFEST, Checkpoint, seal
from circlet.model.description import FORMAT, Description
from circlet.model.kmers import KmerVocab
from circlet.model.network import NetworkConfig, build_network
from circlet.model.reference import Reference
from circlet.model.trees import Trees

# Made of three sequences, of 30 to 80 nt; far from all sequences is nothing.
REFERENCE = Reference(
    np.array([2, 7, 9], dtype=np.uint64),
    np.array([30, 80], dtype=np.int64),
    np.array([[3.5, 5.0], [4.5, 4.6]], dtype=np.float32),
    np.array([100.0, 0.0]),
)
DIMERS = KmerVocab(
    k=2, stride=1, window=None, ring=False, kmers=tuple(a + b for a in "ACGT" for b in "ACGT")
)
# One tree that asks for the fifth number.
TREES = Trees(
    roots=np.array([0]),
    feature=np.array([4, 0, 0]),
    threshold=np.array([0.5, 0.0, 0.0]),
    left=np.array([1, 1, 2]),
    right=np.array([2, 1, 2]),
    value=np.array([0.0, -1.0, 1.0]),
    baseline=np.array([0.5]),
)
CALIBRATION = Calibration("platt", {"scale": 0.8, "offset": 0.1})


def reseal(folder: Path) -> None:
    """Make the manifest of a folder fit its files, as a careful forger would."""
    names = [path.name for path in folder.iterdir() if path.name != MANIFEST]
    write_json(folder / MANIFEST, {"format": FORMAT, "files": seal(folder, sorted(names))})


def make_checkpoint(reference: Reference = REFERENCE, **settings: object) -> Checkpoint:
    """Make two members whose random weights give probabilities of any size.

    It asks for 20 unambiguous bases and reads at most 48 2-mers; see `NetworkConfig` for settings.
    """
    shape = {"max_tokens": 48, "width": 8, "layers": 1, "heads": 2, "feedforward": 16}
    config = NetworkConfig(len(DIMERS), **(shape | settings))
    torch.manual_seed(3)
    members = [build_network(config).eval() for _ in range(2)]
    multiple = members[0].multiple
    tokens = torch.randint(2, 18, (64, config.max_tokens // multiple * multiple))
    numbers = [torch.rand(64, 8), torch.randint(0, 5, (64, 8)), torch.rand(64, 340) / 64]
    features = torch.cat(numbers, dim=1)
    with torch.no_grad():
        for member in members:
            member.embedding.vectors.weight *= 20
            logits = member(tokens, features)
            member.head[-1].bias -= logits.mean()
            member.head[-1].bias /= logits.std()
            member.head[-1].weight /= logits.std()
    training = [{"seed": seed, "network": asdict(config)} for seed in (1, 2)]
    about = (asdict(config), DIMERS, 20, CALIBRATION, 0.5, training, reference)
    return Checkpoint(Description(*about), members)
