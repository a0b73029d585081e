"""CIRIquant's GTF file, whose exons an annotation tells."""

import contextlib
import gzip
import logging

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from circlet.cli import main
from circlet.data.records import Record
from circlet.data.sources.ciriquant import read
from circlet.errors import InputError

# Positions:  0         10        20        30        40
CHROMOSOME = "ACGTTAAACCGGGTTGATTCAGGGCCCATGTTTACGCCAATCCG"


def call(start, end, strand="+", kind="exon", gene='gene_id "G1"; gene_name "X";', name=None):
    """One line of CIRIquant's output; the place is 1-based closed."""
    told = (
        f'circ_id "{name or f"chr1:{start}|{end}"}"; circ_type "{kind}"; bsj 5.000; fsj 2.000; '
        f"junc_ratio 0.833; {gene}"
    )
    return f"chr1\tCIRIquant\tcircRNA\t{start}\t{end}\t0.1000\t{strand}\t.\t{told}\n"


def transcript(name, *exons, gene="G1", strand="+", told='gene_name "SYM"; gene_type "coding";'):
    """The lines of an annotation for one transcript; its exons are 1-based closed."""
    told = f'gene_id "{gene}"; transcript_id "{name}"; {told}'
    lines = [("transcript", exons[0][0], exons[-1][1]), *(("exon", *exon) for exon in exons)]
    return "".join(
        f"chr1\tHAVANA\t{feature}\t{start}\t{end}\t.\t{strand}\t.\t{told}\n"
        for feature, start, end in lines
    )


HEADER = "##Sample: s\n##Total_Reads: 9\n##version: 1.1.2\n"
CALL = call(11, 33)
ANNOTATION = transcript("T1", (1, 5), (11, 15), (21, 23), (31, 33), (41, 44))


def expected(**changes):
    """The record of `CALL` and `ANNOTATION`."""
    fields = {
        "id": "chr1:11|33",
        "sequence": "GGGTTAGGTTT",
        "chrom": "chr1",
        "start": 10,
        "end": 33,
        "strand": "+",
        "gene": "SYM",
        "gene_id": "G1",
        "exon_count": 3,
        "exon_lengths": "5,3,3",
        "exon_offsets": "0,10,20",
        "gene_type": "coding",
    }
    return Record(**(fields | changes))


@pytest.fixture
def files(tmp_path):
    """Write CIRIquant's file, an annotation and the genome; give their paths."""
    paths = tmp_path / "calls.gtf", tmp_path / "genes.gtf", tmp_path / "genome.fa"

    def write(calls=CALL, annotation=ANNOTATION, genome=f">chr1\n{CHROMOSOME}\n"):
        for path, content in zip(paths, (calls, annotation, genome), strict=True):
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return paths

    return write


def refusal(paths):
    """The message of the error that reading the files must raise."""
    with pytest.raises(InputError) as caught:
        list(read(*paths))
    return str(caught.value)


def test_exons_come_from_the_annotation(files):
    assert list(read(*files(HEADER + CALL))) == [expected()]
    assert list(read(*files(gzip.compress(CALL.encode()), gzip.compress(ANNOTATION.encode())))) == [
        expected()
    ]


def test_the_other_strand(files):
    paths = files(call(11, 33, "-"), ANNOTATION.replace("\t+\t", "\t-\t"))
    assert list(read(*paths)) == [expected(strand="-", sequence="AAACCTAACCC")]


def test_one_exon(files):
    assert list(read(*files(call(21, 23)))) == [
        expected(
            id="chr1:21|23",
            sequence="AGG",
            start=20,
            end=23,
            exon_count=1,
            exon_lengths="3",
            exon_offsets="0",
        )
    ]


def test_symbol_and_types_need_not_be_told(files):
    (record,) = read(*files(call(11, 33, gene=""), transcript("T1", (11, 15), (31, 33), told="")))
    assert record == expected(
        sequence="GGGTTTTT",
        gene=None,
        gene_type=None,
        exon_count=2,
        exon_lengths="5,3",
        exon_offsets="0,20",
    )


LONG = transcript("T2", (11, 16), (21, 23), (31, 33), gene="G2")
SHORT = transcript("T3", (11, 12), (31, 33), gene="G1")


@pytest.mark.parametrize(
    ("gene", "annotation", "chosen", "lengths"),
    [
        # That of the named gene, though shorter.
        ('gene_id "G1";', LONG + SHORT, "G1", "2,3"),
        ('gene_id "G2";', SHORT + LONG, "G2", "6,3,3"),
        ('gene_id "G9,G1";', LONG + SHORT, "G1", "2,3"),
        # The longest.
        ('gene_id "G9";', SHORT + LONG, "G2", "6,3,3"),
        ("", SHORT + LONG, "G2", "6,3,3"),
        ('gene_id "G1,G2";', SHORT + LONG, "G2", "6,3,3"),
        # Only what lies within the circRNA counts.
        ("", SHORT + transcript("T4", (11, 11), (31, 33), (35, 44), gene="G4"), "G1", "2,3"),
        # The first by id, whatever the order of the lines.
        (
            "",
            transcript("T9", (11, 13), (30, 33), gene="G9")
            + transcript("T10", (11, 14), (31, 33), gene="G10"),
            "G10",
            "4,3",
        ),
    ],
)
def test_choice_of_the_transcript(files, gene, annotation, chosen, lengths):
    (record,) = read(*files(call(11, 33, gene=gene), annotation))
    assert (record.gene_id, record.exon_lengths) == (chosen, lengths)


def test_what_cannot_be_spliced_is_left_out_and_counted(files, caplog):
    calls = (
        call(1, 4, kind="intergenic", gene="")
        + call(2, 33)  # starts within an exon
        + call(11, 32)  # ends within an exon
        + call(11, 15, "-")  # on the other strand
        + CALL
        + call(1, 3, kind="intron")
        + call(1, 2, kind="intron")
    )
    bare = ANNOTATION.splitlines(keepends=True)[0].replace("T1", "T0")  # without an exon line
    paths = files(calls, bare + ANNOTATION)
    with caplog.at_level(logging.INFO):
        assert list(read(*paths)) == [expected()]
    assert caplog.messages == [
        f"{paths[0]}: circ_type intergenic, left out: 1",
        f"{paths[0]}: circ_type intron, left out: 2",
        f"{paths[0]}: without a fitting transcript, left out: 3 of 4",
    ]


@pytest.mark.parametrize(
    ("calls", "message"),
    [
        (HEADER, "has no circRNA of circ_type exon; give CIRIquant's GTF file"),
        (call(1, 5, kind="intron"), "has no circRNA of circ_type exon"),
        (ANNOTATION, "has no circRNA of circ_type exon"),
        (HEADER + CALL.replace("circ_id", "id"), "line 4: lacks the attribute circ_id; give a GTF"),
        (CALL.replace("circ_type", "type"), "line 1: lacks the attribute circ_type"),
        (CALL.replace('"exon"', '""'), "line 1: lacks the attribute circ_type"),
        (CALL + call(41, 44, kind="intron").replace("circ_id", ""), "line 2: lacks the attribute"),
        (CALL + CALL, "line 2: the circRNA chr1:11|33 occurs again"),
        (call(11, 10), "line 1: start 11 and end 10 do not bound a place"),
        (call(0, 10), "line 1: start 0 and end 10 do not bound a place"),
        (call("x", 10), "line 1: start 'x' is not a whole number"),
        (call(11, 33, "."), "line 1: strand '.' is neither + nor -"),
        (CALL.replace("\t.\t", "\t"), "line 1: 8 tab-separated columns instead of 9"),
        (b"\xff\xfe", "the file is not plain text"),
    ],
)
def test_malformed_calls_are_refused(files, calls, message):
    assert f"calls.gtf: {message}" in refusal(files(calls))


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        ("", "has no transcript line"),
        (ANNOTATION + "chr1\n", "line 7: 1 tab-separated columns instead of 9"),
        (ANNOTATION.replace("transcript_id", "name"), "line 1: lacks the attribute transcript_id"),
        (
            ANNOTATION.replace("chr1", "1"),
            "no transcript has exons that start and end where a circRNA of",
        ),
    ],
)
def test_unfit_annotations_are_refused(files, annotation, message):
    assert f"genes.gtf: {message}" in refusal(files(annotation=annotation))


def test_places_that_the_genome_lacks_are_refused(files):
    paths = files(genome=">1\nACGT\n")
    assert f"{paths[0]}: chr1:11|33: its contig is not in {paths[2]}: the places name" in refusal(
        paths
    )
    paths = files(genome=">chr1\nACGT\n")
    assert f"{paths[0]}: chr1:11|33: its end 33 lies outside chr1, which has 4 nt" in refusal(paths)


def test_bad_input_ends_the_step_with_one_line(files, tmp_path, capsys):
    gtf, annotation, genome = files(CALL.replace("circ_id", "id"))
    flags = ["--type", "ciriquant", "--gtf", str(gtf), "--annotation", str(annotation)]
    flags += ["--genome", str(genome), "--source", "mine", "--label", "circRNA"]
    flags += ["--assembly", "hg38", "--output", str(tmp_path / "out.parquet")]
    assert main(["parse", *flags]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"circlet parse: error: {gtf}: line 1: lacks the attribute circ_id; "
        "give a GTF file as CIRIquant writes it"
    )
    assert sorted(tmp_path.iterdir()) == sorted([gtf, annotation, genome])


@settings(
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.binary(max_size=60)
    | st.lists(st.text(max_size=5), min_size=9, max_size=9).map("\t".join).map(str.encode)
    | st.builds(
        call,
        st.sampled_from([-1, 0, 1, 11, 21, "x"]),
        st.sampled_from([5, 15, 23, 33, 44, 99]),
        st.sampled_from("+-."),
        gene=st.text("G1,", max_size=4).map('gene_id "{}";'.format),
    ).map(str.encode)
)
def test_any_content_is_read_or_refused(files, content):
    with contextlib.suppress(InputError):
        (record,) = read(*files(content))
        assert len(record.sequence) == sum(map(int, record.exon_lengths.split(",")))
