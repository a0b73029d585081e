# From the dataset to trained networks and what they say.


rule build_vocabulary:
    input:
        transcripts=rules.build_dataset.output.transcripts,
        split=lambda wildcards: f"{RESULTS}/splits/{split_of(wildcards.run)}.parquet",
        code=modules("model/kmers.py", "parts.py"),
    output:
        vocabulary=f"{RESULTS}/tokens/{{run}}/vocabulary.json",
    log:
        f"{RESULTS}/logs/vocabulary/{{run}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/vocabulary/{{run}}.tsv"
    conda:
        "../../envs/model.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=20,
    params:
        vocabulary=run_flags("vocabulary"),
    shell:
        "circlet vocabulary --transcripts {input.transcripts:q} --split {input.split:q}"
        " {params.vocabulary} --output {output.vocabulary:q} 2> {log:q}"


rule encode_tokens:
    input:
        transcripts=rules.build_dataset.output.transcripts,
        split=rules.build_vocabulary.input.split,
        vocabulary=rules.build_vocabulary.output.vocabulary,
        code=modules(
            "model/tokens.py", "model/kmers.py", *COMPOSITION_MODULES, "hashes.py", "parts.py"
        ),
    output:
        tokens=f"{RESULTS}/tokens/{{run}}/tokens.npy",
        offsets=f"{RESULTS}/tokens/{{run}}/offsets.npy",
        features=f"{RESULTS}/tokens/{{run}}/features.npy",
        index=f"{RESULTS}/tokens/{{run}}/index.parquet",
    log:
        f"{RESULTS}/logs/tokens/{{run}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/tokens/{{run}}.tsv"
    conda:
        "../../envs/model.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    shell:
        "circlet tokens --transcripts {input.transcripts:q} --split {input.split:q}"
        " --vocabulary {input.vocabulary:q} --tokens {output.tokens:q}"
        " --offsets {output.offsets:q} --features {output.features:q}"
        " --index {output.index:q} 2> {log:q}"


rule train_model:
    input:
        tokens=rules.encode_tokens.output.tokens,
        offsets=rules.encode_tokens.output.offsets,
        features=rules.encode_tokens.output.features,
        index=rules.encode_tokens.output.index,
        vocabulary=rules.build_vocabulary.output.vocabulary,
        code=modules(*TRAIN_MODULES),
    output:
        weights=f"{RESULTS}/models/{{run}}/seed{{seed}}.safetensors",
        record=f"{RESULTS}/models/{{run}}/seed{{seed}}.json",
    log:
        f"{RESULTS}/logs/train/{{run}}/seed{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train/{{run}}/seed{{seed}}.tsv"
    conda:
        "../../envs/model.yaml"
    threads: 8
    resources:
        mem_mb=8000,
        runtime=480,
        gpu=GPUS,
        # So many share the training, of each GPU one at the least: see docs/cluster.md.
        processes=1,
        nodes=1,
    params:
        settings=run_flags("network", "training"),
        min_length=config["dataset"]["min_length"],
        # No output: those are deleted when a job fails, and with them what it could go on from.
        state=f"{RESULTS}/training/{{run}}/{{seed}}",
    # The one step that takes long also talks to the terminal.
    shell:
        "circlet train --tokens {input.tokens:q} --offsets {input.offsets:q}"
        " --features {input.features:q} --index {input.index:q} --vocabulary {input.vocabulary:q}"
        " --min-length {params.min_length} {params.settings} --seed {wildcards.seed}"
        " --device $DEVICE --threads {threads} --processes {resources.processes}"
        " --gpus {resources.gpu} --nodes {resources.nodes} --state {params.state:q}"
        " --weights {output.weights:q} --record {output.record:q} 2>&1 | tee {log:q} >&2"


rule grow_trees:
    input:
        tokens=rules.encode_tokens.output.tokens,
        offsets=rules.encode_tokens.output.offsets,
        features=rules.encode_tokens.output.features,
        index=rules.encode_tokens.output.index,
        code=modules("model/trees.py", "model/tokens.py", "model/kmers.py"),
    output:
        trees=f"{RESULTS}/models/{{run}}/trees.safetensors",
    log:
        f"{RESULTS}/logs/trees/{{run}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/trees/{{run}}.tsv"
    conda:
        "../../envs/model.yaml"
    threads: 2
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        seed=lambda wildcards: config["runs"][wildcards.run]["seeds"][0],
    shell:
        "export OMP_NUM_THREADS={threads};"
        " circlet trees --tokens {input.tokens:q} --offsets {input.offsets:q}"
        " --features {input.features:q} --index {input.index:q} --seed {params.seed}"
        " --output {output.trees:q} 2> {log:q}"


rule assemble_model:
    input:
        weights=members(rules.train_model.output.weights),
        records=members(rules.train_model.output.record),
        trees=trees_of_run,
        tokens=rules.encode_tokens.output.tokens,
        offsets=rules.encode_tokens.output.offsets,
        features=rules.encode_tokens.output.features,
        index=rules.encode_tokens.output.index,
        vocabulary=rules.build_vocabulary.output.vocabulary,
        code=modules(*ASSEMBLE_MODULES),
    output:
        config=f"{RESULTS}/models/{{run}}/config.json",
        vocabulary=f"{RESULTS}/models/{{run}}/vocabulary.json",
        training=f"{RESULTS}/models/{{run}}/training.json",
        reference=f"{RESULTS}/models/{{run}}/reference.safetensors",
        manifest=f"{RESULTS}/models/{{run}}/manifest.json",
    log:
        f"{RESULTS}/logs/assemble/{{run}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/assemble/{{run}}.tsv"
    conda:
        "../../envs/model.yaml"
    threads: 8
    resources:
        mem_mb=8000,
        runtime=60,
        gpu=GPUS,
    params:
        calibration=lambda wildcards: config["runs"][wildcards.run]["calibration"],
        trees=lambda wildcards: flags({"trees": trees_of_run(wildcards) or None}),
        min_length=config["dataset"]["min_length"],
        folder=subpath(output.config, parent=True),
    shell:
        "circlet assemble --weights {input.weights:q} --records {input.records:q}"
        " {params.trees} --tokens {input.tokens:q} --offsets {input.offsets:q} --features {input.features:q}"
        " --index {input.index:q} --vocabulary {input.vocabulary:q}"
        " --min-length {params.min_length} --calibration {params.calibration} --device $DEVICE"
        " --threads {threads} --output {params.folder:q} 2> {log:q}"


rule predict_dataset:
    input:
        model=rules.assemble_model.output,
        weights=rules.assemble_model.input.weights,
        trees=rules.assemble_model.input.trees,
        transcripts=rules.build_dataset.output.transcripts,
        split=rules.build_vocabulary.input.split,
        code=modules(*PREDICT_MODULES),
    output:
        predictions=f"{RESULTS}/predictions/{{run}}.tsv.gz",
        members=f"{RESULTS}/predictions/{{run}}.members.parquet",
    log:
        f"{RESULTS}/logs/predict/{{run}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/predict/{{run}}.tsv"
    conda:
        "../../envs/model.yaml"
    threads: 8
    resources:
        mem_mb=8000,
        runtime=240,
        gpu=GPUS,
    params:
        model=lambda wildcards, input: str(Path(input.model[0]).parent),
    shell:
        "circlet predict --model {params.model:q} --transcripts {input.transcripts:q}"
        " --split {input.split:q} --device $DEVICE --threads {threads}"
        " --members-output {output.members:q} --output {output.predictions:q} 2> {log:q}"


use rule predict_dataset as predict_external with:
    input:
        model=rules.assemble_model.output,
        weights=rules.assemble_model.input.weights,
        trees=rules.assemble_model.input.trees,
        transcripts=rules.read_external.output.transcripts,
        split=rules.read_external.output.transcripts,
        code=modules(*PREDICT_MODULES),
    output:
        predictions=f"{RESULTS}/external/predictions/{{run}}.tsv.gz",
        members=f"{RESULTS}/external/predictions/{{run}}.members.parquet",
    log:
        f"{RESULTS}/logs/predict/external/{{run}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/predict_external/{{run}}.tsv"


rule predict_input:
    input:
        model=rules.assemble_model.output,
        weights=rules.assemble_model.input.weights,
        trees=rules.assemble_model.input.trees,
        fasta=lambda wildcards: locate(config["predict"]["inputs"][wildcards.name]),
        code=modules(*PREDICT_MODULES),
    output:
        predictions=f"{RESULTS}/predictions/{{run}}/{{name}}.tsv.gz",
    log:
        f"{RESULTS}/logs/predict/{{run}}/{{name}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/predict/{{run}}/{{name}}.tsv"
    conda:
        "../../envs/model.yaml"
    threads: 8
    resources:
        mem_mb=8000,
        runtime=240,
        gpu=GPUS,
    params:
        model=lambda wildcards, input: str(Path(input.model[0]).parent),
        shard="",
    shell:
        "circlet predict --model {params.model:q} {input.fasta:q} {params.shard}"
        " --device $DEVICE --threads {threads} --output {output.predictions:q} 2> {log:q}"


# The same in pieces, where the config says so.
use rule predict_input as predict_piece with:
    output:
        predictions=temp(f"{RESULTS}/predictions/{{run}}/{{name}}.{{scatteritem}}.tsv.gz"),
    log:
        f"{RESULTS}/logs/predict/{{run}}/{{name}}/{{scatteritem}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/predict/{{run}}/{{name}}/{{scatteritem}}.tsv"
    params:
        model=lambda wildcards, input: str(Path(input.model[0]).parent),
        shard=shard_flag,


rule gather_predictions:
    input:
        pieces=gather.prediction(rules.predict_piece.output.predictions, allow_missing=True),
        code=modules("gather.py", *CALL_MODULES),
    output:
        predictions=f"{RESULTS}/predictions/{{run}}/{{name}}.tsv.gz",
    log:
        f"{RESULTS}/logs/gather_predictions/{{run}}/{{name}}.log",
    conda:
        "../../envs/model.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=20,
    shell:
        "circlet gather --pieces {input.pieces:q} --output {output.predictions:q} 2> {log:q}"


if len(PIECES["prediction"]) > 1:

    ruleorder: gather_predictions > predict_input

else:

    ruleorder: predict_input > gather_predictions


# A random search around a run: snakemake results/search/RUN.tsv. Not part of the default target.
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
