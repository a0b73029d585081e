"""Splicing out of a genome; `test_chromosome21.py` does it with a real one."""

import gzip
from dataclasses import replace

import pytest
from Bio import bgzf
from hypothesis import given, settings
from hypothesis import strategies as st

from circlet.data.genome import exons_of, splice
from circlet.data.records import Record
from circlet.errors import InputError

# Positions:   0         10        20
CHR1 = "ACGTTaaaccNNNRYgattcaGGG"
CHR2 = "TTTTTGGGGGCCCCCAAAAA"
GENOME = f">chr1 the first\n{CHR1[:10]}\n{CHR1[10:]}\n>chr2\n{CHR2}\n"

COMPLEMENT = dict(zip("ACGTRYNacgtryn", "TGCAYRNtgcayrn", strict=True))


def record(name, exons, strand="+", chrom="chr1"):
    """A record without sequence."""
    start, end = exons[0][0], exons[-1][1]
    return Record(
        name,
        "",
        chrom,
        start,
        end,
        strand,
        gene="G",
        exon_count=len(exons),
        exon_lengths=",".join(str(last - first) for first, last in exons),
        exon_offsets=",".join(str(first - start) for first, _ in exons),
    )


def splice_slowly(record, contig):
    """Splice base by base."""
    bases = [contig[at] for start, end in exons_of(record) for at in range(start, end)]
    if record.strand == "-":
        bases = [COMPLEMENT[base] for base in reversed(bases)]
    return "".join(bases)


@pytest.fixture
def genome(tmp_path):
    """Write a plain FASTA file and give its path."""
    path = tmp_path / "genome.fa"

    def write(text=GENOME):
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_exons_of():
    exons = [(5, 8), (10, 11), (11, 20)]
    assert exons_of(record("a", exons)) == exons
    assert exons_of(Record("a", "ACGT", "chr1", 5, 9, "+")) == []


@pytest.mark.parametrize(
    ("exons", "strand", "expected"),
    [
        ([(0, 5)], "+", "ACGTT"),
        ([(0, 5)], "-", "AACGT"),
        ([(3, 7), (13, 17)], "+", "TTaaRYga"),
        ([(3, 7), (13, 17)], "-", "tcRYttAA"),
        ([(3, 7), (7, 10), (21, 24)], "+", "TTaaaccGGG"),
        ([(0, 24)], "+", CHR1),
    ],
)
def test_strand_case_and_ambiguous_bases(genome, exons, strand, expected):
    given_one = record("a", exons, strand)
    assert splice([given_one], genome(), "x.bed") == [replace(given_one, sequence=expected)]
    assert given_one.sequence == ""


def test_order_is_that_of_the_records(genome):
    wanted = [
        record("b", [(5, 10)], chrom="chr2"),
        record("c", [(0, 2)]),
        record("a", [(0, 5), (15, 20)], "-", "chr2"),
    ]
    spliced = splice(wanted, genome(), "x.bed")
    assert [(one.id, one.sequence) for one in spliced] == [
        ("b", "GGGGG"),
        ("c", "AC"),
        ("a", "TTTTTAAAAA"),
    ]
    assert splice([], genome(), "x.bed") == []


def test_plain_gzip_and_bgzip(tmp_path):
    # More than one block of bgzip, which holds 64 KiB.
    contigs = [("chr1", CHR1), ("chr2", "ACGGT" * 40_000)]
    text = "".join(f">{name}\n{sequence}\n" for name, sequence in contigs)
    (tmp_path / "plain.fa").write_text(text)
    (tmp_path / "gzip.fa.gz").write_bytes(gzip.compress(text.encode()))
    with bgzf.BgzfWriter(str(tmp_path / "bgzip.fa.gz"), "wb") as handle:
        handle.write(text.encode())
    wanted = [record("a", [(1, 4), (199_998, 200_000)], "-", "chr2"), record("b", [(5, 10)])]
    for path in tmp_path.iterdir():
        assert [one.sequence for one in splice(wanted, path, "x.bed")] == ["ACCCG", "aaacc"]


@settings(derandomize=True, deadline=None, max_examples=100)
@given(st.data())
def test_random_exons_equal_a_splicing_base_by_base(tmp_path_factory, data):
    sequence = st.text("ACGTRYNacgtryn", min_size=12, max_size=60)
    contigs = {name: data.draw(sequence) for name in ("1", "chr2", "scaffold.3")}
    wanted = []
    for number in range(data.draw(st.integers(1, 6))):
        chrom = data.draw(st.sampled_from(sorted(contigs)))
        bounds = st.integers(0, len(contigs[chrom]))
        cuts = sorted(data.draw(st.sets(bounds, min_size=2, max_size=10)))
        exons = list(zip(cuts[::2], cuts[1::2], strict=False))
        wanted.append(record(f"r{number}", exons, data.draw(st.sampled_from("+-")), chrom))
    path = tmp_path_factory.mktemp("random") / "genome.fa"
    path.write_text("".join(f">{name}\n{contig}\n" for name, contig in contigs.items()))
    assert splice(wanted, path, "x.bed") == [
        replace(one, sequence=splice_slowly(one, contigs[one.chrom])) for one in wanted
    ]


def refusal(records, path):
    with pytest.raises(InputError) as caught:
        splice(records, path, "x.bed")
    return str(caught.value)


def test_a_place_outside_its_contig_is_refused(genome):
    path = genome()
    assert splice([record("a", [(23, 24)])], path, "x.bed")[0].sequence == "G"
    assert refusal([record("a", [(0, 5), (20, 25)])], path) == (
        f"x.bed: a: its end 25 lies outside chr1, which has 24 nt in {path}; "
        "give the genome of the assembly that the places refer to"
    )


@pytest.mark.parametrize(
    ("chrom", "contigs", "named"),
    [
        ("chr1", ("2", "1"), "'chr1', the genome like '1'"),
        ("1", ("chr2", "chr1"), "'1', the genome like 'chr1'"),
        ("chrM", ("1", "MT"), "'chrM', the genome like '1'"),
    ],
)
def test_an_absent_contig_is_refused_with_both_styles(genome, chrom, contigs, named):
    path = genome("".join(f">{name}\nACGT\n" for name in contigs))
    assert refusal([record("a", [(0, 2)], chrom=chrom)], path) == (
        f"x.bed: a: its contig is not in {path}: the places name contigs like {named}; "
        "give both files of the same assembly with the same names of contigs"
    )


def test_an_absent_contig_of_the_same_style_is_just_absent(genome):
    path = genome(">chr2\nACGT\n>chr3\nACGT\n")
    assert refusal([record("a", [(0, 2)], chrom="chr1")], path) == (
        f"x.bed: a: {path} has no contig 'chr1'; give the genome of the same assembly"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (">chr1\nACGT\n>chr1\nAC\n", "genome.fa: chr1: two records bear this id"),
        (">chr1\nACGé\n", "genome.fa: chr1: has a character that is no base"),
        ("chr1\t0\t5\n", "genome.fa: line 1: does not begin with '>'"),
        ("", "genome.fa: has no FASTA record"),
    ],
)
def test_malformed_genomes_are_refused(genome, text, message):
    assert message in refusal([record("a", [(0, 2)], "-")], genome(text))


def test_a_missing_or_truncated_genome_is_refused(tmp_path):
    wanted = [record("a", [(0, 2)])]
    assert "none.fa: no such file" in refusal(wanted, tmp_path / "none.fa")
    (tmp_path / "cut.fa.gz").write_bytes(gzip.compress(GENOME.encode())[:-9])
    assert "the gzip stream is truncated" in refusal(wanted, tmp_path / "cut.fa.gz")
