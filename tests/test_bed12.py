"""BED6 and BED12 files, CIRCexplorer's among them."""

import contextlib
import gzip
import logging

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from circlet.cli import main
from circlet.data.records import Record
from circlet.data.sources.bed12 import read
from circlet.errors import InputError

# Positions:  0         10        20        30
CHROMOSOME = "ACGTTAAACCGGGTTGATTCAGGGCCCATG"
GENOME = f">chr1\n{CHROMOSOME}\n"


def line(start=5, end=21, name="c1", strand="+", count=2, sizes="5,6", starts="0,10", more=()):
    """One BED12 line of chr1."""
    place = ("chr1", start, end, name, 0, strand, start, start, "0,0,0", count, sizes, starts)
    return "\t".join(map(str, (*place, *more))) + "\n"


def call(kind="circRNA", gene="GENE1", **changes):
    """One line as CIRCexplorer writes it."""
    more = (3, kind, gene, "NM_1", "2,3", "None|chr1:21-30")
    return line(**({"name": "circular_RNA/3"} | changes), more=more)


def expected(**changes):
    """The record of `line()`."""
    fields = {
        "id": "c1",
        "sequence": "AAACCGATTCA",
        "chrom": "chr1",
        "start": 5,
        "end": 21,
        "strand": "+",
        "exon_count": 2,
        "exon_lengths": "5,6",
        "exon_offsets": "0,10",
    }
    return Record(**(fields | changes))


@pytest.fixture
def files(tmp_path):
    """Write a BED file and the genome; give both paths."""
    bed, genome = tmp_path / "in.bed", tmp_path / "genome.fa"

    def write(content, contigs=GENOME):
        bed.write_bytes(content if isinstance(content, bytes) else content.encode())
        genome.write_text(contigs)
        return bed, genome

    return write


def refusal(bed, genome):
    """The message of the error that reading the two files must raise."""
    with pytest.raises(InputError) as caught:
        list(read(bed, genome))
    return str(caught.value)


def test_blocks_are_spliced_on_both_strands(files):
    records = list(read(*files(line() + line(name="c2", strand="-"))))
    assert records == [
        expected(),
        expected(id="c2", strand="-", sequence="TGAATCGGTTT"),
    ]


@pytest.mark.parametrize(("strand", "sequence"), [("+", "CGTTAA"), ("-", "TTAACG")])
def test_without_blocks_there_is_one_exon(files, strand, sequence):
    (record,) = read(*files(f"chr1\t1\t7\tx\t0\t{strand}\n"))
    assert record == Record(
        "x", sequence, "chr1", 1, 7, strand, exon_count=1, exon_lengths="6", exon_offsets="0"
    )


def test_what_is_no_transcript_is_passed_over(files):
    head = "browser position chr1:1-30\ntrack name=x\n# chrom start\n\n  \n"
    assert list(read(*files(head + line() + "\n"))) == [expected()]


def test_gzip_line_ends_last_commas_and_further_columns(files):
    content = line(sizes="5,6,", starts="0, 10,", more=("any", "thing")).replace("\n", "\r\n")
    assert list(read(*files(gzip.compress(content.encode())))) == [expected()]


def test_blocks_may_touch(files):
    (record,) = read(*files(line(sizes="10,6")))
    assert record == expected(sequence=CHROMOSOME[5:21], exon_lengths="10,6")


@pytest.mark.parametrize("name", ["y", ".", "", "two words"])
def test_places_are_the_ids_where_names_are_not_unique(files, caplog, name):
    names = ("x", name, "y", "z")
    kinds = ({}, {"strand": "-"}, {"sizes": "4,6"}, {"sizes": "3,6"})
    lines = (line(name=name, **kind) for name, kind in zip(names, kinds, strict=True))
    bed, genome = files("".join(lines))
    with caplog.at_level(logging.INFO):
        ids = [record.id for record in read(bed, genome)]
    assert ids == ["chr1:5-21(+)", "chr1:5-21(-)", "chr1:5-21(+)/2", "chr1:5-21(+)/3"]
    assert f"{bed}: its names are no ids, the places are taken instead" in caplog.messages


def test_places_too_long_for_exons_are_told(files, caplog):
    contigs = f">chr1\n{'ACGT' * 5_000}\n"
    junctions = "chr1\t0\t10001\ta\t0\t+\nchr1\t0\t10000\tb\t0\t+\n"
    list(read(*files(junctions, contigs)))
    (told,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert "1 of 2 places are single exons of more than 10000 nt" in told
    assert "introns stay in" in told


def test_calls_of_circexplorer(files, caplog):
    intron = call("ciRNA", start=1, end=7, count=1, sizes="6", starts="0")
    bed, genome = files(call(gene="n/a") + intron + call(strand="-"))
    with caplog.at_level(logging.INFO):
        records = list(read(bed, genome))
    assert records == [
        expected(id="chr1:5-21(+)"),
        expected(id="chr1:5-21(-)", strand="-", sequence="TGAATCGGTTT", gene="GENE1"),
    ]
    assert f"{bed}: CIRCexplorer's ciRNAs, left out: 1 of 3" in caplog.messages


def test_calls_of_which_all_are_intronic_are_refused(files):
    assert "in.bed: has no transcript; give a file with at least one" in refusal(
        *files(call("ciRNA"))
    )


@pytest.mark.parametrize(
    "stranger",
    [
        line(start=6, sizes="4,6", starts="0,9"),
        line(start=6, sizes="4,6", starts="0,9", more=("x", "ciRNA", "G", "NM", "2")),
        call("Yes", start=6, sizes="4,6", starts="0,9"),
    ],
)
def test_further_columns_count_only_if_every_line_has_them(files, stranger):
    records = list(read(*files(call("ciRNA") + stranger)))
    assert [(record.sequence, record.gene) for record in records] == [
        ("AAACCGATTCA", None),
        ("AACCGATTCA", None),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("chr1\t1\t7\n", "line 1: 3 tab-separated columns instead of 6 or at least 12; give BED6"),
        ("#\nchr1 1 7 x 0 +\n", "line 2: 1 tab-separated columns instead of 6 or at least 12"),
        ("chr1\t1\t7\tx\t0\t+\t1\n", "line 1: 7 tab-separated columns"),
        (line().rsplit("\t", 1)[0], "line 1: 11 tab-separated columns"),
        (line() + line(start=21), "line 2: start 21 and end 21 do not bound a place; mend the"),
        (line(start=22), "line 1: start 22 and end 21 do not bound a place"),
        (line(start=-1), "line 1: start '-1' is not a whole number"),
        (line(end="x"), "line 1: end 'x' is not a whole number"),
        (line(strand="."), "line 1: strand '.' is neither + nor -"),
        (line(strand=""), "line 1: strand '' is neither + nor -"),
        (line().replace("chr1", ""), "line 1: the chromosome is empty"),
        (line(count=3), "line 1: exon_lengths has 2 numbers for 3 exons"),
        (line(starts="0"), "line 1: exon_offsets has 1 numbers for 2 exons"),
        (line(count="."), "line 1: exon_count '.' is not a whole number"),
        (line(count=0, sizes="", starts=""), "line 1: exon_lengths '' is not a whole number"),
        (line(sizes="5,-6"), "line 1: exon_lengths '-6' is not a whole number"),
        (line(sizes="0,6"), "line 1: a block has no length"),
        (line(sizes="11,6"), "line 1: blocks overlap or are not in ascending order"),
        (line(sizes="6,5", starts="10,0"), "line 1: blocks overlap or are not in ascending"),
        (line(starts="1,10"), "line 1: the blocks span 6 to 21 and not the place, 5 to 21"),
        (line(sizes="5,5"), "line 1: the blocks span 5 to 20 and not the place, 5 to 21"),
        (line(sizes="5,7"), "line 1: the blocks span 5 to 22 and not the place, 5 to 21"),
        (line() + "\n" + line(name="c2"), "line 3: place and blocks are those of line 1; mend"),
        ("# no more\n", "has no transcript"),
        (b"\xff\xfe", "the file is not plain text"),
    ],
)
def test_malformed_files_are_refused(files, content, message):
    assert f"in.bed: {message}" in refusal(*files(content))


def test_places_that_the_genome_lacks_are_refused(files):
    bed, genome = files(line(end=31, sizes="5,16"))
    assert f"{bed}: c1: its end 31 lies outside chr1, which has 30 nt in {genome}; give" in refusal(
        bed, genome
    )
    bed, genome = files(line(), GENOME.replace("chr1", "1"))
    assert f"{bed}: c1: its contig is not in {genome}: the places name contigs like 'chr1'" in (
        refusal(bed, genome)
    )


def test_bad_input_ends_the_step_with_one_line(files, tmp_path, capsys):
    bed, genome = files(line(strand="."))
    flags = ["--type", "bed12", "--bed", str(bed), "--genome", str(genome), "--source", "mine"]
    flags += ["--label", "circRNA", "--assembly", "hg19", "--output", str(tmp_path / "out.tsv")]
    assert main(["parse", *flags]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"circlet parse: error: {bed}: line 1: strand '.' is neither + nor -; mend the line"
    )
    assert sorted(tmp_path.iterdir()) == [genome, bed]


@settings(
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.binary(max_size=40)
    | st.lists(st.text(max_size=4), min_size=5, max_size=13).map("\t".join).map(str.encode)
    | st.builds(
        line,
        start=st.integers(-1, 32),
        end=st.integers(-1, 32),
        strand=st.sampled_from("+-."),
        sizes=st.lists(st.integers(-1, 16), max_size=3).map(lambda sizes: str(sizes)[1:-1]),
        starts=st.lists(st.integers(-1, 16), max_size=3).map(lambda starts: str(starts)[1:-1]),
    ).map(str.encode)
)
@example(line(sizes="5, 6", starts="0, 10").encode())
def test_any_content_is_read_or_refused(files, content):
    with contextlib.suppress(InputError):
        for record in read(*files(content)):
            assert len(record.sequence) == sum(map(int, record.exon_lengths.split(","))) > 0
