import numpy as np
import pytest
import torch

from circlet.composition import compose_any
from circlet.model.attribution import attribute, difference, quadrature, share_out, shuffle_weights
from circlet.model.batches import collate
from circlet.model.kmers import KmerVocab
from circlet.model.network import BASES, CENTRE, NetworkConfig, build_network

CPU = torch.device("cpu")
KMERS = tuple(a + b + c for a in "ACGT" for b in "ACGT" for c in "ACGT")
RING = KmerVocab(k=3, stride=1, window=None, ring=True, kmers=KMERS)
WINDOW = KmerVocab(k=3, stride=1, window=50, ring=False, kmers=KMERS)


def make_sequence(length, seed=0):
    return "".join(np.random.default_rng(seed).choice(list("ACGT"), length))


def make_network(seed=0, scale=2, **settings):
    """A network with larger weights than fresh ones, so that logits differ."""
    shape = {"max_tokens": 96, "patch": 2, "window": 8, "width": 8, "layers": 2, "heads": 2}
    shape |= {"feedforward": 16, "ends": 4, "descriptors": "composition"}
    torch.manual_seed(seed)
    network = build_network(NetworkConfig(len(RING), **(shape | settings))).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(scale)
    return network


def make_prototype(seed=0):
    settings = {"architecture": "text_transformer", "max_tokens": 48, "width": 12}
    return make_network(seed, 1, **settings, descriptors="none", ends=0)


def explain(networks, sequence, vocabulary=RING, max_tokens=96, steps=200, **settings):
    features = compose_any([sequence])[0]
    return attribute(networks, vocabulary, sequence, features, max_tokens, CPU, steps, **settings)


@pytest.mark.parametrize("length", [40, 90, 250])
@pytest.mark.parametrize("descriptors", ["none", "sixteen", "composition"])
def test_attributions_add_up_to_the_difference(descriptors, length):
    networks = [make_network(seed, descriptors=descriptors) for seed in (1, 2)]
    sequence = make_sequence(length)
    found = explain(networks, sequence)
    assert abs(found.target) > 0.02
    assert found.total == pytest.approx(found.target, abs=0.03 * np.abs(found.bases).sum())
    assert found.bases.shape == (length,)
    assert np.abs(found.ends).sum() > 0
    assert (np.abs(found.descriptors[:16]).sum() > 0) == (descriptors != "none")
    assert (np.abs(found.descriptors[16:]).sum() > 0) == (descriptors == "composition")


@pytest.mark.parametrize("length", [30, 50, 70])
def test_attributions_of_the_prototype_add_up(length):
    found = explain([make_prototype(5)], make_sequence(length), WINDOW, 48)
    assert np.abs(found.bases).sum() > 0.01
    assert found.total == pytest.approx(found.target, abs=0.02 * np.abs(found.bases).sum())
    assert (found.bases[50:] == 0).all()
    assert found.is_read.tolist() == [place < 50 for place in range(length)]


def test_baseline_is_zero_vectors_and_neutral_descriptors():
    network, sequence = make_network(3), make_sequence(60)
    features = compose_any([sequence])
    batch = collate([RING.encode(sequence)], features, 96, network.multiple)
    found = difference(network, *batch)
    with torch.no_grad():
        whole = network(*batch).item()
        for layer in (network.embedding.vectors, network.read_ends.vectors):
            layer.weight.zero_()
        neutral = torch.full((1, 356), float(BASES))  # beyond the numbers: unknown bases
        neutral[:, :8] = torch.tensor(CENTRE)
        neutral[:, 16:272], neutral[:, 272:336] = 1 / 256, 1 / 64
        assert found == pytest.approx(whole - network(batch.tokens, neutral).item(), abs=1e-5)


def test_a_linear_network_is_explained_exactly():
    """Each token is worth its vector times the weights, and so are its bases."""

    class Linear(torch.nn.Module):
        multiple, ends, describe, patch, streams = 1, 0, None, 1, 1

        def __init__(self):
            super().__init__()
            self.embedding = torch.nn.Module()
            self.embedding.vectors = torch.nn.Embedding(len(RING), 4)

        def forward(self, tokens, features):
            return self.embedding.vectors(tokens.unsqueeze(1)).sum(dim=(1, 2, 3))

    network, sequence = Linear(), make_sequence(30)
    found = explain([network], sequence, steps=4)
    worth = network.embedding.vectors.weight.detach().sum(dim=1).numpy()
    closed = sequence + sequence[:2]
    of_token = np.array([worth[2 + KMERS.index(closed[i : i + 3])] for i in range(30)])
    expected = (of_token + np.roll(of_token, 1) + np.roll(of_token, 2)) / 3
    np.testing.assert_allclose(found.bases, expected, atol=1e-5)


def test_quadrature_integrates_polynomials():
    points, weights = quadrature(8)
    assert weights.sum() == pytest.approx(1)
    assert (points**3 * weights).sum() == pytest.approx(1 / 4)


def test_the_middle_of_a_long_sequence_is_worth_nothing():
    found = explain([make_network(1)], make_sequence(250))
    unread = np.flatnonzero(~found.is_read)
    assert unread.tolist() == list(range(unread[0], unread[-1] + 1))
    # Tokens are left out by sixes, streams times patch: 47 of each end are read. Those of the start
    # hold two more bases, those of the end the first two of the ring.
    assert (unread[0], unread[-1]) == (49, 202)
    assert (found.bases[unread] == 0).all()
    assert (found.bases[found.is_read] != 0).all()


def test_a_base_at_an_end_is_worth_what_its_place_and_its_k_mers_are():
    found = explain([make_network(1)], make_sequence(80))
    # The first 4 tokens reach 6 bases; the last 4 begin in the last 4 and close the ring.
    assert np.flatnonzero(found.ends).tolist() == [0, 1, 2, 3, 4, 5, 76, 77, 78, 79]


def test_the_mean_of_the_members_is_explained():
    one, other, sequence = make_network(1), make_network(2), make_sequence(70)
    both, first, second = (explain(some, sequence) for some in ([one, other], [one], [other]))
    np.testing.assert_allclose(both.bases, (first.bases + second.bases) / 2, atol=1e-9)
    mean = (first.descriptors + second.descriptors) / 2
    np.testing.assert_allclose(both.descriptors, mean, atol=1e-9)
    assert both.target == pytest.approx((first.target + second.target) / 2)


def test_batches_change_nothing_and_no_hook_stays():
    network, sequence = make_network(1), make_sequence(70)
    batch = collate([RING.encode(sequence)], compose_any([sequence]), 96, network.multiple)
    before = network(*batch).item()
    whole, parts = explain([network], sequence), explain([network], sequence, batch_tokens=700)
    np.testing.assert_allclose(whole.bases, parts.bases, atol=1e-5)
    assert network(*batch).item() == before
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in network.modules())
    assert all(parameter.grad is None for parameter in network.parameters())


def test_tokens_are_shared_out_over_their_bases():
    three = np.arange(3)
    ring = KmerVocab(k=3, stride=2, window=None, ring=True, kmers=KMERS)
    found = share_out(np.array([3.0, 6.0, 9.0]), three, 6, ring)
    assert found.tolist() == [1 + 3, 1, 1 + 2, 2, 2 + 3, 3]  # the last k-mer goes on at the first
    line = KmerVocab(k=2, stride=1, window=None, ring=False, kmers=("AA",))
    assert share_out(np.array([2.0, 4.0, 6.0]), three, 4, line).tolist() == [1, 3, 5, 3]
    # Of a sequence of 3 nt in a window of 5, the third k-mer has one base and the fourth none.
    filled = KmerVocab(k=2, stride=1, window=5, ring=False, kmers=("AA",))
    found = share_out(np.array([2.0, 4.0, 6.0, 0.0]), np.arange(4), 3, filled)
    assert found.tolist() == [1, 3, 8]


def test_shuffled_weights_are_the_same_ones_elsewhere():
    network, other = make_network(1), make_network(1)
    shuffle_weights(other, torch.Generator().manual_seed(0))
    for (name, before), after in zip(network.named_parameters(), other.parameters(), strict=True):
        if "vectors" not in name:
            assert sorted(before.flatten().tolist()) == sorted(after.flatten().tolist())
        assert len(before.unique()) == 1 or not torch.equal(
            before, after
        )  # a norm's begin all alike
    assert (other.embedding.vectors.weight[0] == 0).all()
    again = make_network(1)
    shuffle_weights(again, torch.Generator().manual_seed(0))
    assert all(map(torch.equal, other.parameters(), again.parameters()))
