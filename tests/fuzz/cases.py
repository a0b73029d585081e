"""One try each: files, the arguments of a command, and what is known of its outcome."""

import json
import shutil
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from hypothesis import strategies as st
from inputs import (
    OF_PLACES,
    PACKERS,
    draw_made,
    draw_packed,
    genome_file,
    with_dictionary,
    with_window,
)
from mutations import TOKENS, Draw, mutate

MODEL = "MODEL"  # among the arguments: the small checkpoint that is as it should be
ENDINGS = ["tsv", "csv", "jsonl", "json", "parquet", "txt", "TSV", "ndjson", "tsv.gz", "csv.zst"]
ENDINGS += ["jsonl.bz2", "tsv.xz", "parquet.gz", "PARQUET.GZ", "jsonl.gz", "csv.xz"]
BAD_PACKED = {"xz": with_dictionary, "zstd": with_window}


@dataclass
class Case:
    """A try.

    Attributes:
        kind: What is tried, for the count.
        words: Arguments of `circlet`.
        files: Content by name.
        output: Name of the table, if it is a file.
        rows: Ids and lengths in the table, where the input is as it should be.
    """

    kind: str
    words: list[str]
    files: dict[str, bytes] = field(default_factory=dict, repr=False)
    output: str | None = None
    rows: list[tuple[str, int]] | None = None

    @property
    def table(self) -> str:
        """Kind of the table, as the arguments say it."""
        for at, word in enumerate(self.words):
            if word == "--format":
                return self.words[at + 1]
        name = (self.output or "").lower().split(".")
        name = name[:-1] if name[-1] in ("gz", "zst", "bz2", "xz") else name
        kinds = {"csv": "csv", "parquet": "parquet", "json": "jsonl", "jsonl": "jsonl"}
        return (kinds | {"ndjson": "jsonl"}).get(name[-1], "tsv")

    def write(self, folder: Path) -> None:
        """Write the files, and the arguments beside them, into a folder that is made anew."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name, content in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        (folder / "case.json").write_text(json.dumps(self.told()))

    def told(self) -> dict:
        """All but the files."""
        return {
            "kind": self.kind,
            "words": self.words,
            "files": list(self.files),
            "output": self.output,
            "rows": self.rows,
        }

    @classmethod
    def read(cls, folder: Path) -> "Case":
        """Read what `write` wrote."""
        told = json.loads((folder / "case.json").read_text())
        told["files"] = {name: (folder / name).read_bytes() for name in told["files"]}
        told["rows"] = told["rows"] and [tuple(row) for row in told["rows"]]
        return cls(**told)


def draw_output(draw: Draw) -> tuple[str | None, list[str]]:
    """Choose where the table goes, and give the arguments for that."""
    if draw(st.integers(0, 3)) == 0:
        name, words = None, []
    else:
        name = f"out.{draw(st.sampled_from(ENDINGS))}"
        words = ["--output", name]
    if draw(st.integers(0, 3)) == 0:
        words += ["--format", draw(st.sampled_from(["tsv", "csv", "jsonl", "parquet", "xlsx"]))]
    return name, words


def output_of(words: list[str]) -> str | None:
    """Name the file that the last `--output` asks for; None for standard output."""
    names = [name for word, name in pairwise(words) if word == "--output"]
    return names[-1] if names else None


def draw_options(draw: Draw) -> list[str]:
    """Choose options that make no valid input invalid."""
    words = []
    for option in (["--strand", "both"], ["--threshold", "0.9"], ["--quiet"], ["--threads", "1"]):
        if draw(st.booleans()):
            words += option
    return words


ODD = {
    "--input-format": ["fasta", "fastq", "bed", "gtf", "vcf"],
    "--threshold": ["0", "1", "-0", "nan", "1e-320", "2", "-1", "\u0661", "1_0", "x", ""],
    "--shard": ["1/1", "1/2", "2/2", "7/9", "0/1", "2/1", "1/0", "\u0661/2", "1/" + "9" * 5000],
    "--gpus": ["0", "1", "-1", "9" * 30, "1e3", "x"],
    "--threads": ["0", "1", "2", "-1", "9" * 30, "99999999", "x"],
    "--device": ["cpu", "auto", "cuda", "mps", "tpu"],
    "--genome": ["none.fa", "", ".", "a.0", "case.json", "a" * 300],
    "--model": ["none", "", ".", "a.0", "case.json", "a" * 300],
    "--output": ["", ".", "no/such/out.tsv", "case.json/out.tsv", "a" * 300],
    "--transcripts": ["a.0", "none"],
    "--split": ["a.0", "case.json"],
    "--strand": ["given", "none"],
}


def draw_odd(draw: Draw) -> list[str]:
    """Choose options that may be wrong."""
    words = ["--strict"] if draw(st.booleans()) else []
    for _ in range(draw(st.integers(1, 2))):
        option = draw(st.sampled_from(list(ODD)))
        words += [option, draw(st.sampled_from(ODD[option]))]
    return words


@st.composite
def valid(draw: Draw) -> Case:
    """Input that is as it should be: every record has its row."""
    made = [draw_made(draw) for _ in range(draw(st.integers(1, 3)))]
    files = {f"a.{at}": draw_packed(draw, each.content)[1] for at, each in enumerate(made)}
    output, words = draw_output(draw)
    words = ["predict", *files, *words, *draw_options(draw), "--model", MODEL]
    if any(each.kind in OF_PLACES for each in made):
        files["genome"] = draw_packed(draw, genome_file())[1]
        words += ["--genome", "genome"]
    rows = [row for each in made for row in each.rows]
    if "xlsx" in words or (".gz" in (output or "").lower() and "parquet" in words):
        rows = None
    case = Case("valid input", words, files, output, rows)
    if case.table == "parquet" and (output or "").lower().endswith(("gz", "zst", "bz2", "xz")):
        case.rows = None
    return case


@st.composite
def broken(draw: Draw) -> Case:
    """Input that is changed, before or after it is compressed, and options that may be wrong."""
    made = [draw_made(draw) for _ in range(draw(st.integers(1, 3)))]
    files = {f"a.{at}": each.content for at, each in enumerate(made)}
    if draw(st.booleans()) or any(each.kind in OF_PLACES for each in made):
        files["genome"] = genome_file()
    victim = draw(st.sampled_from(list(files)))
    for name, content in files.items():
        other = made[-1].content
        before, after = draw(st.integers(0, 2)) > 0, draw(st.integers(0, 3)) == 0
        if name == victim and before:
            content = mutate(draw, content, other)
        way, packed = draw_packed(draw, content)
        if name == victim and after:
            packed = mutate(draw, packed, other, 2)
        elif name == victim and way in BAD_PACKED and draw(st.integers(0, 2)) == 0:
            packed = BAD_PACKED[way](packed, draw(st.integers(0, 255)))
        files[name] = packed
    output, words = draw_output(draw)
    words = ["predict", *(name for name in files if name != "genome"), *words]
    words += [*draw_options(draw), "--model", MODEL]
    if "genome" in files:
        words += ["--genome", "genome"]
        if draw(st.integers(0, 5)) == 0:
            files["genome.fai"] = mutate(draw, b"chr1\t900\t16\t60\t61\nchr2\t400\t947\t60\t61\n")
    if draw(st.integers(0, 3)) == 0:
        words += draw_odd(draw)
        output = output_of(words)
    return Case("broken input", words, files, output)


@st.composite
def arbitrary(draw: Draw) -> Case:
    """Bytes of any kind, with the marks of formats among them."""
    parts = st.one_of(st.binary(max_size=40), st.sampled_from(TOKENS))
    content = b"".join(draw(st.lists(parts, max_size=30)))
    output, words = draw_output(draw)
    kind = draw(st.sampled_from(["auto", "fasta", "fastq", "bed", "gtf"]))
    files = {"a.0": PACKERS[draw(st.sampled_from(list(PACKERS)))](content), "genome": genome_file()}
    words = ["predict", "a.0", "--genome", "genome", "--input-format", kind, *words]
    return Case("arbitrary bytes", [*words, "--model", MODEL], files, output)


@st.composite
def many(draw: Draw) -> Case:
    """More records than are worked on at once, with a fault after them or none."""
    count = draw(st.sampled_from([511, 512, 513, 1200, 2100]))
    text = "".join(f">m{number}\n{'ACGTTGCA' * 3}\n" for number in range(count))
    end = draw(st.sampled_from(["", ">\n", ">a\nAC>GT\n", "\0"]))
    output, words = draw_output(draw)
    piece = draw(st.sampled_from(["1/1", "1/2", "2/3"]))
    words = ["predict", "a.0", *words, *draw_options(draw), "--shard", piece, "--model", MODEL]
    return Case("many records", words, {"a.0": (text + end).encode()}, output)
