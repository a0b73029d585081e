# What the rules share: names of files and steps, flags, and the shell that they run in.

import os
import posixpath
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

STARTED = time.time()
PACKAGE = os.path.relpath(Path(workflow.basedir) / "workflow")


def modules(*names):
    """Files of the package that a step depends on: as inputs, so that an edit reruns it."""
    return [f"{PACKAGE}/circlet/{name}" for name in names]


def flags(settings):
    """Command-line flags that bear the names of the settings; those that are null are left out."""
    words = []
    for key, value in sorted(settings.items()):
        if value is not None:
            values = value if isinstance(value, list) else [value]
            words += [f"--{key.replace('_', '-')}", *map(str, values)]
    return shlex.join(words)


REFERENCE = [
    f"{label}={count}" for label, count in sorted(config["dataset"]["reference"].items()) if count
]

# The circlet of this repository, not one installed elsewhere, run by the Python that runs
# Snakemake, unless each rule brings an environment of its own. Settings of the machine, not of
# the science, are shell variables and not params, since a change of theirs must not rerun anything.
PYTHON = "python" if workflow.deployment_settings.deployment_method else sys.executable
MIRROR = config["mirror"] or ""
if MIRROR and "://" not in MIRROR:
    MIRROR = os.path.abspath(os.path.expanduser(MIRROR))
shell.prefix(f"""
set -euo pipefail
export PYTHONPATH={shlex.quote(os.path.abspath(PACKAGE))}
circlet() {{ {shlex.quote(PYTHON)} -m circlet "$@"; }}
MIRROR={shlex.quote(MIRROR)}
DEVICE={config["device"]}
DOWNLOAD={shlex.quote(flags(config["download"]))}
""".replace("{", "{{").replace("}", "}}"))


def show_scores():
    """Print the scores and where the report is, if this run wrote it."""
    page = Path(RESULTS) / "report.html"
    if page.exists() and page.stat().st_mtime >= STARTED:
        command = [sys.executable, "-m", "circlet", "show", "--report", str(page)]
        command += ["--comparison", f"{RESULTS}/evaluation/comparison.tsv"]
        environment = {**os.environ, "PYTHONPATH": os.path.abspath(PACKAGE)}
        subprocess.run(command, env=environment, check=False)


def one_of(names):
    """Pattern that matches these names alone, and nothing if there is none."""
    return "|".join(map(re.escape, names)) or "(?!)"


def sources_of(kind):
    """Pattern of the names of the enabled sources of a type."""
    return one_of(name for name, source in SOURCES.items() if source["type"] == kind)


# GENCODE's files, and the keys under which a user names files of his own instead.
GENCODE_FILES = {"lncRNA_transcripts.fa.gz": "fasta", "long_noncoding_RNAs.gtf.gz": "gtf"}
DOWNLOAD_SUFFIXES = {
    "circrnadb": ["zip"],
    "circbase": ["fa.gz"],
    "gencode": list(GENCODE_FILES),
    "fasta": [],
}
DOWNLOAD_MODULES = ["data/download.py", "data/fetch.py", "data/part.py", "data/checks.py"]
PARSE_MODULES = [
    "data/parse.py",
    "data/records.py",
    "data/sources/fasta.py",
    "data/sources/places.py",
]
DOWNLOAD_RECORDS = [
    f"{RESULTS}/downloads/{name}.{suffix}.json"
    for name, source in SOURCES.items()
    for suffix in DOWNLOAD_SUFFIXES[source["type"]]
]


def local_file(wildcards):
    """Input function: the file that the user has already of the wildcards' source, if any."""
    key = GENCODE_FILES.get(wildcards.get("file"), "file")
    path = SOURCES[wildcards.source].get(key)
    return [locate(path)] if path else []


def origin(wildcards):
    """Params function: where one file of circRNADb or circBase is, and what it must hash to."""
    source = SOURCES[wildcards.source]
    place = {"file": locate(source["file"])} if source.get("file") else {"url": source["urls"]}
    return flags(place | {"sha256": source.get("sha256")})


def gencode_origin(wildcards):
    """Params function: where a file of GENCODE's is, or the user's own."""
    source = SOURCES[wildcards.source]
    own = source.get(GENCODE_FILES[wildcards.file])
    if own:
        return flags({"file": locate(own)})
    release = str(source["release"])
    folders = [url.replace("{release}", release) for url in source["urls"]]
    name = f"gencode.v{release}.{wildcards.file}"
    return flags(
        {
            "url": [posixpath.join(folder, name) for folder in folders],
            "md5sums": [posixpath.join(folder, "MD5SUMS") for folder in folders],
        }
    )


def source_flags(wildcards):
    """Params function: what `circlet parse` must be told of the wildcard's source."""
    source = SOURCES[wildcards.source]
    return flags(
        {
            "type": source["type"],
            "source": wildcards.source,
            "label": source["label"],
            "assembly": source["assembly"],
        }
    )


def run_flags(*sections):
    """Params function: the settings of the wildcard's run in these sections of the config."""
    return lambda wildcards: " ".join(
        flags(config["runs"][wildcards.run][section]) for section in sections
    )


def scheme_of(run):
    """The scheme of the split that a run is trained and tested on."""
    return config["runs"][run]["split"]["scheme"]


def training_state(wildcards):
    """Params function: where a training keeps its state, which is no output: those are deleted
    when a job fails."""
    seed = config["runs"][wildcards.run]["training"]["seed"]
    return f"{RESULTS}/training/{wildcards.run}/{seed}"


SCHEMES = sorted({scheme_of(run) for run in RUNS})
# What is evaluated, named as its predictions are: each run, and each baseline on its split.
SCORED = {run: {"name": run, "kind": "run", "scheme": scheme_of(run)} for run in RUNS} | {
    f"baselines/{scheme}/{name}": {"name": name, "kind": "baseline", "scheme": scheme}
    for scheme in SCHEMES
    for name in config["evaluate"]["baselines"]
}
TRAIN_MODULES = [
    "model/train.py",
    "model/trainer.py",
    "model/network.py",
    "model/batches.py",
    "model/checkpoint.py",
    "model/kmers.py",
    "model/options.py",
    "model/runtime.py",
    "model/tokens.py",
]
PREDICT_MODULES = [
    "predict.py",
    "model/network.py",
    "model/batches.py",
    "model/checkpoint.py",
    "model/kmers.py",
    "model/runtime.py",
    "data/sources/fasta.py",
]
REPORT_MODULES = [
    "evaluation/report.py",
    "evaluation/report_inputs.py",
    "evaluation/verdict.py",
    "evaluation/comparison.py",
    "evaluation/figures.py",
    "evaluation/scores.py",
    *(
        f"evaluation/templates/{name}"
        for name in (
            "report.html.j2",
            "run.html.j2",
            "origin.html.j2",
            "parts.html.j2",
            "report.css",
        )
    ),
]
PARTS = ["train", "validation", "test"]
FIGURES = ["roc", "precision_recall", "calibration", "scores"]


wildcard_constraints:
    run=one_of(RUNS),
    scheme=one_of(SCHEMES),
    baseline=one_of(config["evaluate"]["baselines"]),
    scored=one_of(SCORED),
    name=one_of(config["predict"]["inputs"]),
    file=one_of(GENCODE_FILES),
