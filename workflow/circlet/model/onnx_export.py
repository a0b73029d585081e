"""Networks as one ONNX file, which is computed without torch, and the same in 8-bit integers."""

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast
from unittest.mock import patch

import onnx
import torch
from onnxscript import opset20 as op
from torch import Tensor, nn

from circlet.composition import SIZE
from circlet.model.network import Block, Network, NetworkConfig
from circlet.model.onnx_file import SEAL, write_sealed
from circlet.model.onnx_networks import (
    FORMAT,
    FORMAT_KEY,
    INPUTS,
    MAX_TOKENS_KEY,
    MULTIPLE_KEY,
    OUTPUT,
)

OPSET = 20
EXAMPLES = 3  # sequences to follow the networks with; one would be taken for a fixed size
GROUPS = 5  # times the multiple of tokens in each, likewise
MASKED = -1e9  # added to what must not be attended to: its weight is then 0, exactly


class Ensemble(nn.Module):
    """All members in one network: logits (members, batch)."""

    def __init__(self, members: Sequence[Network]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, tokens: Tensor, features: Tensor) -> Tensor:
        """Score sequences with each member."""
        return torch.stack([member(tokens, features) for member in self.members])


def export_networks(
    members: Sequence[Network],
    config: NetworkConfig,
    path: str | Path,
    metadata: Mapping[str, str],
) -> None:
    """Write networks as one ONNX file, atomically; the same networks give the same bytes.

    Its inputs are `tokens` (batch, tokens), int64, and `features` (batch, 356), float32; its output
    is `logits` (members, batch), float32. `circlet.model.onnx_networks.OnnxNetworks` reads it.

    Args:
        members: The networks, all of one shape; they are left in evaluation mode.
        config: Their shape.
        path: The file to write.
        metadata: Texts by names, to be found there.
    """
    multiple = members[0].multiple
    traced = _trace(Ensemble(members).eval(), config, multiple)
    model = _translate(traced)
    own = {
        FORMAT_KEY: FORMAT,
        MAX_TOKENS_KEY: str(config.max_tokens),
        MULTIPLE_KEY: str(multiple),
    }
    _clean(model)
    _set_metadata(model, {**metadata, **own})
    write_sealed(path, model.SerializeToString(deterministic=True))


def _trace(
    ensemble: Ensemble, config: NetworkConfig, multiple: int
) -> torch.export.ExportedProgram:
    """Follow the networks through an example, on the CPU, for batches of any size.

    Args:
        ensemble: The networks.
        config: Their shape.
        multiple: Of which the number of tokens has to be a multiple.
    """
    free, fixed = torch.export.Dim.DYNAMIC, torch.export.Dim.STATIC
    is_fixed = config.architecture == "text_transformer"
    shape = EXAMPLES, config.max_tokens if is_fixed else GROUPS * multiple
    example = torch.ones(shape, dtype=torch.int64), torch.zeros(EXAMPLES, SIZE)
    shapes = {"tokens": {0: free, 1: fixed if is_fixed else free}, "features": {0: free}}
    with torch.no_grad(), _quiet(), _attention_as_one():
        return torch.export.export(ensemble, example, dynamic_shapes=shapes)


def _translate(traced: torch.export.ExportedProgram) -> onnx.ModelProto:
    """Turn followed networks into an ONNX model."""
    with _quiet():
        program = torch.onnx.export(
            traced,
            dynamo=True,
            opset_version=OPSET,
            input_names=list(INPUTS),
            output_names=[OUTPUT],
            custom_translation_table={torch.ops.circlet.attend_windows.default: attend_in_onnx},
            verbose=False,
        )
    # None comes of the old exporter alone.
    return cast(torch.onnx.ONNXProgram, program).model_proto


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the exporter and what it calls, which tell of each step and of what has no meaning.

    What goes wrong they raise.
    """
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)


@torch.library.custom_op("circlet::attend_windows", mutates_args=())
def attend_windows(qkv: Tensor, is_real: Tensor, heads: int, window: int) -> Tensor:
    """Stand for the attention within windows while networks are followed; it is not computed.

    Followed step by step, its sizes would be remainders of remainders of unknown numbers, which
    take torch minutes to reason about, and its softmax would look for NaN at twice the time.
    """
    raise NotImplementedError


@attend_windows.register_fake
def _(qkv: Tensor, is_real: Tensor, heads: int, window: int) -> Tensor:
    return qkv.new_empty(qkv.shape[0], qkv.shape[1], qkv.shape[2] // 3)


@contextmanager
def _attention_as_one() -> Iterator[None]:
    """Let `Block.attend` be followed as one step."""

    def attend(self: Block, x: Tensor, is_real: Tensor) -> Tensor:
        qkv = self.qkv(self.norm_attention(x))
        taken: Tensor = self.project(attend_windows(qkv, is_real, self.heads, self.window))
        return taken

    with patch.object(Block, "attend", attend):
        yield


def attend_in_onnx(qkv: Any, is_real: Any, heads: int, window: int) -> Any:
    """`Block.attend` from the queries, keys and values on, in operators of ONNX.

    Args:
        qkv: Queries, keys and values, (B, P, 3 * W).
        is_real: Which positions are no padding, (B, P).
        heads: Attention heads.
        window: Most positions that attend to each other.

    Returns:
        What each position takes over, (B, P, W).
    """
    width = qkv.shape[2] // 3
    half = width // heads // 2
    positions = op.Shape(qkv, start=1, end=2)  # each size has shape (1,)
    size = op.Min(positions, _ints(window))
    lacking = op.Mod(op.Neg(positions), size)
    # Finite, so that a window of padding alone does not become NaN.
    bias = op.Where(is_real, _float(0.0), _float(MASKED))
    bias = op.Pad(bias, op.Concat(_ints(0, 0, 0), lacking, axis=0), _float(MASKED))
    bias = op.Reshape(bias, op.Concat(_ints(-1, 1, 1), size, axis=0))
    padded = op.Pad(qkv, op.Concat(_ints(0, 0, 0, 0), lacking, _ints(0), axis=0))
    split = op.Reshape(padded, op.Concat(_ints(-1), size, _ints(3, heads, 2 * half), axis=0))
    split = op.Transpose(split, perm=[2, 0, 3, 1, 4])
    query, key, value = (op.Gather(split, _int(i), axis=0) for i in range(3))
    cos, sin = _turns(size, half)
    scale = _float((2 * half) ** -0.5)
    query = _rotate(query, op.Mul(cos, scale), op.Mul(sin, scale), half)
    key = op.Transpose(_rotate(key, cos, sin, half), perm=[0, 1, 3, 2])
    weight = op.Softmax(op.Add(op.MatMul(query, key), bias), axis=-1)
    attended = op.Transpose(op.MatMul(weight, value), perm=[0, 2, 1, 3])
    whole = op.Concat(op.Shape(qkv, start=0, end=1), _ints(-1, width), axis=0)
    return op.Slice(op.Reshape(attended, whole), _ints(0), positions, _ints(1))


def _turns(size: Any, half: int) -> tuple[Any, Any]:
    """Cosine and sine of the angles of `circlet.model.network.rotate`, (P, half) each."""
    speed = 10_000 ** (-torch.arange(half, dtype=torch.float32) / half)
    zero, one = _int(0), _int(1)
    place: Any = op.Cast(op.Range(zero, op.Squeeze(size), one), to=onnx.TensorProto.FLOAT)
    angle: Any = op.Mul(op.Unsqueeze(place, _ints(1)), _floats(speed.tolist()))
    return op.Cos(angle), op.Sin(angle)


def _rotate(x: Any, cos: Any, sin: Any, half: int) -> Any:
    """Turn pairs of channels, (B, H, P, 2 * half)."""
    first = op.Slice(x, _ints(0), _ints(half), _ints(3))
    second = op.Slice(x, _ints(half), _ints(2 * half), _ints(3))
    return op.Concat(
        op.Sub(op.Mul(first, cos), op.Mul(second, sin)),
        op.Add(op.Mul(first, sin), op.Mul(second, cos)),
        axis=-1,
    )


def _ints(*values: int) -> Any:
    """A constant of whole numbers, shape (values,)."""
    return op.Constant(value_ints=list(values))


def _int(value: int) -> Any:
    """A constant of one whole number, shape ()."""
    return op.Constant(value_int=value)


def _floats(values: Sequence[float]) -> Any:
    """A constant of numbers, shape (values,)."""
    return op.Constant(value_floats=values)


def _float(value: float) -> Any:
    """A constant of one number, shape ()."""
    return op.Constant(value_float=value)


def _clean(model: onnx.ModelProto) -> None:
    """Take out what tells of the machine and the way of the export: stack traces and comments."""
    graph = model.graph
    model.ClearField("doc_string")
    for each in (graph, *graph.node, *graph.initializer, *graph.input, *graph.output):
        each.ClearField("doc_string")
        each.ClearField("metadata_props")
    graph.ClearField("value_info")
    graph.name = "circlet"


def _set_metadata(model: onnx.ModelProto, metadata: Mapping[str, str]) -> None:
    """Give a model this metadata in place of its own."""
    model.ClearField("metadata_props")
    onnx.helper.set_model_props(model, dict(sorted(metadata.items())))


def quantise(path: str | Path, output: str | Path) -> None:
    """Write the networks of an ONNX file with the weights of their linear layers as integers.

    Each channel's weights are 8-bit integers with a scale of its own; activations are turned into
    8-bit integers as they come. Embeddings, norms and the attention's products stay as they are.

    Args:
        path: A file that `export_networks` wrote.
        output: The file to write, with the same metadata.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    model = onnx.load(path)
    metadata = {each.key: each.value for each in model.metadata_props if each.key != SEAL}
    with TemporaryDirectory() as folder, _quiet():
        temporary = Path(folder) / "int8.onnx"
        quantize_dynamic(
            model,
            temporary,
            op_types_to_quantize=["MatMul", "Gemm"],
            per_channel=True,
            weight_type=QuantType.QInt8,
            extra_options={"MatMulConstBOnly": True},
        )
        model = onnx.load(temporary)
    _clean(model)
    _set_metadata(model, metadata)
    write_sealed(output, model.SerializeToString(deterministic=True))
