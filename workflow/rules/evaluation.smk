# From predictions to metrics, pictures and pages.


rule fit_baseline:
    input:
        transcripts=rules.build_dataset.output.transcripts,
        split=f"{RESULTS}/splits/{{split}}.parquet",
        code=modules(*BASELINE_MODULES),
    output:
        predictions=f"{RESULTS}/predictions/baselines/{{split}}/{{baseline}}.tsv.gz",
    log:
        f"{RESULTS}/logs/baselines/{{split}}/{{baseline}}.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 2
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        seed=config["evaluate"]["seed"],
    shell:
        "export OMP_NUM_THREADS={threads};"
        " circlet baseline --transcripts {input.transcripts:q} --split {input.split:q}"
        " --baseline {wildcards.baseline} --seed {params.seed}"
        " --output {output.predictions:q} 2> {log:q}"


rule evaluate_predictions:
    input:
        predictions=f"{RESULTS}/predictions/{{scored}}.tsv.gz",
        split=lambda wildcards: f"{RESULTS}/splits/{SCORED[wildcards.scored]['scheme']}.parquet",
        code=modules(
            "evaluation/metrics.py",
            "evaluation/bootstrap.py",
            "evaluation/scores.py",
            "evaluation/predictions.py",
            "parts.py",
        ),
    output:
        metrics=f"{RESULTS}/evaluation/{{scored}}/{{test_set}}.json",
    log:
        f"{RESULTS}/logs/evaluate/{{scored}}/{{test_set}}.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        scored=lambda wildcards: flags(SCORED[wildcards.scored]),
        part=lambda wildcards: TEST_SETS[wildcards.test_set],
        settings=BOOTSTRAP,
    shell:
        "circlet evaluate --predictions {input.predictions:q} --split {input.split:q}"
        " {params.scored} --part {params.part} {params.settings}"
        " --output {output.metrics:q} 2> {log:q}"


rule draw_figures:
    input:
        predictions=rules.predict_dataset.output.predictions,
        code=modules(
            "evaluation/figures.py",
            "evaluation/curves.py",
            "evaluation/predictions.py",
            "evaluation/scores.py",
            "drawing.py",
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


rule compare_with_rivals:
    input:
        predictions=rules.predict_dataset.output.predictions,
        rivals=lambda wildcards: rivals(wildcards.run).values(),
        split=lambda wildcards: f"{RESULTS}/splits/{split_of(wildcards.run)}.parquet",
        transcripts=rules.build_dataset.output.transcripts,
        subsets=rules.measure_confounds.output.subsets,
        code=modules(
            "evaluation/differences.py",
            "evaluation/metrics.py",
            "evaluation/scores.py",
            "evaluation/bootstrap.py",
            "evaluation/predictions.py",
            "evaluation/subsets.py",
            "evaluation/matching.py",
            *BASELINE_MODULES,
        ),
    output:
        differences=report(
            f"{RESULTS}/evaluation/{{run}}/differences.tsv",
            caption="../report/differences.rst",
            category="Comparison",
        ),
    log:
        f"{RESULTS}/logs/differences/{{run}}.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        rivals=lambda wildcards: flags(
            {"rivals": [f"{name}={path}" for name, path in rivals(wildcards.run).items()]}
        ),
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
            "evaluation/metrics.py",
            "evaluation/scores.py",
            "evaluation/bootstrap.py",
            "evaluation/predictions.py",
            "descriptors.py",
            "parts.py",
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
    params:
        model=rules.predict_dataset.params.model,
        part=config["evaluate"]["part"],
        settings=EXPLANATION,
    shell:
        "circlet explain --model {params.model:q} --predictions {input.predictions:q}"
        " --split {input.split:q} --transcripts {input.transcripts:q}"
        " --mistakes {input.mistakes:q} --part {params.part} {params.settings}"
        " --device $DEVICE --threads {threads} --output {output.folder:q} 2> {log:q}"


rule compare_scores:
    input:
        metrics=expand(rules.evaluate_predictions.output.metrics, scored=SCORED, test_set=TEST_SETS),
        code=modules("evaluation/comparison.py", "evaluation/scores.py"),
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
        "circlet compare --metrics {input.metrics:q} --output {output.comparison:q} 2> {log:q}"


rule write_report:
    input:
        comparison=rules.compare_scores.output.comparison,
        metrics=rules.compare_scores.input.metrics,
        summary=rules.build_dataset.output.summary,
        split=expand(f"{RESULTS}/splits/{{split}}.parquet", split=SPLITS),
        transcripts=rules.build_dataset.output.transcripts,
        training=expand(rules.assemble_model.output.training, run=RUNS),
        downloads=DOWNLOAD_RECORDS,
        figures=expand(rules.draw_figures.output.svg, run=RUNS),
        differences=DIFFERENCES,
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
        " --transcripts {input.transcripts:q} --downloads {input.downloads:q} --figures {params.figures:q}"
        " --strata {input.strata:q} --mistakes {input.mistakes:q} {params.differences} --title {params.title:q} --output {output.page:q} 2> {log:q}"
