# What the rules share: names of files and steps, flags, and the shell that they run in.

import json
import math
import os
import posixpath
import random
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

STARTED = time.time()
PACKAGE = os.path.relpath(Path(workflow.basedir) / "workflow")


scattergather:
    prediction=config["scatter"]["prediction"],
    explanation=config["scatter"]["explanation"],


# What names the pieces of a step, as --set-scatter may have it; the whole needs no name.
PIECES = {step: getattr(gather, step)("{scatteritem}") for step in config["scatter"]}
PIECES = {
    step: [[piece] for piece in pieces] if len(pieces) > 1 else [[]]
    for step, pieces in PIECES.items()
}


def modules(*names):
    """Files of the package that a step depends on: as inputs, so that an edit reruns it."""
    return [f"{PACKAGE}/circlet/{name}" for name in names]


def flags(settings):
    """Command-line flags that bear the names of the settings; those that are null are left out."""
    words = []
    for key, value in sorted(settings.items()):
        if isinstance(value, bool):
            words.append(f"--{'' if value else 'no-'}{key.replace('_', '-')}")
        elif value is not None:
            values = value if isinstance(value, list) else [value]
            words += [f"--{key.replace('_', '-')}", *map(str, values)]
    return shlex.join(words)


REFERENCE = [
    f"{label}={count}" for label, count in sorted(config["dataset"]["reference"].items()) if count
]

# Doubts about a label that cost a transcript its place.
DROPPED = sorted(name for name, done in config["dataset"]["label_noise"].items() if done == "drop")

# The circlet of this repository, not one installed elsewhere, run by the Python that runs
# Snakemake, unless each rule brings an environment of its own. Settings of the machine, not of
# the science, are shell variables and not params, since a change of theirs must not rerun anything.
# What a job asks for that can use a GPU. A site asks for more in its profile.
GPUS = 0 if config["device"] in ("cpu", "mps") else 1
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


def sources_of(*kinds):
    """Pattern of the names of the enabled sources of some types."""
    return one_of(name for kind in kinds for name in sources_named(kind))


def is_fetched(source):
    """Whether a source comes from an upstream, and not from the user's transcripts."""
    return "urls" in source and not (source["type"] == "linear_exons" and source.get("fasta"))


# GENCODE's files, and the keys under which a user names files of his own instead.
GENCODE_FILES = {"lncRNA_transcripts.fa.gz": "fasta", "long_noncoding_RNAs.gtf.gz": "gtf"}
CODING_FILES = {"pc_transcripts.fa.gz": "fasta", "annotation.gtf.gz": "gtf"}
DOWNLOAD_SUFFIXES = {
    "circrnadb": ["zip"],
    "circbase": ["fa.gz"],
    "gencode": list(GENCODE_FILES),
    "linear_exons": list(CODING_FILES),
}
DOWNLOAD_MODULES = [
    "data/download.py",
    "data/connection.py",
    "data/fetch.py",
    "data/mirror.py",
    "data/part.py",
    "data/checks.py",
]
PARSE_MODULES = [
    "data/parse.py",
    "data/records.py",
    "data/sources/fasta.py",
    "data/sources/lines.py",
    "data/sources/places.py",
]
DOWNLOAD_RECORDS = [
    f"{RESULTS}/downloads/{name}.{suffix}.json"
    for name, source in SOURCES.items()
    if is_fetched(source)
    for suffix in DOWNLOAD_SUFFIXES[source["type"]]
]


def local_file(wildcards):
    """Input function: the file that the user has already of the wildcards' source, if any."""
    key = (GENCODE_FILES | CODING_FILES).get(wildcards.get("file"), "file")
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
    own = source.get((GENCODE_FILES | CODING_FILES)[wildcards.file])
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


def coding_files(wildcards):
    """Input function: transcripts and exons that hard negatives are cut from, the user's or not."""
    source = SOURCES[wildcards.source]
    if source.get("fasta"):
        return {key: locate(source[key]) for key in ("fasta", "bed", "gtf") if source.get(key)}
    folder = f"{RESULTS}/downloads/{wildcards.source}"
    return {key: f"{folder}.{suffix}" for suffix, key in CODING_FILES.items()}


def exon_flags(wildcards, input):
    """Params function: what `circlet linear-exons` must be told of the wildcard's source."""
    source = SOURCES[wildcards.source]
    names = {key: input[key] for key in ("fasta", "bed", "gtf") if key in input.keys()}
    keys = ("assembly", "per_circrna", "seed")
    return flags(names | {"source": wildcards.source} | {key: source[key] for key in keys})


def external_flags(wildcards, input, output):
    """Params function: the user's sets that a step classifies beside the dataset, if any."""
    return (
        flags({"external": input.external, "external_output": output.external}) if EXTERNAL else ""
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


def shard_flag(wildcards):
    """Params function: which piece the wildcards name."""
    return f"--shard {wildcards.scatteritem.replace('-of-', '/')}"


def split_name(split):
    """Name of the table that a run is trained and tested on: its scheme, and how it varies."""
    fold = [] if split["fold"] is None else [f"fold{split['fold']}"]
    hard = {False: [], True: ["hard"], "only": ["hardonly"]}[split["hard_negatives"]]
    return ".".join([split["scheme"], *fold, *hard])


def split_of(run):
    """The split that a run is trained and tested on."""
    return split_name(config["runs"][run]["split"])


def split_flags(wildcards):
    """Params function: what else `circlet split` must be told for the wildcard's scheme."""
    split = config["split"]
    settings = {"folds": split["folds"], "seed": split["seed"]}
    if wildcards.scheme == "chromosome":
        settings |= {f"{part}_chromosomes": names for part, names in split["chromosomes"].items()}
    return flags(settings)


def variant_flags(wildcards):
    """Params function: how the wildcard's split varies its scheme's."""
    _, *varied = wildcards.variant.split(".")
    folds = [name.removeprefix("fold") for name in varied if name.startswith("fold")]
    words = [f"--fold {fold} --folds {config['split']['folds']}" for fold in folds]
    modes = {"hard": "also", "hardonly": "only"}
    return " ".join(words + [f"--hard-negatives {modes[name]}" for name in varied if name in modes])


def members(path):
    """Input function: a file of each seed of the wildcards' run."""
    return lambda wildcards: expand(
        path, run=wildcards.run, seed=config["runs"][wildcards.run]["seeds"]
    )


def of_folds(path):
    """Input function: a file of each fold of the wildcards' run, or one clear line."""

    def files(wildcards):
        names = list(FOLD_RUNS.get(wildcards.run, ()))
        if not names:
            fold, folds = config["runs"][wildcards.run]["split"]["fold"], config["split"]["folds"]
            refuse(
                f"runs.{wildcards.run}.split.fold",
                f"{folds} folds are too few" if fold is None else f"it names the fold {fold}",
                "cross-validation asks for null here, and for three split.folds or more",
            )
        return expand(path, run=names, scored=names, split=list(map(split_of, names)))

    return files


def rivals(run):
    """Predictions of what a run is compared with on its split, by name: the baselines, and the
    other runs on it."""
    split = split_of(run)
    scored = [f"baselines/{split}/{name}" for name in sorted(config["evaluate"]["baselines"])]
    scored += [other for other in RUNS if other != run and split_of(other) == split]
    return {Path(name).name: f"{RESULTS}/predictions/{name}.tsv.gz" for name in scored}


def others(run):
    """Predictions of the runs on other splits, by name: compared on what both held out."""
    names = [other for other in RUNS if split_of(other) != split_of(run)]
    return {name: f"{RESULTS}/predictions/{name}.tsv.gz" for name in names}


def rival_flags(wildcards):
    """Params function: what the wildcards' run is compared with, on its split and on others."""
    own = [f"{name}={path}" for name, path in rivals(wildcards.run).items()]
    rest = [f"{name}={split_of(name)}={path}" for name, path in others(wildcards.run).items()]
    named = {"rivals": own, "others": rest}
    return flags({key: pairs for key, pairs in named.items() if pairs})


def differences_of(run):
    """The paired differences of a run from its rivals, if it has any."""
    return [f"{RESULTS}/evaluation/{run}/differences.tsv"] if rivals(run) or others(run) else []


def draw(values, chance):
    """One of the values of a list, or a number from a range."""
    if isinstance(values, list):
        return chance.choice(values)
    low, high = values["low"], values["high"]
    if values["scale"] == "log":
        drawn = math.exp(chance.uniform(math.log(low), math.log(high)))
    else:
        drawn = chance.uniform(low, high)
    whole = isinstance(low, int) and isinstance(high, int)
    return round(drawn) if whole else float(f"{drawn:.4g}")


def trial_flags(wildcards):
    """Params function: the wildcards' run, with what the trial tries; trial 0 is the run itself."""
    run = config["runs"][wildcards.run]
    settings = {section: dict(run[section]) for section in ("network", "training")}
    if wildcards.trial != "0":
        for name, values in SPACE.items():
            # By its name, so that a setting more or less leaves what is drawn for the others.
            chance = random.Random(f"{SEARCH['seed']} {wildcards.trial} {name}")
            section, setting = name.split(".")
            settings[section][setting] = draw(values, chance)
    return " ".join(map(flags, settings.values()))


def first_seed(path):
    """Input function: a file of each trial, whose seed is the run's first."""
    return lambda wildcards: expand(
        path,
        run=wildcards.run,
        trial=range(SEARCH["trials"]),
        seed=config["runs"][wildcards.run]["seeds"][0],
    )


def trees_of_run(wildcards):
    """Input function: the boosted trees of the wildcards' run, if it has any."""
    path = f"{RESULTS}/models/{wildcards.run}/trees.safetensors"
    return [path] if config["runs"][wildcards.run]["boosting"] else []


AUDITED = sorted(config["split"]["audit"])
# The splits on which something is trained and tested.
SPLITS = sorted({split_of(run) for run in RUNS} | set(AUDITED))
# What is evaluated, named as its predictions are: each run, and each baseline on each split.
SCORED = {run: {"name": run, "kind": "run", "scheme": split_of(run)} for run in RUNS} | {
    f"baselines/{split}/{name}": {"name": name, "kind": "baseline", "scheme": split}
    for split in SPLITS
    for name in config["evaluate"]["baselines"]
}
# The runs of single folds, made and evaluated only where a cross-validation asks for them.
OF_FOLDS = [name for found in FOLD_RUNS.values() for name in found]
EVALUATED = SCORED | {
    name: {"name": name, "kind": "run", "scheme": split_of(name)} for name in OF_FOLDS
}
# FASTA files of the user's labelled sets, by label and set.
EXTERNAL = {
    label: {
        name: locate(files[label]) for name, files in sorted(config["evaluate"]["external"].items())
    }
    for label in (["circRNA", "lncRNA"] if config["evaluate"]["external"] else [])
}
# What made the dataset, told in its card.
DATA_SETTINGS = json.dumps(
    {"sources": SOURCES, "dataset": config["dataset"], "split": config["split"]}, sort_keys=True
)
# How every interval is made.
BOOTSTRAP = flags({key: config["evaluate"][key] for key in ("replicates", "confidence", "seed")})
# How calls are explained: the config's keys are the step's options, but for one.
EXPLANATION = flags(
    {"most" if key == "mistakes" else key: value for key, value in config["explain"].items()}
)
DIFFERENCES = [path for run in RUNS for path in differences_of(run)]
COMPOSITION_MODULES = ["composition.py", "descriptors.py"]
BASELINE_MODULES = [
    "evaluation/baselines.py",
    "shared_kmers.py",
    *COMPOSITION_MODULES,
    "parts.py",
    "thresholds.py",
]
# What scores predictions on their test sets.
METRIC_MODULES = [
    "evaluation/metrics.py",
    "evaluation/bootstrap.py",
    "evaluation/scores.py",
    "evaluation/predictions.py",
    "evaluation/test_sets.py",
    "evaluation/subsets.py",
    "evaluation/matching.py",
    *BASELINE_MODULES,
]
TRAIN_MODULES = [
    "model/train.py",
    "model/trainer.py",
    "model/augment.py",
    "model/batches.py",
    "model/calibration.py",
    "model/checkpoint.py",
    "model/distributed.py",
    "model/divergence.py",
    "model/kmers.py",
    "model/launch.py",
    "model/network.py",
    "model/options.py",
    "model/padding.py",
    "model/runtime.py",
    "model/schedule.py",
    "model/scoring.py",
    "model/settings.py",
    "model/state.py",
    "model/tokens.py",
    "model/trees.py",
]
SCORING_MODULES = [
    "hashes.py",
    "model/batches.py",
    "model/calibration.py",
    "model/checkpoint.py",
    "model/description.py",
    "model/kmers.py",
    "model/network.py",
    "model/padding.py",
    "model/reference.py",
    "model/runtime.py",
    "model/scoring.py",
    "model/tokens.py",
    "model/trees.py",
]
ASSEMBLE_MODULES = ["model/assemble.py", "thresholds.py", *SCORING_MODULES]
CALL_MODULES = ["calls.py", "call_rows.py"]
PREDICTOR_MODULES = [
    "model/onnx_file.py",
    "model/onnx_model.py",
    "model/onnx_networks.py",
    "predict.py",
    "chunks.py",
    "flags.py",
    "letters.py",
    "model/torch_networks.py",
    "pipelining.py",
    "preparation.py",
    *CALL_MODULES,
    *SCORING_MODULES,
    *COMPOSITION_MODULES,
]
PREDICT_MODULES = [
    "classify.py",
    "shards.py",
    "data/sources/fastq.py",
    "data/sources/lines.py",
    "data/sources/places.py",
    "data/sources/sequences.py",
    *PREDICTOR_MODULES,
]
# What packs a model, and what it packs of the package.
PACKAGE_MODULES = [
    "serve/answers.py",
    "serve/archive.py",
    "serve/bodies.py",
    "serve/model_package.py",
    "serve/sagemaker_inference.py",
    "serve/schema.py",
    "data/genome.py",
    "data/genome_index.py",
    "data/records.py",
    "data/sources/bed12.py",
    "data/sources/fasta.py",
    "data/sources/fastq.py",
    "data/sources/gencode.py",
    "data/sources/lines.py",
    "data/sources/places.py",
    "data/sources/sequences.py",
    "data/sources/spliced.py",
    "model/attributed.py",
    "model/attribution.py",
    "model/rollout.py",
    "models.py",
    "parts.py",
    *PREDICTOR_MODULES,
]
EXPLAIN_MODULES = [
    "evaluation/explain/explain.py",
    "evaluation/explain/figures.py",
    "evaluation/explain/inputs.py",
    "evaluation/explain/frames.py",
    "evaluation/explain/logo.py",
    "evaluation/explain/motif_figures.py",
    "evaluation/explain/motifs.py",
    "evaluation/explain/mutagenesis.py",
    "evaluation/explain/pieces.py",
    "evaluation/explain/sanity.py",
    "evaluation/explain/shares.py",
    "evaluation/explain/single.py",
    "evaluation/predictions.py",
    "model/attribution.py",
    "model/rollout.py",
    "drawing.py",
    "data/sources/fasta.py",
    "data/sources/lines.py",
    "data/sources/places.py",
    "parts.py",
    "shards.py",
    *PREDICTOR_MODULES,
]
GATHER_EXPLANATION_MODULES = [
    "evaluation/explain/gather.py",
    "evaluation/explain/logo.py",
    "evaluation/explain/motif_figures.py",
    "evaluation/explain/motifs.py",
    "evaluation/explain/pieces.py",
    "evaluation/explain/sanity.py",
    "descriptors.py",
    "drawing.py",
    "shards.py",
]
# What both pages, the report and the card, are made with.
PAGE_MODULES = [
    "citations.py",
    "drawing.py",
    "pages.py",
    "words.py",
    *(f"templates/{name}" for name in ("page.css", "page.js", "page.html.j2", "parts.html.j2")),
]
# What the cards in Markdown are made with.
MARKDOWN_MODULES = ["layout.py", "markdown.py", "words.py", "templates/sections.md.j2"]
CARD_MODULES = [
    "data/card/card.py",
    "data/card/contents.py",
    "data/card/figures.py",
    "data/card/inputs.py",
    "data/card/limits.py",
    "data/card/trust.py",
    "data/card/words.py",
    "data/card/datasheet.py",
    "data/card/templates/card.html.j2",
    "data/card/templates/card.md.j2",
    *MARKDOWN_MODULES,
    "parts.py",
    *PAGE_MODULES,
]
SPLIT_MODULES = ["data/splits.py", "data/groups.py", "data/intervals.py"]
# What the report and the model cards tell in the same words.
TRUST_MODULES = [
    "evaluation/comparison.py",
    "evaluation/literature.py",
    "evaluation/literature.tsv",
    "evaluation/model_card/inputs.py",
    "evaluation/model_card/trust.py",
    "evaluation/report/inputs.py",
    "evaluation/report/words.py",
    "evaluation/resources.py",
    "evaluation/row_plot.py",
    "evaluation/scores.py",
    "evaluation/significance.py",
    "evaluation/verdict.py",
    "layout.py",
]
REPORT_MODULES = [
    "evaluation/report/report.py",
    "evaluation/report/pictures.py",
    "evaluation/report/sections.py",
    "evaluation/figures.py",
    *TRUST_MODULES,
    *PAGE_MODULES,
    *(
        f"evaluation/report/templates/{name}.html.j2"
        for name in (
            *("report", "data", "comparison", "run"),
            *("explanation", "resources", "origin"),
        )
    ),
]
MODEL_CARD_MODULES = [
    "evaluation/model_card/model_card.py",
    "evaluation/model_card/about.py",
    "evaluation/model_card/inputs.py",
    "evaluation/model_card/limits.py",
    "evaluation/model_card/scores.py",
    "evaluation/model_card/training.py",
    "evaluation/model_card/trust.py",
    "evaluation/model_card/front_matter.py",
    "evaluation/model_card/dome.py",
    "evaluation/model_card/dome_data.py",
    "evaluation/model_card/dome_evaluation.py",
    "evaluation/model_card/dome_model.py",
    "evaluation/model_card/dome_optimisation.py",
    "evaluation/model_card/templates/model_card.md.j2",
    "evaluation/model_card/templates/dome.md.j2",
    *COMPOSITION_MODULES,
    *MARKDOWN_MODULES,
    *TRUST_MODULES,
    *PAGE_MODULES,
]
# The steps whose time and memory are told, by the paths of their benchmarks.
BENCHMARKS = [
    *(
        f"{'linear_exons' if source['type'] == 'linear_exons' else 'parse'}/{name}"
        for name, source in SOURCES.items()
    ),
    *("build_dataset", "cluster_homology"),
    *(f"split/{split}" for split in sorted({name.split(".")[0] for name in SPLITS} | set(SPLITS))),
    *("audit_leakage", "measure_confounds"),
    *(f"{step}/{run}" for run in RUNS for step in ("vocabulary", "tokens")),
    *(f"train/{run}/seed{seed}" for run in RUNS for seed in config["runs"][run]["seeds"]),
    *(f"trees/{run}" for run in RUNS if config["runs"][run]["boosting"]),
    *(f"{step}/{run}" for run in RUNS for step in ("assemble", "predict")),
    *(f"predict_external/{run}" for run in RUNS if EXTERNAL),
    *(
        posixpath.join("predict", run, name, *piece)
        for run in RUNS
        for name in config["predict"]["inputs"]
        for piece in PIECES["prediction"]
    ),
    *(f"baselines/{split}/{name}" for split in SPLITS for name in config["evaluate"]["baselines"]),
    *(f"evaluate/{scored}" for scored in SCORED),
    *(f"differences/{run}" for run in RUNS if differences_of(run)),
    *(f"{step}/{run}" for run in RUNS for step in ("strata", "figures")),
    *(posixpath.join("explain", run, *piece) for run in RUNS for piece in PIECES["explanation"]),
]
PARTS = ["train", "validation", "test"]
CARD_FIGURES = ["length", "gc", "exon_number"]
FIGURES = ["roc", "precision_recall", "calibration", "scores"]
RUN_FIGURES = [*FIGURES, "learning", "strata"]


wildcard_constraints:
    run=one_of([*RUNS, *OF_FOLDS]),
    seed="[0-9]+",
    trial="[0-9]+",
    scheme="[a-z]+",
    split=one_of(SPLITS),
    variant=one_of(split for split in [*SPLITS, *map(split_of, OF_FOLDS)] if "." in split),
    baseline=one_of(config["evaluate"]["baselines"]),
    scored=one_of(EVALUATED),
    name=one_of(config["predict"]["inputs"]),
    file=one_of(GENCODE_FILES | CODING_FILES),
