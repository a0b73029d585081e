"""Inputs of a report with all that it can show, beside those of `report_inputs`."""

from io import BytesIO
from pathlib import Path

import pandas as pd
from PIL import Image
from report_inputs import (
    DIFFERENCES,
    MISTAKE,
    STRATA,
    comparison_row,
    write_differences,
    write_inputs,
)

from circlet.evaluation.figures import FIGURES
from circlet.evaluation.scores import METRICS
from circlet.files import write_table
from circlet.tables import (
    CONFOUND_COLUMNS,
    EXPLANATION_COLUMNS,
    LEAKAGE_COLUMNS,
    STRATUM_COLUMNS,
)

COMPARISON = [
    comparison_row("main", "run", 0.9, specificity_at_95_sensitivity=0.625),
    comparison_row("length", "baseline", 0.6),
    comparison_row("main", "run", 0.7, test_set="matched", n_circrna=90, n_lncrna=90),
    comparison_row("length", "baseline", 0.55, test_set="matched", n_circrna=90, n_lncrna=90),
    comparison_row("main", "run", 0.8, test_set="low_stop_free", n_circrna=70),
    comparison_row("main", "run", 0.65, part="hard", n_lncrna=120),
    comparison_row("length", "baseline", 0.52, part="hard", n_lncrna=120),
    comparison_row("main", "run", 0.75, part="external", test_set="mouse", n_lncrna=44),
]
LEAKAGE = [
    ("gene", "all", 150, 3, 900, 500, 0.0, 0.0, 0.125, 0.25, None, 0.61, 0.21),
    ("random", "all", 500, None, 900, 500, 0.75, 0.5, 0.625, 0.875, None, 0.83, 0.57),
]
CONFOUNDS = [("gene", "test", "stop_free_linear", 300, 200, 0.85, 0.83, 0.87)]
RESOURCES = [
    ("train", "main", "seed1", 1234.56, 2345.6, 1536.4, 187.2),
    ("parse", None, "lnc", 0.5, None, None, None),
]
KMERS = [  # as `circlet explain` sorts them: the surest that raise the score first
    (3, "AAA", 50, 9, 0.5, 0.01, True),
    (6, "GATACA", 21, 7, 0.25, 0.05, True),
    (6, "CCCCCC", 11, 5, -0.125, 0.05, True),
    (6, "TTTTTT", 13, 6, -0.75, 0.05, True),
    (6, "ACGTAC", 1, 1, 2.0, 0.5, False),
]
SEED_ROWS = {  # member: AUROC, and whether it has an interval
    "model": (0.9, True),
    "seed1": (0.88, True),
    "seed2": (0.86, True),
    "mean of seeds": (0.87, False),
    "sd of seeds": (0.0141, False),
}


def seed_row(member: str, auroc: float, has_interval: bool) -> dict:
    """A row of the scores by seed."""
    scores = {f"{metric}{end}": None for metric in METRICS for end in ("", "_low", "_high")}
    scores |= dict.fromkeys(METRICS, 0.5) | {"auroc": auroc}
    if has_interval:
        scores |= {"auroc_low": auroc - 0.02, "auroc_high": auroc + 0.02}
    about = {"name": "main", "scheme": "gene", "part": "test", "member": member, "threshold": None}
    return about | scores


def explained(rank: int, kind: str, name: str) -> dict:
    """A row of the index of an explanation."""
    about = {"rank": rank, "id": name, "label": "circRNA", "p_circrna": 0.0625, "call": "lncRNA"}
    found = {"attribution": -2.0, "target": -2.01, "error": 0.01}
    return about | {"doubt": 0.0625, "kind": kind, "stem": f"{rank}_{name}"} | found


CALLS = [
    explained(1, "mistake", "hsa_circ_1"),
    explained(2, "mistake", "hsa_circ_2"),
    explained(3, "right", "hsa_circ_3"),
]


def webp() -> bytes:
    """A picture of few pixels."""
    content = BytesIO()
    Image.new("RGB", (4, 4), "white").save(content, "webp")
    return content.getvalue()


def write_explanation(folder: Path, calls: list[dict] = CALLS, kmers: list[tuple] = KMERS) -> Path:
    """Write what the report reads of `circlet explain`, and what it names."""
    write_table(folder / "index.tsv", pd.DataFrame(calls)[list(EXPLANATION_COLUMNS)])
    columns = ("k", "kmer", "n", "transcripts", "mean_attribution", "standard_error", "is_common")
    write_table(folder / "kmers.tsv", pd.DataFrame(kmers, columns=list(columns)))
    sanity = {"rank": [1, 2], "rho": [0.25, -0.125], "rho_absolute": [0.5, 0.25]}
    write_table(folder / "sanity.tsv", pd.DataFrame(sanity))
    (folder / "positions.tsv").write_text("position\n")
    (folder / "global.svg").write_text("<svg id='global'/>")
    for call in calls:
        (folder / f"{call['stem']}.page.webp").write_bytes(webp())
        (folder / f"{call['stem']}.bases.tsv").write_text("position\n")
        (folder / f"{call['stem']}.svg").write_text("<svg/>")
    return folder


def write_whole(folder: Path) -> dict[str, list]:
    """Write the files of a report with every section, and give its flags."""
    flags, own = write_inputs(folder), folder / "evaluation/main"
    write_table(folder / "comparison.tsv", pd.DataFrame(COMPARISON))
    for name in (*FIGURES, "learning"):
        (own / f"{name}.tsv").write_text("x\ty\n")
    for name in ("strata", "learning"):
        (own / f"{name}.svg").write_text(f"<svg id='{name}'/>")
    write_table(
        own / "seeds.tsv", pd.DataFrame([seed_row(name, *of) for name, of in SEED_ROWS.items()])
    )
    write_table(own / "strata.tsv", pd.DataFrame(STRATA)[list(STRATUM_COLUMNS)])
    mistakes = [MISTAKE, MISTAKE | {"id": "hsa_circ_2", "gene": None, "biotype": "exonic"}]
    write_table(own / "mistakes.tsv", pd.DataFrame(mistakes))
    write_explanation(own / "explanation")
    for name in ("forest", "leakage", "resources"):
        (folder / f"{name}.svg").write_text(f"<svg id='{name}'/>")
    (folder / "forest.tsv").write_text("name\n")
    write_table(folder / "leakage.tsv", pd.DataFrame(LEAKAGE, columns=list(LEAKAGE_COLUMNS)))
    write_table(folder / "confounds.tsv", pd.DataFrame(CONFOUNDS, columns=list(CONFOUND_COLUMNS)))
    columns = ["step", "run", "name", "seconds", "cpu_seconds", "peak_mib", "mean_load_percent"]
    write_table(folder / "resources.tsv", pd.DataFrame(RESOURCES, columns=columns))
    return flags | {
        "--differences": [write_differences(own, DIFFERENCES)],
        "--seeds": [own / "seeds.tsv"],
        "--strata": [own / "strata.tsv"],
        "--mistakes": [own / "mistakes.tsv"],
        "--forest": [folder / "forest.svg"],
        "--leakage": [folder / "leakage.tsv"],
        "--confounds": [folder / "confounds.tsv"],
        "--resources": [folder / "resources.tsv"],
        "--checksums": [folder / "gene.parquet", folder / "comparison.tsv"],
    }
