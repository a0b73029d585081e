"""Rows of tables of calls, and what each kind of table tells of them."""

import math

from circlet.calls import Prediction, open_calls
from circlet.errors import InputError
from circlet.tables import CALL_COLUMNS, STRAND_COLUMNS

NAN = math.nan
ALL_COLUMNS = CALL_COLUMNS + STRAND_COLUMNS
ROWS = [
    Prediction("r1", 812, 0.9876543210, "circRNA", 0.0123456789),
    Prediction("r,2", 90_000, 1.23456789e-7, "lncRNA", 0.0, ("outside_training_length", "b")),
    Prediction("short", 3, NAN, "", NAN, ("too_short",)),
    Prediction('é"4', 1_000_000, 1.0, "circRNA", 1 / 3, (), "-", 0.25),
]
TSV = (
    "id\tlength\tp_circrna\tcall\tspread\tflags\n"
    "r1\t812\t0.987654\tcircRNA\t0.0123457\t\n"
    "r,2\t90000\t1.23457e-07\tlncRNA\t0\toutside_training_length;b\n"
    "short\t3\t\t\t\ttoo_short\n"
    'é"4\t1000000\t1\tcircRNA\t0.333333\t\n'
)
CSV = (
    "id,length,p_circrna,call,spread,flags\n"
    "r1,812,0.987654,circRNA,0.0123457,\n"
    '"r,2",90000,1.23457e-07,lncRNA,0,outside_training_length;b\n'
    "short,3,,,,too_short\n"
    '"é""4",1000000,1,circRNA,0.333333,\n'
)
JSON = (
    '{"id": "r1", "length": 812, "p_circrna": 0.987654, "call": "circRNA", "spread": 0.0123457, '
    '"flags": []}\n'
    '{"id": "r,2", "length": 90000, "p_circrna": 1.23457e-07, "call": "lncRNA", "spread": 0, '
    '"flags": ["outside_training_length", "b"]}\n'
    '{"id": "short", "length": 3, "p_circrna": null, "call": null, "spread": null, '
    '"flags": ["too_short"]}\n'
    '{"id": "é\\"4", "length": 1000000, "p_circrna": 1, "call": "circRNA", "spread": 0.333333, '
    '"flags": []}\n'
)
TEXTS = {"tsv": TSV, "csv": CSV, "jsonl": JSON}
ALL_ENDINGS = ["tsv", "csv", "jsonl", "parquet", "tsv.gz", "csv.zst", "jsonl.xz", "tsv.bz2"]
BROKEN = InputError("in.fa.gz", "the gzip stream is truncated", "fetch it again", "r5")


def write(path, *blocks, **options):
    with open_calls(path, **options) as put:
        for block in blocks:
            put(block)


def breaking(rows, error=BROKEN):
    """Yield rows, then break off."""
    yield from rows
    raise error


def many(count):
    """Rows of which no two are the same."""
    return [
        Prediction(f"r{row}", row, (row % 997) / 997, "circRNA", row / 3e6, ("a",) * (row % 3))
        for row in range(count)
    ]
