"""FASTA: records with the structural checks that Biopython leaves out, and a user's own files."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from Bio.SeqIO.FastaIO import SimpleFastaParser

from circlet.data.records import Record
from circlet.data.sources.lines import endless_header, pieces_of
from circlet.data.sources.places import check_name, known, parse_exons, parse_place
from circlet.errors import InputError
from circlet.files import open_text

_BYTE_ORDER_MARK = "\ufeff"  # editors on Windows put it before the text


def read_fasta(path: str | Path) -> Iterator[tuple[str, str]]:
    """Read a FASTA file, plain or gzip, record by record.

    Args:
        path: The file.

    Yields:
        Title (the header without `>`) and sequence, case kept and whitespace removed.

    Raises:
        InputError: The file cannot be read, has no record, does not begin with `>`, or a record
            lacks its name or sequence.
    """
    with open_text(path) as handle:
        yield from parse_fasta(pieces_of(handle), path)


def parse_fasta(pieces: Iterator[str], where: str | Path) -> Iterator[tuple[str, str]]:
    """Read FASTA from lines, long ones in pieces; `where` names it in errors. See `read_fasta`."""
    records = SimpleFastaParser(_bounded(_from_first_record(pieces, where), where))
    for number, (title, sequence) in enumerate(records, start=1):
        title, sequence = title.strip(), "".join(sequence.split())
        if not title:
            raise InputError(where, "has no name", "write one after '>'", f"record {number}")
        name = title.split(maxsplit=1)[0]
        if not sequence:
            raise InputError(where, "has no sequence", "remove the record or complete it", name)
        if ">" in sequence:
            raise InputError(
                where, "has a '>' within its sequence", "begin each header on its own line", name
            )
        yield title, sequence


def _from_first_record(lines: Iterator[str], where: str | Path) -> Iterator[str]:
    """Pass on the lines from the first header on, which must be the first that is not blank."""
    for number, line in enumerate(lines, start=1):
        text = line.removeprefix(_BYTE_ORDER_MARK).lstrip()
        if text.startswith(">"):
            yield text
            break
        if text:
            raise InputError(
                where,
                "does not begin with '>', so it is not FASTA",
                "give a FASTA file, plain or gzip",
                f"line {number}",
            )
    else:
        raise InputError(where, "has no FASTA record", "give a file with at least one")
    yield from lines


def _bounded(pieces: Iterable[str], where: str | Path) -> Iterator[str]:
    """Pass on lines, of which a sequence's may come in pieces and a header's may not."""
    begins, is_open = True, False
    for piece in pieces:
        if is_open:
            raise endless_header(where)
        if piece[0] == ">" and not begins:  # the parser would take it for a header
            mend = "begin each header on its own line"
            raise InputError(where, "has a '>' within a sequence", mend)
        is_open = piece[0] == ">" and piece[-1] != "\n"
        begins = piece[-1] == "\n"
        yield piece


def read_identified(
    path: str | Path, delimiter: str | None = None
) -> Iterator[tuple[str, str, str]]:
    """Read a FASTA file whose records have ids of their own; only the ids stay in memory.

    Args:
        path: The file, plain or gzip.
        delimiter: Character that ends the id beside whitespace, if any.

    Yields:
        Id (the title's first word, up to `delimiter`), title and sequence, as of `read_fasta`.

    Raises:
        InputError: See `read_fasta`; also for an id that two records bear.
    """
    yield from identify(read_fasta(path), path, delimiter)


def identify(
    records: Iterable[tuple[str, str]], where: str | Path, delimiter: str | None = None
) -> Iterator[tuple[str, str, str]]:
    """Put its id before each (title, sequence) pair; `where` names them in errors.

    See `read_identified`.
    """
    seen: set[str] = set()
    for title, sequence in records:
        name = title.split(maxsplit=1)[0]
        if delimiter is not None:
            name = name.split(delimiter, 1)[0]
        if not name:
            raise InputError(where, "has no id", f"write one before '{delimiter}'", title)
        try:
            check_name(name, "id")
        except ValueError as error:
            raise InputError(where, str(error), "mend its header", name) from None
        if name in seen:
            raise InputError(where, "two records bear this id", "give each its own", name)
        seen.add(name)
        yield name, title, sequence


def read_transcripts(path: str | Path) -> Iterator[Record]:
    """Read a user's own transcripts.

    The words after the id may tell more as `key=value`, with the names of `Record`'s fields as
    keys (`gene=DYRK1A chrom=chr21 start=38792600 end=38794168 strand=+`). Other words and keys
    are passed over.

    Args:
        path: FASTA file, plain or gzip.

    Raises:
        InputError: See `read_identified`; also for a value that cannot be what its key says.
    """
    for name, title, sequence in read_identified(path):
        words = (word.partition("=") for word in title.split()[1:])
        told = {key: known(value) for key, _, value in words}
        try:
            yield _described(name, sequence, told)
        except ValueError as error:
            raise InputError(path, str(error), "mend the key in its header", name) from None


def _described(name: str, sequence: str, told: dict[str, str | None]) -> Record:
    """Make a record of what a header tells.

    Raises:
        ValueError: A value cannot be what its key says.
    """
    strand, chrom = told.get("strand"), told.get("chrom")
    if chrom is not None:
        check_name(chrom, "chromosome")
    start, end = parse_place(told.get("start"), told.get("end"), strand)
    count, lengths, offsets = parse_exons(
        told.get("exon_count"), told.get("exon_lengths"), told.get("exon_offsets")
    )
    return Record(
        id=name,
        sequence=sequence,
        chrom=chrom,
        start=start,
        end=end,
        strand=strand,
        gene=told.get("gene"),
        gene_id=told.get("gene_id"),
        biotype=told.get("biotype"),
        exon_count=count,
        exon_lengths=lengths,
        exon_offsets=offsets,
        gene_type=told.get("gene_type"),
    )
