"""The profile on a SLURM that keeps accounts, as most clusters do."""

import pytest
from cluster import ask, running
from places import Place

pytestmark = pytest.mark.slurm


@pytest.fixture(scope="module")
def accounted(source, tmp_path_factory):
    """A folder to submit from, while SLURM keeps accounts."""
    folder = tmp_path_factory.mktemp("accounted")
    with running(accounting=True):
        yield Place(folder, source, folder / "results")


def accounted_for():
    """State and account of each job, in their order."""
    told = ask("sacct", "--allocations", "--noheader", "--parsable2", "--format=State,Account")
    return told.splitlines()


def test_jobs_are_followed_and_accounted_for(accounted):
    target = str(accounted.results / "dataset/transcripts.parquet")
    accounted.finish(accounted.start({}, target, "--default-resources", "slurm_account=lab"))
    assert accounted_for() == ["COMPLETED|lab"] * 3


def test_sacct_can_be_asked_instead_and_knows_an_account(accounted):
    target = str(accounted.results / "dataset/homology.parquet")
    accounted.finish(accounted.start({}, target, "--slurm-status-command", "sacct"))
    assert accounted_for()[3:] == ["COMPLETED|root"]


def test_an_unknown_account_is_refused_at_once(accounted):
    target = accounted.results / "dataset/homology.parquet"
    target.unlink()
    process = accounted.start({}, str(target), "--default-resources", "slurm_account=nobody")
    assert process.wait(120) == 1
    assert "The given account nobody appears to be invalid" in accounted.printed
