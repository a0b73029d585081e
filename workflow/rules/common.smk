import posixpath
import re
import shlex
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.utils import validate


def refuse(place, problem, mend):
    """End with one clear line instead of a traceback: the config is bad input."""
    print(f"circlet: error: config: {place}: {problem}; {mend}", file=sys.stderr)
    sys.exit(2)


try:
    validate(config, "../schemas/config.schema.yaml")
except WorkflowError as error:
    cause = error.__context__
    refuse(
        getattr(cause, "json_path", "$").removeprefix("$.").removeprefix("$") or "top level",
        getattr(cause, "message", str(error)).splitlines()[0],
        "config.yaml lists the keys and their legal values",
    )

RESULTS = config["results"]
RUNS = config["run"]
SOURCES = {name: source for name, source in config["sources"].items() if source["enabled"]}

for name in RUNS:
    if name not in config["runs"]:
        refuse("run", f"there is no run '{name}'", f"choose of {sorted(config['runs'])}")
for label in ("circRNA", "lncRNA"):
    if not any(source["label"] == label for source in SOURCES.values()):
        refuse("sources", f"none that is enabled has the label {label}", "enable one")
if abs(sum(config["split"]["fractions"].values()) - 1) > 1e-6:
    refuse("split.fractions", "they do not sum to 1", "mend them")


def modules(*names):
    """Files of the package that a step depends on: as inputs, so that an edit reruns it."""
    return [str(Path(workflow.basedir) / "workflow/circlet" / name) for name in names]


def flags(settings):
    """Command-line flags that bear the names of the settings; those that are null are left out."""
    words = []
    for key, value in settings.items():
        if value is not None:
            values = value if isinstance(value, list) else [value]
            words += [f"--{key.replace('_', '-')}", *map(str, values)]
    return shlex.join(words)


REFERENCE = [f"{label}={count}" for label, count in config["dataset"]["reference"].items() if count]

# The circlet of this repository, not one installed elsewhere, run by the Python that runs
# Snakemake, unless each rule brings an environment of its own. Settings of the machine, not of
# the science, are shell variables and not params, since a change of theirs must not rerun anything.
PYTHON = "python" if workflow.deployment_settings.deployment_method else sys.executable
shell.prefix(f"""
set -euo pipefail
export PYTHONPATH={shlex.quote(str(Path(workflow.basedir) / "workflow"))}
circlet() {{{{ {shlex.quote(PYTHON)} -m circlet "$@"; }}}}
MIRROR={shlex.quote(config["mirror"] or "")}
DEVICE={config["device"]}
DOWNLOAD={shlex.quote(flags(config["download"]))}
""")


def one_of(names):
    """Pattern that matches these names alone, and nothing if there is none."""
    return "|".join(map(re.escape, names)) or "(?!)"


def sources_of(kind):
    """Pattern of the names of the enabled sources of a type."""
    return one_of(name for name, source in SOURCES.items() if source["type"] == kind)


GENCODE_FILES = {"fasta": "lncRNA_transcripts.fa.gz", "gtf": "long_noncoding_RNAs.gtf.gz"}
DOWNLOAD_SUFFIXES = {
    "circrnadb": ["zip"],
    "circbase": ["fa.gz"],
    "gencode": list(GENCODE_FILES.values()),
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


def locate(path):
    """A file of the user's: in the working folder, or else beside the Snakefile as the demo's."""
    beside = Path(workflow.basedir) / path
    return str(beside) if not Path(path).exists() and beside.exists() else path


def local_file(*keys):
    """Input function: the files that the user has already of the wildcard's source."""
    return lambda wildcards: [
        locate(SOURCES[wildcards.source][key]) for key in keys if SOURCES[wildcards.source].get(key)
    ]


def origin(wildcards):
    """Params function: where one file of circRNADb or circBase is, and what it must hash to."""
    source = SOURCES[wildcards.source]
    place = {"file": locate(source["file"])} if source.get("file") else {"url": source["urls"]}
    return flags(place | {"sha256": source.get("sha256")})


def gencode_origin(key):
    """Params function: where the file `{file}` of GENCODE is, or the user's own under `key`."""

    def look_up(wildcards):
        source = SOURCES[wildcards.source]
        if source.get(key):
            return flags({"file": locate(source[key])})
        release = source["release"]
        folders = [url.format(release=release) for url in source["urls"]]
        name = f"gencode.v{release}.{GENCODE_FILES[key]}"
        return flags(
            {
                "url": [posixpath.join(folder, name) for folder in folders],
                "md5sums": [posixpath.join(folder, "MD5SUMS") for folder in folders],
            }
        )

    return look_up


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
FIGURES = ["roc", "precision_recall", "calibration", "scores"]


wildcard_constraints:
    run=one_of(RUNS),
    scheme=one_of(SCHEMES),
    baseline=one_of(config["evaluate"]["baselines"]),
    scored=one_of(SCORED),
    name=one_of(config["predict"]["inputs"]),
