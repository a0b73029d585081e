"""The step `circlet parse`."""

import logging

import pandas as pd
import pytest

from circlet.cli import main
from circlet.tables import TRANSCRIPT_COLUMNS

FASTA = ">t1 gene=G1 chrom=chr21 start=5 end=13 strand=+ exon_count=1\nACGTACGT\n>t2\nACGU\n"
GENCODE = "ftp.ebi.ac.uk/pub/databases/gencode/Gencode_human/release_19/gencode.v19."
UPSTREAMS = {
    "circrnadb": (
        4099,
        "circRNA",
        {"archive": "reprod.njmu.edu.cn/circrnadb/doc/circRNA_dataset.zip"},
    ),
    "gencode": (
        11080,
        "lncRNA",
        {
            "fasta": GENCODE + "lncRNA_transcripts.fa.gz",
            "gtf": GENCODE + "long_noncoding_RNAs.gtf.gz",
        },
    ),
    "circbase": (
        7833,
        "circRNA",
        {"fasta": "www.circbase.org/download/human_hg19_circRNAs_putative_spliced_sequence.fa.gz"},
    ),
}


def parse(kind, output, *flags, label="lncRNA", assembly="hg19"):
    """Run the step and give its exit code."""
    fixed = ["--source", "mine", "--label", label, "--output", str(output)]
    fixed += ["--assembly", assembly] if assembly else []
    return main(["parse", "--type", kind, *map(str, flags), *fixed])


def test_a_table_is_written(tmp_path, caplog):
    fasta, output = tmp_path / "in.fa", tmp_path / "out" / "records.parquet"
    fasta.write_text(FASTA)
    with caplog.at_level(logging.INFO):
        assert parse("fasta", output, "--fasta", fasta) == 0
    table = pd.read_parquet(output)
    assert tuple(table.columns) == TRANSCRIPT_COLUMNS
    rows = [
        {name: value for name, value in row.items() if not pd.isna(value)}
        for row in table.to_dict("records")
    ]
    common = {"source": "mine", "label": "lncRNA", "assembly": "hg19"}
    place = {"chrom": "chr21", "start": 5, "end": 13, "strand": "+", "gene": "G1", "exon_count": 1}
    assert rows == [
        {"id": "t1", "sequence": "ACGTACGT", **common, **place},
        {"id": "t2", "sequence": "ACGU", **common},
    ]
    assert "mine: 2 transcripts, 12 nt" in caplog.messages


def test_the_same_input_gives_the_same_bytes(tmp_path):
    fasta = tmp_path / "in.fa"
    fasta.write_text(FASTA)
    outputs = [tmp_path / "one.parquet", tmp_path / "two.parquet"]
    assert [parse("fasta", output, "--fasta", fasta) for output in outputs] == [0, 0]
    assert outputs[0].read_bytes() == outputs[1].read_bytes()


@pytest.mark.parametrize(
    ("kind", "flags", "message"),
    [
        ("circrnadb", [], "--archive: is required with --type circrnadb; give --archive"),
        (
            "gencode",
            ["--fasta", "x.fa"],
            "--gtf: is required with --type gencode; give --fasta and",
        ),
        ("fasta", ["--fasta", "x.fa", "--gtf", "x"], "--gtf: is not used with --type fasta"),
        (
            "bed12",
            ["--bed", "x.bed"],
            "--genome: is required with --type bed12; give --bed and --genome",
        ),
        (
            "ciriquant",
            ["--gtf", "x.gtf", "--genome", "x.fa"],
            "--annotation: is required with --type ciriquant; give --gtf and --annotation and --ge",
        ),
        ("fasta", ["--fasta", "none.fa"], "none.fa: no such file; check the path"),
    ],
)
def test_files_that_do_not_suit_are_refused(tmp_path, capsys, kind, flags, message):
    assert parse(kind, tmp_path / "out.parquet", *flags) == 2
    assert f"circlet parse: error: {message}" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (">a\nAC\n>a\nGT\n", "a: two records bear this id"),
        (">a\nAC\n>b start=x\nGT\n", "b: start 'x' is not a whole number"),
        ("", "has no FASTA record"),
    ],
)
def test_bad_input_leaves_nothing_behind(tmp_path, capsys, content, message):
    fasta = tmp_path / "in.fa"
    fasta.write_text(content)
    assert parse("fasta", tmp_path / "out.parquet", "--fasta", fasta) == 2
    error = capsys.readouterr().err
    assert f"circlet parse: error: {fasta}: {message}" in error
    assert "Traceback" not in error
    assert list(tmp_path.iterdir()) == [fasta]


def test_places_without_an_assembly_are_refused(tmp_path, capsys):
    fasta, output = tmp_path / "in.fa", tmp_path / "out.parquet"
    fasta.write_text(FASTA)
    assert parse("fasta", output, "--fasta", fasta, assembly=None) == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        "circlet parse: error: --assembly: is not given, but transcripts of mine have places; "
        "state the assembly that their places refer to"
    )
    assert list(tmp_path.iterdir()) == [fasta]
    fasta.write_text(">t2\nACGU\n")
    assert parse("fasta", output, "--fasta", fasta, assembly=None) == 0
    assert pd.read_parquet(output)["assembly"].isna().all()


def test_transcripts_are_spliced_out_of_a_genome(tmp_path):
    bed, gtf, annotation, genome = (tmp_path / name for name in ("b", "c", "a", "g"))
    genome.write_text(">chr1\nACGTTaaaccGGGTTGATTC\n")
    bed.write_text("chr1\t2\t15\tc1\t0\t-\t2\t2\t0\t2\t4,5\t0,8\n")
    told = 'gene_id "G1"; gene_type "coding"; transcript_id "T1"; gene_name "S1";'
    places = [("transcript", 3, 15), ("exon", 3, 6), ("exon", 11, 15)]
    annotation.write_text(
        "".join(f"chr1\tx\t{kind}\t{a}\t{b}\t.\t-\t.\t{told}\n" for kind, a, b in places)
    )
    told = 'circ_id "c1"; circ_type "exon"; bsj 2.000;'
    gtf.write_text(f"chr1\tCIRIquant\tcircRNA\t3\t15\t1.0\t-\t.\t{told}\n")
    files = {
        "bed12": ("--bed", bed, "--genome", genome),
        "ciriquant": ("--gtf", gtf, "--annotation", annotation, "--genome", genome),
    }
    tables = []
    for kind, flags in files.items():
        assert parse(kind, tmp_path / "out.parquet", *flags, label="circRNA") == 0
        tables.append(pd.read_parquet(tmp_path / "out.parquet"))
    host = ["gene", "gene_id", "gene_type"]
    assert tables[0][host].isna().all(axis=None)
    assert tables[1].loc[0, host].tolist() == ["S1", "G1", "coding"]
    for table in tables:
        (row,) = table.drop(columns=[*host, "biotype"]).to_dict("records")
        assert row == {
            "id": "c1",
            "source": "mine",
            "label": "circRNA",
            "sequence": "AACCCtAAC",
            "assembly": "hg19",
            "chrom": "chr1",
            "start": 2,
            "end": 15,
            "strand": "-",
            "exon_count": 2,
            "exon_lengths": "4,5",
            "exon_offsets": "0,8",
        }


@pytest.mark.parametrize("flags", [["--type", "ensembl"], ["--label", "mRNA"]])
def test_unknown_types_and_labels_are_refused(tmp_path, capsys, flags):
    words = {"--type": "fasta", "--label": "lncRNA", "--source": "s", "--output": "o.parquet"}
    words |= {flags[0]: flags[1]}
    with pytest.raises(SystemExit) as caught:
        main(["parse", *(word for pair in words.items() for word in pair)])
    assert caught.value.code == 2
    assert f"argument {flags[0]}: invalid choice: '{flags[1]}'" in capsys.readouterr().err


@pytest.mark.mirror
@pytest.mark.parametrize("kind", UPSTREAMS)
def test_mirror(mirror, tmp_path, kind):
    count, label, files = UPSTREAMS[kind]
    flags = [word for name, path in files.items() for word in (f"--{name}", mirror / path)]
    output = tmp_path / "records.parquet"
    assert parse(kind, output, *flags, label=label) == 0
    table = pd.read_parquet(output)
    assert len(table) == table["id"].nunique() == count
    assert set(table["label"]) == {label}
    assert table["sequence"].str.fullmatch("[ACGT]+").all()
