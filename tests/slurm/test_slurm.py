"""The pipeline on a real SLURM: the demo, what can happen to a job, several processes, arrays."""

import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from datetime import datetime, timedelta

import pytest
from cluster import NODES, Job, ask, jobs, wait_until
from places import CORES, LONG, LONGER, WEIGHTS

from circlet.files import read_json

pytestmark = pytest.mark.slurm

# The same bytes on a cluster as without one.
SAME = (
    "dataset/transcripts.parquet",
    "dataset/leakage.tsv",
    "splits/gene.parquet",
    "models/main/seed1.safetensors",
    "models/main/seed2.safetensors",
    "models/main/trees.safetensors",
    "models/main/config.json",
    "predictions/main.tsv.gz",
    "predictions/main/circrnas.tsv.gz",
    "predictions/baselines/gene/memoriser.tsv.gz",
    "evaluation/comparison.tsv",
    "evaluation/main/differences.tsv",
    "evaluation/main/explanation/index.tsv",
)


def detail(job: Job, name: str) -> str:
    """What scontrol says of a job under a name."""
    return re.search(rf"\b{name}=(\S+)", ask("scontrol", "show", "job", job.id))[1]


def of_rule(rule: str, known: set[str] = frozenset()) -> list[Job]:
    """The jobs of a rule that are not known yet."""
    return [job for job in jobs(f"rule_{rule}") if job.id not in known]


def test_results_are_those_of_one_machine(submitted, alone):
    for name in SAME:
        assert (submitted.results / name).read_bytes() == (alone.results / name).read_bytes(), name
    assert (submitted.results / "report.html").stat().st_size > 100_000
    assert "(100%) done" in submitted.printed


def test_jobs_ask_for_what_the_profile_says(submitted):
    done = jobs()
    assert {job.state for job in done} == {"COMPLETED"}
    rules = Counter(re.match(r"rule_([a-z_]+?)(_wildcards|$)", job.comment)[1] for job in done)
    (training,) = {job.id.partition("_")[0] for job in of_rule("train_model")}
    assert [job.id for job in of_rule("train_model")] == [f"{training}_1", f"{training}_2"]
    for job in done:
        asks = "gres:gpu:1" in ask("scontrol", "show", "job", job.id)
        assert asks == (job.partition == "gpu"), job
    on_gpu = {rule for rule in rules if of_rule(rule)[0].partition == "gpu"}
    assert {"train_model", "assemble_model", "predict_dataset", "explain_run"} <= on_gpu
    assert "grow_trees" not in on_gpu
    assert detail(of_rule("build_dataset")[0], "MinMemoryNode") == "4000M"
    assert detail(of_rule("build_dataset")[0], "TimeLimit") == "00:20:00"


def test_small_steps_share_jobs_or_need_none(submitted):
    rules = [job.comment for job in jobs()]
    assert "rule_tokens_build_vocabulary_encode_tokens" in rules
    assert "rule_splits_split_dataset" in rules
    assert sum("evaluate_predictions" in rule for rule in rules) == 1  # of five
    assert not [rule for rule in rules if "draw_forest" in rule or "compare_scores" in rule]


def test_logs_of_the_rules_are_where_the_results_are(submitted):
    log = (submitted.results / "logs/train/main/seed1.log").read_text()
    assert "stopped: all epochs are done" in log
    assert list(submitted.source.rglob("*.log")) == []


def test_nothing_is_left_to_do(submitted):
    process = submitted.start({}, "--dry-run")
    submitted.finish(process)
    assert submitted.printed.rstrip().endswith("(all requested files are present and up to date).")


def requeue(job):
    ask("scontrol", "requeue", job.id)


def preempt(job):
    ask("sbatch", "-p", "urgent", "-w", job.nodes, "--exclusive", "--wrap", "sleep 3")


def lose_node(job):
    ask("scontrol", "update", f"NodeName={job.nodes}", "State=DOWN", "Reason=lost")


def cancel(job):
    ask("scancel", job.id)


def kill(job):
    ask("scancel", "--signal=KILL", job.id)


def run_out_of_time(job):
    # SLURM looks every half a minute whether a job is over its time.
    soon = datetime.now() + timedelta(seconds=2)
    ask("scontrol", "update", f"JobId={job.id}", f"EndTime={soon:%Y-%m-%dT%H:%M:%S}")


@pytest.fixture
def nodes():
    """Those that a test lost come back."""
    yield
    for node in NODES:
        if "down" in ask("sinfo", "-h", "-N", "-n", node, "-o", "%T"):
            ask("scontrol", "update", f"NodeName={node}", "State=RESUME")


@pytest.mark.parametrize(
    ("happens", "is_same_job", "settings"),
    [
        (requeue, True, LONG),
        (preempt, True, LONG),
        (lose_node, True, LONG),
        (cancel, False, LONG),
        (kill, False, LONG),
        (run_out_of_time, False, LONGER),
    ],
)
def test_training_goes_on_from_where_it_was(
    submitted, uninterrupted, nodes, tmp_path, happens, is_same_job, settings
):
    place = submitted.copy(tmp_path / "folder")
    known = {job.id for job in jobs()}
    process = place.start(settings, str(place.results / WEIGHTS))
    wait_until(
        (place.results / "training/main/1/state.safetensors").exists, "a state to go on from"
    )
    (job,) = of_rule("train_model", known)
    assert job.state == "RUNNING"
    happens(job)
    place.finish(process)
    if settings is LONG:
        assert (place.results / WEIGHTS).read_bytes() == uninterrupted
    log = (place.results / "logs/train/main/seed1.log").read_text()
    assert "going on from epoch" in log
    assert not (place.results / "training/main/1").exists()
    tried = of_rule("train_model", known)
    assert len(tried) == (1 if is_same_job else 2)
    assert tried[-1].state == "COMPLETED"
    if is_same_job:
        assert detail(tried[0], "Restarts") == "1"
    else:
        assert tried[0].state != "COMPLETED"
        assert detail(tried[1], "MinMemoryNode") == "16000M"  # twice what the first one had


def interrupt(place, process):
    """Stop Snakemake by Ctrl-C: it cancels its jobs."""
    process.send_signal(signal.SIGINT)
    assert process.wait(120) != 0


def destroy(place, process):
    """Kill Snakemake, which can do nothing more, and tidy up as the docs say."""
    process.kill()
    process.wait()
    ask("scancel", "--name", re.search(r"SLURM run ID: (\S+)", place.printed)[1])
    place.finish(place.call(place.command(LONG, "--unlock")))


@pytest.mark.parametrize("stop", [interrupt, destroy])
def test_a_workflow_that_was_stopped_goes_on(submitted, uninterrupted, tmp_path, stop):
    place = submitted.copy(tmp_path / "folder")
    known = {job.id for job in jobs()}
    process = place.start(LONG, str(place.results / WEIGHTS))
    wait_until(
        (place.results / "training/main/1/state.safetensors").exists, "a state to go on from"
    )
    stop(place, process)
    wait_until(
        lambda: {job.state for job in of_rule("train_model", known)} == {"CANCELLED"}, "scancel"
    )
    assert not (place.results / WEIGHTS).exists()
    place.finish(place.start(LONG, str(place.results / WEIGHTS)))
    assert (place.results / WEIGHTS).read_bytes() == uninterrupted
    assert "going on from epoch" in (place.results / "logs/train/main/seed1.log").read_text()


@pytest.mark.parametrize(
    ("asked", "device", "spread"),
    [
        ("processes=2", "cpu", 1),
        ("nodes=2 processes=2 tasks=2 mpi=srun", "cpu", 2),
        ("nodes=2 gpu=2 tasks_per_node=2 mpi=srun cpus_per_task=1", "auto", 2),
    ],
)
def test_processes_that_train_together(submitted, tmp_path, asked, device, spread):
    place = submitted.copy(tmp_path / "folder")
    known = {job.id for job in jobs()}
    resources = [f"train_model:{setting}" for setting in asked.split()]
    settings = {"device": device, "runs": {"main": {"seeds": [3], "training": {"epochs": 2}}}}
    target = str(place.results / "models/main/seed3.json")
    place.finish(place.start(settings, target, "--set-resources", *resources))
    (job,) = of_rule("train_model", known)
    assert int(detail(job, "NumNodes")) == spread
    assert job.partition == ("gpu" if "gpu" in asked else "cpu")
    record = read_json(place.results / "models/main/seed3.json")
    assert record["processes"] == 2
    assert record["best_epoch"] >= 1


def test_without_a_gpu_all_goes_to_the_other_partition(submitted, tmp_path):
    place = submitted.copy(tmp_path / "folder")
    known = {job.id for job in jobs()}
    settings = {"device": "cpu", "runs": {"main": {"seeds": [4], "training": {"epochs": 1}}}}
    place.finish(place.start(settings, str(place.results / "models/main/seed4.json")))
    (job,) = of_rule("train_model", known)
    assert (job.partition, job.state) == ("cpu", "COMPLETED")


def test_a_divided_prediction_has_the_bytes_of_the_whole(submitted, tmp_path):
    place = submitted.copy(tmp_path / "folder")
    known = {job.id for job in jobs()}
    records = (submitted.source / "workflow/demo/circrnas.chr21.fa").read_text().split(">")[1:]
    fasta = tmp_path / "many.fa"
    fasta.write_text("".join(f">copy{turn}_{record}" for turn in range(12) for record in records))
    settings = {"predict": {"inputs": {"many": str(fasta)}}}
    shutil.copy2(submitted.results / WEIGHTS, place.results / WEIGHTS)
    divided = place.results / "predictions/main/many.tsv.gz"
    place.finish(place.start(settings, str(divided), "--set-scatter", "prediction=3"))
    pieces = of_rule("predict_piece", known)
    (array,) = {job.id.partition("_")[0] for job in pieces}
    assert [job.id for job in pieces] == [f"{array}_1", f"{array}_2", f"{array}_3"]
    whole = tmp_path / "whole.tsv.gz"
    words = ["--model", str(submitted.results / "models/main"), "--threads", CORES[1]]
    command = [sys.executable, "-m", "circlet", "predict", *words, "--output", str(whole)]
    subprocess.run([*command, str(fasta)], check=True)
    assert divided.read_bytes() == whole.read_bytes()
    assert list((place.results / "predictions").rglob("*-of-*")) == []
