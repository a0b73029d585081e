"""The profiles: each rule's needs told once more as they grow, and a dry run with every one."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[1]
PROFILES = sorted(path.name for path in (REPOSITORY / "profiles").iterdir())
SLURM = yaml.safe_load((REPOSITORY / "profiles/slurm/config.yaml").read_text())
# Words of SLURM or of a site's, which have no place in a rule.
OF_A_SITE = r"slurm_|partition|account|qos|constraint|gres"


def rules() -> dict[str, str]:
    """The text of each rule by its name; one that uses another's has that one's text before its."""
    found = {}
    for path in sorted((REPOSITORY / "workflow/rules").glob("*.smk")):
        blocks = re.split(r"^(?=rule |use rule )", path.read_text(), flags=re.MULTILINE)[1:]
        for block in blocks:
            if used := re.match(r"use rule (\w+) as (\w+) with:", block):
                found[used[2]] = found[used[1]] + block
            else:
                found[re.match(r"rule (\w+):", block)[1]] = block
    return found


def local_rules() -> set[str]:
    """Those that run where Snakemake does."""
    text = (REPOSITORY / "Snakefile").read_text()
    (names,) = re.findall(r"^localrules:\n((?:    \w+,\n)+)", text, re.MULTILINE)
    return set(re.findall(r"\w+", names))


def test_the_table_is_what_the_rules_ask_for_and_grows():
    wanted = {}
    for name, text in rules().items():
        if name in local_rules():
            continue
        memory, time = (re.findall(rf"{key}=(\d+),", text)[-1] for key in ("mem_mb", "runtime"))
        wanted[name] = {"mem_mb": f"{memory} * attempt", "runtime": f"{time} * attempt"}
    assert SLURM["set-resources"] == wanted


def test_downloads_run_where_there_is_a_network():
    downloads = {name for name in rules() if name.startswith("download_")}
    assert downloads
    assert downloads <= local_rules() <= rules().keys()


def test_rules_that_are_named_exist():
    grouped, known = SLURM["groups"], rules().keys() - local_rules()
    assert set(SLURM["slurm-array-jobs"].split(",")) <= known - grouped.keys()
    assert grouped.keys() <= known
    assert SLURM["group-components"].keys() == set(grouped.values())


def test_no_rule_knows_a_site():
    for name, text in rules().items():
        asked = re.search(r"\n    resources:\n((?:        .*\n)*)", text)
        assert asked, name
        assert not re.search(OF_A_SITE, asked[1]), name


def test_steps_that_take_a_device_ask_for_a_gpu():
    for name, text in rules().items():
        assert ("gpu=GPUS," in text) == ("--device $DEVICE" in text), name


@pytest.mark.workflow
@pytest.mark.parametrize("profile", PROFILES)
def test_dry_run_of_the_full_config(profile, tmp_path):
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--profile"]
    command += [
        str(REPOSITORY / "profiles" / profile),
        "--directory",
        str(tmp_path),
        "--cores",
        "8",
    ]
    result = subprocess.run(
        [*command, "--snakefile", str(REPOSITORY / "Snakefile")],
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    assert result.returncode == 0, result.stdout
    assert re.search(r"^train_model +3$", result.stdout, re.MULTILINE)
