"""GENCODE's transcripts joined with their annotation."""

import contextlib
import logging
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from circlet.data.records import Record
from circlet.data.sources.gencode import read, read_annotation
from circlet.errors import InputError

MIRRORED = "ftp.ebi.ac.uk/pub/databases/gencode/Gencode_human/release_19"
HEADER = "{name}|ENSG1.2|OTTHUMG1|-|LINC1-001|LINC1|{length}|"

property_test = settings(
    derandomize=True,
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def line(feature, start, end, name="ENST1.1", strand="+", biotype="lincRNA"):
    """One GTF line."""
    attributes = (
        f'gene_id "ENSG1.2"; transcript_id "{name}"; gene_type "x;y"; gene_name "LINC1"; '
        f'transcript_type "{biotype}"; exon_number 1; tag "basic"; tag "x";'
    )
    return f"chr1\tHAVANA\t{feature}\t{start}\t{end}\t.\t{strand}\t.\t{attributes}\n"


GTF = line("transcript", 11, 30) + line("exon", 11, 14) + line("exon", 27, 30)


def expected(name="ENST1.1", **changes):
    """The record of `GTF` with the sequence that `files` gives it."""
    fields = {
        "chrom": "chr1",
        "start": 10,
        "end": 30,
        "strand": "+",
        "gene": "LINC1",
        "gene_id": "ENSG1.2",
        "biotype": "lincRNA",
        "exon_count": 2,
        "exon_lengths": "4,4",
        "exon_offsets": "0,16",
        "gene_type": "x;y",
    }
    return Record(name, "ACGTACGT", **(fields | changes))


@pytest.fixture
def files(tmp_path):
    """Write a FASTA file with the given titles and a GTF file; give both paths."""
    fasta, annotation = tmp_path / "tx.fa", tmp_path / "tx.gtf"

    def write(*titles, gtf=GTF):
        fasta.write_bytes("".join(f">{title}\nACGT\nACGT\n" for title in titles).encode())
        annotation.write_bytes(gtf if isinstance(gtf, bytes) else gtf.encode())
        return fasta, annotation

    return write


def refusal(fasta, gtf):
    """The message of the error that reading the two files must raise."""
    with pytest.raises(InputError) as caught:
        list(read(fasta, gtf))
    return str(caught.value)


def header(name="ENST1.1", length=8):
    return HEADER.format(name=name, length=length)


def test_annotation_is_joined_and_made_half_open(files):
    gtf = "##format: gtf\n\n" + line("gene", 1, 99) + GTF
    assert list(read(*files(header(), gtf=gtf))) == [expected()]


def test_exons_are_put_in_genomic_order(files):
    gtf = (
        line("exon", 27, 30, strand="-")
        + line("exon", 11, 14, strand="-")
        + line("transcript", 11, 30, strand="-", biotype="antisense")
    )
    (record,) = read(*files(header(), gtf=gtf))
    assert record == expected(strand="-", biotype="antisense")


def test_a_transcript_without_exon_lines_has_no_exons(files):
    (record,) = read(*files(header(), gtf=line("transcript", 11, 30)))
    assert record == expected(exon_count=None, exon_lengths=None, exon_offsets=None)


def test_ensembl_names_the_biotype_otherwise_and_may_lack_a_symbol(files):
    gtf = GTF.replace("transcript_type", "transcript_biotype").replace('gene_name "LINC1"; ', "")
    gtf = gtf.replace("gene_type", "gene_biotype")
    assert list(read(*files(header(), gtf=gtf.replace("\n", "\r\n")))) == [expected(gene=None)]


def test_the_type_of_the_gene_may_be_unknown(files):
    for gtf in (GTF.replace('gene_type "x;y"; ', ""), GTF.replace('"x;y"', '""')):
        assert list(read(*files(header(), gtf=gtf))) == [expected(gene_type=None)]


def test_a_biotype_may_be_wanting_where_none_is_asked_for(files):
    _, path = files(header(), gtf=GTF.replace("transcript_type", "t"))
    assert read_annotation(path, typed=False) == {
        "ENST1.1": replace(expected(biotype=None), sequence="")
    }


@pytest.mark.parametrize(
    ("in_fasta", "in_gtf"),
    [("ENST1.1", "ENST1"), ("ENST1", "ENST1.1"), ("ENST1.1_PAR_Y", "ENST1_PAR_Y")],
)
def test_one_file_may_write_ids_without_version(files, in_fasta, in_gtf):
    gtf = GTF.replace("ENST1.1", in_gtf)
    assert list(read(*files(header(in_fasta), gtf=gtf))) == [expected(in_fasta)]


@pytest.mark.parametrize("stranger", ["ENST1.2", "ENST1.1_PAR_Y", "ENST1_PAR_Y", "ENST2.1"])
def test_other_versions_and_copies_do_not_join(files, caplog, stranger):
    fasta, gtf = files(header(), header(stranger))
    with caplog.at_level(logging.WARNING):
        assert list(read(fasta, gtf)) == [
            expected(),
            Record(stranger, "ACGTACGT", biotype="unknown"),
        ]
    (warning,) = caplog.records
    assert warning.getMessage() == f"{fasta}: 1 of 2 transcripts are not in {gtf}"


def test_par_copies_have_places_of_their_own(files):
    copy = "ENST1.1_PAR_Y"
    gtf = GTF + GTF.replace("ENST1.1", copy).replace("chr1", "chrY")
    records = list(read(*files(header(), header(copy), gtf=gtf)))
    assert records == [expected(), expected(copy, chrom="chrY")]


def test_a_bare_id_is_enough_if_the_gtf_has_it(files):
    assert list(read(*files("ENST1.1 a note"))) == [expected()]
    assert "tx.fa: ENST2.1: its header has no GENCODE fields" in refusal(*files("ENST2.1"))


def test_files_of_different_releases_are_refused(files):
    fasta, gtf = files(header("ENST8.1"), header("ENST9.1"))
    assert f"{fasta}: no transcript is in {gtf}; give FASTA and GTF of the same" in refusal(
        fasta, gtf
    )


def test_a_sequence_shorter_than_its_header_says_is_refused(files):
    message = refusal(*files(header(length=9)))
    assert "tx.fa: ENST1.1: the sequence has 8 nt where its header says 9: truncated?" in message


def test_duplicate_transcripts_are_refused(files):
    assert "tx.fa: ENST1.1: two records bear this id" in refusal(
        *files(header(), header() + "other")
    )
    assert "tx.gtf: line 4: the transcript ENST1.1 occurs again" in refusal(
        *files(header(), gtf=GTF + GTF)
    )


@pytest.mark.parametrize(
    ("gtf", "message"),
    [
        ("", "tx.gtf: has no transcript line"),
        (line("exon", 1, 2), "tx.gtf: has no transcript line"),
        (GTF + "chr1\tx\n", "tx.gtf: line 4: 2 tab-separated columns instead of 9"),
        ("#!x\n" + GTF.replace("\t.\t+", "\t+"), "tx.gtf: line 2: 8 tab-separated columns"),
        (
            GTF.replace("transcript_id", "id", 1),
            "tx.gtf: line 1: lacks the attribute transcript_id",
        ),
        (GTF.replace('"ENST1.1"', '""'), "tx.gtf: line 1: lacks the attribute transcript_id"),
        (GTF.replace("transcript_type", "t"), "tx.gtf: line 1: lacks the attribute transcript_ty"),
        (line("transcript", "x", 9), "tx.gtf: line 1: start 'x' is not a whole number"),
        (line("transcript", 0, 9), "tx.gtf: line 1: start 0 and end 9 do not bound a place"),
        (GTF + line("exon", 9, 8), "tx.gtf: line 4: start 9 and end 8 do not bound a place"),
        (line("transcript", 1, 9, strand="."), "tx.gtf: line 1: strand '.' is neither + nor -"),
        (b"\xff\xfe", "tx.gtf: the file is not plain text"),
    ],
)
def test_malformed_annotation_is_refused(files, gtf, message):
    assert message in refusal(*files(header(), gtf=gtf))


@property_test
@given(
    st.lists(
        st.tuples(
            st.integers(0, 10**9),
            st.lists(st.tuples(st.integers(0, 999), st.integers(1, 50)), min_size=1, max_size=6),
            st.sampled_from("+-"),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_places_come_back(tmp_path, transcripts):
    places, gtf = {}, ""
    for number, (start, exons, strand) in enumerate(transcripts):
        name, offsets, at = f"ENST{number}.1", [], 0
        for gap, length in exons:
            at += gap if offsets else 0
            offsets.append(at)
            at += length
        lengths = [length for _, length in exons]
        places[name] = (
            start,
            start + at,
            strand,
            len(exons),
            ",".join(map(str, lengths)),
            ",".join(map(str, offsets)),
        )
        gtf += line("transcript", start + 1, start + at, name, strand)
        blocks = list(zip(offsets, lengths, strict=True))
        for offset, length in blocks if strand == "+" else reversed(blocks):
            first = start + offset + 1
            gtf += line("exon", first, first + length - 1, name, strand)
    path = tmp_path / "places.gtf"
    path.write_text(gtf)
    assert places == {
        name: (
            record.start,
            record.end,
            record.strand,
            record.exon_count,
            record.exon_lengths,
            record.exon_offsets,
        )
        for name, record in read_annotation(path).items()
    }


@property_test
@given(
    title=st.text(min_size=1, max_size=30) | st.text("ENST1.|8", min_size=1, max_size=30),
    gtf=st.just(GTF.encode())
    | st.binary(max_size=80)
    | st.lists(st.text(max_size=6), min_size=9, max_size=9).map("\t".join).map(str.encode)
    | st.builds(line, st.just("transcript"), st.text(max_size=3), st.text(max_size=3)).map(
        str.encode
    ),
)
def test_any_text_is_read_or_refused(files, title, gtf):
    with contextlib.suppress(InputError):
        (record,) = read(*files(title, gtf=gtf))
        assert record.biotype == "lincRNA"


@pytest.mark.mirror
def test_mirror(mirror, caplog):
    folder = mirror / MIRRORED
    fasta = folder / "gencode.v19.lncRNA_transcripts.fa.gz"
    records = list(read(fasta, folder / "gencode.v19.long_noncoding_RNAs.gtf.gz"))
    assert not caplog.records
    assert len(records) == 11080
    for record in records:
        assert record.exon_count == record.exon_lengths.count(",") + 1
        assert sum(map(int, record.exon_lengths.split(","))) == len(record.sequence)
    first = records[0]
    assert (first.id, first.start, first.end) == ("ENST00000424696.1", 209701799, 209741018)
    assert sum(record.biotype == "lincRNA" for record in records) == 7754
