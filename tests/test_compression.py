"""Compressed streams of every kind, whole and cut."""

import bz2
import contextlib
import gzip
import io
import lzma
import tracemalloc

import pytest
import zstandard
from Bio import bgzf
from hypothesis import given, settings
from hypothesis import strategies as st

from circlet.compression import (
    ENDINGS,
    DamagedError,
    as_stream,
    compressor,
    kind_of,
    unpack,
)
from circlet.errors import InputError
from circlet.files import open_text

TEXT = b"".join(b">t%d\n%s\n" % (n, b"ACGGT" * (n % 7)) for n in range(3000))
ZEROS = 64 << 20  # bytes that all kinds make tiny


def zstd(content, **options):
    return zstandard.ZstdCompressor(**options).compress(content)


def bgzip(content, folder):
    path = folder / "block.gz"
    with bgzf.BgzfWriter(path) as handle:
        handle.write(content)
    return path.read_bytes()


def skippable(content):
    """A zstd frame to skip, as pzstd puts it before each of its own."""
    return b"\x50\x2a\x4d\x18" + len(content).to_bytes(4, "little") + content


PACKED = {
    "gzip": gzip.compress(TEXT),
    "zstd": zstd(TEXT),
    "bz2": bz2.compress(TEXT),
    "xz": lzma.compress(TEXT),
}
ZSTD = {
    "checksum": zstd(TEXT, write_checksum=True),
    "no size": zstd(TEXT, write_content_size=False),
    "raw blocks": zstd(bytes(range(1, 256))),
    "repeated byte": zstd(b"A" * 500_000),
    "empty": zstd(b""),
    "large window": zstd(TEXT, level=19),
}


def content_of(packed):
    return b"".join(unpack(io.BytesIO(packed)))


def damage(packed):
    """The kind that the error names which unpacking must raise."""
    with pytest.raises(DamagedError) as caught:
        content_of(packed)
    return caught.value.kind


@pytest.mark.parametrize("kind", PACKED)
def test_kinds_are_told_and_unpacked_by_content(kind):
    assert kind_of(PACKED[kind][:6]) == kind
    assert content_of(PACKED[kind]) == TEXT
    assert content_of(PACKED[kind] + PACKED[kind]) == TEXT + TEXT
    assert as_stream(unpack(io.BytesIO(PACKED[kind]))).read() == TEXT


@pytest.mark.parametrize("content", [b"", b">", b">a\nAC\n", TEXT, b"BZ", b"\x28\xb5"])
def test_what_is_not_compressed_comes_as_it_is(content):
    assert kind_of(content) is None
    assert content_of(content) == content


@pytest.mark.parametrize("kind", PACKED)
def test_a_cut_stream_is_refused_wherever_it_was_cut(kind):
    packed = PACKED[kind]
    for cut in (*range(1, 60), len(packed) // 2, len(packed) - 7):
        assert damage(packed[:-cut]) == kind
    assert damage(packed + packed[:-5]) == kind
    assert damage(packed + packed[:10]) == kind


@pytest.mark.parametrize("kind", PACKED)
@pytest.mark.parametrize("rest", [b"x", b"ACGT" * 30, b"\0x"])
def test_what_follows_a_stream_must_be_another_one(kind, rest):
    assert damage(PACKED[kind] + rest) == kind


@pytest.mark.parametrize("kind", ["gzip", "xz"])
def test_padding_is_passed_over(kind):
    assert content_of(PACKED[kind] + bytes(4) + PACKED[kind] + bytes(512)) == TEXT + TEXT


@pytest.mark.parametrize("kind", PACKED)
def test_changed_bytes_are_refused(kind):
    packed = bytearray(zstd(TEXT, write_checksum=True) if kind == "zstd" else PACKED[kind])
    packed[len(packed) // 2] ^= 0x55
    assert damage(bytes(packed)) == kind


def test_bgzip_is_read_to_its_end_block(tmp_path):
    packed = bgzip(TEXT * 8, tmp_path)
    assert content_of(packed) == TEXT * 8
    assert content_of(packed + packed) == TEXT * 16
    assert content_of(packed + PACKED["gzip"]) == TEXT * 9
    assert damage(packed[:-28]) == "gzip"  # all blocks are whole, the last one is missing
    second = packed.index(b"\x1f\x8b\x08\x04", 4)
    assert damage(packed[:second]) == "gzip"
    assert damage(packed[: second + 10]) == "gzip"


@pytest.mark.parametrize("form", ZSTD)
def test_zstd_of_all_forms(form):
    packed = ZSTD[form]
    plain = zstandard.ZstdDecompressor().decompressobj().decompress(packed)
    assert content_of(packed) == plain
    assert content_of(skippable(b"abc") + packed + skippable(b"") + packed) == plain * 2
    for cut in range(1, min(len(packed) - 3, 40)):
        assert damage(packed[:-cut]) == "zstd"
    assert damage(packed + skippable(b"abc")[:-1]) == "zstd"


@pytest.mark.parametrize(
    "pack", [gzip.compress, zstd, bz2.compress, lzma.compress], ids=["gzip", "zstd", "bz2", "xz"]
)
def test_memory_is_bounded_however_small_the_stream(pack):
    packed = pack(bytes(ZEROS))
    tracemalloc.start()
    size = sum(map(len, unpack(io.BytesIO(packed))))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert size == ZEROS
    assert peak < 12 << 20  # xz looks back over 8 MiB


def test_a_stream_is_read_as_it_comes():
    class Slow(io.BytesIO):
        def read1(self, size=-1):
            return super().read1(1)

    for packed in (*PACKED.values(), TEXT[:40]):
        assert b"".join(unpack(Slow(packed))) == content_of(packed)


def packed_as(name, *pieces):
    raw = io.BytesIO()
    with compressor(raw, name) as stream:
        for piece in pieces:
            stream.write(piece)
            stream.flush()
    return raw.getvalue()


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_ending_of_a_name_compresses(ending):
    packed = packed_as(f"a.b{ending}", TEXT)
    assert kind_of(packed) == dict(zip(ENDINGS, ("gzip", "zstd", "bz2", "xz"), strict=True))[ending]
    assert len(packed) < len(TEXT) / 5
    assert content_of(packed) == TEXT
    assert packed == packed_as(f"other{ending}", TEXT[:1000], TEXT[1000:9999], TEXT[9999:])
    assert content_of(packed_as(f"a{ending}")) == b""


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_is_written_to_stays_open(ending):
    raw = io.BytesIO()
    stream = compressor(raw, f"a{ending}")
    assert stream.write(b"AC") == 2
    stream.close()
    stream.close()
    assert not raw.closed
    assert stream.closed
    raw.write(packed_as(f"a{ending}", b"GT"))
    assert content_of(raw.getvalue()) == b"ACGT"


@pytest.mark.parametrize("name", ["a", "a.tsv", "a.gzip", "a.bgz", ".gz"])
def test_other_endings_leave_the_stream_as_it_is(name):
    raw = io.BytesIO()
    assert compressor(raw, name) is raw


def test_zstd_is_written_with_a_checksum():
    packed = packed_as("a.zst", TEXT)
    assert zstandard.get_frame_parameters(packed).has_checksum


@settings(derandomize=True, deadline=None, max_examples=60)
@given(
    pieces=st.lists(st.binary(max_size=3000), max_size=5),
    ending=st.sampled_from(ENDINGS),
    more=st.binary(max_size=40),
)
def test_what_is_packed_comes_back(pieces, ending, more):
    packed = packed_as(f"a{ending}", *pieces)
    assert content_of(packed) == b"".join(pieces)
    with contextlib.suppress(DamagedError):
        assert content_of(packed[:-1] + more).startswith(b"".join(pieces))


@pytest.mark.parametrize("kind", PACKED)
def test_files_name_the_kind_that_is_damaged(tmp_path, kind):
    path = tmp_path / "in.fa.bgz"
    path.write_bytes(PACKED[kind])
    with open_text(path) as handle:
        assert handle.read() == TEXT.decode()
    path.write_bytes(PACKED[kind][:-3])
    with pytest.raises(InputError) as caught, open_text(path) as handle:
        handle.read()
    assert str(caught.value) == (
        f"{path}: the {kind} stream is truncated or damaged; fetch or compress it again"
    )


@pytest.mark.parametrize(
    "content", [b"a\0b", zstd(b"a\0"), b"\xff\xfea\0", b"\xc3", bytes(range(256))]
)
def test_what_is_no_text_is_refused(tmp_path, content):
    path = tmp_path / "in.fa"
    path.write_bytes(content)
    problem = r"in\.fa: the file is not plain text; give an uncompressed or gzip text file"
    with pytest.raises(InputError, match=problem), open_text(path) as handle:
        handle.read()


@pytest.mark.parametrize("line_break", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_breaks_of_any_system_and_a_byte_order_mark(tmp_path, line_break, mark):
    path = tmp_path / "in.fa"
    path.write_bytes(mark + line_break.join([b">a", "é".encode(), b"", b"AC"]))
    with open_text(path) as handle:
        assert list(handle) == [">a\n", "é\n", "\n", "AC"]
