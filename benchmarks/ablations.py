"""What each part of the model is worth: validation scores of runs that differ in one switch.

After the runs of benchmarks/ablations.yaml:

    python benchmarks/ablations.py --models results/ablations/models --reference full

Of each run the mean over its seeds, and the mean difference from the reference's same seeds with
its standard error: three seeds tell a large effect from none, not a small one.
"""

import argparse
import sys
from pathlib import Path

import pandas as pd

from circlet.files import read_json, write_table


def read_seeds(folder: Path) -> pd.DataFrame:
    """Read the best epoch of every training; one row a run and seed."""
    rows = []
    for path in sorted(folder.glob("*/training.json")):
        for record in read_json(path):
            best = record["epochs"][record["best_epoch"] - 1]
            rows.append(
                {
                    "run": path.parent.name,
                    "seed": record["seed"],
                    "auroc": best["validation_auroc"],
                    "loss": best["validation_loss"],
                    "parameters": record["parameters"],
                    "seconds": record["seconds"],
                }
            )
    return pd.DataFrame(rows)


def compare(seeds: pd.DataFrame, reference: str) -> pd.DataFrame:
    """Lay out each run's means and its difference from the reference, best first."""
    wide = seeds.pivot(index="seed", columns="run", values="auroc")
    difference = wide.sub(wide[reference], axis=0)
    means = seeds.groupby("run")[["auroc", "loss", "parameters", "seconds"]].mean()
    means.insert(0, "seeds", wide.count())
    means["difference"] = difference.mean()
    means["standard_error"] = difference.sem()
    return means.sort_values("auroc", ascending=False).reset_index()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=Path, required=True, help="folder of the checkpoints")
    parser.add_argument("--reference", default="full", help="the run that others differ from")
    parser.add_argument("--output", type=Path, help="the table, TSV")
    args = parser.parse_args()
    table = compare(read_seeds(args.models), args.reference)
    if args.output:
        write_table(args.output, table)
    sys.stdout.write(table.round(4).to_string(index=False) + "\n")


if __name__ == "__main__":
    main()
