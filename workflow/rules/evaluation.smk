# From predictions to metrics, pictures and pages.


rule fit_baseline:
    input:
        transcripts=rules.build_dataset.output.transcripts,
        split=f"{RESULTS}/splits/{{split}}.parquet",
        external=rules.read_external.output.transcripts if EXTERNAL else [],
        code=modules(*BASELINE_MODULES),
    output:
        predictions=f"{RESULTS}/predictions/baselines/{{split}}/{{baseline}}.tsv.gz",
        external=(
            f"{RESULTS}/external/predictions/baselines/{{split}}/{{baseline}}.tsv.gz"
            if EXTERNAL
            else []
        ),
    log:
        f"{RESULTS}/logs/baselines/{{split}}/{{baseline}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/baselines/{{split}}/{{baseline}}.tsv"
    conda:
        "../../envs/evaluation.yaml"
    threads: 2
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        seed=config["evaluate"]["seed"],
        external=external_flags,
    shell:
        "export OMP_NUM_THREADS={threads};"
        " circlet baseline --transcripts {input.transcripts:q} --split {input.split:q}"
        " --baseline {wildcards.baseline} --seed {params.seed} {params.external}"
        " --output {output.predictions:q} 2> {log:q}"


rule evaluate_predictions:
    input:
        predictions=f"{RESULTS}/predictions/{{scored}}.tsv.gz",
        split=lambda wildcards: f"{RESULTS}/splits/{EVALUATED[wildcards.scored]['scheme']}.parquet",
        transcripts=rules.build_dataset.output.transcripts,
        subsets=f"{RESULTS}/dataset/subsets.parquet",
        external=f"{RESULTS}/external/predictions/{{scored}}.tsv.gz" if EXTERNAL else [],
        external_transcripts=rules.read_external.output.transcripts if EXTERNAL else [],
        external_subsets=rules.read_external.output.subsets if EXTERNAL else [],
        code=modules(*METRIC_MODULES),
    output:
        metrics=f"{RESULTS}/evaluation/{{scored}}/metrics.json",
        test_sets=f"{RESULTS}/evaluation/{{scored}}/test_sets.json",
    log:
        f"{RESULTS}/logs/evaluate/{{scored}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/evaluate/{{scored}}.tsv"
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        scored=lambda wildcards: flags(EVALUATED[wildcards.scored]),
        part=config["evaluate"]["part"],
        external=lambda wildcards, input: flags(
            {key: input[key] for key in input.keys() if key.startswith("external") and input[key]}
        ),
        settings=BOOTSTRAP,
    shell:
        "circlet evaluate --predictions {input.predictions:q} --split {input.split:q}"
        " --transcripts {input.transcripts:q} --subsets {input.subsets:q} {params.external}"
        " {params.scored} --part {params.part} {params.settings}"
        " --output {output.metrics:q} --test-sets {output.test_sets:q} 2> {log:q}"


rule draw_figures:
    input:
        predictions=rules.predict_dataset.output.predictions,
        code=modules(
            "evaluation/figures.py",
            "evaluation/curves.py",
            "evaluation/predictions.py",
            "evaluation/scores.py",
            "drawing.py",
            "parts.py",
        ),
    output:
        svg=report(
            expand(f"{RESULTS}/evaluation/{{{{run}}}}/{{figure}}.svg", figure=FIGURES),
            caption="../report/figures.rst",
            category="Curves",
            subcategory="{run}",
        ),
        png=expand(f"{RESULTS}/evaluation/{{{{run}}}}/{{figure}}.png", figure=FIGURES),
        points=expand(f"{RESULTS}/evaluation/{{{{run}}}}/{{figure}}.tsv", figure=FIGURES),
    log:
        f"{RESULTS}/logs/figures/{{run}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/figures/{{run}}.tsv"
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        part=config["evaluate"]["part"],
        folder=lambda wildcards, output: str(Path(output.svg[0]).parent),
    shell:
        "circlet figures --predictions {input.predictions:q} --part {params.part}"
        " --name {wildcards.run} --output-dir {params.folder:q} 2> {log:q}"


rule measure_confounds:
    input:
        transcripts=rules.build_dataset.output.transcripts,
        splits=rules.audit_leakage.input.splits,
        code=modules(
            "evaluation/confounds.py",
            "evaluation/matching.py",
            "evaluation/coding.py",
            "evaluation/subsets.py",
            "evaluation/bootstrap.py",
            "evaluation/scores.py",
            *BASELINE_MODULES,
        ),
    output:
        confounds=report(
            f"{RESULTS}/dataset/confounds.tsv",
            caption="../report/confounds.rst",
            category="Dataset",
        ),
        subsets=f"{RESULTS}/dataset/subsets.parquet",
    log:
        f"{RESULTS}/logs/measure_confounds.log",
    benchmark:
        f"{RESULTS}/benchmarks/measure_confounds.tsv"
    conda:
        "../../envs/evaluation.yaml"
    threads: 2
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        settings=BOOTSTRAP,
    shell:
        "export OMP_NUM_THREADS={threads};"
        " circlet confounds --transcripts {input.transcripts:q} --splits {input.splits:q}"
        " {params.settings} --output {output.confounds:q} --subsets {output.subsets:q} 2> {log:q}"


rule draw_confounds:
    input:
        confounds=rules.measure_confounds.output.confounds,
        code=modules("evaluation/confounds_figure.py", "evaluation/row_plot.py", "drawing.py"),
    output:
        svg=report(
            f"{RESULTS}/dataset/confounds.svg",
            caption="../report/confounds.rst",
            category="Dataset",
        ),
        png=f"{RESULTS}/dataset/confounds.png",
    log:
        f"{RESULTS}/logs/draw_confounds.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        folder=subpath(output.svg, parent=True),
    shell:
        "circlet confounds-figure --confounds {input.confounds:q}"
        " --output-dir {params.folder:q} 2> {log:q}"


rule compare_with_rivals:
    input:
        predictions=rules.predict_dataset.output.predictions,
        rivals=lambda wildcards: rivals(wildcards.run).values(),
        others=lambda wildcards: others(wildcards.run).values(),
        split=lambda wildcards: f"{RESULTS}/splits/{split_of(wildcards.run)}.parquet",
        transcripts=rules.build_dataset.output.transcripts,
        subsets=rules.measure_confounds.output.subsets,
        code=modules(
            "evaluation/differences.py",
            "evaluation/held_out.py",
            "evaluation/significance.py",
            *METRIC_MODULES,
        ),
    output:
        differences=report(
            f"{RESULTS}/evaluation/{{run}}/differences.tsv",
            caption="../report/differences.rst",
            category="Comparison",
        ),
    log:
        f"{RESULTS}/logs/differences/{{run}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/differences/{{run}}.tsv"
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        rivals=rival_flags,
        scheme=lambda wildcards: split_of(wildcards.run),
        part=config["evaluate"]["part"],
        settings=BOOTSTRAP,
    shell:
        "circlet differences --predictions {input.predictions:q} {params.rivals}"
        " --split {input.split:q} --transcripts {input.transcripts:q} --subsets {input.subsets:q}"
        " --name {wildcards.run} --scheme {params.scheme} --part {params.part} {params.settings}"
        " --output {output.differences:q} 2> {log:q}"


rule score_strata:
    input:
        predictions=rules.predict_dataset.output.predictions,
        split=rules.compare_with_rivals.input.split,
        transcripts=rules.build_dataset.output.transcripts,
        relatives=rules.audit_leakage.output.relatives,
        code=modules(
            "evaluation/strata.py",
            *METRIC_MODULES,
        ),
    output:
        strata=report(
            f"{RESULTS}/evaluation/{{run}}/strata.tsv",
            caption="../report/strata.rst",
            category="Strata",
        ),
        mistakes=report(
            f"{RESULTS}/evaluation/{{run}}/mistakes.tsv",
            caption="../report/mistakes.rst",
            category="Strata",
        ),
    log:
        f"{RESULTS}/logs/strata/{{run}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/strata/{{run}}.tsv"
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        scheme=lambda wildcards: split_of(wildcards.run),
        part=config["evaluate"]["part"],
        settings=BOOTSTRAP,
    shell:
        "circlet strata --predictions {input.predictions:q} --split {input.split:q}"
        " --transcripts {input.transcripts:q} --relatives {input.relatives:q}"
        " --name {wildcards.run} --scheme {params.scheme}"
        " --part {params.part} {params.settings} --output {output.strata:q}"
        " --mistakes-output {output.mistakes:q} 2> {log:q}"


rule score_seeds:
    input:
        predictions=rules.predict_dataset.output.predictions,
        members=rules.predict_dataset.output.members,
        split=rules.compare_with_rivals.input.split,
        code=modules("evaluation/seeds.py", *METRIC_MODULES),
    output:
        seeds=report(
            f"{RESULTS}/evaluation/{{run}}/seeds.tsv",
            caption="../report/seeds.rst",
            category="Comparison",
        ),
    log:
        f"{RESULTS}/logs/seeds/{{run}}.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        scheme=lambda wildcards: split_of(wildcards.run),
        part=config["evaluate"]["part"],
        settings=BOOTSTRAP,
    shell:
        "circlet seeds --predictions {input.predictions:q} --members {input.members:q}"
        " --split {input.split:q} --name {wildcards.run} --scheme {params.scheme}"
        " --part {params.part} {params.settings} --output {output.seeds:q} 2> {log:q}"


# Cross-validation of a run: snakemake results/evaluation/RUN/folds.tsv. Not part of the default
# target, as every fold is trained and evaluated by jobs of its own.
rule gather_folds:
    input:
        metrics=of_folds(rules.evaluate_predictions.output.metrics),
        predictions=of_folds(rules.predict_dataset.output.predictions),
        splits=of_folds(f"{RESULTS}/splits/{{split}}.parquet"),
        code=modules("evaluation/folds.py", "evaluation/comparison.py", "words.py", *METRIC_MODULES),
    output:
        folds=f"{RESULTS}/evaluation/{{run}}/folds.tsv",
    log:
        f"{RESULTS}/logs/folds/{{run}}.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        scheme=lambda wildcards: split_of(wildcards.run),
        part=config["evaluate"]["part"],
        settings=BOOTSTRAP,
    # Its last line is what was asked for.
    shell:
        "circlet folds --metrics {input.metrics:q} --predictions {input.predictions:q}"
        " --splits {input.splits:q} --name {wildcards.run} --scheme {params.scheme}"
        " --part {params.part} {params.settings} --output {output.folds:q} 2>&1 | tee {log:q} >&2"


rule explain_run:
    input:
        model=rules.predict_dataset.input.model,
        weights=rules.predict_dataset.input.weights,
        trees=rules.predict_dataset.input.trees,
        predictions=rules.predict_dataset.output.predictions,
        split=rules.compare_with_rivals.input.split,
        transcripts=rules.build_dataset.output.transcripts,
        mistakes=rules.score_strata.output.mistakes,
        code=modules(*EXPLAIN_MODULES),
    output:
        folder=report(
            directory(f"{RESULTS}/evaluation/{{run}}/explanation"),
            patterns=["{name}.svg"],
            caption="../report/explanation.rst",
            category="Explanation",
            subcategory="{run}",
        ),
    log:
        f"{RESULTS}/logs/explain/{{run}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/explain/{{run}}.tsv"
    conda:
        "../../envs/model.yaml"
    threads: 8
    resources:
        mem_mb=8000,
        runtime=120,
        gpu=GPUS,
    params:
        model=rules.predict_dataset.params.model,
        part=config["evaluate"]["part"],
        settings=EXPLANATION,
        shard="",
    shell:
        "circlet explain --model {params.model:q} --predictions {input.predictions:q}"
        " --split {input.split:q} --transcripts {input.transcripts:q}"
        " --mistakes {input.mistakes:q} --part {params.part} {params.settings} {params.shard}"
        " --device $DEVICE --threads {threads} --output {output.folder:q} 2> {log:q}"


# The same in pieces, where the config says so.
use rule explain_run as explain_piece with:
    output:
        folder=temp(directory(f"{RESULTS}/evaluation/{{run}}/explanation.{{scatteritem}}")),
    log:
        f"{RESULTS}/logs/explain/{{run}}/{{scatteritem}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/explain/{{run}}/{{scatteritem}}.tsv"
    params:
        model=rules.predict_dataset.params.model,
        part=config["evaluate"]["part"],
        settings=EXPLANATION,
        shard=shard_flag,


rule gather_explanation:
    input:
        pieces=gather.explanation(rules.explain_piece.output.folder, allow_missing=True),
        code=modules(*GATHER_EXPLANATION_MODULES),
    output:
        folder=report(
            directory(f"{RESULTS}/evaluation/{{run}}/explanation"),
            patterns=["{name}.svg"],
            caption="../report/explanation.rst",
            category="Explanation",
            subcategory="{run}",
        ),
    log:
        f"{RESULTS}/logs/gather_explanation/{{run}}.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=20,
    shell:
        "circlet gather-explanation --pieces {input.pieces:q} --output {output.folder:q} 2> {log:q}"


if len(PIECES["explanation"]) > 1:

    ruleorder: gather_explanation > explain_run

else:

    ruleorder: explain_run > gather_explanation


rule compare_scores:
    input:
        metrics=expand(rules.evaluate_predictions.output.metrics, scored=SCORED),
        test_sets=expand(rules.evaluate_predictions.output.test_sets, scored=SCORED),
        code=modules("evaluation/comparison.py", "evaluation/scores.py", "words.py"),
    output:
        comparison=report(
            f"{RESULTS}/evaluation/comparison.tsv",
            caption="../report/comparison.rst",
            category="Comparison",
        ),
    log:
        f"{RESULTS}/logs/compare_scores.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=20,
    shell:
        "circlet compare --metrics {input.metrics:q} {input.test_sets:q}"
        " --output {output.comparison:q} 2> {log:q}"


rule write_model_card:
    input:
        model=rules.assemble_model.output,
        comparison=rules.compare_scores.output.comparison,
        metrics=f"{RESULTS}/evaluation/{{run}}/metrics.json",
        test_sets=f"{RESULTS}/evaluation/{{run}}/test_sets.json",
        differences=lambda wildcards: differences_of(wildcards.run),
        strata=rules.score_strata.output.strata,
        datasheet=rules.write_card.output.datasheet,
        transcripts=rules.build_dataset.output.transcripts,
        split=rules.compare_with_rivals.input.split,
        predictions=rules.predict_dataset.output.predictions,
        code=modules(*MODEL_CARD_MODULES),
    output:
        card=report(
            f"{RESULTS}/models/{{run}}/README.md",
            caption="../report/model_card.rst",
            category="Model",
        ),
        dome=report(
            f"{RESULTS}/models/{{run}}/DOME.md",
            caption="../report/dome.rst",
            category="Model",
        ),
    log:
        f"{RESULTS}/logs/model_card/{{run}}.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        model=subpath(output.card, parent=True),
        differences=lambda wildcards: flags({"differences": differences_of(wildcards.run) or None}),
        # Not an input: where it was deleted, that is no reason to classify again.
        benchmark=f"{RESULTS}/benchmarks/predict/{{run}}.tsv",
    shell:
        "circlet model-card --name {wildcards.run} --model {params.model:q}"
        " --comparison {input.comparison:q} --metrics {input.metrics:q} {input.test_sets:q}"
        " {params.differences} --strata {input.strata:q} --datasheet {input.datasheet:q}"
        " --transcripts {input.transcripts:q} --split {input.split:q}"
        " --benchmark {params.benchmark:q} --card {output.card:q} --dome {output.dome:q} 2> {log:q}"


rule draw_forest:
    input:
        comparison=rules.compare_scores.output.comparison,
        code=modules(
            "evaluation/forest.py",
            "evaluation/comparison.py",
            "evaluation/literature.py",
            "evaluation/literature.tsv",
            "evaluation/row_plot.py",
            "evaluation/scores.py",
            "drawing.py",
            "words.py",
        ),
    output:
        svg=report(
            f"{RESULTS}/evaluation/forest.svg",
            caption="../report/forest.rst",
            category="Comparison",
        ),
        png=f"{RESULTS}/evaluation/forest.png",
        points=f"{RESULTS}/evaluation/forest.tsv",
    log:
        f"{RESULTS}/logs/draw_forest.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        folder=subpath(output.points, parent=True),
    shell:
        "circlet forest --comparison {input.comparison:q} --output-dir {params.folder:q} 2> {log:q}"


rule draw_learning:
    input:
        training=rules.assemble_model.output.training,
        code=modules("evaluation/learning.py", "drawing.py"),
    output:
        svg=report(
            f"{RESULTS}/evaluation/{{run}}/learning.svg",
            caption="../report/learning.rst",
            category="Curves",
            subcategory="{run}",
        ),
        png=f"{RESULTS}/evaluation/{{run}}/learning.png",
        points=f"{RESULTS}/evaluation/{{run}}/learning.tsv",
    log:
        f"{RESULTS}/logs/learning/{{run}}.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        folder=subpath(output.points, parent=True),
    shell:
        "circlet learning --training {input.training:q} --name {wildcards.run}"
        " --output-dir {params.folder:q} 2> {log:q}"


rule draw_strata:
    input:
        strata=rules.score_strata.output.strata,
        code=modules("evaluation/strata_figure.py", "evaluation/row_plot.py", "drawing.py"),
    output:
        svg=report(
            f"{RESULTS}/evaluation/{{run}}/strata.svg",
            caption="../report/strata.rst",
            category="Strata",
        ),
        png=f"{RESULTS}/evaluation/{{run}}/strata.png",
    log:
        f"{RESULTS}/logs/draw_strata/{{run}}.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        folder=subpath(output.svg, parent=True),
    shell:
        "circlet strata-figure --strata {input.strata:q} --output-dir {params.folder:q} 2> {log:q}"


# Last of all, since it reads what Snakemake wrote beside the outputs. Those files are no inputs: one
# that is gone must not train a network again.
rule gather_resources:
    input:
        comparison=rules.compare_scores.output.comparison,
        confounds=rules.measure_confounds.output.confounds,
        differences=DIFFERENCES,
        strata=expand(rules.score_strata.output.strata, run=RUNS),
        figures=expand(rules.draw_figures.output.svg, run=RUNS),
        predictions=expand(
            rules.predict_input.output.predictions, run=RUNS, name=config["predict"]["inputs"]
        ),
        code=modules("evaluation/resources.py", "evaluation/row_plot.py", "drawing.py"),
    output:
        table=report(
            f"{RESULTS}/evaluation/resources.tsv",
            caption="../report/resources.rst",
            category="Resources",
        ),
        svg=report(
            f"{RESULTS}/evaluation/resources.svg",
            caption="../report/resources.rst",
            category="Resources",
        ),
        png=f"{RESULTS}/evaluation/resources.png",
    log:
        f"{RESULTS}/logs/gather_resources.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        names=BENCHMARKS,
        runs=RUNS,
        folder=f"{RESULTS}/benchmarks",
    shell:
        "circlet resources --benchmarks {params.folder:q} --names {params.names:q}"
        " --runs {params.runs:q} --output {output.table:q} 2> {log:q}"


rule write_report:
    input:
        comparison=rules.compare_scores.output.comparison,
        metrics=[*rules.compare_scores.input.metrics, *rules.compare_scores.input.test_sets],
        summary=rules.build_dataset.output.summary,
        split=expand(f"{RESULTS}/splits/{{split}}.parquet", split=SPLITS),
        transcripts=rules.build_dataset.output.transcripts,
        training=expand(rules.assemble_model.output.training, run=RUNS),
        weights=[
            f"{RESULTS}/models/{run}/seed{seed}.safetensors"
            for run in RUNS
            for seed in config["runs"][run]["seeds"]
        ],
        predictions=expand(rules.predict_dataset.output.predictions, run=RUNS),
        downloads=DOWNLOAD_RECORDS,
        figures=expand(rules.draw_figures.output.svg, run=RUNS),
        learning=expand(rules.draw_learning.output.svg, run=RUNS),
        strata_figures=expand(rules.draw_strata.output.svg, run=RUNS),
        explanations=expand(rules.explain_run.output.folder, run=RUNS),
        forest=rules.draw_forest.output.svg,
        leakage=rules.audit_leakage.output.leakage,
        confounds=rules.measure_confounds.output.confounds,
        resources=rules.gather_resources.output.table,
        differences=DIFFERENCES,
        seeds=expand(rules.score_seeds.output.seeds, run=RUNS),
        strata=expand(rules.score_strata.output.strata, run=RUNS),
        mistakes=expand(rules.score_strata.output.mistakes, run=RUNS),
        code=modules(*REPORT_MODULES),
    output:
        page=report(
            f"{RESULTS}/report.html",
            caption="../report/report.rst",
            category="Report",
        ),
    log:
        f"{RESULTS}/logs/write_report.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        title=lambda wildcards: config["report"]["title"],
        figures=expand(f"{RESULTS}/evaluation/{{run}}", run=RUNS),
        differences=flags({"differences": DIFFERENCES}) if DIFFERENCES else "",
    shell:
        "circlet report --comparison {input.comparison:q} --metrics {input.metrics:q}"
        " --summary {input.summary:q} --split {input.split:q} --training {input.training:q}"
        " --transcripts {input.transcripts:q} --downloads {input.downloads:q}"
        " --figures {params.figures:q} --forest {input.forest:q} --leakage {input.leakage:q}"
        " --confounds {input.confounds:q} --resources {input.resources:q} {params.differences}"
        " --seeds {input.seeds:q} --strata {input.strata:q} --mistakes {input.mistakes:q}"
        " --checksums {input.transcripts:q} {input.split:q} {input.weights:q}"
        " {input.predictions:q} {input.comparison:q}"
        " --title {params.title:q} --output {output.page:q} 2> {log:q}"
