"""Where the attention of `circformer` looks: roll-out of its weights over the layers.

Attention roll-out (Abnar and Zuidema 2020, arXiv:2005.00928): the weights of a layer, the mean of
its heads, joined half and half with the residual path, and multiplied through the layers. A picture
of where information can flow, not of what a call rests on; that is what `attribution` tells.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from circlet.model.attribution import share_out
from circlet.model.batches import collate
from circlet.model.kmers import KmerVocab
from circlet.model.network import Block, Circformer, Network, rotate
from circlet.model.padding import crop_ends


def attention(block: Block, x: Tensor, is_real: Tensor) -> tuple[Tensor, Tensor]:
    """Weights of a block's attention, which its fused kernel does not give.

    Args:
        block: The block.
        x: What it reads, shape (B, P, W).
        is_real: Which positions are no padding, (B, P).

    Returns:
        Weights (B * windows, H, window, window), each row of which adds up to 1, and the values
        that they weigh, (B * windows, H, window, W / H).
    """
    window = min(block.window, x.shape[1])
    lacking = -x.shape[1] % window
    x = F.pad(block.norm_attention(x), (0, 0, 0, lacking)).view(-1, window, x.shape[2])
    mask = F.pad(is_real, (0, lacking)).view(-1, 1, 1, window)
    mask = mask | ~mask.any(dim=3, keepdim=True)
    qkv = block.qkv(x).view(-1, window, 3, block.heads, x.shape[2] // block.heads)
    query, key, value = qkv.permute(2, 0, 3, 1, 4)
    closeness = rotate(query) @ rotate(key).transpose(-2, -1) / query.shape[-1] ** 0.5
    return closeness.masked_fill(~mask, -torch.inf).softmax(dim=-1), value


def roll_out_streams(member: Circformer, tokens: Tensor, features: Tensor) -> Tensor:
    """How much of each position comes into the mean of its stream, for one sequence.

    Args:
        member: The network, in evaluation mode.
        tokens: Shape (1, tokens).
        features: Shape (1, 356).

    Returns:
        Shape (streams, positions); each row adds up to 1.
    """
    read: list[tuple[Tensor, Tensor]] = []
    blocks = [block for block in member.blocks if isinstance(block, Block)]
    hooks = [
        block.register_forward_pre_hook(lambda _, inputs: read.append(inputs)) for block in blocks
    ]
    try:
        member(tokens, features)
    finally:
        for hook in hooks:
            hook.remove()
    is_real = read[0][1]  # (S, P)
    window = min(blocks[0].window, is_real.shape[1])
    # The mean over the real positions, carried back from the last layer: windows never mix.
    flow = F.pad(is_real / is_real.sum(dim=1, keepdim=True), (0, -is_real.shape[1] % window))
    flow = flow.view(-1, 1, window)
    for block, inputs in zip(reversed(blocks), reversed(read), strict=True):
        weights = attention(block, *inputs)[0].mean(dim=1)
        flow = 0.5 * flow + 0.5 * flow @ weights
    return flow.view(len(is_real), -1)[:, : is_real.shape[1]]


@torch.inference_mode()
def roll_out(
    members: Sequence[Network],
    vocabulary: KmerVocab,
    sequence: str,
    features: np.ndarray,
    max_tokens: int,
    device: torch.device,
) -> np.ndarray | None:
    """Mean roll-out of networks over the bases of a sequence; arguments as `attribute`'s.

    Returns:
        Of each base, shape (length,); they add up to 1. None for another architecture.
    """
    networks = [member for member in members if isinstance(member, Circformer)]
    if len(networks) < len(members):
        return None
    tokens = vocabulary.encode(sequence)
    multiple, patch = networks[0].multiple, networks[0].patch
    batch = collate([tokens], features[None], max_tokens, multiple)
    inputs = batch.tokens.to(device), batch.features.to(device)
    flows = [roll_out_streams(member.eval(), *inputs).double() for member in networks]
    flow = torch.stack(flows).mean(dim=0).cpu().numpy() / networks[0].streams  # (S, P)
    read = crop_ends(np.arange(len(tokens)), max_tokens, multiple)
    of_tokens = np.repeat(flow, patch, axis=1).T.flatten()[: len(read)]
    shared = share_out(of_tokens, read, len(sequence), vocabulary)
    shares: np.ndarray = shared / shared.sum()
    return shares
