"""The networks: tokens in, one logit a sequence out. Padding (token 0) never has any influence."""

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional as F

PAD_ID, UNKNOWN_ID = 0, 1
SIZES = ("max_tokens", "streams", "patch", "width", "layers", "heads", "feedforward")
EMBEDDING_SCALE = 0.1
POSITION_WIDTH = 20  # of the prototype's position embedding


@dataclass(frozen=True)
class NetworkConfig:
    """Shape of a network.

    Attributes:
        vocabulary_size: Number of token ids.
        architecture: Name in `ARCHITECTURES`.
        max_tokens: Most tokens read of a sequence; the middle of a longer one is left out.
        streams: Token i goes to stream i modulo `streams`; see `KmerTransformer`.
        patch: Neighbouring tokens of a stream merged into one position before the attention.
        width: Width of a position's vector.
        layers: Number of transformer layers.
        heads: Attention heads; they divide `width`.
        feedforward: Width of the hidden layer between two attentions.
        dropout: Share of activations dropped in training.
    """

    vocabulary_size: int
    architecture: str = field(
        default="kmer_transformer",
        metadata={"help": "kmer_transformer, or text_transformer, the comparator"},
    )
    max_tokens: int = field(default=3072, metadata={"help": "most tokens read of a sequence"})
    streams: int = field(default=3, metadata={"help": "streams that tokens are dealt out into"})
    patch: int = field(
        default=2, metadata={"help": "neighbouring tokens of a stream merged into a position"}
    )
    width: int = field(default=64, metadata={"help": "width of a position's vector"})
    layers: int = field(default=2, metadata={"help": "number of transformer layers"})
    heads: int = field(default=4, metadata={"help": "attention heads; they divide the width"})
    feedforward: int = field(default=256, metadata={"help": "width of the hidden layers"})
    dropout: float = field(default=0.1, metadata={"help": "share of activations dropped"})


class KmerTransformer(nn.Module):
    """A pre-norm transformer encoder over k-mer tokens, alike in every reading frame.

    The tokens are dealt out into `streams`: with k 3, stride 1 and three streams, those are the
    codons of the three reading frames. All streams share their weights, and what comes of them is
    pooled without regard to their order, since a transcript may begin in any frame. Rotary
    positions are those of Su et al. (RoFormer, arXiv:2104.09864).
    """

    VIEWS = 8  # pooled vectors of a stream: four before and four after the attention

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        width = config.width
        self.streams, self.patch = config.streams, config.patch
        self.multiple = config.streams * config.patch
        self.embedding = nn.Embedding(config.vocabulary_size, width, padding_idx=PAD_ID)
        self.merge = nn.Linear(config.patch * width, width)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(self.VIEWS * width)
        self.head = nn.Sequential(
            nn.Dropout(config.dropout),
            nn.Linear(3 * self.VIEWS * width + 1, width),
            nn.GELU(),
            nn.Dropout(config.dropout),
            nn.Linear(width, 1),
        )
        nn.init.normal_(self.embedding.weight, std=EMBEDDING_SCALE)
        # Unknown k-mers hardly occur in training: better no vector than a random one.
        nn.init.zeros_(self.embedding.weight[: UNKNOWN_ID + 1])

    def forward(self, tokens: Tensor) -> Tensor:
        """Score sequences.

        Args:
            tokens: Token ids, shape (batch, tokens), tokens a multiple of `multiple`.

        Returns:
            Logits of the class circRNA, shape (batch,).
        """
        batch = len(tokens)
        streams = tokens.view(batch, -1, self.streams).transpose(1, 2)  # (B, S, T / S)
        streams = streams.reshape(batch * self.streams, -1, self.patch)  # (B * S, P, patch)
        is_real = (streams != PAD_ID).any(dim=2)  # (B * S, P)
        is_real[:, 0] = True  # attention and pooling need one position, even of nothing
        x = start = self.merge(self.embedding(streams).flatten(2))  # (B * S, P, W)
        for block in self.blocks:
            x = block(x, is_real)
        views = torch.cat([pool(start, is_real), pool(x, is_real)], dim=1)  # (B * S, 8 * W)
        views = self.norm(views).view(batch, self.streams, -1)
        joined = [views.mean(dim=1), views.amax(dim=1), views.amin(dim=1)]  # each (B, 8 * W)
        length = (tokens != PAD_ID).sum(dim=1, keepdim=True).clamp(min=1).log() / 10  # (B, 1)
        return self.head(torch.cat([*joined, length], dim=1)).squeeze(1)


def pool(x: Tensor, is_real: Tensor) -> Tensor:
    """Join the mean, the maximum, the first and the last real position: (B, 4 * W).

    The ends are there since those of a circRNA are splice sites.
    """
    mask = is_real.unsqueeze(2)
    count = mask.sum(dim=1)  # (B, 1)
    mean = x.masked_fill(~mask, 0).sum(dim=1) / count
    highest = x.masked_fill(~mask, -torch.inf).amax(dim=1)
    last = x[torch.arange(len(x), device=x.device), count.squeeze(1) - 1]
    return torch.cat([mean, highest, x[:, 0], last], dim=1)


class Block(nn.Module):
    """Self-attention and a feed-forward layer, each after a norm and beside a residual path."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.norm_attention = nn.LayerNorm(config.width)
        self.qkv = nn.Linear(config.width, 3 * config.width)
        self.project = nn.Linear(config.width, config.width)
        self.feedforward = nn.Sequential(
            nn.LayerNorm(config.width),
            nn.Linear(config.width, config.feedforward),
            nn.GELU(),
            nn.Linear(config.feedforward, config.width),
        )
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, is_real: Tensor) -> Tensor:
        """Let the real positions of each sequence attend to each other; x: (B, P, W)."""
        batch, positions, width = x.shape
        qkv = self.qkv(self.norm_attention(x)).view(batch, positions, 3, self.heads, -1)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)  # each (B, H, P, W / H)
        # No dropout inside: on the CPU it would leave the kernel whose memory is linear.
        attended = F.scaled_dot_product_attention(
            rotate(query), rotate(key), value, attn_mask=is_real[:, None, None, :]
        )
        attended = attended.transpose(1, 2).reshape(batch, positions, width)
        x = x + self.dropout(self.project(attended))
        return x + self.dropout(self.feedforward(x))


def rotate(x: Tensor) -> Tensor:
    """Turn pairs of channels by an angle that grows with the position; x: (B, H, P, C)."""
    half = x.shape[-1] // 2
    speed = 10_000 ** (-torch.arange(half, device=x.device, dtype=torch.float32) / half)
    angle = torch.arange(x.shape[-2], device=x.device, dtype=torch.float32)[:, None] * speed
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)  # (P, C / 2)
    first, second = x[..., :half], x[..., half:]
    return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)


class TextTransformer(nn.Module):
    """The prototype's network: the comparator.

    As published, save for three mends: the attention runs along each sequence and not across the
    batch, padding is masked, and the sigmoid is left to the loss. The ReLU on a single channel can
    still die and leave a constant; that is a property of the architecture.
    """

    multiple = 1

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        width = config.width + POSITION_WIDTH
        self.embedding = nn.Embedding(config.vocabulary_size, config.width)
        self.positions = nn.Embedding(config.max_tokens, POSITION_WIDTH)
        layer = nn.TransformerEncoderLayer(
            width, config.heads, config.feedforward, config.dropout, batch_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, config.layers, enable_nested_tensor=False)
        self.to_channel = nn.Sequential(
            nn.Linear(width, 64), nn.ReLU(), nn.Linear(64, 1), nn.ReLU()
        )
        self.head = nn.Sequential(nn.Linear(config.max_tokens, 16), nn.ReLU(), nn.Linear(16, 1))

    def forward(self, tokens: Tensor) -> Tensor:
        """Score sequences.

        Args:
            tokens: Token ids, shape (batch, max_tokens).

        Returns:
            Logits of the class circRNA, shape (batch,).
        """
        is_pad = tokens == PAD_ID  # (B, T)
        positions = self.positions.weight.expand(len(tokens), -1, -1)  # (B, T, 20)
        x = torch.cat([self.embedding(tokens), positions], dim=2)  # (B, T, W + 20)
        x = self.encoder(x, src_key_padding_mask=is_pad)
        channel = self.to_channel(x).squeeze(2).masked_fill(is_pad, 0)  # (B, T)
        return self.head(channel).squeeze(1)


ARCHITECTURES = {"kmer_transformer": KmerTransformer, "text_transformer": TextTransformer}


def build_network(config: NetworkConfig) -> nn.Module:
    """Make a network with fresh weights.

    Raises:
        ValueError: The architecture is unknown, a size is not a whole number above 0, the heads do
            not divide the width, or the streams take more tokens than there are.
    """
    for name in SIZES:
        value = getattr(config, name)
        if type(value) is not int or value < 1:
            raise ValueError(f"{name} is {value!r}, not a whole number above 0")
    if config.architecture not in ARCHITECTURES:
        raise ValueError(f"architecture '{config.architecture}' is none of {list(ARCHITECTURES)}")
    is_text = config.architecture == "text_transformer"
    width = config.width + POSITION_WIDTH if is_text else config.width
    # Rotary positions turn pairs of channels, so that each head needs an even number of them.
    if width % config.heads or (not is_text and width // config.heads % 2):
        raise ValueError(f"{config.heads} heads do not divide a width of {width} evenly")
    if not is_text and config.streams * config.patch > config.max_tokens:
        raise ValueError("streams * patch exceeds max_tokens")
    return ARCHITECTURES[config.architecture](config)
