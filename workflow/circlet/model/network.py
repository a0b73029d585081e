"""The networks: tokens in, one logit a sequence out. Padding (token 0) never has any influence."""

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional as F

PAD_ID, UNKNOWN_ID = 0, 1
SIZES = ("max_tokens", "streams", "patch", "window", "width", "layers", "heads", "feedforward")
EMBEDDING_SCALE = 0.1
END_WIDTH, END_SCALE = 16, 0.25  # of the vector of a token at an end
POSITION_WIDTH = 20  # of the prototype's position embedding
# The descriptors that a sequence's features begin with: so many are numbers, the others codes of
# bases, where a code beyond the bases stands for an unknown one. Centre and spread of the numbers
# in human transcripts, roughly: they bring them to one order of magnitude.
NUMBERS, END_BASES, BASES = 8, 8, 4
WORDS, CODONS = 256, 64  # frequencies that follow them in the features
DESCRIPTORS = ("none", "sixteen", "composition")
CENTRE = (6.5, 0.5, 0.25, 0.2, 0.6, 0.35, 0.25, 0.47)
SPREAD = (1.0, 0.3, 0.15, 0.1, 0.6, 0.4, 0.3, 0.08)


@dataclass(frozen=True)
class NetworkConfig:
    """Shape of a network.

    Attributes:
        vocabulary_size: Number of token ids.
        architecture: Name in `ARCHITECTURES`.
        max_tokens: Most tokens read of a sequence; the middle of a longer one is left out.
        streams: Token i goes to stream i modulo `streams`; see `Circformer`.
        patch: Neighbouring tokens of a stream merged into one position before the attention.
        window: Positions that attend to each other: a longer stream is cut into windows, so that
            time and memory grow linearly with the length.
        width: Width of a position's vector.
        layers: Number of transformer layers.
        heads: Attention heads; they divide `width`.
        feedforward: Width of the hidden layer between two attentions.
        dropout: Share of activations dropped in training before the head; half as many are within
            the layers, whose work the residual paths carry on.
        ends: Tokens at each end that are read place by place; 0 for none.
        descriptors: What else the head sees of a sequence: one of `DESCRIPTORS`.
    """

    vocabulary_size: int
    architecture: str = field(
        default="circformer", metadata={"help": "circformer, or text_transformer, the comparator"}
    )
    max_tokens: int = field(default=3072, metadata={"help": "most tokens read of a sequence"})
    streams: int = field(default=3, metadata={"help": "streams that tokens are dealt out into"})
    patch: int = field(
        default=4, metadata={"help": "neighbouring tokens of a stream merged into a position"}
    )
    window: int = field(default=256, metadata={"help": "positions that attend to each other"})
    width: int = field(default=64, metadata={"help": "width of a position's vector"})
    layers: int = field(default=1, metadata={"help": "number of transformer layers"})
    heads: int = field(default=4, metadata={"help": "attention heads; they divide the width"})
    feedforward: int = field(default=256, metadata={"help": "width of the hidden layers"})
    dropout: float = field(default=0.5, metadata={"help": "share of activations dropped"})
    ends: int = field(default=12, metadata={"help": "tokens at each end read place by place"})
    descriptors: str = field(
        default="composition",
        metadata={"help": "what else is seen of a sequence", "choices": DESCRIPTORS},
    )


class Circformer(nn.Module):
    """A pre-norm transformer encoder over the k-mers of a ring, alike in every reading frame.

    The tokens are dealt out into `streams`: with k 3, stride 1 and three streams, those are the
    codons of the three reading frames. All streams share their weights, and what comes of them is
    pooled without regard to their order, since a transcript may begin in any frame. Beside them
    the head sees the two ends place by place, as models of splice sites do, and the descriptors.
    Rotary positions are those of Su et al. (RoFormer, arXiv:2104.09864).
    """

    VIEWS = 8  # pooled vectors of a stream: four before and four after the attention

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        width, self.patch, self.streams = config.width, config.patch, config.streams
        self.ends = config.ends
        self.multiple = config.streams * config.patch
        # One table for each place in a patch: their sum is a linear layer over all of its tokens.
        self.embedding = Tables(config.patch, config.vocabulary_size, width)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(self.VIEWS * width)
        self.select = nn.Linear(self.VIEWS * width, 1, bias=False)
        joined = 4 * self.VIEWS * width + 1
        if config.ends:
            self.read_ends = Ends(config)
            joined += width
        self.describe = Describe(config) if config.descriptors != "none" else None
        joined += width * DESCRIPTORS.index(config.descriptors)
        self.head = nn.Sequential(
            nn.Dropout(config.dropout),
            nn.Linear(joined, width),
            nn.GELU(),
            nn.Dropout(config.dropout),
            nn.Linear(width, 1),
        )

    def forward(self, tokens: Tensor, features: Tensor) -> Tensor:
        """Score sequences.

        Args:
            tokens: Token ids, shape (batch, tokens), tokens a multiple of `multiple`.
            features: `circlet.composition` of them, shape (batch, 356).

        Returns:
            Logits of the class circRNA, shape (batch,).
        """
        batch = tokens.shape[0]
        streams = tokens.view(batch, -1, self.streams).transpose(1, 2)  # (B, S, T / S)
        streams = streams.reshape(batch * self.streams, -1, self.patch)  # (B * S, P, patch)
        is_real = (streams != PAD_ID).any(dim=2)  # (B * S, P)
        is_real[:, 0] = True  # attention and pooling need one position, even of nothing
        x = start = self.embedding(streams)  # (B * S, P, W)
        for block in self.blocks:
            x = block(x, is_real)
        views = torch.cat([pool(start, is_real), pool(x, is_real)], dim=1)  # (B * S, 8 * W)
        views = self.norm(views).view(batch, self.streams, -1)
        length = (tokens != PAD_ID).sum(dim=1, keepdim=True)  # (B, 1)
        joined = [
            views.mean(dim=1),
            views.amax(dim=1),
            views.amin(dim=1),
            (views * self.select(views).softmax(dim=1)).sum(dim=1),
            length.clamp(min=1).log() / 10,
        ]
        if self.ends:
            joined.append(self.read_ends(both_ends(tokens, length, self.ends)))
        if self.describe:
            joined.append(self.describe(features))
        logits: Tensor = self.head(torch.cat(joined, dim=1)).squeeze(1)
        return logits


class Tables(nn.Module):
    """The sum of the vectors of some tokens, each looked up in a table of its place."""

    shift: Tensor

    def __init__(self, places: int, size: int, width: int) -> None:
        super().__init__()
        self.vectors = nn.Embedding(places * size, width, padding_idx=PAD_ID)
        nn.init.normal_(self.vectors.weight, std=EMBEDDING_SCALE)
        # Unknown k-mers hardly occur in training: better no vector than a random one.
        with torch.no_grad():
            self.vectors.weight.view(places, size, width)[:, : UNKNOWN_ID + 1] = 0
        self.register_buffer("shift", size * torch.arange(places), persistent=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Add the vectors of tokens (..., places) to one (..., W); padding adds nothing."""
        rows = torch.where(tokens == PAD_ID, PAD_ID, tokens + self.shift)
        total: Tensor = self.vectors(rows).sum(dim=-2)
        return total


class Ends(nn.Module):
    """A small network over the tokens at both ends, each at its place.

    A token is the same vector at every place: what differs is how the places are weighed.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.vectors = nn.Embedding(config.vocabulary_size, END_WIDTH, padding_idx=PAD_ID)
        nn.init.normal_(self.vectors.weight, std=END_SCALE)
        nn.init.zeros_(self.vectors.weight[: UNKNOWN_ID + 1])
        self.layers = nn.Sequential(
            nn.Linear(2 * config.ends * END_WIDTH, config.width),
            nn.GELU(),
            nn.Dropout(config.dropout),
        )

    def forward(self, tokens: Tensor) -> Tensor:
        """Turn tokens (B, 2 * ends) into a vector (B, W)."""
        read: Tensor = self.layers(self.vectors(tokens).flatten(1))
        return read


def both_ends(tokens: Tensor, length: Tensor, count: int) -> Tensor:
    """The first and the last `count` tokens of each sequence, (B, 2 * count); padded if shorter."""
    place = torch.arange(count, device=tokens.device)
    first = place.expand(tokens.shape[0], -1)  # (B, count)
    last = length - count + place
    both = torch.cat([first, last], dim=1)
    inside = (both >= 0) & (both < length)
    return torch.where(inside, tokens.gather(1, both.clamp(0, tokens.shape[1] - 1)), PAD_ID)


class Describe(nn.Module):
    """Small networks over the descriptors of a sequence, and over its words and codons."""

    centre: Tensor
    spread: Tensor

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.sixteen = two_layers(NUMBERS + END_BASES * BASES, config.width)
        self.composition = None
        if config.descriptors == "composition":  # many numbers, of which each tells little
            self.composition = two_layers(WORDS + CODONS, config.width, config.dropout)
        self.register_buffer("centre", torch.tensor(CENTRE), persistent=False)
        self.register_buffer("spread", torch.tensor(SPREAD), persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        """Turn features (B, 356) into a vector (B, W), or (B, 2 * W) with the composition."""
        numbers = (features[:, :NUMBERS] - self.centre) / self.spread
        first = NUMBERS + END_BASES
        codes = F.one_hot(features[:, NUMBERS:first].long(), BASES + 1)[..., :BASES]  # (B, 8, 4)
        bases = codes.flatten(1).to(numbers.dtype)
        sixteen: Tensor = self.sixteen(torch.cat([numbers, bases], dim=1))
        if self.composition is None:
            return sixteen
        words = features[:, first : first + WORDS]
        codons = features[:, first + WORDS : first + WORDS + CODONS]
        # Of counts, the root has about the same spread for rare words as for frequent ones.
        roots = torch.cat([(WORDS * words).sqrt(), (CODONS * codons).sqrt()], dim=1) - 1
        return torch.cat([sixteen, self.composition(roots)], dim=1)


def two_layers(size: int, width: int, dropout: float = 0.0) -> nn.Sequential:
    """Turn `size` numbers, of which half of `dropout` are dropped, into a vector."""
    return nn.Sequential(
        nn.Dropout(dropout / 2),
        nn.Linear(size, width),
        nn.GELU(),
        nn.Dropout(dropout),
        nn.Linear(width, width),
        nn.GELU(),
    )


def pool(x: Tensor, is_real: Tensor) -> Tensor:
    """Join the mean, the maximum, the first and the last real position: (B, 4 * W).

    The ends are there since those of a circRNA are splice sites.
    """
    mask = is_real.unsqueeze(2)
    count = mask.sum(dim=1)  # (B, 1)
    mean = x.masked_fill(~mask, 0).sum(dim=1) / count
    highest = x.masked_fill(~mask, -torch.inf).amax(dim=1)
    last = x[torch.arange(x.shape[0], device=x.device), count.squeeze(1) - 1]
    return torch.cat([mean, highest, x[:, 0], last], dim=1)


class Block(nn.Module):
    """Self-attention and a feed-forward layer, each after a norm and beside a residual path."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.heads, self.window = config.heads, config.window
        self.norm_attention = nn.LayerNorm(config.width)
        self.qkv = nn.Linear(config.width, 3 * config.width)
        self.project = nn.Linear(config.width, config.width)
        self.feedforward = nn.Sequential(
            nn.LayerNorm(config.width),
            nn.Linear(config.width, config.feedforward),
            nn.GELU(),
            nn.Linear(config.feedforward, config.width),
        )
        self.dropout = nn.Dropout(config.dropout / 2)

    def forward(self, x: Tensor, is_real: Tensor) -> Tensor:
        """Let the real positions of each window attend to each other; x: (B, P, W)."""
        x = x + self.dropout(self.attend(x, is_real))
        fed: Tensor = self.dropout(self.feedforward(x))
        return x + fed

    def attend(self, x: Tensor, is_real: Tensor) -> Tensor:
        """What each position takes over from the others in its window, (B, P, W)."""
        batch, positions, width = x.shape
        window = min(self.window, positions)
        lacking = -positions % window
        x = F.pad(self.norm_attention(x), (0, 0, 0, lacking)).view(-1, window, width)
        mask = F.pad(is_real, (0, lacking)).view(-1, 1, 1, window)
        # A window of padding alone: what it attends to is never looked at, but must not be NaN.
        mask = mask | ~mask.any(dim=3, keepdim=True)
        qkv = self.qkv(x).view(-1, window, 3, self.heads, width // self.heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)  # each (windows, H, window, W / H)
        # No dropout inside: on the CPU it would leave the kernel whose memory is linear.
        attended = F.scaled_dot_product_attention(rotate(query), rotate(key), value, attn_mask=mask)
        taken: Tensor = self.project(attended.transpose(1, 2).reshape(-1, window, width))
        return taken.view(batch, -1, width)[:, :positions]


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

    def forward(self, tokens: Tensor, features: Tensor) -> Tensor:
        """Score sequences.

        Args:
            tokens: Token ids, shape (batch, max_tokens).
            features: Not used; shape (batch, features).

        Returns:
            Logits of the class circRNA, shape (batch,).
        """
        is_pad = tokens == PAD_ID  # (B, T)
        positions = self.positions.weight.expand(tokens.shape[0], -1, -1)  # (B, T, 20)
        x = torch.cat([self.embedding(tokens), positions], dim=2)  # (B, T, W + 20)
        x = self.encoder(x, src_key_padding_mask=is_pad)
        channel = self.to_channel(x).squeeze(2).masked_fill(is_pad, 0)  # (B, T)
        logits: Tensor = self.head(channel).squeeze(1)
        return logits


Network = Circformer | TextTransformer

ARCHITECTURES: dict[str, type[Network]] = {
    "circformer": Circformer,
    "text_transformer": TextTransformer,
}


def build_network(config: NetworkConfig) -> Network:
    """Make a network with fresh weights.

    Raises:
        ValueError: The architecture is unknown, a size is not a whole number above 0, the heads do
            not divide the width, or the streams take more tokens than there are.
    """
    for name in SIZES:
        value = getattr(config, name)
        if type(value) is not int or value < 1:
            raise ValueError(f"{name} is {value!r}, not a whole number above 0")
    if config.descriptors not in DESCRIPTORS:
        raise ValueError(f"descriptors '{config.descriptors}' is none of {list(DESCRIPTORS)}")
    if type(config.ends) is not int or config.ends < 0:
        raise ValueError(f"ends is {config.ends!r}, not a whole number")
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
