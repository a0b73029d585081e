"""What is pasted and uploaded: every kind, and bad input in one line with its mend."""

import gzip

import pytest

from circlet.data.records import Entry
from circlet.errors import InputError
from circlet.serve.page import records

FASTQ = "@read of mine\nACGUN\n+\nIIIII\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (">a of mine\nACG\nT\n>b\nAC", [Entry("a", "ACGT", 4), Entry("b", "AC", 2)]),
        ("  acgu\r\nACGT \n", [Entry("sequence", "acguACGT", 8)]),
        ("MKV", [Entry("sequence", "MKV", 3)]),
        (FASTQ, [Entry("read", "ACGUN", 5)]),
        (">a", [Entry("a", "", 0)]),
    ],
)
def test_pasted(text, expected):
    assert records.read_pasted(text) == expected


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_uploaded(pack):
    content = pack(b"\xef\xbb\xbf>a\nAC\n>a\nGT\n")
    assert records.read_upload(content, "mine.fa") == [Entry("a", "AC", 2), Entry("a", "GT", 2)]
    assert records.read_upload(pack(FASTQ.encode()), "x")[0].id == "read"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "f.fa: has no record; give a file with at least one"),
        (b"1 2 3", "f.fa: line 1: is neither FASTA, FASTQ, BED nor GTF;"),
        (b">ok\nAC\n>bad\nAC>GT\n", "f.fa: bad: has a '>' within its sequence; begin each"),
        (b">\nACGT\n", "f.fa: record 1: has no name; write one after '>'"),
        (b"@r\nACGT\n+\nII", "f.fa: r: is cut off: the file ends within it; fetch it again"),
        (b"chr1\t5\t9\tx\n", "f.fa: is BED, which has places and no sequences; give the sequences"),
        (b"\xff\xfe\x00", "f.fa: the file is not plain text; give an uncompressed or gzip"),
        (
            gzip.compress(gzip.compress(b">a\nAC")),
            "f.fa: is gzip within a compressed file; compress",
        ),
        (gzip.compress(b">a\nAC\n")[:-5], "f.fa: the gzip stream is truncated or damaged;"),
    ],
)
def test_bad_input_is_one_line_with_the_name_and_the_mend(content, message):
    with pytest.raises(InputError) as refused:
        records.read_upload(content, "f.fa")
    assert str(refused.value).startswith(message)
    assert "/upload" not in str(refused.value)


@pytest.mark.parametrize(
    ("bound", "value", "message"),
    [
        ("MOST_RECORDS", 1, "f: b: is one record more than the 1 that this page reads; give a"),
        ("LONGEST", 3, "f: b: has 4 nt, more than the 3 that this page reads; remove it, or use"),
        ("MOST_NT", 5, "f: b: exceeds the 5 nt that this page reads at once; give a part of it"),
        ("MOST_BYTES", 8, "f: is more than 0 MiB once it is unpacked; give a part of it"),
    ],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_bounds(monkeypatch, bound, value, message, pack):
    content = pack(b">a\nAC\n>b\nACGT\n")
    assert len(records.read_upload(content, "f")) == 2
    monkeypatch.setattr(records, bound, value)
    with pytest.raises(InputError) as refused:
        records.read_upload(content, "f")
    assert str(refused.value).startswith(message)


def test_examples_are_one_of_each_class():
    found = records.examples()
    assert list(found) == ["circRNA", "lncRNA"]
    entries = records.read_pasted("".join(found.values()))
    assert [(entry.id, entry.length) for entry in entries] == [
        ("chr21:37766844-37771903(+)", 286),
        ("NR_038872", 612),
    ]
