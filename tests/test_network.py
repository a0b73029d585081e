import pytest
import torch
from torch.nn import functional as F

from circlet.model.network import NetworkConfig, build_network, rotate
from circlet.model.runtime import autocast

VOCABULARY_SIZE = 66
KMER = NetworkConfig(
    VOCABULARY_SIZE, max_tokens=60, width=16, layers=2, heads=2, feedforward=32, dropout=0.2
)
TEXT = NetworkConfig(
    VOCABULARY_SIZE,
    architecture="text_transformer",
    max_tokens=24,
    width=12,
    layers=1,
    heads=2,
    feedforward=32,
)
CONFIGS = pytest.mark.parametrize("config", [KMER, TEXT], ids=lambda config: config.architecture)


def make_network(config):
    torch.manual_seed(5)
    return build_network(config).eval()


def make_tokens(config, lengths=(24, 23, 13, 7)):
    """Sequences of the lengths given, padded to 24, which suits both networks."""
    torch.manual_seed(6)
    tokens = torch.randint(1, config.vocabulary_size, (len(lengths), 24))
    for row, length in enumerate(lengths):
        tokens[row, length:] = 0
    return tokens


def test_comparator_has_the_parameters_of_its_original():
    config = NetworkConfig(
        1366,
        architecture="text_transformer",
        max_tokens=396,
        width=396,
        layers=1,
        heads=2,
        feedforward=2048,
    )
    assert sum(each.numel() for each in build_network(config).parameters()) == 2_983_930


def test_parameters_of_the_default_network():
    w, hidden = 64, 256
    block = 2 * 2 * w + (w + 1) * 3 * w + (w + 1) * w + (w + 1) * hidden + (hidden + 1) * w
    head = 2 * 8 * w + (3 * 8 * w + 1 + 1) * w + w + 1
    expected = 66 * w + (2 * w + 1) * w + 2 * block + head
    assert sum(each.numel() for each in build_network(NetworkConfig(66)).parameters()) == expected


@CONFIGS
def test_batch_mates_have_no_influence(config):
    network, tokens = make_network(config), make_tokens(config)
    with torch.inference_mode():
        together = network(tokens)
        alone = torch.cat([network(row[None]) for row in tokens])
        others = network(tokens[[2, 0, 0, 3]])
    assert together.shape == (4,)
    assert len(set(together.tolist())) == 4
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-5)
    torch.testing.assert_close(together[[2, 0, 0, 3]], others, rtol=0, atol=1e-5)


def test_length_of_the_padding_has_no_influence():
    network, tokens = make_network(KMER), make_tokens(KMER)
    with torch.inference_mode():
        expected = network(tokens)
        for padding in (6, 60, 300):
            torch.testing.assert_close(
                network(F.pad(tokens, (0, padding))), expected, rtol=0, atol=1e-5
            )


def test_what_stands_for_padding_has_no_influence_on_the_comparator():
    network, tokens = make_network(TEXT), make_tokens(TEXT, (24, 12))
    with torch.inference_mode():
        expected = network(tokens)[1]
        network.embedding.weight[0] += 100
        network.positions.weight[12:] *= 9
        torch.testing.assert_close(network(tokens)[1], expected, rtol=0, atol=1e-5)
        network.positions.weight[11] *= 9
        assert abs(network(tokens)[1] - expected) > 1e-4


@CONFIGS
def test_a_sequence_without_tokens_has_a_finite_logit(config):
    with torch.inference_mode():
        logits = make_network(config)(torch.zeros(2, 24, dtype=torch.long))
    assert logits.isfinite().all()


@CONFIGS
def test_every_parameter_has_a_gradient(config):
    network, tokens = make_network(config).train(), make_tokens(config)
    classes = torch.tensor([1.0, 0.0, 1.0, 0.0])
    F.binary_cross_entropy_with_logits(network(tokens), classes).backward()
    named = dict(network.named_parameters())
    assert [name for name, each in named.items() if each.grad is None] == []
    assert [name for name, each in named.items() if not each.grad.isfinite().all()] == []
    assert [name for name, each in named.items() if not each.grad.any()] == []


def test_unknown_kmers_are_silent_at_first():
    assert not make_network(KMER).embedding.weight[:2].any()


def test_padding_is_not_learnt():
    network = make_network(KMER).train()
    network(make_tokens(KMER)).sum().backward()
    assert not network.embedding.weight.grad[0].any()
    assert network.embedding.weight.grad[1:].any()


def test_order_of_the_streams_has_no_influence():
    network, tokens = make_network(KMER), make_tokens(KMER, (24, 24, 24))
    triplets = tokens.view(3, 8, 3)
    with torch.inference_mode():
        expected = network(tokens)
        for order in ([1, 2, 0], [2, 0, 1], [1, 0, 2]):
            permuted = triplets[:, :, order].reshape(3, 24)
            torch.testing.assert_close(network(permuted), expected, rtol=0, atol=1e-5)
        # Within a stream the order counts.
        assert (network(triplets.flip(1).reshape(3, 24)) - expected).abs().min() > 1e-3


def test_order_between_the_ends_counts():
    # Without positions, neither attention nor pooling would see the order of what is between.
    network, tokens = make_network(KMER), make_tokens(KMER, (24, 24, 24))
    first, second, third, last = tokens.split(6, dim=1)
    swapped = torch.cat([first, third, second, last], dim=1)
    with torch.inference_mode():
        assert (network(swapped) - network(tokens)).abs().min() > 1e-5


def test_streams_and_patches_say_how_far_to_pad():
    assert make_network(KMER).multiple == 6
    config = NetworkConfig(VOCABULARY_SIZE, streams=1, patch=4, width=8, heads=2)
    assert make_network(config).multiple == 4
    assert make_network(TEXT).multiple == 1


def test_order_counts_for_the_comparator():
    network, tokens = make_network(TEXT), make_tokens(TEXT, (24, 24))
    with torch.inference_mode():
        assert (network(tokens.flip(1)) - network(tokens)).abs().min() > 1e-4


def test_dropout_acts_in_training_alone():
    network, tokens = make_network(KMER), make_tokens(KMER)
    with torch.inference_mode():
        assert (network(tokens) == network(tokens)).all()
        network.train()
        assert (network(tokens) != network(tokens)).all()


def test_rotation_keeps_norms_and_sees_distances_only():
    torch.manual_seed(0)
    x = torch.randn(2, 3, 9, 8)
    turned = rotate(x)
    torch.testing.assert_close(turned.norm(dim=-1), x.norm(dim=-1))
    torch.testing.assert_close(turned[:, :, 0], x[:, :, 0])
    same = x[:, :, :1].expand(-1, -1, 9, -1)
    products = rotate(same) @ rotate(same).transpose(2, 3)  # of positions i and j
    for distance in (1, 4):
        diagonal = products.diagonal(distance, dim1=2, dim2=3)
        torch.testing.assert_close(diagonal, diagonal[..., :1].expand_as(diagonal))
    assert not torch.allclose(products[..., 0, 1], products[..., 0, 4])


def test_rotation_by_hand():
    # Of four channels, 0 and 2 turn by 1 rad a position, 1 and 3 by 1/100.
    x = torch.tensor([[1.0, 0.0, 0.0, 2.0]]).expand(2, 4)[None, None]
    expected = [
        torch.tensor(1.0).cos(),
        -2 * torch.tensor(0.01).sin(),
        torch.tensor(1.0).sin(),
        2 * torch.tensor(0.01).cos(),
    ]
    torch.testing.assert_close(rotate(x)[0, 0, 1], torch.stack(expected))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"architecture": "lstm"}, "architecture 'lstm' is none of"),
        ({"heads": 0}, "heads is 0, not a whole number above 0"),
        ({"streams": 2.5}, "streams is 2.5, not"),
        ({"max_tokens": None}, "max_tokens is None, not"),
        ({"max_tokens": 5}, "streams . patch exceeds max_tokens"),
        ({"heads": 3}, "3 heads do not divide a width of 64 evenly"),
        ({"heads": 64}, "64 heads do not divide a width of 64 evenly"),  # one channel a head
        ({"architecture": "text_transformer", "heads": 5}, "5 heads do not divide a width of 84"),
    ],
)
def test_network_that_cannot_be_built_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        build_network(NetworkConfig(**{"vocabulary_size": VOCABULARY_SIZE, **changes}))


@CONFIGS
def test_bf16_is_near_fp32(config):
    network, tokens = make_network(config), make_tokens(config)
    with torch.inference_mode():
        exact = network(tokens)
        with autocast(torch.device("cpu"), "bf16"):
            rough = network(tokens)
    assert rough.dtype == torch.bfloat16
    assert 0 < (rough - exact).abs().max() < 0.05


@CONFIGS
def test_compiled_network_gives_the_same_logits(config):
    # This backend needs no C++ compiler; `fullgraph` refuses what cannot be traced as a whole.
    network, tokens = make_network(config), make_tokens(config)
    compiled = torch.compile(network, backend="aot_eager", fullgraph=True)
    with torch.inference_mode():
        torch.testing.assert_close(compiled(tokens), network(tokens), rtol=0, atol=1e-5)
