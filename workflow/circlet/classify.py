"""The step `circlet predict`: files of sequences in, a table of calls out."""

import argparse
import contextlib
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

from circlet.arguments import DEVICES, SEQUENCE_KINDS, TABLE_KINDS, share
from circlet.errors import InputError
from circlet.shards import WHOLE, shard, take

if TYPE_CHECKING:  # imported where they are used, so that `--help` is quick
    import pandas as pd

    from circlet.data.records import Entry
    from circlet.predict import Predictor

STANDARD = "-"  # standard input or output

EXAMPLES = """examples:
  circlet predict transcripts.fa.gz                              to the terminal
  circlet predict transcripts.fa.gz --output calls.tsv
  circlet predict a.fa b.fastq.zst --output calls.parquet        several files, one table
  zcat reads.fa.gz | circlet predict - --format jsonl | jq 'select(.call == "circRNA")'
  circlet predict circles.bed12 --genome hg38.fa.gz --output calls.csv
  circlet predict unstranded.fa --strand both --output calls.tsv
  circlet predict transcripts.fa --model results/models/main --threshold 0.9

The table has the columns id, length, p_circrna, call, spread and flags, in the order of the input.
A record that cannot be scored stays in it, with its reason first among the flags.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    parser.epilog = EXAMPLES
    add = parser.add_argument
    add(
        "inputs",
        nargs="*",
        metavar="INPUT",
        help="FASTA or FASTQ, or with --genome BED or GTF; plain, gzip, bgzip, zstd, bz2 or xz;"
        " - is standard input",
    )
    add("--model", default="default", help="checkpoint folder or ONNX file; see 'circlet models'")
    add("-o", "--output", default=STANDARD, help="the table; - is standard output")
    add("--input-format", choices=SEQUENCE_KINDS, default="auto", help="what the inputs are")
    add("--format", choices=TABLE_KINDS, help="what the table is; by its ending, else tsv")
    add("--genome", metavar="GENOME.fa[.gz]", help="of the places in a BED or GTF file")
    add(
        "--strand",
        choices=("given", "both"),
        default="given",
        help="score both strands and tell the one of the higher probability, of input whose strand"
        " is not known",
    )
    add("--threshold", type=share, help="call circRNA from this p_circrna on; the model's own")
    add("--strict", action="store_true", help="refuse records without a call and repeated ids")
    add("--shard", type=shard, default="1/1", metavar="I/N", help="piece I of N of the records")
    add("--device", choices=DEVICES, default="auto", help="where to compute")
    add("--gpus", type=int, default=1, help="GPUs that share the records; 0 for all")
    add("--threads", type=int, help="threads; the library's own choice by default")
    add("--quiet", action="store_true", help="no progress and no log, save for warnings")
    add("--transcripts", help="instead of inputs: the dataset, Parquet")
    add("--split", help="with --transcripts: its division, Parquet")
    add("--members-output", help="with --transcripts: what each member says alone, Parquet")


def check_arguments(args: argparse.Namespace) -> None:
    """Check what the parser cannot.

    Raises:
        InputError: What to classify is not clear, or two arguments contradict each other.
    """
    if bool(args.inputs) == bool(args.transcripts) or bool(args.transcripts) != bool(args.split):
        mend = "give INPUT files, - for standard input, or --transcripts and --split"
        raise InputError("arguments", "what to classify is not clear", mend)
    if args.inputs.count(STANDARD) > 1:
        raise _refusal("INPUT", "standard input can be read once", "give - once")
    if args.shard != WHOLE and (not args.inputs or STANDARD in args.inputs):
        raise _refusal("--shard", "the records are counted first", "give files")
    if args.transcripts and args.output == STANDARD:
        raise _refusal("--output", "is missing", "give the table of the dataset")
    if args.gpus < 0:
        raise _refusal("--gpus", f"is {args.gpus}", "give a number of GPUs, or 0 for all")
    if args.output != STANDARD and args.output in {*args.inputs, args.genome}:
        raise _refusal("--output", "is a file that is read", "give another one")
    _check_use(args)


def _check_use(args: argparse.Namespace) -> None:
    """Check that no argument is given that would have no effect.

    Raises:
        InputError: One is.
    """
    of_inputs = {
        "--format": args.format,
        "--genome": args.genome,
        "--strand": args.strand != "given",
        "--strict": args.strict,
        "--threshold": args.threshold is not None,
    }
    unused = of_inputs if args.transcripts else {"--members-output": args.members_output}
    for argument, is_given in unused.items():
        if is_given:
            to = "--transcripts" if args.transcripts else "INPUT files"
            raise _refusal(argument, f"has no effect on {to}", "leave it out")


def _refusal(argument: str, problem: str, mend: str) -> InputError:
    """Make the error that names an argument."""
    return InputError("arguments", problem, mend, argument)


def read_records(args: argparse.Namespace, min_length: int) -> "Iterator[Entry]":
    """Read the records of all inputs, one file after the other.

    Raises:
        InputError: A file is broken; or, if strict, a record is refused.
    """
    from circlet.data.sources.sequences import read_sequences

    any_strand = args.strand == "both"
    for path in args.inputs:
        records = read_sequences(path, args.genome, args.input_format, any_strand)
        with contextlib.closing(records):  # what it unpacked is removed, whatever ends it
            yield from check_strictly(records, path, min_length) if args.strict else records


def check_strictly(records: "Iterator[Entry]", path: str, min_length: int) -> "Iterator[Entry]":
    """Pass on records that can be scored and bear an id of their own.

    Raises:
        InputError: One cannot, or its id came before in the file.
    """
    from circlet.files import named
    from circlet.flags import reason_of
    from circlet.letters import count_letters

    where = named(path)
    mend = "mend or remove the record, or leave out --strict"
    seen: set[str] = set()
    for entry in records:
        reason = reason_of(entry, count_letters(entry.sequence), min_length)
        if reason:
            problem = f"cannot be scored ({reason}, {entry.length:,} nt)"
            raise InputError(where, problem, mend, entry.id)
        if entry.id in seen:
            raise InputError(where, "two records bear this id", mend, entry.id)
        seen.add(entry.id)
        yield entry


def predict_files(predictor: "Predictor", args: argparse.Namespace) -> None:
    """Classify the records of files into one table.

    Raises:
        InputError: A file is broken, in or outside the piece that is asked for.
    """
    from circlet.calls import write_calls
    from circlet.chunks import WINDOW_RECORDS
    from circlet.files import named
    from circlet.tables import call_columns

    both = args.strand == "both"
    records = take(lambda: read_records(args, predictor.min_length), args.shard, WINDOW_RECORDS)
    predictions = predictor.predict(records, args.threshold, both, read_ahead=True)
    where = ", ".join(map(named, args.inputs))
    write_calls(args.output, predictions, where, args.format, call_columns(both))


def predict_dataset(
    predictor: "Predictor", transcripts: "pd.DataFrame"
) -> "tuple[pd.DataFrame, pd.DataFrame]":
    """Classify every transcript of the dataset.

    Args:
        predictor: The model.
        transcripts: The dataset, with `id`, `source`, `label`, `sequence` and `part`.

    Returns:
        A table with `PREDICTION_COLUMNS`, and one with `id` and the probability that each member of
        the model has alone, a column each; both in the order of the dataset.
    """
    import pandas as pd

    from circlet.progress import track
    from circlet.tables import MODEL, PREDICTION_COLUMNS

    sequences = track(transcripts["sequence"], "classifying", total=len(transcripts))
    members = predictor.predict_members(sequences)
    p_circrna = members.pop(MODEL)
    table = transcripts.assign(
        length=transcripts["sequence"].str.len(),
        p_circrna=p_circrna,
        call=[predictor.call(probability) for probability in p_circrna],
    )
    return table[list(PREDICTION_COLUMNS)], pd.DataFrame({"id": transcripts["id"], **members})


def predict_transcripts(predictor: "Predictor", args: argparse.Namespace) -> None:
    """Classify the dataset, with the part of each transcript beside it."""
    from circlet.files import read_table, write_table
    from circlet.parts import with_parts
    from circlet.tables import SPLIT_COLUMNS

    transcripts = read_table(args.transcripts, ("id", "source", "label", "sequence"))
    split = read_table(args.split, SPLIT_COLUMNS)
    transcripts = with_parts(transcripts, split, args.transcripts, args.split)
    predictions, members = predict_dataset(predictor, transcripts)
    write_table(args.output, predictions)
    if args.members_output:
        write_table(args.members_output, members)


def run(args: argparse.Namespace) -> None:
    """Run the step."""
    check_arguments(args)
    # A table on standard output is read by a program, or by a person who wants to see it alone.
    if args.quiet or args.output == STANDARD:
        logging.getLogger().setLevel(logging.WARNING)
    from circlet.predict import Predictor

    predictor = Predictor.from_pretrained(args.model, args.device, args.threads, args.gpus or None)
    if args.inputs:
        predict_files(predictor, args)
    else:
        predict_transcripts(predictor, args)
