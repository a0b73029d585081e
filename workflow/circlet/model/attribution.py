"""What the networks' logit of a sequence rests on: integrated gradients.

Integrated gradients (Sundararajan, Taly and Yan 2017, arXiv:1703.01365) share out the difference
between the logit of a sequence and that of a baseline over what the networks read. Their sum is
that difference: completeness. Tokens and codes of bases are no numbers, so the way from the
baseline to the sequence is walked behind the layers that make them vectors:

- the vectors of the k-mers, those of `circformer`'s own look at the ends apart; the baseline is
  zero vectors, which is what padding and unknown k-mers begin as;
- the inputs of the networks over the descriptors, centred as they are; the baseline is zero there:
  descriptors as in an average transcript, unknown bases at the ends, all words alike frequent.

Which places are padding, and the length that `circformer` sees beside its descriptors, are those of
the sequence all the way.
"""

import contextlib
from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from circlet.model.attributed import Attribution
from circlet.model.batches import collate
from circlet.model.kmers import KmerVocab
from circlet.model.network import (
    BASES,
    CODONS,
    END_BASES,
    NUMBERS,
    WORDS,
    Network,
    TextTransformer,
    both_ends,
)
from circlet.model.padding import crop_ends


def attribute(
    members: Sequence[Network],
    vocabulary: KmerVocab,
    sequence: str,
    features: np.ndarray,
    max_tokens: int,
    device: torch.device,
    steps: int,
    batch_tokens: int = 32768,
) -> Attribution:
    """Share out the mean logit of networks over the bases and descriptors of a sequence.

    Args:
        members: The networks, of one shape, on the device; left in evaluation mode.
        vocabulary: How a sequence becomes tokens.
        sequence: Bases, at least as many as a k-mer has.
        features: `circlet.composition` of it, shape (356,).
        max_tokens: Most tokens read; the bases of what is left out in the middle get 0.
        device: Where to compute.
        steps: Points of the quadrature on the way from the baseline.
        batch_tokens: Most tokens at once; bounds the memory.
    """
    tokens = vocabulary.encode(sequence)
    multiple = members[0].multiple
    read = crop_ends(np.arange(len(tokens)), max_tokens, multiple)
    batch = collate([tokens], features[None], max_tokens, multiple)
    inputs = batch.tokens.to(device), batch.features.to(device)
    at_once = max(1, batch_tokens // batch.tokens.shape[1])
    parts, targets = [], []
    for member in members:
        member.eval()
        parts.append(integrate(member, *inputs, steps, at_once))
        targets.append(difference(member, *inputs))
    mean = {name: np.mean([part[name] for part in parts], axis=0) for name in parts[0]}
    share = partial(share_out, places=read, length=len(sequence), vocabulary=vocabulary)
    nothing = np.zeros(len(read))
    sixteen = mean.get("sixteen", np.zeros(NUMBERS + END_BASES * BASES))
    codes = sixteen[NUMBERS:].reshape(END_BASES, BASES).sum(axis=1)
    composition = mean.get("composition", np.zeros(WORDS + CODONS))
    return Attribution(
        share(mean["kmers"][: len(read)]),
        share(mean.get("ends", nothing)[: len(read)]),
        np.concatenate([sixteen[:NUMBERS], codes, composition]),
        float(np.mean(targets)),
        share(np.ones(len(read))) > 0,
    )


def routes(member: Network) -> dict[str, nn.Module]:
    """Name the layers: of an embedding what comes out is scaled, of another what goes in."""
    if isinstance(member, TextTransformer):
        return {"kmers": member.embedding}
    found: dict[str, nn.Module] = {"kmers": member.embedding.vectors}
    if member.ends:
        found["ends"] = member.read_ends.vectors
    if member.describe is not None:
        found["sixteen"] = member.describe.sixteen
        if member.describe.composition is not None:
            found["composition"] = member.describe.composition
    return found


@contextlib.contextmanager
def scaled(member: Network, shares: Tensor) -> Iterator[dict[str, tuple[Tensor, Tensor]]]:
    """Within the block, let a network read each row of a batch at a share of the way.

    Args:
        member: The network.
        shares: Of each row, 0 the baseline and 1 the sequence, shape (rows,).

    Yields:
        For each route, once the network has run, what stands at its layer and the share of it that
        the network goes on with.
    """
    seen: dict[str, tuple[Tensor, Tensor]] = {}

    def scale(name: str, whole: Tensor) -> Tensor:
        share = shares.repeat_interleave(len(whole) // len(shares))  # streams stand as rows
        part = whole.detach() * share.view(-1, *[1] * (whole.dim() - 1))
        seen[name] = whole.detach(), part.requires_grad_()
        return part

    handles = []
    for name, layer in routes(member).items():
        if isinstance(layer, nn.Embedding):
            hook = layer.register_forward_hook(lambda *call, name=name: scale(name, call[2]))
        else:
            hook = layer.register_forward_pre_hook(
                lambda _, inputs, name=name: (scale(name, inputs[0]),)
            )
        handles.append(hook)
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def integrate(
    member: Network, tokens: Tensor, features: Tensor, steps: int, at_once: int
) -> dict[str, np.ndarray]:
    """Integrate the gradients of one network's logit for one sequence.

    Args:
        member: The network.
        tokens: Shape (1, tokens).
        features: Shape (1, 356).
        steps: Points of the quadrature.
        at_once: Most of them in a batch.

    Returns:
        For each route what its tokens, (tokens,), or its inputs, (inputs,), are worth, float64.
    """
    shares, weighed = (torch.tensor(x, device=tokens.device).float() for x in quadrature(steps))
    slopes: dict[str, Tensor] = {}
    batches = torch.split(shares, at_once), torch.split(weighed, at_once)
    for some, weight in zip(*batches, strict=True):
        rows = len(some)
        with torch.enable_grad(), scaled(member, some) as seen:
            logits = member(tokens.expand(rows, -1), features.expand(rows, -1))
            parts = [part for _, part in seen.values()]
            gradients = torch.autograd.grad((logits * weight).sum(), parts)
        for (name, (whole, _)), gradient in zip(seen.items(), gradients, strict=True):
            one = whole[: len(whole) // rows].double()
            slope = gradient.view(rows, *one.shape).double().sum(dim=0)
            slopes[name] = slopes.get(name, 0) + slope * one
    return {name: in_order(member, name, slope, tokens) for name, slope in slopes.items()}


def quadrature(steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Points and weights of an integral from 0 to 1, shape (steps,) both.

    Those of Gauss and Legendre, over the cube root of the way: a layer norm turns vectors that are
    nearly zero into those of usual size, so that most happens close to the baseline.
    """
    points, weights = np.polynomial.legendre.leggauss(steps)
    root = (points + 1) / 2
    return root**3, 3 * root**2 * weights / 2


def in_order(member: Network, name: str, slope: Tensor, tokens: Tensor) -> np.ndarray:
    """Bring what the vectors of a route are worth into the order of the tokens, or inputs.

    Args:
        member: The network.
        name: Of the route.
        slope: As its layer has it, for one sequence.
        tokens: Shape (1, tokens).
    """
    if name not in ("kmers", "ends"):
        return slope[0].cpu().numpy()
    worth = slope.sum(dim=-1)  # over the channels of each vector
    if isinstance(member, TextTransformer):
        return worth[0].cpu().numpy()
    if name == "kmers":  # (S, P, patch): token i is in stream i modulo S
        return worth.flatten(1).T.flatten().cpu().numpy()
    numbers = torch.arange(1, tokens.shape[1] + 1, device=tokens.device)[None]
    length = (tokens != 0).sum(dim=1, keepdim=True)
    places = both_ends(numbers, length, member.ends)[0]  # from 1; 0 is beyond the sequence
    found = worth.new_zeros(tokens.shape[1] + 1).index_add(0, places, worth[0])
    return found[1:].cpu().numpy()


@torch.no_grad()
def difference(member: Network, tokens: Tensor, features: Tensor) -> float:
    """The logit of a sequence, (1, tokens) and (1, 356), less that of the baseline."""
    with scaled(member, torch.tensor([0.0, 1.0], device=tokens.device)):
        baseline, whole = member(tokens.expand(2, -1), features.expand(2, -1)).double().tolist()
    return float(whole - baseline)


def share_out(
    worth: np.ndarray, places: np.ndarray, length: int, vocabulary: KmerVocab
) -> np.ndarray:
    """Share out what tokens are worth equally over the bases of their k-mers.

    Args:
        worth: Of each token that is read, shape (tokens,).
        places: Number of each of them among all tokens of the sequence, likewise.
        length: Of the sequence, nt.
        vocabulary: Tells k, stride, window and ring.

    Returns:
        Of each base, shape (length,), float64; the sum is that of the tokens.
    """
    bases = places[:, None] * vocabulary.stride + np.arange(vocabulary.k)
    if vocabulary.ring:
        bases %= length
    is_inside = bases < min(length, vocabulary.window or length)
    each = worth / np.maximum(is_inside.sum(axis=1), 1)
    found = np.zeros(length)
    np.add.at(found, bases[is_inside], np.broadcast_to(each[:, None], bases.shape)[is_inside])
    return found


@torch.no_grad()
def shuffle_weights(member: nn.Module, generator: torch.Generator) -> None:
    """Permute the weights of a network within each of its tensors, in place.

    What it learnt is gone, its shape and the size of its weights stay: the sanity check of
    Adebayo et al. (2018, arXiv:1810.03292). Vectors of padding stay zero.
    """
    for parameter in member.parameters():
        order = torch.randperm(parameter.numel(), generator=generator)
        shuffled = parameter.flatten()[order.to(parameter.device)]
        parameter.copy_(shuffled.view_as(parameter))
    for module in member.modules():
        if isinstance(module, nn.Embedding) and module.padding_idx is not None:
            module.weight[module.padding_idx] = 0
