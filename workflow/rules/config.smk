# The config: read, checked and put in order before anything runs.

import copy
import sys
from pathlib import Path

import yaml
from jsonschema.exceptions import best_match
from jsonschema.validators import validator_for
from snakemake.exceptions import WorkflowError
from snakemake.utils import update_config, validate


def refuse(place, problem, mend):
    """End with one clear line instead of a traceback: the config is bad input."""
    print(f"circlet: error: config: {place}: {problem}; {mend}", file=sys.stderr)
    sys.exit(2)


def inherited(name, asking=()):
    """Settings of a run, where it names a base: the base's, save for its own."""
    runs, place = config["runs"], f"runs.{name}.base"
    run = runs[name]
    base = run.get("base") if isinstance(run, dict) else None
    if base is None:
        return run
    if not isinstance(base, str) or base not in runs:
        refuse(place, f"there is no run '{base}'", f"choose of {sorted(runs)}")
    if base in (name, *asking):
        refuse(place, f"'{base}' is based on '{name}' in turn", "let one of them stand on its own")
    merged = copy.deepcopy(inherited(base, (name, *asking)))
    update_config(merged, run)
    return merged


def worst_error():
    """What the schema finds most at fault, if anything; of equal faults the first by name."""
    schema = yaml.safe_load(Path(workflow.source_path("../schemas/config.schema.yaml")).read_text())
    errors = list(validator_for(schema)(schema).iter_errors(config))
    worst = best_match(errors)
    alike = [error for error in errors if error.message == getattr(worst, "message", None)]
    return min(alike, key=lambda error: error.json_path, default=worst)


if isinstance(config.get("runs"), dict):
    config["runs"] = {name: inherited(name) for name in sorted(config["runs"])}
try:
    validate(config, "../schemas/config.schema.yaml")
except WorkflowError as error:
    cause = worst_error()
    refuse(
        getattr(cause, "json_path", "$").removeprefix("$.").removeprefix("$") or "top level",
        getattr(cause, "message", str(error)).splitlines()[0],
        "config.yaml lists the keys and their legal values",
    )


def locate(path):
    """A file of the user's: in the working folder, or else beside the Snakefile as the demo's."""
    path = Path(path).expanduser()
    beside = Path(workflow.basedir) / path
    return str(beside if beside.exists() and not path.exists() else path)


def check_file(place, path):
    """Refuse a file that is not there. Snakemake would pass it over if its result stands.

    Braces in a path would be wildcards, and with a dash in front it would be an option.
    """
    if set(path) & set("{}\n\r") or path.startswith("-"):
        refuse(place, f"{path!r} has braces or a line break, or begins with -", "rename the file")
    if not Path(locate(path)).is_file():
        refuse(place, f"there is no file '{path}'", "correct the path")


def check_names(place, names):
    """Refuse names that a file system which knows no case would take for one."""
    seen = {}
    for name in names:
        other = seen.setdefault(name.casefold(), name)
        if other != name:
            refuse(place, f"'{other}' and '{name}' differ in case alone", "rename one")


def check_run(name, run):
    """Refuse settings of a run that contradict each other, before hours of other work."""
    vocabulary, network = run["vocabulary"], run["network"]
    k, stride, window = vocabulary["k"], vocabulary["stride"], vocabulary["window"]
    shortest = config["dataset"]["min_length"] if window is None else window
    place = f"runs.{name}"
    if k > shortest:
        refuse(
            f"{place}.vocabulary.k", f"{k} exceeds {shortest}, the shortest sequence", "lower it"
        )
    if vocabulary["ring"] and window is not None:
        refuse(f"{place}.vocabulary.ring", "a window closes to no ring", "choose one of them")
    if run["training"]["rotate"] and not vocabulary["ring"]:
        refuse(f"{place}.training.rotate", "the vocabulary reads no ring", "set its ring, or 0")
    if network["max_tokens"] > run["training"]["batch_tokens"]:
        refuse(
            f"{place}.network.max_tokens",
            f"it exceeds batch_tokens, {run['training']['batch_tokens']}, which bounds the memory",
            "lower it or raise that",
        )
    if network["architecture"] == "text_transformer":
        tokens = 0 if window is None else (window - k) // stride + 1
        if tokens != network["max_tokens"]:
            refuse(
                f"{place}.network.max_tokens",
                f"text_transformer reads the {tokens} tokens of its vocabulary's window",
                "set both to fit, such as window 400 and max_tokens 396 for k 5",
            )
    elif network["width"] % (2 * network["heads"]):
        refuse(
            f"{place}.network.heads",
            f"{network['width']} / {network['heads']} is not an even whole number",
            "choose heads and width to fit",
        )
    elif network["streams"] * network["patch"] > network["max_tokens"]:
        refuse(f"{place}.network", "streams * patch exceeds max_tokens", "raise max_tokens")


def check_split(name, split):
    """Refuse a fold that is not there, and hard negatives without a source of them."""
    place, folds = f"runs.{name}.split", config["split"]["folds"]
    fold = split["fold"]
    if fold is not None and (fold >= folds or folds < 3):
        refuse(f"{place}.fold", f"{fold} of {folds} folds", "name one from 0 up, of three or more")
    if split["hard_negatives"] and not sources_named("linear_exons"):
        refuse(
            f"{place}.hard_negatives",
            "no source of the type linear_exons is enabled",
            "enable one, such as sources.coding_exons",
        )


def fold_runs(name):
    """A run for each fold to test another on, which names no fold of its own, by their names."""
    run, folds = config["runs"][name], config["split"]["folds"]
    if run["split"]["fold"] is not None or folds < 3:
        return {}
    return {
        f"{name}.fold{fold}": run | {"split": run["split"] | {"fold": fold}}
        for fold in range(folds)
    }


def check_linear_exons(name, source):
    """Refuse transcripts without exons: a FASTA file and one annotation, or a release."""
    own = [key for key in ("fasta", "bed", "gtf") if source.get(key)]
    if own not in (["fasta", "bed"], ["fasta", "gtf"]) and (
        own or not (source.get("urls") and source.get("release"))
    ):
        refuse(
            f"sources.{name}",
            f"it has {' and '.join(own) or 'no file and no release'}",
            "give fasta and one of bed and gtf, or urls and release alone",
        )


def sources_named(kind):
    """Names of the enabled sources of a type."""
    return [name for name, source in SOURCES.items() if source["type"] == kind]


def check_assemblies():
    """Refuse two assemblies where something asks for places, which would meet by chance."""
    assemblies = {source["assembly"] for source in SOURCES.values()} - {None}
    schemes = {config["runs"][name]["split"]["scheme"] for name in RUNS} | set(
        config["split"]["audit"]
    )
    asking = [f"the split scheme {name}" for name in sorted(schemes - {"random", "homology"})]
    if config["dataset"]["label_noise"]["overlaps_circrna"] == "drop":
        asking.append("dataset.label_noise.overlaps_circrna")
    asking += [f"the source {name}" for name in sources_named("linear_exons")]
    if len(assemblies) > 1 and asking:
        refuse(
            "sources",
            f"the assemblies {' and '.join(sorted(assemblies))} are mixed, but {asking[0]} asks for"
            " places",
            "enable sources of one assembly, or use the split schemes random and homology alone",
        )


def check_search():
    """Refuse a search that varies nothing, or a setting that no run has."""
    if not SPACE:
        refuse("search.space", "it is empty", "name a setting that the trials vary")
    for name, values in SPACE.items():
        section, setting = name.split(".")
        if setting not in config["runs"][RUNS[0]][section]:
            refuse(f"search.space.{name}", "a run has no such setting", "correct its name")
        if isinstance(values, dict) and values["low"] > values["high"]:
            refuse(f"search.space.{name}", "low is above high", "exchange them")


# Snakemake merges another config file in front of this one, so the order of the keys says nothing.
# Of two equal sequences the first source's stands: circRNADb's before circBase's.
TYPES = ["circrnadb", "circbase", "gencode", "bed12", "ciriquant", "fasta", "linear_exons"]
SOURCES = {
    name: source
    for name, source in sorted(
        config["sources"].items(), key=lambda item: (TYPES.index(item[1]["type"]), item[0])
    )
    if source["enabled"]
}
RUNS = config["run"]
CONTAINER = config["container"]
RESULTS = config["results"].rstrip("/")
SEARCH = config["search"]
SPACE = {name: values for name, values in sorted(SEARCH["space"].items()) if values is not None}

check_names("run", RUNS)
check_names("sources", SOURCES)
check_names("predict.inputs", config["predict"]["inputs"])
check_names("evaluate.external", config["evaluate"]["external"])
for name in RUNS:
    if name not in config["runs"]:
        refuse("run", f"there is no run '{name}'", f"choose of {sorted(config['runs'])}")
    check_run(name, config["runs"][name])
    check_split(name, config["runs"][name]["split"])
# Runs like the others, of a name that no run of the config can have: with a dot.
FOLD_RUNS = {name: fold_runs(name) for name in RUNS}
for found in FOLD_RUNS.values():
    config["runs"] |= found
for label in ("circRNA", "lncRNA"):
    if not any(
        source["label"] == label and source["type"] != "linear_exons" for source in SOURCES.values()
    ):
        refuse("sources", f"none that is enabled has the label {label}", "enable one")
for name, source in SOURCES.items():
    for key in ("file", "genome", "annotation", "fasta", "bed", "gtf"):
        if source.get(key):
            check_file(f"sources.{name}.{key}", source[key])
    if source["type"] == "linear_exons":
        check_linear_exons(name, source)
for name, files in config["evaluate"]["external"].items():
    for label, path in files.items():
        check_file(f"evaluate.external.{name}.{label}", path)
if CONTAINER and "://" not in CONTAINER:
    check_file("container", CONTAINER)
    CONTAINER = locate(CONTAINER)
for name, path in config["predict"]["inputs"].items():
    check_file(f"predict.inputs.{name}", path)
if abs(sum(config["split"]["fractions"].values()) - 1) > 1e-6:
    refuse("split.fractions", "they do not sum to 1", "mend them")
check_assemblies()
check_search()
