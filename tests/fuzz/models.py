"""Models and pieces of tables that are changed: what else `circlet` reads."""

import base64
import hashlib
import json
import struct
import tempfile
from pathlib import Path
from typing import Any

import onnx
from cases import MODEL, Case, draw_odd, output_of
from checkpoint_inputs import make_checkpoint
from hypothesis import strategies as st
from inputs import PACKERS
from mutations import VALUES, Draw, mutate, mutate_json

from circlet.call_rows import ALL_COLUMNS, Prediction, open_table
from circlet.model.checkpoint import MANIFEST
from circlet.model.description import CONFIG, FORMAT, TRAINING
from circlet.model.onnx_file import _entry
from circlet.model.onnx_model import PREFIX, pack
from circlet.model.trees import Trees
from circlet.tables import CALL_COLUMNS

FASTA = b">a\nACGTACGTACGTACGTACGTACGTACGTAGG\n>b\nAC\n>c\nGGGGGGGGGGGGGGGGGGGGGGGTTTTTTCACACA\n"
CARD = b"""---
model-index:
- name: x
  results:
  - dataset: {name: test}
    metrics:
    - {type: roc_auc, name: "AUROC (95% interval 0.8 to 0.9)", value: 0.85}
    - {type: matthews_correlation, name: "MCC (95% interval 0.5 to 0.7)", value: 0.6}
---
# Card
"""


def make_model(folder: Path) -> Path:
    """Save the small checkpoint, with trees."""
    made = make_checkpoint()
    made.description.trees = stumps()
    made.description.tree_weight = 0.3
    made.save(folder)
    return folder


def stumps() -> Trees:
    """Two trees of one division each."""
    import numpy as np

    return Trees(
        roots=np.array([0, 3]),
        feature=np.array([0, 0, 0, 1, 0, 0]),
        threshold=np.array([3.4, 0, 0, 0.5, 0, 0]),
        left=np.array([1, 1, 2, 4, 4, 5]),
        right=np.array([2, 1, 2, 5, 4, 5]),
        value=np.array([0, -0.5, 0.5, 0, 0.25, -0.25]),
        baseline=np.array([0.1]),
    )


def sealed(files: dict[str, bytes]) -> bytes:
    """The manifest that fits files."""
    about = {
        name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in files.items()
    }
    return json.dumps({"format": FORMAT, "files": about}).encode()


def mutate_safetensors(draw: Draw, content: bytes) -> bytes:
    """Change the header, a tensor, or the numbers in it."""
    (size,) = struct.unpack("<Q", content[:8])
    head, body = content[8 : 8 + size], content[8 + size :]
    match draw(st.sampled_from(["header", "tensor", "body", "type", "bytes"])):
        case "header":
            head = mutate_json(draw, head.rstrip())
        case "type":
            tree = json.loads(head)
            about = tree[draw(st.sampled_from([name for name in tree if name[:2] != "__"]))]
            same = {"F64": ["I64", "U64"], "F32": ["I32", "U32"], "I64": ["F64", "U64"]}
            same |= {"U64": ["F64", "I64"], "I16": ["F16", "BF16", "U16"], "I32": ["F32", "U32"]}
            about["dtype"] = draw(st.sampled_from([*same.get(about["dtype"], ["I8"]), "F8_E4M3"]))
            if about["dtype"] == "F8_E4M3":
                about["shape"] = [about["data_offsets"][1] - about["data_offsets"][0]]
            head = json.dumps(tree).encode()
        case "tensor":
            tree = json.loads(head)
            about = tree[draw(st.sampled_from([name for name in tree if name[:2] != "__"]))]
            shapes = [[*about["shape"], 1], about["shape"][::-1], [0], [], [-1], [2**62, 4]]
            about["shape"] = draw(st.sampled_from(shapes))
            head = json.dumps(tree).encode()
        case "body":
            numbers = [float("nan"), float("inf"), 3e38, -3e38, 1e-40]
            at = draw(st.integers(0, max(0, len(body) // 4 - 1))) * 4
            count = draw(st.sampled_from([1, 2, 50]))
            packed = struct.pack("<f", draw(st.sampled_from(numbers))) * count
            body = (body[:at] + packed + body[at + len(packed) :])[: len(body)]
        case "bytes":
            return mutate(draw, content, content, 2)
    return struct.pack("<Q", len(head)) + head + body


def mutate_file(draw: Draw, name: str, content: bytes) -> bytes:
    """Change a file of a checkpoint by its kind, or by its bytes."""
    if draw(st.integers(0, 5)) == 0:
        return mutate(draw, content, content, 2)
    kind = mutate_safetensors if name.endswith(".safetensors") else mutate_json
    return kind(draw, content)


def mutate_both(draw: Draw, files: dict[str, bytes]) -> None:
    """Change the shape of the networks in config and training alike, so that they agree."""
    config, training = json.loads(files[CONFIG]), json.loads(files[TRAINING])
    name = draw(st.sampled_from(list(config["network"])))
    value = draw(st.sampled_from(VALUES[:25]))
    for told in (config, *training):
        told["network"][name] = "<>"
    files[CONFIG] = json.dumps(config).replace('"<>"', value).encode()
    files[TRAINING] = json.dumps(training).replace('"<>"', value).encode()


def of_folder(model: Path) -> st.SearchStrategy:
    """Checkpoints that are changed, most of them with a manifest that fits."""
    whole = {path.name: path.read_bytes() for path in model.iterdir()}

    @st.composite
    def strategy(draw: Draw) -> Case:
        files = dict(whole)
        if draw(st.integers(0, 4)) == 0:
            mutate_both(draw, files)
        else:
            name = draw(st.sampled_from(list(files)))
            files[name] = mutate_file(draw, name, files[name])
            if draw(st.integers(0, 19)) == 0:
                del files[name]
        is_sealed = draw(st.integers(0, 4)) > 0 and MANIFEST in files
        if is_sealed:
            files[MANIFEST] = sealed({n: c for n, c in files.items() if n != MANIFEST})
        written = {f"m/{name}": content for name, content in files.items()} | {"a.fa": FASTA}
        words = ["predict", "a.fa", "--model", "m", "--output", "out.tsv"]
        kind = "checkpoints changed and sealed" if is_sealed else "checkpoints changed"
        return Case(kind, words, written, "out.tsv")

    return strategy()


def listed(model: Path) -> st.SearchStrategy:
    """Folders of checkpoints to list, with a config or card that is changed."""
    config = (model / CONFIG).read_bytes()

    @st.composite
    def strategy(draw: Draw) -> Case:
        is_card = draw(st.booleans())
        files = {
            "r/one/config.json": config if is_card else mutate_file(draw, CONFIG, config),
            "r/one/README.md": mutate(draw, CARD, CARD) if is_card else CARD,
            "r/two/config.json": config,
        }
        folder = draw(st.sampled_from(["r"] * 9 + ["none", "", "a" * 300, "r/one/config.json"]))
        words = ["models", "--folder", folder, *(["--json"] if draw(st.booleans()) else [])]
        return Case("folders of models", words, files)

    return strategy()


def _pieces() -> dict[tuple[str, int], bytes]:
    """Tables of calls of each kind, with and without both strands."""
    import io

    rows = [
        Prediction("a", 30, 0.5, "circRNA", 0.1, ("seen_in_training",), "+", 0.25),
        Prediction("b", 2, float("nan"), "", float("nan"), ("too_short",)),
    ]
    found = {}
    for kind in ("tsv", "csv", "jsonl", "parquet"):
        for columns in (CALL_COLUMNS, ALL_COLUMNS):
            stream = io.BytesIO()
            with open_table(stream, kind, columns) as table:
                table.write(rows)
            found[kind, len(columns)] = stream.getvalue()
    return found


@st.composite
def gathered(draw: Draw, pieces: dict[tuple[str, int], bytes] = _pieces()) -> Case:  # noqa: B008
    """Pieces of tables, one of them changed."""
    kind = draw(st.sampled_from(["tsv", "csv", "jsonl", "parquet"]))
    files = {}
    victim, count = draw(st.integers(0, 2)), draw(st.integers(1, 3))
    for at in range(count):
        content = pieces[kind, draw(st.sampled_from([6, 6, 6, 6, 8]))]
        if at == victim:
            content = mutate(draw, content, pieces["tsv", 6], 2)
        way = draw(st.sampled_from(list(PACKERS))) if kind != "parquet" else "plain"
        packed = PACKERS[way](content)
        if at == victim and draw(st.integers(0, 4)) == 0:
            packed = mutate(draw, packed, packed, 2)
        files[f"p{at}.{kind}"] = packed
    output = f"out.{kind}"
    words = ["gather", "--pieces", *files, "--output", output]
    return Case("pieces of tables", words, files, output)


def make_onnx(model: Path) -> bytes:
    """Export the small checkpoint; give the file without its seal."""
    from circlet.model.checkpoint import Checkpoint
    from circlet.model.onnx_export import export_networks
    from circlet.model.onnx_file import read_sealed

    found = Checkpoint.load(model)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        export_networks(found.members, _config(found), path, pack(found.description))
        return read_sealed(path)


def _config(found: Any) -> Any:
    from circlet.model.network import NetworkConfig

    return NetworkConfig(**found.description.network)


def of_file(content: bytes) -> st.SearchStrategy:
    """ONNX files that are changed, most of them with a seal that fits."""

    @st.composite
    def strategy(draw: Draw) -> Case:
        match draw(st.sampled_from(["bytes", "metadata", "metadata", "graph", "graph"])):
            case "bytes":
                changed = mutate(draw, content, content, 2)
            case "metadata":
                changed = _mutate_metadata(draw, content)
            case "graph":
                changed = _mutate_graph(draw, content)
        is_sealed = draw(st.integers(0, 4)) > 0
        seal = hashlib.sha256(changed if is_sealed else b"").hexdigest().encode()
        written = {"m.onnx": changed + _entry(seal), "a.fa": FASTA}
        words = ["predict", "a.fa", "--model", "m.onnx", "--output", "out.tsv", "--threads", "1"]
        kind = "ONNX files changed and sealed" if is_sealed else "ONNX files changed"
        return Case(kind, words, written, "out.tsv")

    return strategy()


def _mutate_metadata(draw: Draw, content: bytes) -> bytes:
    """Change what an ONNX file says of itself."""
    model = onnx.load_from_string(content)
    entry = model.metadata_props[draw(st.integers(0, len(model.metadata_props) - 1))]
    if entry.key.startswith(PREFIX):
        name = entry.key.removeprefix(PREFIX)
        changed = mutate_file(draw, name, base64.b64decode(entry.value))
        entry.value = base64.b64encode(changed).decode()
    else:
        values = ["", "0", "-1", "9" * 30, "9" * 5000, "\u0663", "3", "48", "2147483647", "x"]
        entry.value = draw(st.sampled_from(values))
    return model.SerializeToString()


def _mutate_graph(draw: Draw, content: bytes) -> bytes:
    """Change the graph of an ONNX file."""
    model = onnx.load_from_string(content)
    graph = model.graph
    node = graph.node[draw(st.integers(0, len(graph.node) - 1))]
    constant = graph.initializer[draw(st.integers(0, len(graph.initializer) - 1))]
    sizes = [0, -1, 1, 2, 7, 2**20, 2**31, 2**62]
    match draw(st.sampled_from(["lack", "kind", "input", "shape", "numbers", "type", "swap"])):
        case "lack":
            graph.node.remove(node)
        case "kind":
            kinds = [*sorted({each.op_type for each in graph.node}), "NonZero", "Loop", "No"]
            node.op_type = draw(st.sampled_from(kinds))
        case "input" if node.input:
            names = [each for other in graph.node for each in other.output]
            node.input[draw(st.integers(0, len(node.input) - 1))] = draw(st.sampled_from(names))
        case "shape" if constant.dims:
            constant.dims[0] = draw(st.sampled_from(sizes))
        case "numbers":
            raw = constant.raw_data
            constant.raw_data = mutate(draw, raw, raw, 1)[: len(raw)].ljust(len(raw), b"\xff")
        case "type":
            constant.data_type = draw(st.integers(0, 23))
        case "swap":
            found = graph.output[0].type.tensor_type
            found.shape.dim[0].dim_value = draw(st.sampled_from(sizes))
    return model.SerializeToString()


@st.composite
def options(draw: Draw) -> Case:
    """Options that may be wrong, with input that is as it should be."""
    words = ["predict", "a.0", "--model", MODEL, "--output", "out.tsv", *draw_odd(draw)]
    return Case("options", words, {"a.0": FASTA}, output_of(words))


def draw_kinds(folder: Path, model: Path) -> dict[str, st.SearchStrategy]:
    """Strategies by their names."""
    return {
        "options": options(),
        "folder": of_folder(model),
        "models": listed(model),
        "gather": gathered(),
        "onnx": of_file(make_onnx(model)),
    }
