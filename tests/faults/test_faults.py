"""Each fault in a job or in Snakemake: the next run gives the same bytes, or says what to do."""

import re
import shutil
import subprocess

import pytest
from harness import (
    PATIENCE,
    TOLD_OF_A_RUN,
    Case,
    Pipeline,
    content,
    finish,
    is_running,
    start,
    stop,
    wait_until,
)
from plan import KINDS, plan, rules

pytestmark = pytest.mark.faults

SUDDEN = ("kill", "snakemake_ends", "two_at_once")  # whose jobs may leave temporary files


def test_every_rule_meets_every_kind_and_no_fault_is_counted_twice():
    faults = plan()
    met = {(fault.rule, fault.kind) for fault in faults if fault.rule != "all"}
    assert met == {(rule, kind) for rule in rules() for kind in KINDS}
    assert len({(fault.rule, fault.kind, fault.variant) for fault in faults}) == len(faults) > 400


def test_every_rule_has_jobs(pipeline):
    assert set(rules()) - set(pipeline.jobs) == set()


def test_the_next_run_gives_the_same(pipeline, fault, ledger):
    case = Case(pipeline, fault)
    code, told = case.suffer()
    said = case.said()
    left = content(case.folder)
    wrong = [name for name, hashed in left.items() if pipeline.expected.get(name, hashed) != hashed]
    assert wrong == [], told
    refused = case.finish()
    found = content(case.folder)
    assert {name for name in found | pipeline.expected if differs(name, found, pipeline)} == set()
    strays = case.strays(found)
    ledger(
        fault, job=case.target, first_exit=code, refused=refused, strays=strays, said=said[-300:]
    )
    if fault.kind not in SUDDEN:
        assert strays == []
    assert "Traceback" not in said
    shutil.rmtree(case.folder)


def differs(name: str, found: dict[str, str], pipeline: Pipeline) -> bool:
    """Whether a result is lost or not what it was."""
    return name in pipeline.expected and found.get(name) != pipeline.expected[name]


def test_the_whole_pipeline_goes_on(pipeline, ending, ledger):
    """Snakemake ends after a share of its jobs; a later one does the rest."""
    folder = pipeline.base / ending.name
    folder.mkdir()
    share = 0.1 + 0.8 * ending.draw("share")
    log = folder / "printed.log"
    with open(log, "w") as stream:
        command = pipeline.command(folder, "all")
        process = start(command, pipeline.environment(folder), stream)
    done = f"({share:.0%}"
    wait_until(lambda: percent(log.read_text()) >= share * 100 or process.poll() is not None)
    assert process.poll() is None, log.read_text()
    stop(process, ending.variant)
    process.wait(PATIENCE)
    wait_until(lambda: not session_of(process.pid))
    refused = finish(lambda *more: pipeline.run(folder, "all", *more))
    found = content(folder)
    assert {"predictions/main.tsv.gz", "report.html"} <= set(found)
    differing = {name for name in found if differs(name, found, pipeline)}
    assert {name for name in differing if not TOLD_OF_A_RUN.fullmatch(name)} == set()
    strays = sorted(set(found) - set(pipeline.expected))
    ledger(ending, job=done, first_exit=process.returncode, refused=refused, strays=strays)
    shutil.rmtree(folder)


def percent(printed: str) -> int:
    """How far Snakemake says that it is."""
    return max(map(int, re.findall(r"steps \((\d+)%\) done", printed)), default=0)


def session_of(leader: int) -> list[int]:
    """Processes of a session that still run."""
    found = subprocess.run(
        ["ps", "-o", "pid=", "--sid", str(leader)], capture_output=True, text=True, check=False
    )
    return [int(pid) for pid in found.stdout.split() if is_running(int(pid))]
