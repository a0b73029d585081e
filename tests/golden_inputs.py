"""Golden sequences, and how what the shipped model makes of them is stored.

    PYTHONPATH=workflow:tests python -m golden_inputs

stores it anew: after a new model is shipped (`make default-model`), and for no other reason.
"""

from pathlib import Path

import pandas as pd

from circlet.data.sources.fasta import read_fasta
from circlet.files import sha256_of
from circlet.models import SHIPPED
from circlet.predict import Predictor

DEMO = Path(__file__).resolve().parents[1] / "workflow/demo"
GOLDEN = Path(__file__).parent / "golden/default.tsv"
CLASSES = ("circrnas", "lncrnas")
EACH = 20  # of a class, evenly over the file


def golden_records() -> list[tuple[str, str]]:
    """Give 60 of the demo's sequences, of both classes, by name: as they are, and changed."""
    records = []
    for name in CLASSES:
        bases = [bases for _, bases in read_fasta(DEMO / f"{name}.chr21.fa")]
        some = bases[:: len(bases) // EACH][:EACH]
        records += [(f"{name}-{row}", each) for row, each in enumerate(some)]
        records += [(f"{name}-{kind}", each) for kind, each in changed(some).items()]
    return records


def changed(some: list[str]) -> dict[str, str]:
    """Make ten odd sequences of twenty plain ones."""
    first, second, third, *_ = some
    long = "".join(some)
    return {
        "shortest": first[:200],
        "short": second[:201],
        "rna": third.replace("T", "U"),
        "small": first.lower(),
        "small-rna": second.lower().replace("t", "u"),
        "gap": f"{first[:100]}{'N' * 50}{first[100:]}",
        "ends": f"NNN{second}RYN",
        "sprinkled": "".join("N" if place % 37 == 5 else base for place, base in enumerate(third)),
        "long": long[:3100],  # just more than the model reads
        "longest": long,
    }


def store() -> None:
    """Write the table, which begins with the SHA-256 of the model's manifest."""
    names, sequences = zip(*golden_records(), strict=True)
    p = Predictor.from_pretrained(device="cpu", threads=1).predict_proba(sequences)
    table = pd.DataFrame({"id": names, "p_circrna": p})
    head = f"# {sha256_of(SHIPPED / 'manifest.json')}\n"
    GOLDEN.write_text(head + table.to_csv(sep="\t", index=False, float_format="%.10f"))


if __name__ == "__main__":
    store()
