# A random search around a run: snakemake results/search/RUN.tsv. Not part of the default target.

import math
import random

SEARCH = config["search"]
SPACE = {name: values for name, values in sorted(SEARCH["space"].items()) if values is not None}
for name, values in SPACE.items():
    section, setting = name.split(".")
    if setting not in config["runs"][RUNS[0]][section]:
        refuse(f"search.space.{name}", "a run has no such setting", "correct its name")
    if isinstance(values, dict) and values["low"] > values["high"]:
        refuse(f"search.space.{name}", "low is above high", "exchange them")
if not SPACE:
    refuse("search.space", "it is empty", "name a setting that the trials vary")


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


use rule train_model as try_settings with:
    output:
        weights=temp(f"{RESULTS}/search/{{run}}/{{trial}}/seed{{seed}}.safetensors"),
        record=f"{RESULTS}/search/{{run}}/{{trial}}/seed{{seed}}.json",
    log:
        f"{RESULTS}/logs/search/{{run}}/{{trial}}/seed{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/search/{{run}}/{{trial}}/seed{{seed}}.tsv"
    params:
        settings=trial_flags,
        min_length=config["dataset"]["min_length"],
        state=f"{RESULTS}/training/search/{{run}}/{{trial}}/{{seed}}",


rule rank_trials:
    input:
        records=first_seed(rules.try_settings.output.record),
        code=modules("model/search.py"),
    output:
        table=f"{RESULTS}/search/{{run}}.tsv",
    log:
        f"{RESULTS}/logs/search/{{run}}.log",
    conda:
        "../../envs/model.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        settings=[name.split(".")[1] for name in SPACE],
    shell:
        "circlet search --records {input.records:q} --settings {params.settings}"
        " --output {output.table:q} 2> {log:q}"
