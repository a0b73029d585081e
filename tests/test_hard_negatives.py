"""The step `circlet linear-exons`."""

import logging
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from circlet.cli import main
from circlet.data.exon_runs import with_exons
from circlet.data.hard_negatives import (
    find_candidates,
    name_genes,
    read_circrnas,
    select_wanted,
    usable_transcripts,
)
from circlet.data.intervals import overlaps_any
from circlet.data.records import Record, records_to_table
from circlet.errors import InputError
from circlet.files import write_table
from circlet.tables import TRANSCRIPT_COLUMNS

BASES = np.random.default_rng(4).choice(list("ACGT"), 100)
EXONS = ["".join(block) for block in np.split(BASES, [10, 30, 60, 90])]  # 10, 20, 30, 30 and 10 nt
OTHER = str.maketrans("ACGT", "CATG")  # so that no two transcripts have one sequence
BED = "{chrom}\t100\t510\t{name}\t0\t{strand}\t0\t0\t0\t5\t10,20,30,30,10\t0,100,200,300,400\n"
GTF = (
    'chr{chrom}\tX\t{feature}\t{start}\t{end}\t.\t{strand}\t.\tgene_id "ENSG{name}"; '
    'transcript_id "{name}"; gene_type "protein_coding"; gene_name "{gene}"; '
    'transcript_type "{biotype}";\n'
)


def coding(name="NM_1", strand="+", gene=None, biotype=None, chrom="chr1", start=100):
    """The record of a coding transcript of the five `EXONS`, given as it is transcribed on `+`."""
    return Record(
        name,
        "".join(EXONS),
        chrom,
        start,
        start + 410,
        strand,
        gene=gene,
        biotype=biotype,
        exon_count=5,
        exon_lengths="10,20,30,30,10",
        exon_offsets="0,100,200,300,400",
    )


def circles(*records, assembly="hg19", label="circRNA"):
    return records_to_table(records, "db", label, assembly)


def circle(name="c1", length=50, exons=2, chrom="chr9", start=0, gene=None):
    return Record(
        name, "ACGTT" * (length // 5), chrom, start, start + 90, "+", gene, None, None, exons
    )


@pytest.fixture
def step(tmp_path):
    """Run the step on two transcripts, one a strand, and circRNAs; exit code and output path."""

    def run(positives, *more):
        fasta, bed, table = (tmp_path / name for name in ("tx.fa", "tx.bed", "circ.parquet"))
        output = tmp_path / "out" / "hard.parquet"
        backward = "".join(EXONS[::-1]).translate(OTHER)
        fasta.write_text(f">NM_1\n{''.join(EXONS)}\n>NM_2\n{backward}\n")
        forward = BED.format(name="NM_1", chrom="chr1", strand="+")
        bed.write_text(forward + BED.format(name="NM_2", chrom="chr2", strand="-"))
        write_table(table, positives)
        words = ["--fasta", fasta, "--bed", bed, "--positives", table, "--source", "hard"]
        words += ["--assembly", "hg19", "--min-length", 20, *more, "--output", output]
        return main(["linear-exons", *map(str, words)]), output

    return run


def test_runs_are_cut_on_both_strands(step, caplog):
    wanted = circles(circle(length=50), circle("c2", length=60), circle("c3", length=10))
    with caplog.at_level(logging.INFO):
        code, output = step(wanted, "--per-circrna", 2)
    assert code == 0
    table = pd.read_parquet(output)
    assert tuple(table.columns) == TRANSCRIPT_COLUMNS
    assert set(table["source"]) == {"hard"}
    assert set(table["label"]) == {"lncRNA"}
    assert set(table["assembly"]) == {"hg19"}
    assert set(table["biotype"]) == {"linear_exons"}
    assert set(table["gene_type"]) == {"protein_coding"}
    columns = ["id", "sequence", "chrom", "start", "end", "strand", "exon_count", "exon_lengths"]
    assert table[[*columns, "exon_offsets"]].to_numpy().tolist() == [
        ["NM_1:exons2-3", EXONS[1] + EXONS[2], "chr1", 200, 330, "+", 2, "20,30", "0,100"],
        ["NM_1:exons3-4", EXONS[2] + EXONS[3], "chr1", 300, 430, "+", 2, "30,30", "0,100"],
        [
            "NM_2:exons2-3",
            (EXONS[3] + EXONS[2]).translate(OTHER),
            *("chr2", 300, 430, "-", 2, "30,30", "0,100"),
        ],
        [
            "NM_2:exons3-4",
            (EXONS[2] + EXONS[1]).translate(OTHER),
            *("chr2", 200, 330, "-", 2, "20,30", "0,100"),
        ],
    ]
    assert "hard: 4 runs of 4 candidates; of 2 circRNAs 2 are matched, 2 with all 2" in caplog.text
    assert "length 55 nt (circRNAs 55 nt), of exon number 2 (circRNAs 2.0)" in caplog.text


def test_same_seed_same_bytes(step):
    wanted = circles(*(circle(f"c{number}", 5 * number) for number in range(4, 14)))
    contents = [step(wanted, "--seed", 3)[1].read_bytes() for _ in range(2)]
    assert contents[0] == contents[1]


def test_the_seed_decides_among_equals(step):
    wanted = circles(circle(length=30, exons=1))
    taken = {tuple(pd.read_parquet(step(wanted, "--seed", seed)[1])["id"]) for seed in range(8)}
    assert len(taken) > 1
    assert taken <= {(f"NM_{name}:exons{exon}-{exon}",) for name in (1, 2) for exon in (2, 3, 4)}


def test_what_is_a_circrna_is_no_hard_negative(step):
    known = Record("c2", (EXONS[1] + EXONS[2]).lower().replace("t", "u"), exon_count=2)
    code, output = step(circles(circle(length=50), known), "--per-circrna", 2)
    assert code == 0
    assert pd.read_parquet(output)["id"].tolist() == ["NM_2:exons3-4"]


@pytest.mark.parametrize(
    ("lengths", "exon_counts", "min_length", "expected"),
    [
        ([20], [1], 20, {(1, 1)}),
        ([20], [1], 21, set()),
        ([30], [1], 20, {(2, 1), (3, 1)}),
        ([50], [1], 20, set()),
        ([50], [2], 20, {(1, 2)}),
        ([80], [None], 20, {(1, 3)}),
        ([20, 60], [1, None], 20, {(1, 1), (2, 2)}),
        ([60, 20], [1, None], 20, {(1, 1)}),
    ],
)
def test_candidates_are_near_a_circrna_of_their_exon_number(
    lengths, exon_counts, min_length, expected
):
    wanted = pd.DataFrame({"exon_count": pd.array(exon_counts, "Int64"), "length": lengths})
    runs = find_candidates([with_exons(coding())], wanted, min_length)
    assert set(zip(runs.first.tolist(), runs.count.tolist(), strict=True)) == expected


def test_gencode_files_tell_the_gene(tmp_path):
    fasta, gtf, table = (tmp_path / name for name in ("pc.fa", "pc.gtf", "circ.parquet"))
    lines, output = [], tmp_path / "hard.parquet"
    titles = [("T1.1", "ABC", 1, "protein_coding"), ("T2.1", "DEF", 2, "nonsense_mediated_decay")]
    titles += [("T3.1", "GHI", 3, "protein_coding")]
    for name, gene, chrom, biotype in titles:
        common = {"name": name, "gene": gene, "chrom": chrom, "strand": "+", "biotype": biotype}
        lines.append(GTF.format(feature="transcript", start=101, end=510, **common))
        for number, exon in enumerate(EXONS):
            start = 101 + 100 * number
            end = start + len(exon) - 1
            lines.append(GTF.format(feature="exon", start=start, end=end, **common))
    gtf.write_text("".join(lines))
    fasta.write_text(
        "".join(
            f">{name}|G|-|-|{gene}-1|{gene}|100|UTR5:1-9|CDS:10-100|\n{''.join(EXONS)}\n"
            for name, gene, *_ in titles
        )
    )
    write_table(table, circles(circle(), circle("c2", gene="GHI")))
    words = ["--fasta", fasta, "--gtf", gtf, "--positives", table, "--source", "hard"]
    words += ["--assembly", "hg19", "--min-length", 20, "--output", output]
    assert main(["linear-exons", *map(str, words)]) == 0
    (row,) = pd.read_parquet(output).to_dict("records")
    assert (row["id"], row["gene"], row["gene_id"]) == ("T1.1:exons2-3", "ABC", "ENSGT1.1")
    assert (row["sequence"], row["start"], row["end"]) == (EXONS[1] + EXONS[2], 200, 330)


@pytest.mark.parametrize(
    ("positives", "more", "message"),
    [
        (circles(label="circRNA"), (), "circ.parquet: no circRNA; give tables of circRNAs"),
        (circles(circle(), label="lncRNA"), (), "circ.parquet: no circRNA"),
        (circles(circle(length=15)), (), "--positives: no circRNA has 20 nt and ACGT alone"),
        (
            circles(circle(), assembly="hg38"),
            (),
            "c1: lies on hg38, the linear transcripts on hg19",
        ),
        (circles(circle(), assembly=None), (), "c1: lies on an unstated assembly, the linear"),
        (circles(circle(length=70)), (), "tx.fa: no run of internal exons matches a circRNA"),
        (circles(circle(exons=4)), (), "tx.fa: no run of internal exons matches a circRNA"),
        (
            circles(circle(chrom="9")),
            (),
            "tx.fa: its chromosomes are named like chr1, those of the",
        ),
        (circles(circle()), ("--per-circrna", 0), "--per-circrna: is less than 1"),
        (circles(circle()), ("--min-length", 0), "--min-length: is less than 1"),
    ],
)
def test_bad_input_is_refused(step, capsys, positives, more, message):
    code, output = step(positives, *more)
    assert code == 2
    assert message in capsys.readouterr().err
    assert not output.exists()


def test_circrnas_of_several_tables_are_joined(tmp_path, caplog):
    first, second = tmp_path / "a.parquet", tmp_path / "b.tsv"
    write_table(first, pd.concat([circles(circle("a")), circles(circle("n"), label="lncRNA")]))
    unplaced = Record("b", "acguu")
    write_table(second, circles(unplaced, assembly=None))
    joined = read_circrnas([first, second], "hg19")
    assert joined["id"].tolist() == ["a", "b"]
    assert joined["sequence"].tolist() == ["ACGTT" * 10, "ACGTT"]
    assert "1 circRNAs tell no place: what lies there may be cut from" in caplog.messages


def test_what_is_matched():
    table = circles(
        Record("short", "A" * 19),
        Record("other", "A" * 20 + "N"),
        Record("unknown", "A" * 20),
        Record("known", "A" * 20, exon_count=3),
        Record("spliced", "A" * 25, "chr1", 0, 99, "+"),
        Record("single", "A" * 30, "chr1", 70, 100, "+"),  # as long as its place
    )
    wanted = select_wanted(table, 20)
    assert wanted["length"].tolist() == [20, 25, 30]
    assert wanted["exon_count"].tolist() == [3, pd.NA, 1]


@pytest.mark.parametrize(
    ("transcript", "is_kept"),
    [
        (coding(), True),
        (coding(gene="ABC", biotype="protein_coding"), True),
        (coding(gene="XYZ"), False),
        (replace(coding(gene="ABC"), gene_id="ENSG1"), False),
        (replace(coding(gene="ABC"), gene_id="ENSG2"), True),
        (coding(biotype="nonsense_mediated_decay"), False),
        (coding(chrom="chr2", start=5000 - 410), True),
        (coding(chrom="chr2", start=5000 - 409), False),
        (coding(chrom="chr2", start=5089, strand="-"), False),
        (coding(chrom="chr2", start=5090, strand="-"), True),
        (coding(chrom="chr6_apd_hap1"), False),
        (coding(chrom="chr6_KI270801v1_alt"), False),
        (coding(chrom="chr1_KN538361v1_fix"), False),
        (coding(chrom="chr4_gl000193_random"), True),
        (Record("NM_1", "ACGT"), False),
        (Record("NM_1", "ACGT", "chr1", 0, 9, "+", None, None, None, 2, "2,2", "0,7"), False),
        (Record("NM_1", "ACGTA", "chr1", 0, 9, "+", None, None, None, 3, "1,1,1", "0,4,8"), False),
    ],
)
def test_genes_and_places_with_a_circrna_are_left_out(transcript, is_kept):
    unplaced = Record("c2", "ACGT", gene_id="ENSG1")
    circrnas = circles(circle(chrom="chr2", start=5000, gene="XYZ"), unplaced)
    kept = usable_transcripts([transcript, coding("NM_2", chrom="chr7")], circrnas, "tx.fa")
    assert [one.record.id for one in kept] == ["NM_1"] * is_kept + ["NM_2"]


def test_what_is_left_out_is_counted(caplog):
    torn = Record("NM_2", "ACGTA", "chr1", 0, 9, "+", exon_lengths="1,1,1", exon_offsets="0,4,8")
    with caplog.at_level(logging.INFO):
        usable_transcripts([coding(gene="XYZ"), torn], circles(circle(gene="XYZ")), "tx.fa")
    assert "left out 1 transcripts whose exons contradict the sequence" in caplog.messages
    assert "tx.fa: left out 1 transcripts: gene of a circRNA" in caplog.messages


def test_transcripts_of_one_locus_are_of_one_gene_where_none_is_named():
    records = [
        coding("b", start=100),
        coding("a", start=500),  # overlaps b
        coding("c", start=1000),  # apart
        coding("d", strand="-", start=100),
        coding("e", start=100, gene="G1"),
        replace(coding("f", start=100), gene_id="ENSG1"),
    ]
    transcripts = [with_exons(record) for record in records]
    name_genes(transcripts)
    found = [transcript.record.gene_id for transcript in transcripts]
    assert found == ["a", "a", "c", "d", None, "ENSG1"]


def test_places_named_in_two_styles_are_refused():
    with pytest.raises(InputError, match=r"tx\.fa: its chromosomes are named like 1, those"):
        usable_transcripts([coding(chrom="1")], circles(circle(chrom="chr1")), "tx.fa")
    assert len(usable_transcripts([coding()], circles(circle(chrom="chr2")), "tx.fa")) == 1


@pytest.mark.mirror
def test_real_transcripts(mirror, extra, tmp_path):
    archive = mirror / "reprod.njmu.edu.cn/circrnadb/doc/circRNA_dataset.zip"
    table, output = tmp_path / "circ.parquet", tmp_path / "hard.parquet"
    words = ["--type", "circrnadb", "--archive", archive, "--source", "db", "--label", "circRNA"]
    assert main(["parse", *map(str, words), "--assembly", "hg19", "--output", str(table)]) == 0
    files = (extra / f"refseq_coding_hg19.{kind}.gz" for kind in ("fa", "bed"))
    words = [word for pair in zip(("--fasta", "--bed"), files, strict=True) for word in pair]
    words += ["--positives", table, "--source", "hard", "--assembly", "hg19", "--per-circrna", 2]
    assert main(["linear-exons", *map(str, words), "--output", str(output)]) == 0
    circrnas, runs = pd.read_parquet(table), pd.read_parquet(output)
    assert len(runs) > 8000
    assert runs["sequence"].is_unique
    assert not set(runs["sequence"]) & set(circrnas["sequence"])
    one_side = {"strand": "+"}
    assert not overlaps_any(runs.assign(**one_side), circrnas.assign(**one_side)).any()
    both = pd.concat([circrnas, runs])
    for value in (both["sequence"].str.len(), both["exon_count"].fillna(3)):
        area = roc_auc_score(both["label"] == "circRNA", value.astype(int))
        assert area == pytest.approx(0.5, abs=0.02)
