import time

import pytest

from circlet.serve import bodies
from circlet.serve.bodies import BodyError, Limits, Query, read_body

JSON, FASTA, CSV = "application/json", "text/x-fasta", "text/csv"


def pairs(query: Query) -> list[tuple[str, str, int]]:
    return [tuple(entry) for entry in query.records]


@pytest.mark.parametrize(
    ("body", "kind", "expected"),
    [
        (b'{"text": "ACG u"}', JSON, [("sequence", "ACGu", 4)]),
        (b'\xef\xbb\xbf{"sequences": {"b": "AC", "a": ""}}', JSON, [("b", "AC", 2), ("a", "", 0)]),
        (b'{"text": null, "sequences": {"a": "C"}}', "Application/JSON; v=1", [("a", "C", 1)]),
        (b">a of mine\r\nAC\r\nGT\r\n>b\n", FASTA, [("a", "ACGT", 4), ("b", "", 0)]),
        (b"\n>a\nAC", "text/plain; charset=utf-8", [("a", "AC", 2)]),
        (b"ACGT\n\nTT\n", CSV, [("sequence1", "ACGT", 4), ("sequence2", "TT", 2)]),
        (b'"a,b",AC GT\nb,T\n', CSV, [("a,b", "ACGT", 4), ("b", "T", 1)]),
        (b"Sequence,note,ID\r\nAC,x, a \r\n", "application/csv", [("a", "AC", 2)]),
        (b"sequence\nAC\n", CSV, [("sequence1", "AC", 2)]),
    ],
)
def test_what_is_read(body, kind, expected):
    query = read_body(body, kind)
    assert pairs(query) == expected
    assert (query.threshold, query.both_strands) == (None, False)
    assert query.nt == sum(length for _, _, length in expected)


def test_settings_of_a_query():
    query = read_body(b'{"text": "A", "threshold": 1, "strand": "both"}', JSON)
    assert (query.threshold, query.both_strands) == (1.0, True)


def test_a_long_sequence_of_csv():
    (entry,) = read_body(b"ACGT" * 100_000, CSV).records
    assert entry.length == 400_000


@pytest.mark.parametrize(
    ("body", "kind", "status", "words"),
    [
        (b"", JSON, 400, "is not JSON"),
        (b"{", JSON, 400, "is not JSON"),
        (b"\xff", JSON, 400, "is not UTF-8 at byte 0"),
        (b"[" * 100_000, JSON, 400, "is not JSON"),
        (b"1" * 5000, JSON, 400, "is not JSON"),
        (b'{"text": NaN}', JSON, 400, "NaN is no JSON"),
        (b'{"sequences": {"a": "A", "a": "C"}}', JSON, 400, "'a' is there twice"),
        (b"[]", JSON, 422, "valid dictionary"),
        (b"{}", JSON, 422, "give either 'text' or 'sequences'"),
        (b'{"text": "A", "sequences": {"a": "A"}}', JSON, 422, "give either"),
        (b'{"text": ""}', JSON, 422, "body: text: String should have at least 1"),
        (b'{"text": "A", "threshhold": 1}', JSON, 422, "body: threshhold: Extra inputs"),
        (b'{"text": "A", "threshold": 1.5}', JSON, 422, "body: threshold: Input should be less"),
        (b'{"text": "A", "threshold": "1"}', JSON, 422, "body: threshold: Input should be a valid"),
        (b'{"text": "A", "strand": "-"}', JSON, 422, "body: strand: Input should be 'given'"),
        (b'{"text": "\\ud800"}', JSON, 422, "body: text: "),
        (b'{"sequences": {}}', JSON, 422, "body: sequences: "),
        (b'{"sequences": {"": "A"}}', JSON, 422, "body: sequences."),
        (b'{"sequences": {"a": "\\ud800"}}', JSON, 422, "body: sequences.a: "),
        (b'{"sequences": {"a": 1}}', JSON, 422, "body: sequences.a: "),
        (b"", FASTA, 422, "has no record"),
        (b"ACGT", FASTA, 422, "does not begin with '>'"),
        (b">a\nA\n>\nC", FASTA, 422, "body: record 2: has no name"),
        (b">a\nAC>b\nC", FASTA, 422, "body: a: has a '>' within"),
        (b"\n\n", CSV, 422, "has no row"),
        (b"id,sequence\n", CSV, 422, "has a header and no row"),
        (b"a,b,c\n", CSV, 422, "has 3 columns and no header"),
        (b"name,sequence\na,A\n", CSV, 422, "body: header: has 2 columns, and none is named id"),
        (b"sequence,ACGT\nmine,TT\n", CSV, 422, "none is named id"),
        (b"id,sequence\na,A\nb\n", CSV, 422, "body: line 3: has 1 cells, not 2"),
        (b"id,sequence\n ,A\n", CSV, 422, "body: line 2: has an empty id"),
        (b'a,"A', CSV, 400, "is not CSV"),
        (b"x", "image/png", 415, "is of the type image/png; send one of"),
        (b"x", "", 415, "is of the type that is not told"),
        (b">a\nA\n>b\nC\n>c\nG", FASTA, 413, "has more than 2 sequences"),
        (b">a\nA\n>b\nC\n>c\nG\n>", FASTA, 413, "has more than 2 sequences"),  # not read on
        (b'A\nC\nG\n"', CSV, 413, "has more than 2 sequences"),
        (b'{"sequences": {"a": "A", "b": "C", "c": "G"}}', JSON, 413, "has more than 2 sequences"),
        (b"A" * 101, CSV, 413, "is larger than 100 bytes"),
    ],
)
def test_what_is_refused(body, kind, status, words):
    limits = Limits(100, 2) if status == 413 else Limits()
    with pytest.raises(BodyError) as caught:
        read_body(body, kind, limits)
    assert caught.value.status == status
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(("begin", "kind"), [(b">a\n", FASTA), (b"", CSV)])
def test_a_sequence_that_is_too_long_for_a_file_is_so_here(begin, kind, monkeypatch):
    monkeypatch.setattr(bodies, "LONGEST", 5)
    (entry,) = read_body(begin + b"ACGTAC", kind).records
    assert (entry.sequence, entry.length) == ("ACGTA", 6)


def test_an_id_that_is_there_twice_among_many_is_found_soon():
    """Each id was compared with each: 20,000 took seconds, a full body hours."""
    ids = ", ".join(f'"{row}": ""' for row in [*range(200_000), 199_999])
    started = time.perf_counter()
    with pytest.raises(BodyError, match="'199999' is there twice"):
        read_body(f'{{"sequences": {{{ids}}}}}'.encode(), JSON)
    assert time.perf_counter() - started < 10
