from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from circlet.model.network import NetworkConfig, both_ends, build_network, rotate
from circlet.model.runtime import autocast

VOCABULARY_SIZE = 66
CIRC = NetworkConfig(
    VOCABULARY_SIZE,
    max_tokens=60,
    patch=2,
    width=16,
    layers=2,
    heads=2,
    feedforward=32,
    dropout=0.2,
    ends=5,
)
PLAIN = replace(CIRC, ends=0, descriptors="none")
TEXT = NetworkConfig(
    VOCABULARY_SIZE,
    architecture="text_transformer",
    max_tokens=24,
    width=12,
    layers=1,
    heads=2,
    feedforward=32,
)
CONFIGS = pytest.mark.parametrize("config", [CIRC, PLAIN, TEXT], ids=["circ", "plain", "text"])


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


def make_features(count):
    """Features within their ranges; the last sequence has a base unknown at each end."""
    generator = torch.Generator().manual_seed(7)
    numbers = torch.rand(count, 8, generator=generator)
    codes = torch.randint(0, 4, (count, 8), generator=generator)
    codes[-1, [0, 7]] = 4
    words = torch.rand(count, 340, generator=generator) / 64
    return torch.cat([numbers, codes, words], dim=1)


def score(network, tokens, rows=None):
    """Logits of tokens, with descriptors that go with the rows."""
    features = make_features(len(tokens)) if rows is None else make_features(4)[rows]
    return network(tokens, features)


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
    w, hidden, patch, ends = 64, 256, 4, 12
    block = 2 * 2 * w + (w + 1) * 3 * w + (w + 1) * w + (w + 1) * hidden + (hidden + 1) * w
    describe = (8 + 8 * 4 + 1) * w + (256 + 64 + 1) * w + 2 * (w + 1) * w
    head = 2 * 8 * w + 8 * w + (4 * 8 * w + 1 + 3 * w + 1) * w + w + 1
    read_ends = 66 * 16 + (2 * ends * 16 + 1) * w
    expected = 66 * w * patch + block + read_ends + describe + head
    assert sum(each.numel() for each in build_network(NetworkConfig(66)).parameters()) == expected


@CONFIGS
def test_batch_mates_have_no_influence(config):
    network, tokens = make_network(config), make_tokens(config)
    with torch.inference_mode():
        together = score(network, tokens)
        alone = torch.cat([score(network, tokens[[row]], [row]) for row in range(4)])
        others = score(network, tokens[[2, 0, 0, 3]], [2, 0, 0, 3])
    assert together.shape == (4,)
    assert len(set(together.tolist())) == 4
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-5)
    torch.testing.assert_close(together[[2, 0, 0, 3]], others, rtol=0, atol=1e-5)


def test_length_of_the_padding_has_no_influence():
    network, tokens = make_network(CIRC), make_tokens(CIRC)
    with torch.inference_mode():
        expected = score(network, tokens)
        for padding in (6, 60, 300):
            torch.testing.assert_close(
                score(network, F.pad(tokens, (0, padding))), expected, rtol=0, atol=1e-5
            )


def test_what_stands_for_padding_has_no_influence_on_the_comparator():
    network, tokens = make_network(TEXT), make_tokens(TEXT, (24, 12))
    with torch.inference_mode():
        expected = score(network, tokens)[1]
        network.embedding.weight[0] += 100
        network.positions.weight[12:] *= 9
        torch.testing.assert_close(score(network, tokens)[1], expected, rtol=0, atol=1e-5)
        network.positions.weight[11] *= 9
        assert abs(score(network, tokens)[1] - expected) > 1e-4


@CONFIGS
def test_a_sequence_without_tokens_has_a_finite_logit(config):
    with torch.inference_mode():
        logits = score(make_network(config), torch.zeros(2, 24, dtype=torch.long))
    assert logits.isfinite().all()


@CONFIGS
def test_every_parameter_has_a_gradient(config):
    network, tokens = make_network(config).train(), make_tokens(config)
    classes = torch.tensor([1.0, 0.0, 1.0, 0.0])
    F.binary_cross_entropy_with_logits(score(network, tokens), classes).backward()
    named = dict(network.named_parameters())
    assert [name for name, each in named.items() if each.grad is None] == []
    assert [name for name, each in named.items() if not each.grad.isfinite().all()] == []
    assert [name for name, each in named.items() if not each.grad.any()] == []


def test_unknown_kmers_are_silent_at_first():
    network = make_network(CIRC)
    of_streams = network.embedding.vectors.weight.view(2, VOCABULARY_SIZE, 16)
    for vectors in (*of_streams, network.read_ends.vectors.weight):
        assert not vectors[:2].any()
        assert vectors[2:].any(dim=1).all()


def test_padding_is_not_learnt():
    network = make_network(CIRC).train()
    score(network, make_tokens(CIRC)).sum().backward()
    gradient = network.embedding.vectors.weight.grad.view(2, VOCABULARY_SIZE, 16)
    assert not gradient[:, 0].any()
    assert gradient[:, 1:].any()


def test_order_of_the_streams_has_no_influence():
    network, tokens = make_network(PLAIN), make_tokens(PLAIN, (24, 24, 24))
    triplets = tokens.view(3, 8, 3)
    with torch.inference_mode():
        expected = score(network, tokens)
        for order in ([1, 2, 0], [2, 0, 1], [1, 0, 2]):
            permuted = triplets[:, :, order].reshape(3, 24)
            torch.testing.assert_close(score(network, permuted), expected, rtol=0, atol=1e-5)
        # Within a stream the order counts.
        assert (score(network, triplets.flip(1).reshape(3, 24)) - expected).abs().min() > 1e-3


def test_order_between_the_ends_counts():
    # Without positions, neither attention nor pooling would see the order of what is between.
    network, tokens = make_network(PLAIN), make_tokens(PLAIN, (24, 24, 24))
    first, second, third, last = tokens.split(6, dim=1)
    swapped = torch.cat([first, third, second, last], dim=1)
    with torch.inference_mode():
        assert (score(network, swapped) - score(network, tokens)).abs().min() > 1e-5


def test_positions_attend_within_their_window():
    config = replace(PLAIN, window=3, max_tokens=48)
    network, tokens = make_network(config), torch.randint(2, VOCABULARY_SIZE, (1, 36))
    seen = []
    network.blocks[-1].register_forward_hook(lambda block, given, x: seen.append(x))
    changed = tokens.clone()
    changed[0, 20] = (tokens[0, 20] - 1) % 64 + 2  # of stream 2, position 3 of 6
    with torch.inference_mode():
        for each in (tokens, changed):
            score(network, each)
    differs = (seen[0] != seen[1]).any(dim=2)  # (streams, positions)
    assert differs.tolist() == [[False] * 6, [False] * 6, [False] * 3 + [True] * 3]


def test_a_window_as_long_as_the_stream_is_none():
    network, tokens = make_network(CIRC), make_tokens(CIRC)
    wide = make_network(replace(CIRC, window=4))  # 24 tokens in 3 streams of 4 positions
    with torch.inference_mode():
        assert (score(wide, tokens) == score(network, tokens)).all()
        padded = score(wide, F.pad(tokens, (0, 42)))
        torch.testing.assert_close(padded, score(network, tokens), rtol=0, atol=1e-5)


def test_both_ends_of_long_and_short_sequences():
    tokens = torch.tensor([[5, 6, 7, 8, 9, 0], [5, 6, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]])
    found = both_ends(tokens, torch.tensor([[5], [2], [0]]), 3)
    assert found.tolist() == [[5, 6, 7, 7, 8, 9], [5, 6, 0, 0, 5, 6], [0] * 6]


def test_each_end_is_weighed_by_itself():
    network = make_network(replace(CIRC, descriptors="none"))
    tokens = make_tokens(CIRC, (24, 24))
    ends = []
    network.read_ends.register_forward_hook(lambda ends_of, given, x: ends.append(x))
    with torch.inference_mode():
        score(network, tokens)
        score(network, tokens.flip(1))
    assert (ends[0] - ends[1]).abs().min() > 0


@pytest.mark.parametrize(
    ("config", "read"),
    [
        (CIRC, [(0, 336)]),
        (replace(CIRC, descriptors="sixteen"), [(0, 16)]),
        (PLAIN, []),
        (TEXT, []),
    ],
)
def test_features_count_where_they_are_asked_for(config, read):
    network, tokens, features = make_network(config), make_tokens(config), make_features(4)
    with torch.inference_mode():
        expected = network(tokens, features)
        for begin, end in ((0, 8), (8, 16), (16, 272), (272, 336), (336, 356)):
            changed = features.clone()
            changed[:, begin:end] = features.flip(0)[:, begin:end]
            change = (network(tokens, changed) - expected).abs()
            assert (change > 0).all() == any(low <= begin and end <= high for low, high in read)


def test_an_unknown_base_at_an_end_is_no_base():
    network, features = make_network(CIRC), make_features(4)
    seen = []
    network.describe.sixteen[1].register_forward_hook(lambda layer, given, x: seen.append(given[0]))
    unknown = features[:1].clone()
    unknown[:, 8:16] = 4
    with torch.inference_mode():
        network.describe(unknown)
        network.describe(features[:1])
    assert not seen[0][0, 8:].any()
    assert seen[1][0, 8:].sum() == 8


def test_streams_and_patches_say_how_far_to_pad():
    assert make_network(CIRC).multiple == 6
    config = NetworkConfig(VOCABULARY_SIZE, streams=1, patch=4, width=8, heads=2)
    assert make_network(config).multiple == 4
    assert make_network(TEXT).multiple == 1


def test_order_counts_for_the_comparator():
    network, tokens = make_network(TEXT), make_tokens(TEXT, (24, 24))
    with torch.inference_mode():
        assert (score(network, tokens.flip(1)) - score(network, tokens)).abs().min() > 1e-4


def test_dropout_acts_in_training_alone():
    network, tokens = make_network(CIRC), make_tokens(CIRC)
    with torch.inference_mode():
        assert (score(network, tokens) == score(network, tokens)).all()
        network.train()
        assert (score(network, tokens) != score(network, tokens)).all()


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
        ({"descriptors": "all"}, "descriptors 'all' is none of"),
        ({"ends": -1}, "ends is -1, not a whole number"),
        ({"window": 0}, "window is 0, not a whole number above 0"),
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
        exact = score(network, tokens)
        with autocast(torch.device("cpu"), "bf16"):
            rough = score(network, tokens)
    assert rough.dtype == torch.bfloat16
    assert 0 < (rough - exact).abs().max() < 0.05


@CONFIGS
def test_compiled_network_gives_the_same_logits(config):
    # This backend needs no C++ compiler; `fullgraph` refuses what cannot be traced as a whole.
    network, tokens = make_network(config), make_tokens(config)
    compiled = torch.compile(network, backend="aot_eager", fullgraph=True)
    with torch.inference_mode():
        expected = score(network, tokens)
        torch.testing.assert_close(score(compiled, tokens), expected, rtol=0, atol=1e-5)
