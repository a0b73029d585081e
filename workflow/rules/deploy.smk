# From a trained run to what serves it. Not part of the default target:
#   snakemake --cores all results/deploy/main/model.tar.gz


rule package_model:
    input:
        model=rules.assemble_model.output,
        weights=rules.assemble_model.input.weights,
        trees=rules.assemble_model.input.trees,
        # A model goes nowhere without its card.
        card=rules.write_model_card.output.card,
        code=modules(*PACKAGE_MODULES),
    output:
        archive=f"{RESULTS}/deploy/{{run}}/model.tar.gz",
    log:
        f"{RESULTS}/logs/deploy/{{run}}.log",
    conda:
        "../../envs/deploy.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        model=lambda wildcards, input: str(Path(input.model[0]).parent),
    shell:
        "circlet package-model --model {params.model:q} --output {output.archive:q} 2> {log:q}"
