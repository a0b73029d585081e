# From the upstreams' files to a table of transcripts and its division.


rule download_circrnadb:
    input:
        local=local_file,
        code=modules(*DOWNLOAD_MODULES),
    output:
        archive=f"{RESULTS}/downloads/{{source}}.zip",
        record=f"{RESULTS}/downloads/{{source}}.zip.json",
    log:
        f"{RESULTS}/logs/download/{{source}}.log",
    wildcard_constraints:
        source=sources_of("circrnadb"),
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=60,
    params:
        origin=origin,
    shell:
        'circlet download {params.origin} --mirror "$MIRROR" $DOWNLOAD'
        " --output {output.archive:q} --record {output.record:q} 2>&1 | tee {log:q} >&2"


rule download_circbase:
    input:
        local=local_file,
        code=modules(*DOWNLOAD_MODULES),
    output:
        fasta=f"{RESULTS}/downloads/{{source}}.fa.gz",
        record=f"{RESULTS}/downloads/{{source}}.fa.gz.json",
    log:
        f"{RESULTS}/logs/download/{{source}}.log",
    wildcard_constraints:
        source=sources_of("circbase"),
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=60,
    params:
        origin=origin,
    shell:
        'circlet download {params.origin} --mirror "$MIRROR" $DOWNLOAD'
        " --output {output.fasta:q} --record {output.record:q} 2>&1 | tee {log:q} >&2"


rule download_gencode:
    input:
        local=local_file,
        code=modules(*DOWNLOAD_MODULES),
    output:
        file=f"{RESULTS}/downloads/{{source}}.{{file}}",
        record=f"{RESULTS}/downloads/{{source}}.{{file}}.json",
    log:
        f"{RESULTS}/logs/download/{{source}}.{{file}}.log",
    wildcard_constraints:
        source=sources_of("gencode"),
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=60,
    params:
        origin=gencode_origin,
    shell:
        'circlet download {params.origin} --mirror "$MIRROR" $DOWNLOAD'
        " --output {output.file:q} --record {output.record:q} 2>&1 | tee {log:q} >&2"


rule parse_circrnadb:
    input:
        archive=rules.download_circrnadb.output.archive,
        code=modules(*PARSE_MODULES, "data/sources/circrnadb.py"),
    output:
        records=f"{RESULTS}/dataset/sources/{{source}}.parquet",
    log:
        f"{RESULTS}/logs/parse/{{source}}.log",
    wildcard_constraints:
        source=sources_of("circrnadb"),
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        source=source_flags,
    shell:
        "circlet parse {params.source} --archive {input.archive:q}"
        " --output {output.records:q} 2> {log:q}"


rule parse_gencode:
    input:
        fasta=f"{RESULTS}/downloads/{{source}}.lncRNA_transcripts.fa.gz",
        gtf=f"{RESULTS}/downloads/{{source}}.long_noncoding_RNAs.gtf.gz",
        code=modules(*PARSE_MODULES, "data/sources/gencode.py"),
    output:
        records=f"{RESULTS}/dataset/sources/{{source}}.parquet",
    log:
        f"{RESULTS}/logs/parse/{{source}}.log",
    wildcard_constraints:
        source=sources_of("gencode"),
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        source=source_flags,
    shell:
        "circlet parse {params.source} --fasta {input.fasta:q} --gtf {input.gtf:q}"
        " --output {output.records:q} 2> {log:q}"


rule parse_circbase:
    input:
        fasta=rules.download_circbase.output.fasta,
        code=modules(*PARSE_MODULES, "data/sources/circbase.py"),
    output:
        records=f"{RESULTS}/dataset/sources/{{source}}.parquet",
    log:
        f"{RESULTS}/logs/parse/{{source}}.log",
    wildcard_constraints:
        source=sources_of("circbase"),
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        source=source_flags,
    shell:
        "circlet parse {params.source} --fasta {input.fasta:q}"
        " --output {output.records:q} 2> {log:q}"


rule parse_fasta:
    input:
        fasta=local_file,
        code=modules(*PARSE_MODULES),
    output:
        records=f"{RESULTS}/dataset/sources/{{source}}.parquet",
    log:
        f"{RESULTS}/logs/parse/{{source}}.log",
    wildcard_constraints:
        source=sources_of("fasta"),
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        source=source_flags,
    shell:
        "circlet parse {params.source} --fasta {input.fasta:q}"
        " --output {output.records:q} 2> {log:q}"


rule build_dataset:
    input:
        records=expand(f"{RESULTS}/dataset/sources/{{source}}.parquet", source=SOURCES),
        code=modules("data/dataset.py"),
    output:
        transcripts=f"{RESULTS}/dataset/transcripts.parquet",
        summary=report(
            f"{RESULTS}/dataset/summary.tsv",
            caption="../report/summary.rst",
            category="Dataset",
        ),
    log:
        f"{RESULTS}/logs/build_dataset.log",
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=20,
    params:
        filters=flags(
            {
                "min_length": config["dataset"]["min_length"],
                "biotypes": config["dataset"]["biotypes"],
                "reference": REFERENCE,
            }
        ),
    shell:
        "circlet dataset --records {input.records:q} {params.filters}"
        " --output {output.transcripts:q} --summary {output.summary:q} 2> {log:q}"


rule split_dataset:
    input:
        transcripts=rules.build_dataset.output.transcripts,
        code=modules("data/splits.py"),
    output:
        split=f"{RESULTS}/splits/{{scheme}}.parquet",
    log:
        f"{RESULTS}/logs/split/{{scheme}}.log",
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=20,
    params:
        fractions=[config["split"]["fractions"][part] for part in PARTS],
        seed=config["split"]["seed"],
    shell:
        "circlet split --transcripts {input.transcripts:q} --scheme {wildcards.scheme}"
        " --fractions {params.fractions} --seed {params.seed}"
        " --output {output.split:q} 2> {log:q}"
