"""How fast the networks train: circformer against the prototype's, in one run.

After the runs of benchmarks/model.yaml, whose tokens and settings it reads:

    python benchmarks/training.py --results results/model --output training

1. Some steps of `text_transformer`, then one epoch of `main`'s first seed that looks at the
   validation part every few steps: rates, operations, memory, and when `main` reaches what the
   other had after its first epoch, by its record.
2. What a longer sequence costs: seconds and memory of a forward and backward pass.
3. What more data cost: an epoch of a quarter, a half and all of the training part.

Rates are of the tokens' bases that a network reads (of `text_transformer` the fill too, which is
kind to it), without validation. Operations are those of forward and backward passes, counted on
some batches with the attention's own; they are set against the matmul peak of the same machine,
measured beside them, so that on a GPU `of_peak` is the share of its peak that is used. Each
measurement has a process of its own, whose peak memory it tells; `mib_before` is what the
interpreter, its modules and the data take.
"""

import argparse
import logging
import multiprocessing
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from circlet.files import read_json, write_table
from circlet.model.distributed import Ranks
from circlet.model.kmers import KmerVocab
from circlet.model.network import NetworkConfig
from circlet.model.runtime import allow_tf32, choose_device, peak_memory, set_up
from circlet.model.settings import TrainingConfig
from circlet.model.tokens import TokenStore
from circlet.model.train import set_up_trainer
from circlet.model.trainer import Trainer, batch_loss, train_epoch, validate
from circlet.tables import TRAIN, UNUSED

LOOK_EVERY = 10  # steps between two looks at the validation part
RIVAL_MINUTES = 1.5  # enough for a rate; the score after its first epoch stands in its record
COUNTED = 8  # batches whose operations are counted
MATMUL_SIZE, MATMUL_SECONDS = 4096, 3.0
LENGTHS = (1_500, 3_000, 6_000, 12_000, 24_000, 48_000, 96_000, 192_000)  # nt
SHARES = (0.25, 0.5, 1.0)
STEPS = 4  # of a sequence of each length, the first not timed

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Machine:
    """Where to measure: the name of the device, and threads."""

    device: str
    threads: int

    def set_up(self) -> torch.device:
        """Prepare this process as a training does."""
        set_up(self.threads)
        device = choose_device(self.device)
        allow_tf32(device)
        return device


def make_trainer(results: Path, run: str, device: torch.device) -> Trainer:
    """Set up the training of a run's first seed, for one epoch of it."""
    record = read_json(results / f"models/{run}/training.json")[0]
    folder = results / f"tokens/{run}"
    training = TrainingConfig(
        **{field.name: record[field.name] for field in fields(TrainingConfig)}
    )
    names = ("tokens.npy", "offsets.npy", "features.npy", "index.parquet")
    return set_up_trainer(
        NetworkConfig(**record["network"]),
        # In the record 'epochs' are what came of them.
        replace(training, max_minutes=None, epochs=record["max_epochs"]),
        KmerVocab.load(folder / "vocabulary.json"),
        TokenStore.load(*(folder / name for name in names)),
        device,
        Ranks(),
    )


def finish(device: torch.device) -> None:
    """Wait until an accelerator is done."""
    if device.type == "cuda":
        torch.cuda.synchronize()


def measure_peak(machine: Machine) -> float:
    """Floating-point operations a second of a large matrix product, as trainings multiply."""
    device = machine.set_up()
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    left, right = (torch.randn(MATMUL_SIZE, MATMUL_SIZE, device=device, dtype=dtype) for _ in "ab")
    left @ right
    finish(device)
    count, started = 0, time.perf_counter()
    while time.perf_counter() - started < MATMUL_SECONDS:
        left @ right
        finish(device)
        count += 1
    return count * 2 * MATMUL_SIZE**3 / (time.perf_counter() - started)


def count_operations(trainer: Trainer) -> float:
    """Operations of forward and backward passes per token that is read."""
    plan = [batch for step in trainer.plan(1) for batch in step]
    chosen = [plan[place] for place in np.linspace(0, len(plan) - 1, COUNTED).astype(int)]
    counter = FlopCounterMode(display=False)
    # The operations of this kernel can be counted on any device.
    with sdpa_kernel(SDPBackend.MATH), counter:
        for place, rows in enumerate(chosen):
            batch_loss(trainer, rows, 1, place).backward()
    trainer.optimizer.zero_grad(set_to_none=True)
    return counter.get_total_flops() / trainer.lengths[np.concatenate(chosen)].sum()


def measure_epoch(
    machine: Machine, results: Path, run: str, minutes: float | None = None
) -> dict[str, Any]:
    """Train one epoch, or so long; returns its figures and, of a whole one, scores on the way."""
    device = machine.set_up()
    trainer = make_trainer(results, run, device)
    trainer.config = replace(trainer.config, max_minutes=minutes)
    before = peak_memory(device)["memory"]
    seen: list[tuple[float, float]] = []

    def keep() -> None:
        if not minutes and trainer.sums.steps % LOOK_EVERY == 0:
            seen.append((trainer.sums.seconds, validate(trainer)[1]))
            trainer.model.train()

    train_epoch(trainer, keep)
    sums = trainer.sums
    if not minutes:
        seen.append((sums.seconds, validate(trainer)[1]))
    memory = peak_memory(device)  # before the operations are counted, which takes more
    per_token = count_operations(trainer)
    of_epoch = trainer.lengths[trainer.store.rows(TRAIN)].sum()
    return {
        "run": run,
        "seconds_of_epoch": sums.seconds * of_epoch / sums.tokens,
        "nt_per_second": sums.tokens * trainer.stride / sums.seconds,
        "sequences_per_second": sums.sequences / sums.seconds,
        "operations_per_nt": per_token / trainer.stride,
        "operations_per_second": per_token * sums.tokens / sums.seconds,
        "mib_before": before,
        "mib_peak": memory["memory"],
        "mib_cuda": memory.get("cuda_memory", np.nan),
        "seen": seen,
    }


def measure_length(machine: Machine, results: Path, run: str, length: int) -> dict[str, Any]:
    """Take steps on one sequence of so many tokens."""
    device = machine.set_up()
    trainer = make_trainer(results, run, device)
    settings = replace(trainer.network_config, max_tokens=length)
    rng = np.random.default_rng(0)
    store = trainer.store
    row = store.rows(TRAIN)[0]
    tokens = rng.integers(2, settings.vocabulary_size, length, dtype=store.tokens.dtype)
    offsets = np.where(np.arange(len(store.offsets)) > row, length, 0)  # the others are empty
    trainer.store = replace(store, tokens=tokens, offsets=offsets)
    trainer.network_config = settings
    before, times = peak_memory(device)["memory"], []
    for step in range(STEPS):
        started = time.perf_counter()
        batch_loss(trainer, np.array([row]), 1, step).backward()
        finish(device)
        times.append(time.perf_counter() - started)
    memory = peak_memory(device)
    return {
        "nt": length * trainer.stride,
        "seconds": float(np.median(times[1:])),
        "mib_above_start": memory.get("cuda_memory", memory["memory"] - before),
    }


def measure_share(machine: Machine, results: Path, run: str, share: float) -> dict[str, Any]:
    """Train one epoch on a share of the training part."""
    trainer = make_trainer(results, run, machine.set_up())
    rows = trainer.store.rows(TRAIN)
    kept = np.random.default_rng(0).permutation(rows)[: round(share * len(rows))]
    index = trainer.store.index
    index.loc[index.index[np.setdiff1d(rows, kept)], "part"] = UNUSED
    train_epoch(trainer)
    return {
        "share": share,
        "sequences": trainer.sums.sequences,
        "seconds": trainer.sums.seconds,
    }


def alone(work: Callable[..., Any], *arguments: Any) -> Any:
    """Do it in a process of its own, which has a peak memory of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)


def slope(sizes: pd.Series, values: pd.Series) -> float:
    """Slope of a line through the logarithms: 1 is linear."""
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


def compare(machine: Machine, results: Path, run: str, rival: str) -> pd.DataFrame:
    """Train both and lay out their rates, and the ratios of the run to the rival."""
    peak = alone(measure_peak, machine)
    log.info("matmul peak: %.1f GFLOP/s", peak / 1e9)
    slow = alone(measure_epoch, machine, results, rival, RIVAL_MINUTES)
    goal = read_json(results / f"models/{rival}/training.json")[0]["epochs"][0]["validation_auroc"]
    log.info("%s: %.0f s an epoch, after one %.4f", rival, slow["seconds_of_epoch"], goal)
    fast = alone(measure_epoch, machine, results, run)
    reached = next((seconds for seconds, auroc in fast["seen"] if auroc >= goal), np.nan)
    scores = (goal, slow["seconds_of_epoch"]), (fast["seen"][-1][1], reached)
    rows = []
    for found, (auroc, seconds) in zip((slow, fast), scores, strict=True):
        found.pop("seen")
        share = found["operations_per_second"] / peak
        rows.append(found | {"auroc": auroc, "seconds_to_rival": seconds, "of_peak": share})
    table = pd.DataFrame(rows).set_index("run").T
    table["ratio"] = table[run] / table[rival]
    return table.rename_axis("figure").reset_index()


def main() -> None:
    """Measure, print the three tables and write them one below the other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, required=True, help="of benchmarks/model.yaml")
    parser.add_argument("--run", default="main", help="the run that is measured")
    parser.add_argument("--rival", default="text_transformer", help="what it is measured against")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or auto")
    parser.add_argument("--threads", type=int, default=2, help="threads of torch")
    parser.add_argument("--output", type=Path, required=True, help="folder of the tables, TSV")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    machine = Machine(args.device, args.threads)
    lengths = pd.DataFrame(
        [alone(measure_length, machine, args.results, args.run, length) for length in LENGTHS]
    )
    shares = pd.DataFrame(
        [alone(measure_share, machine, args.results, args.run, share) for share in SHARES]
    )
    tables = {
        "length": lengths,
        "data": shares,
        "rates": compare(machine, args.results, args.run, args.rival),
    }
    for name, table in tables.items():
        write_table(args.output / f"{name}.tsv", table)
        sys.stdout.write(f"{name}\n{table.to_string(index=False, float_format='{:,.4g}'.format)}\n")
    long = lengths.tail(5)
    sys.stdout.write(
        f"slopes: {slope(long['nt'], long['seconds']):.2f} of time and"
        f" {slope(long['nt'], long['mib_above_start']):.2f} of memory beyond {long['nt'].iloc[0]}"
        f" nt, {slope(shares['sequences'], shares['seconds']):.2f} of time with data\n"
    )


if __name__ == "__main__":
    main()
