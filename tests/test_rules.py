"""The rules declare the modules that their steps depend on, so that an edit reruns them."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from circlet.cli import STEPS

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGE = REPOSITORY / "workflow/circlet"

# Plumbing that every step uses: its edit would rerun everything, training too.
PLUMBING = {
    "arguments.py",
    "cli.py",
    "compression.py",
    "errors.py",
    "files.py",
    "progress.py",
    "tables.py",
    "termination.py",
}
# Types and constants that a step takes from a module whose doings it does not depend on.
NOT_DEPENDED_ON = {
    # Each rule declares the one source it reads, and the genome if it does.
    "parse": {"data/sources/", "data/genome.py"},
    # No rule gives it a genome, nor asks it for attributions.
    "predict": {
        "data/genome.py",
        "data/genome_index.py",
        "data/records.py",
        "data/sources/bed12.py",
        "data/sources/fasta.py",
        "data/sources/gencode.py",
        "data/sources/places.py",
        "data/sources/spliced.py",
        "model/attributed.py",
        "model/attribution.py",
        "model/rollout.py",
        "models.py",
        "parts.py",
    },
    "explain": {"data/records.py", "data/sources/places.py", "model/attributed.py", "models.py"},
    # It writes weights alone: what else is in a checkpoint is no reason to train again.
    "train": {
        "composition.py",
        "descriptors.py",
        "hashes.py",
        "model/description.py",
        "model/reference.py",
        "parts.py",
    },
    "trees": {"composition.py", "descriptors.py", "hashes.py", "parts.py"},
    "assemble": {"composition.py", "descriptors.py", "parts.py"},
    "model-card": {"evaluation/curves.py", "evaluation/predictions.py", "parts.py"},
    "report": {"evaluation/curves.py", "evaluation/predictions.py", "parts.py"},
}


ANY_FILE = str(REPOSITORY / "README.md")  # a dry run reads none
FOR_PEOPLE = {  # steps that no rule calls
    "completion",
    "deploy",
    "export",
    "models",
    "openapi",
    "package-lambda",
    "page",
    "package-training",
    "serve",
    "show",
}
CALLED = {
    "enabled": True,
    "label": "circRNA",
    "assembly": "hg19",
    "file": ANY_FILE,
    "genome": ANY_FILE,
}


def imported(module: str) -> set[str]:
    """Files of the package that a module imports, relative to the package."""
    found = set()
    for node in ast.walk(ast.parse((PACKAGE / module).read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("circlet"):
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            files = [Path(*name.split(".")[1:]).with_suffix(".py") for name in names if "." in name]
            found |= {str(file) for file in files if (PACKAGE / file).is_file()}
    return found


def closure(module: str) -> set[str]:
    """Files of the package that a module needs, itself included."""
    found, new = set(), {module}
    while new:
        found |= new
        new = set().union(*map(imported, new)) - found
    return found - PLUMBING


EXONS = {"enabled": True, "per_circrna": 3, "seed": 9}
CONFIG = yaml.safe_load((REPOSITORY / "config.yaml").read_text())
SEARCH = {
    "trials": 9,
    "seed": 4,
    "space": dict.fromkeys(CONFIG["search"]["space"])  # to vary nothing else
    | {
        "network.dropout": [0.25, 0.75],
        "network.width": {"low": 8, "high": 64, "scale": "log"},
        "training.learning_rate": {"low": 0.0625, "high": 0.125, "scale": "linear"},
    },
}


def dry_run(folder: Path, settings: dict[str, Any], *targets: str) -> str:
    """What a dry run of the workflow, by default of all of it, prints, its commands with it."""
    (folder / "settings.json").write_text(json.dumps(settings))
    arguments = [*targets, "--dry-run", "--printshellcmds", "--cores", "1"]
    arguments += ["--snakefile", str(REPOSITORY / "Snakefile"), "--directory", str(folder)]
    arguments += ["--configfile", str(folder / "settings.json")]
    return subprocess.run(
        [sys.executable, "-m", "snakemake", *arguments],
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=True,
    ).stdout


@pytest.fixture(scope="module")
def printed(tmp_path_factory) -> str:
    """Of a full run with every type of source, and settings that are not the defaults."""
    settings = {
        "sources": {
            "circbase": {"enabled": True},
            "mine": {
                "type": "fasta",
                "enabled": True,
                "label": "lncRNA",
                "assembly": None,
                "file": str(REPOSITORY / "workflow/demo/lncrnas.chr21.fa"),
            },
            "coding_exons": EXONS,
            "called": {**CALLED, "type": "bed12"},
            "quantified": {**CALLED, "type": "ciriquant", "annotation": ANY_FILE},
        },
        "dataset": {"min_length": 123, "label_noise": {"coding_gene": "drop"}},
        "split": {"seed": 7, "folds": 4, "homology": {"identity": 0.7, "coverage": 0.4}},
        "runs": {
            "main": {"split": {"fold": 1, "hard_negatives": True}},
            "bare": CONFIG["runs"]["main"] | {"split": {"scheme": "locus"}},
        },
        "run": ["main", "bare"],
        "evaluate": {"external": {"own": {"circRNA": ANY_FILE, "lncRNA": ANY_FILE}}},
        "predict": {"inputs": {"mine": str(REPOSITORY / "workflow/demo/lncrnas.chr21.fa")}},
        "search": SEARCH,
        "explain": {"mistakes": 7, "sample": 30, "window": 9, "steps": 12, "seed": 5},
        "scatter": {"prediction": 3, "explanation": 2},
    }
    targets = ("all", "results/search/main.tsv", "results/evaluation/main/explanation")
    targets += ("results/evaluation/bare/folds.tsv", "results/deploy/bare/model.tar.gz")
    return dry_run(tmp_path_factory.mktemp("rules"), settings, *targets)


@pytest.fixture(scope="module")
def jobs(printed) -> list[tuple[str, str, set[str]]]:
    """Rule, step and declared modules of every job."""
    found = []
    for block in re.split(r"^rule ", printed, flags=re.MULTILINE)[1:]:
        rule = block.partition(":")[0]
        inputs = re.search(r"^    input: (.*)$", block, re.MULTILINE)
        files = inputs.group(1).split(", ") if inputs else []
        code = {file.partition("workflow/circlet/")[2] for file in files if file.endswith(".py")}
        found += [(rule, step, code) for step in re.findall(r"\bcirclet ([a-z-]+) --?", block)]
    return found


def test_every_step_of_the_workflow_is_seen(jobs):
    assert {step for _, step, _ in jobs} == set(STEPS) - FOR_PEOPLE


def test_rules_declare_what_their_steps_depend_on(jobs):
    missing = {}
    for rule, step, code in jobs:
        module = STEPS[step][0].removeprefix("circlet.").replace(".", "/") + ".py"
        skipped = tuple(NOT_DEPENDED_ON.get(step, ())) or ("nothing",)
        needed = {file for file in closure(module) if not file.startswith(skipped)}
        if needed - code:
            missing[rule] = sorted(needed - code)
    assert missing == {}


def test_parse_rules_declare_their_source(jobs):
    declared = {rule: code for rule, step, code in jobs if step == "parse"}
    for source in ("circrnadb", "gencode", "circbase", "bed12", "ciriquant", "fasta"):
        needed = closure(f"data/sources/{source}.py")
        assert needed - declared[f"parse_{source}"] == set()


def test_declared_modules_exist(jobs):
    declared = set().union(*(code for _, _, code in jobs))
    assert [file for file in declared if not (PACKAGE / file).is_file()] == []


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ("linear-exons", "--per-circrna 3 --seed 9 --source coding_exons"),
        ("linear-exons", "--min-length 123"),
        ("dataset", "--drop both_labels coding_gene --min-length 123"),
        ("homology", "--coverage 0.4 --identity 0.7"),
        ("split", "--scheme locus --fractions 0.7 0.1 0.2 --folds 4 --seed 7"),
        ("variant", "--fold 1 --folds 4 --hard-negatives also"),
        ("variant", "--fold 3 --folds 4 --output results/splits/locus.fold3.parquet"),
        ("folds", "--name bare --scheme locus --part test --confidence 0.95"),
        ("leakage", "--seed 7"),
        ("explain", "--most 7 --sample 30 --seed 5 --steps 12 --window 9"),
        ("vocabulary", "--split results/splits/gene.fold1."),
        ("predict", "lncrnas.chr21.fa --shard 3/3"),
        ("gather", "--pieces results/predictions/bare/mine.1-of-3.tsv.gz results/predictions/"),
        ("explain", "--window 9 --shard 2/2"),
        # Neither a fold nor hard negatives where a run names none.
        ("vocabulary", "--split results/splits/locus.parquet"),
    ],
)
def test_settings_reach_their_steps(printed, step, words):
    commands = re.findall(rf"\bcirclet {step} .*", printed)
    assert [command for command in commands if words in command]


def test_all_that_is_scored_meets_all_test_sets(printed):
    commands = re.findall(r"\bcirclet evaluate .*", printed)
    scored = {re.search(r"--output results/evaluation/(\S+)/metrics.json", c)[1] for c in commands}
    assert {"main", "bare", "baselines/gene/length", "baselines/random/memoriser"} < scored
    for command in commands:
        assert "--subsets results/dataset/subsets.parquet" in command
        assert "--external results/external/predictions/" in command


def test_without_external_sets_none_is_read(tmp_path):
    printed = dry_run(tmp_path, {})
    assert "results/evaluation/main/metrics.json" in printed
    assert "circlet external" not in printed


def test_runs_meet_those_of_other_splits(printed):
    (command,) = re.findall(r"\bcirclet differences --predictions \S*/main\.tsv.*", printed)
    others, rivals = command.partition(" --rivals ")[::2]
    named = re.findall(r"(\w+)=results/predictions/baselines/gene\.fold1\.hard/", rivals)
    assert named == sorted(CONFIG["evaluate"]["baselines"])
    assert others.endswith(" --others bare=locus=results/predictions/bare.tsv.gz")


def assert_told_are_the_measured(printed):
    (command,) = re.findall(r"\bcirclet resources .*", printed)
    told = command.partition("--names ")[2].partition(" --runs")[0].split()
    measured = re.findall(r"^    benchmark: results/benchmarks/(\S+)\.tsv$", printed, re.MULTILINE)
    assert len(told) == len(set(told))
    apart = re.compile(r"search/|.*(bare|locus)\.fold\d")  # of the other targets
    assert set(told) == {name for name in measured if not apart.match(name)}
    return set(told)


def test_time_and_memory_are_told_of_every_step_that_is_measured(printed):
    told = assert_told_are_the_measured(printed)
    assert {"predict/bare/mine/3-of-3", "explain/main/1-of-2"} < told


def test_a_step_in_one_piece_is_one_job(tmp_path):
    inputs = {"mine": str(REPOSITORY / "workflow/demo/lncrnas.chr21.fa")}
    printed = dry_run(tmp_path, {"predict": {"inputs": inputs}})
    assert "--shard" not in printed
    assert "--pieces" not in printed
    assert {"predict/main/mine", "explain/main"} < assert_told_are_the_measured(printed)


def test_cross_validation_makes_every_fold_and_seed_by_jobs_of_their_own(printed):
    seeds = CONFIG["runs"]["main"]["seeds"]
    for rule, names in {
        "vary_split": ["locus.fold{fold}"],
        "train_model": [f"bare.fold{{fold}}/seed{seed}" for seed in seeds],
        "grow_trees": ["bare.fold{fold}"],
        "assemble_model": ["bare.fold{fold}"],
        "predict_dataset": ["bare.fold{fold}"],
        "evaluate_predictions": ["bare.fold{fold}"],
    }.items():
        logs = re.findall(rf"^rule {rule}:\n(?:    .*\n)*?    log: (\S+)\.log", printed, re.M)
        found = {name for log in logs for name in re.findall(r"(?:bare|locus)\.fold\S+", log)}
        assert found == {name.format(fold=fold) for name in names for fold in range(4)}
    (command,) = re.findall(r"\bcirclet folds .*", printed)
    for kind, path in {
        "metrics": "results/evaluation/bare.fold{}/metrics.json",
        "predictions": "results/predictions/bare.fold{}.tsv.gz",
        "splits": "results/splits/locus.fold{}.parquet",
    }.items():
        assert f"--{kind} {' '.join(map(path.format, range(4)))} --" in command


def test_the_default_target_trains_no_folds(printed):
    (command,) = re.findall(r"\bcirclet compare .*", printed)
    assert "/bare/metrics.json" in command
    assert "bare.fold" not in command


def trials(printed):
    """What each trial of the search tries: its flags and their values."""
    commands = re.findall(r"\bcirclet train .*--record results/search/main/\d+/seed1.json", printed)
    trial_of = [int(command.rpartition("/seed1")[0].rpartition("/")[2]) for command in commands]
    found = [dict(re.findall(r"--([a-z0-9-]+) (\S+)", command)) for command in commands]
    return [
        flags for _, flags in sorted(zip(trial_of, found, strict=True), key=lambda pair: pair[0])
    ]


def test_trials_try_what_the_space_allows(printed):
    run, *others = trials(printed)
    assert len(others) == SEARCH["trials"] - 1
    main = CONFIG["runs"]["main"]
    assert float(run["dropout"]) == main["network"]["dropout"]
    assert int(run["width"]) == main["network"]["width"]
    assert float(run["learning-rate"]) == main["training"]["learning_rate"]
    assert {flags["dropout"] for flags in others} == {"0.25", "0.75"}
    widths = [int(flags["width"]) for flags in others]
    rates = [float(flags["learning-rate"]) for flags in others]
    assert min(widths) >= 8
    assert max(widths) <= 64
    assert min(rates) >= 0.0625
    assert max(rates) <= 0.125
    assert len(set(widths)) > 4
    assert len(set(rates)) == len(rates)
    # Nothing else differs, save the folders.
    varied = {"dropout", "width", "learning-rate", "state", "weights", "record"}
    assert {tuple((k, v) for k, v in each.items() if k not in varied) for each in others} == {
        tuple((key, value) for key, value in run.items() if key not in varied)
    }


def test_a_setting_less_leaves_what_is_drawn_for_the_others(printed, tmp_path):
    space = SEARCH["space"] | {"network.dropout": None}
    settings = {"search": SEARCH | {"space": space}}
    fewer = trials(dry_run(tmp_path, settings, "results/search/main.tsv"))
    for name in ("width", "learning-rate"):
        assert [flags[name] for flags in fewer] == [flags[name] for flags in trials(printed)]
    assert len({flags["dropout"] for flags in fewer}) == 1
