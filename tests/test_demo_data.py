"""The embedded sequences of chromosome 21 and the script that rebuilds them."""

import importlib.util
import os
import re
from pathlib import Path

import pytest
from Bio import SeqIO
from Bio.Seq import Seq

from circlet.files import sha256_of

DEMO = Path(__file__).parents[1] / "workflow" / "demo"
FILES = {"circrnas.chr21.fa": 92, "lncrnas.chr21.fa": 132}
SDIST_VARIABLE = "CIRCLET_CIRCEXPLORER_SDIST"


def load_script():
    spec = importlib.util.spec_from_file_location("rebuild", DEMO / "rebuild.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


rebuild = load_script()

# Positions:      0         10        20        30
CHROMOSOME = Seq("NNNNNaaaccNNNNNgattcaNNNNNNNNN")
#                      exon 1    exon 2


def records(name):
    return list(SeqIO.parse(DEMO / name, "fasta"))


def attributes(record):
    return dict(word.split("=") for word in record.description.split(" ")[1:])


def numbers(comma_list):
    return [int(word) for word in comma_list.split(",")]


def test_checksums_cover_and_match_both_files():
    lines = (DEMO / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    listed = {name: digest for digest, name in (line.split("  ") for line in lines)}
    assert listed == {name: sha256_of(DEMO / name) for name in FILES}


@pytest.mark.parametrize(("name", "count"), FILES.items())
def test_sequences(name, count):
    found = records(name)
    assert len(found) == count
    assert min(len(record) for record in found) >= 200
    assert all(set(str(record.seq)) == set("ACGT") for record in found)


def test_ids_are_unique_over_both_files():
    ids = [record.id for name in FILES for record in records(name)]
    assert len(set(ids)) == len(ids) == 224


@pytest.mark.parametrize(("name", "count"), [("circrnas.chr21.fa", 39), ("lncrnas.chr21.fa", 92)])
def test_number_of_genes(name, count):
    assert len({attributes(record)["gene"] for record in records(name)}) == count


@pytest.mark.parametrize("name", FILES)
def test_headers_describe_the_sequences(name):
    for record in records(name):
        place = attributes(record)
        lengths, offsets = numbers(place["exon_lengths"]), numbers(place["exon_offsets"])
        start, end = int(place["start"]), int(place["end"])
        assert list(place) == [
            *("gene", "chrom", "start", "end", "strand"),
            *("exon_count", "exon_lengths", "exon_offsets"),
        ]
        assert place["chrom"] == "chr21"
        assert place["strand"] in ("+", "-")
        assert len(lengths) == len(offsets) == int(place["exon_count"])
        assert sum(lengths) == len(record)
        assert offsets == sorted(offsets)
        assert offsets[0] == 0
        assert offsets[-1] + lengths[-1] == end - start


@pytest.mark.parametrize("name", FILES)
def test_order_is_genomic(name):
    places = [attributes(record) for record in records(name)]
    keys = [
        (int(place["start"]), int(place["end"]), place["strand"], record.id)
        for place, record in zip(places, records(name), strict=True)
    ]
    assert keys == sorted(keys)


@pytest.mark.parametrize("name", FILES)
def test_lines_are_unix_and_60_wide(name):
    text = (DEMO / name).read_bytes()
    assert b"\r" not in text
    sequences = re.split(rb"(?m)^>.*\n", text)[1:]
    assert all(re.fullmatch(rb"(?:[ACGT]{60}\n)*[ACGT]{1,60}\n", lines) for lines in sequences)


def test_readme_quotes_the_licence():
    readme = (DEMO / "README.md").read_text(encoding="utf-8")
    assert "Copyright (C) 2014-2016 YangLab" in readme
    assert "The above copyright notice and this permission notice shall be included" in readme


@pytest.mark.parametrize(
    ("strand", "exons", "expected"),
    [
        ("+", ((5, 10), (15, 21)), "AAACCGATTCA"),
        ("-", ((5, 10), (15, 21)), "TGAATCGGTTT"),
        ("+", ((15, 21),), "GATTCA"),
        ("-", ((15, 21),), "TGAATC"),
    ],
)
def test_splice(strand, exons, expected):
    transcript = rebuild.Transcript("t", "G", "chr21", strand, exons)
    assert str(rebuild.splice(transcript, CHROMOSOME)) == expected


def circrna_row(kind):
    bed = ["chr21", "5", "21", "circular_RNA/3", "0", "-", "5", "5", "0,0,0", "2", "5,6", "0,10"]
    return "\t".join([*bed, "3", kind, "GENE1", "NM_1", "2,3", "None|chr21:21-30"]) + "\n"


def test_parse_circrnas_leaves_cirnas_out():
    found = rebuild.parse_circrnas([circrna_row("circRNA"), circrna_row("ciRNA")])
    assert found == [
        rebuild.Transcript("chr21:5-21(-)", "GENE1", "chr21", "-", ((5, 10), (15, 21)))
    ]


def test_parse_lncrnas_keeps_non_coding_accessions():
    place = "chr21\t+\t5\t21\t21\t21\t2\t5,15,\t10,21,\n"
    found = rebuild.parse_lncrnas([f"LINC1\tNR_1\t{place}", f"GENE1\tNM_1\t{place}"])
    assert found == [rebuild.Transcript("NR_1", "LINC1", "chr21", "+", ((5, 10), (15, 21)))]


def test_choose_filters_and_orders():
    def at(name, chrom, start, length):
        return rebuild.Transcript(name, "G", chrom, "+", ((start, start + length),))

    late, early = at("late", "chr21", 1000, 200), at("early", "chr21", 9, 300)
    short, elsewhere = at("short", "chr21", 0, 199), at("elsewhere", "chr2", 0, 300)
    assert rebuild.choose([late, short, elsewhere, early]) == [early, late]


def test_write_fasta(tmp_path):
    transcript = rebuild.Transcript("t", "G", "chr21", "-", ((5, 10), (15, 21)))
    rebuild.write_fasta(tmp_path / "out.fa", [transcript], CHROMOSOME)
    assert (tmp_path / "out.fa").read_bytes() == (
        b">t gene=G chrom=chr21 start=5 end=21 strand=- exon_count=2 exon_lengths=5,6 "
        b"exon_offsets=0,10\nTGAATCGGTTT\n"
    )


@pytest.mark.parametrize("content", [b"another file", None])
def test_wrong_or_missing_sdist_is_refused(content, tmp_path, capsys):
    sdist, output = tmp_path / "sdist.tar.gz", tmp_path / "out"
    if content is not None:
        sdist.write_bytes(content)
    assert rebuild.main(["--sdist", str(sdist), "--output-dir", str(output)]) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert str(sdist) in message
    assert ("no such file" if content is None else "its sha256 is not 19d1345d") in message
    assert not output.exists()


def test_rebuild_is_byte_for_byte(tmp_path):
    sdist = os.environ.get(SDIST_VARIABLE)
    if not sdist:
        pytest.skip(f"{SDIST_VARIABLE} does not name CIRCexplorer-1.1.10.tar.gz")
    assert rebuild.main(["--sdist", sdist, "--output-dir", str(tmp_path)]) == 0
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (DEMO / name).read_bytes()
