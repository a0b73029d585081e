import numpy as np
import torch
from test_attribution import CPU, RING, WINDOW, make_network, make_prototype, make_sequence

from circlet.composition import compose_any
from circlet.model.batches import collate
from circlet.model.rollout import attention, roll_out, roll_out_streams


def test_weights_reproduce_the_fused_attention():
    block = make_network(1).blocks[0]
    torch.manual_seed(0)
    x, is_real = torch.randn(3, 21, 8), torch.ones(3, 21, dtype=torch.bool)  # windows of 8
    is_real[1, 13:] = False
    is_real[2, 7:] = False  # two windows of padding alone
    weights, values = attention(block, x, is_real)
    assert weights.shape == (9, 2, 8, 8)
    joined = (weights @ values).transpose(1, 2).reshape(-1, 8, 8)
    found = block.project(joined).view(3, -1, 8)[:, :21]
    torch.testing.assert_close(found, block.attend(x, is_real), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(9, 2, 8))


def test_one_layer_is_half_the_mean_weight_and_half_the_residual():
    network = make_network(2, layers=1, window=32, streams=1, patch=1)
    sequence = make_sequence(24)
    batch = collate([RING.encode(sequence)], compose_any([sequence]), 96, 1)
    with torch.inference_mode():
        x = network.embedding(batch.tokens.unsqueeze(2))
        weights, _ = attention(network.blocks[0], x, torch.ones(1, 24, dtype=torch.bool))
        found = roll_out_streams(network, *batch)
    expected = 0.5 / 24 + 0.5 * weights.mean(dim=(0, 1, 2))
    torch.testing.assert_close(found[0], expected)


def test_what_is_rolled_out_is_shared_among_the_bases():
    networks = [make_network(1), make_network(2)]
    for length in (50, 250):
        sequence = make_sequence(length)
        found = roll_out(networks, RING, sequence, compose_any([sequence])[0], 96, CPU)
        assert found.shape == (length,)
        np.testing.assert_allclose(found.sum(), 1)
        assert (found >= 0).all()
        assert (found == 0).sum() == (0 if length == 50 else 154)
    assert np.ptp(found[:40]) > 0


def test_the_prototype_has_none():
    sequence = make_sequence(60)
    features = compose_any([sequence])[0]
    assert roll_out([make_prototype()], WINDOW, sequence, features, 48, CPU) is None
