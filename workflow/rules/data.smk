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
        source=sources_of("gencode", "linear_exons"),
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
    benchmark:
        f"{RESULTS}/benchmarks/parse/{{source}}.tsv"
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
    benchmark:
        f"{RESULTS}/benchmarks/parse/{{source}}.tsv"
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
    benchmark:
        f"{RESULTS}/benchmarks/parse/{{source}}.tsv"
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
    benchmark:
        f"{RESULTS}/benchmarks/parse/{{source}}.tsv"
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


rule parse_bed12:
    input:
        bed=lambda wildcards: locate(SOURCES[wildcards.source]["file"]),
        genome=lambda wildcards: locate(SOURCES[wildcards.source]["genome"]),
        code=modules(*PARSE_MODULES, "data/genome.py", "data/sources/bed12.py"),
    output:
        records=f"{RESULTS}/dataset/sources/{{source}}.parquet",
    log:
        f"{RESULTS}/logs/parse/{{source}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/parse/{{source}}.tsv"
    wildcard_constraints:
        source=sources_of("bed12"),
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        source=source_flags,
    shell:
        "circlet parse {params.source} --bed {input.bed:q} --genome {input.genome:q}"
        " --output {output.records:q} 2> {log:q}"


rule parse_ciriquant:
    input:
        gtf=lambda wildcards: locate(SOURCES[wildcards.source]["file"]),
        annotation=lambda wildcards: locate(SOURCES[wildcards.source]["annotation"]),
        genome=lambda wildcards: locate(SOURCES[wildcards.source]["genome"]),
        code=modules(
            *PARSE_MODULES,
            "data/genome.py",
            "data/sources/ciriquant.py",
            "data/sources/gencode.py",
        ),
    output:
        records=f"{RESULTS}/dataset/sources/{{source}}.parquet",
    log:
        f"{RESULTS}/logs/parse/{{source}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/parse/{{source}}.tsv"
    wildcard_constraints:
        source=sources_of("ciriquant"),
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        source=source_flags,
    shell:
        "circlet parse {params.source} --gtf {input.gtf:q} --annotation {input.annotation:q} --genome {input.genome:q}"
        " --output {output.records:q} 2> {log:q}"


rule cut_linear_exons:
    input:
        unpack(coding_files),
        positives=expand(
            f"{RESULTS}/dataset/sources/{{source}}.parquet",
            source=[name for name in SOURCES if SOURCES[name]["label"] == "circRNA"],
        ),
        code=modules(
            *PARSE_MODULES[1:],
            "data/hard_negatives.py",
            "data/exon_runs.py",
            "data/exon_matching.py",
            "data/genome.py",
            "data/sources/bed12.py",
            "data/intervals.py",
            "data/sources/gencode.py",
        ),
    output:
        records=f"{RESULTS}/dataset/sources/{{source}}.parquet",
    log:
        f"{RESULTS}/logs/linear_exons/{{source}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/linear_exons/{{source}}.tsv"
    wildcard_constraints:
        source=sources_of("linear_exons"),
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        source=exon_flags,
        min_length=config["dataset"]["min_length"],
    shell:
        "circlet linear-exons {params.source} --positives {input.positives:q}"
        " --min-length {params.min_length} --output {output.records:q} 2> {log:q}"


rule build_dataset:
    input:
        records=expand(f"{RESULTS}/dataset/sources/{{source}}.parquet", source=SOURCES),
        code=modules("data/dataset.py", "data/merge.py", "data/noise.py", "data/intervals.py"),
    output:
        transcripts=f"{RESULTS}/dataset/transcripts.parquet",
        summary=report(
            f"{RESULTS}/dataset/summary.tsv",
            caption="../report/summary.rst",
            category="Dataset",
        ),
    log:
        f"{RESULTS}/logs/build_dataset.log",
    benchmark:
        f"{RESULTS}/benchmarks/build_dataset.tsv"
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
                "drop": DROPPED,
            }
        ),
    shell:
        "circlet dataset --records {input.records:q} {params.filters}"
        " --output {output.transcripts:q} --summary {output.summary:q} 2> {log:q}"


rule cluster_homology:
    input:
        transcripts=rules.build_dataset.output.transcripts,
        code=modules("data/homology.py", "data/mmseqs.py"),
    output:
        homology=f"{RESULTS}/dataset/homology.parquet",
    log:
        f"{RESULTS}/logs/cluster_homology.log",
    benchmark:
        f"{RESULTS}/benchmarks/cluster_homology.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 4
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        similar=flags(config["split"]["homology"]),
    shell:
        "circlet homology --transcripts {input.transcripts:q} {params.similar}"
        " --threads {threads} --output {output.homology:q} 2> {log:q}"


rule split_dataset:
    input:
        transcripts=rules.build_dataset.output.transcripts,
        homology=rules.cluster_homology.output.homology,
        code=modules(*SPLIT_MODULES),
    output:
        split=f"{RESULTS}/splits/{{scheme}}.parquet",
    log:
        f"{RESULTS}/logs/split/{{scheme}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/split/{{scheme}}.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=20,
    params:
        fractions=[config["split"]["fractions"][part] for part in PARTS],
        others=split_flags,
    shell:
        "circlet split --transcripts {input.transcripts:q} --homology {input.homology:q}"
        " --scheme {wildcards.scheme} --fractions {params.fractions} {params.others}"
        " --output {output.split:q} 2> {log:q}"


rule vary_split:
    input:
        transcripts=rules.build_dataset.output.transcripts,
        split=lambda wildcards: f"{RESULTS}/splits/{wildcards.variant.split('.')[0]}.parquet",
        code=modules("data/variant.py", *SPLIT_MODULES),
    output:
        split=f"{RESULTS}/splits/{{variant}}.parquet",
    log:
        f"{RESULTS}/logs/split/{{variant}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/split/{{variant}}.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=20,
    params:
        varied=variant_flags,
    shell:
        "circlet variant --transcripts {input.transcripts:q} --split {input.split:q}"
        " {params.varied} --output {output.split:q} 2> {log:q}"


rule read_external:
    input:
        transcripts=rules.build_dataset.output.transcripts,
        splits=expand(f"{RESULTS}/splits/{{split}}.parquet", split=SPLITS),
        fasta=[path for files in EXTERNAL.values() for path in files.values()],
        code=modules(
            "data/external.py",
            "data/dataset.py",
            "data/intervals.py",
            "data/merge.py",
            "data/noise.py",
            "data/records.py",
            "data/sources/fasta.py",
            "data/sources/lines.py",
            "data/sources/places.py",
            "shared_kmers.py",
            "parts.py",
        ),
    output:
        transcripts=f"{RESULTS}/external/transcripts.parquet",
        subsets=f"{RESULTS}/external/subsets.parquet",
    log:
        f"{RESULTS}/logs/read_external.log",
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        files=flags(
            {
                label.lower(): [f"{name}={path}" for name, path in files.items()]
                for label, files in EXTERNAL.items()
            }
        ),
        min_length=config["dataset"]["min_length"],
    shell:
        "circlet external {params.files} --min-length {params.min_length}"
        " --transcripts {input.transcripts:q} --splits {input.splits:q}"
        " --output {output.transcripts:q} --subsets {output.subsets:q} 2> {log:q}"


rule audit_leakage:
    input:
        transcripts=rules.build_dataset.output.transcripts,
        splits=expand(rules.split_dataset.output.split, scheme=AUDITED),
        code=modules(
            "data/leakage.py",
            "data/relatives.py",
            "data/groups.py",
            "shared_kmers.py",
            "data/mmseqs.py",
            "data/intervals.py",
            "drawing.py",
            "parts.py",
        ),
    output:
        leakage=report(
            f"{RESULTS}/dataset/leakage.tsv",
            caption="../report/leakage.rst",
            category="Dataset",
        ),
        svg=report(
            f"{RESULTS}/dataset/leakage.svg",
            caption="../report/leakage.rst",
            category="Dataset",
        ),
        png=f"{RESULTS}/dataset/leakage.png",
        relatives=f"{RESULTS}/dataset/relatives.parquet",
    log:
        f"{RESULTS}/logs/audit_leakage.log",
    benchmark:
        f"{RESULTS}/benchmarks/audit_leakage.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 4
    resources:
        mem_mb=8000,
        runtime=120,
    params:
        folder=subpath(output.leakage, parent=True),
        seed=config["split"]["seed"],
    shell:
        "circlet leakage --transcripts {input.transcripts:q} --splits {input.splits:q}"
        " --threads {threads} --seed {params.seed} --figure-dir {params.folder:q}"
        " --output {output.leakage:q} --relatives {output.relatives:q} 2> {log:q}"


rule write_card:
    input:
        transcripts=rules.build_dataset.output.transcripts,
        summary=rules.build_dataset.output.summary,
        downloads=DOWNLOAD_RECORDS,
        splits=rules.audit_leakage.input.splits,
        leakage=rules.audit_leakage.output.leakage,
        confounds=f"{RESULTS}/dataset/confounds.tsv",
        subsets=f"{RESULTS}/dataset/subsets.parquet",
        code=modules(*CARD_MODULES),
    output:
        markdown=f"{RESULTS}/dataset/card.md",
        html=report(
            f"{RESULTS}/dataset/card.html",
            caption="../report/card.rst",
            category="Dataset",
        ),
        datasheet=f"{RESULTS}/dataset/datasheet.json",
        svg=expand(f"{RESULTS}/dataset/{{figure}}.svg", figure=CARD_FIGURES),
        png=expand(f"{RESULTS}/dataset/{{figure}}.png", figure=CARD_FIGURES),
        points=expand(f"{RESULTS}/dataset/{{figure}}.tsv", figure=CARD_FIGURES),
    log:
        f"{RESULTS}/logs/write_card.log",
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=20,
    params:
        settings=lambda wildcards: DATA_SETTINGS,
        title=lambda wildcards: config["report"]["title"],
        folder=subpath(output.markdown, parent=True),
    shell:
        "circlet card --transcripts {input.transcripts:q} --summary {input.summary:q}"
        " --downloads {input.downloads:q} --splits {input.splits:q} --leakage {input.leakage:q}"
        " --confounds {input.confounds:q} --subsets {input.subsets:q}"
        " --settings <(printf %s {params.settings:q}) --title {params.title:q}"
        " --markdown {output.markdown:q} --html {output.html:q}"
        " --datasheet {output.datasheet:q} --figure-dir {params.folder:q} 2> {log:q}"
