# The config: read, checked and put in order before anything runs.

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


def locate(path):
    """A file of the user's: in the working folder, or else beside the Snakefile as the demo's."""
    path = Path(path).expanduser()
    beside = Path(workflow.basedir) / path
    return str(beside if beside.exists() and not path.exists() else path)


def check_file(place, path):
    """Refuse a file that is not there. Snakemake would pass it over if its result stands."""
    if not Path(locate(path)).is_file():
        refuse(place, f"there is no file '{path}'", "correct the path")


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


# Snakemake merges another config file in front of this one, so the order of the keys says nothing.
# Of two equal sequences the first source's stands: circRNADb's before circBase's.
TYPES = ["circrnadb", "circbase", "gencode", "fasta"]
SOURCES = {
    name: source
    for name, source in sorted(
        config["sources"].items(), key=lambda item: (TYPES.index(item[1]["type"]), item[0])
    )
    if source["enabled"]
}
RUNS = config["run"]
RESULTS = config["results"].rstrip("/")

for name in RUNS:
    if name not in config["runs"]:
        refuse("run", f"there is no run '{name}'", f"choose of {sorted(config['runs'])}")
    check_run(name, config["runs"][name])
for label in ("circRNA", "lncRNA"):
    if not any(source["label"] == label for source in SOURCES.values()):
        refuse("sources", f"none that is enabled has the label {label}", "enable one")
for name, source in SOURCES.items():
    for key in ("file", "fasta", "gtf"):
        if source.get(key):
            check_file(f"sources.{name}.{key}", source[key])
for name, path in config["predict"]["inputs"].items():
    check_file(f"predict.inputs.{name}", path)
if abs(sum(config["split"]["fractions"].values()) - 1) > 1e-6:
    refuse("split.fractions", "they do not sum to 1", "mend them")
