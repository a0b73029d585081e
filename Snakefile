from pathlib import Path

from snakemake.utils import min_version

min_version("9.10")


# Of the working folder, if it has one: with --directory the results go elsewhere.
configfile: "config.yaml" if Path("config.yaml").exists() else workflow.source_path("config.yaml")


include: "workflow/rules/config.smk"
include: "workflow/rules/common.smk"


if CONTAINER:

    # Of all rules, where Snakemake is asked for it by --sdm apptainer.
    container: CONTAINER


include: "workflow/rules/data.smk"
include: "workflow/rules/model.smk"
include: "workflow/rules/evaluation.smk"
include: "workflow/rules/deploy.smk"


report: "workflow/report/workflow.rst"


# On a cluster these run where Snakemake does: downloads, since compute nodes may have no network, and
# what takes seconds over small tables.
localrules:
    download_circrnadb,
    download_circbase,
    download_gencode,
    compare_scores,
    draw_confounds,
    draw_forest,
    draw_learning,
    draw_strata,
    gather_resources,
    rank_trials,


rule all:
    default_target: True
    input:
        expand(f"{RESULTS}/models/{{run}}/config.json", run=RUNS),
        expand(f"{RESULTS}/predictions/{{run}}.tsv.gz", run=RUNS),
        expand(
            f"{RESULTS}/predictions/{{run}}/{{name}}.tsv.gz",
            run=RUNS,
            name=config["predict"]["inputs"],
        ),
        expand(f"{RESULTS}/models/{{run}}/{{page}}.md", run=RUNS, page=["README", "DOME"]),
        f"{RESULTS}/evaluation/comparison.tsv",
        f"{RESULTS}/evaluation/forest.svg",
        expand(f"{RESULTS}/evaluation/{{run}}/{{figure}}.svg", run=RUNS, figure=RUN_FIGURES),
        f"{RESULTS}/evaluation/resources.tsv",
        f"{RESULTS}/dataset/card.html",
        f"{RESULTS}/dataset/confounds.svg",
        f"{RESULTS}/report.html",


onsuccess:
    show_scores()
