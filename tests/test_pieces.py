import numpy as np
import pandas as pd
import pytest

from circlet.cli import main
from circlet.evaluation.explain.motifs import Read
from circlet.evaluation.explain.pieces import Piece, copy_calls, load_pieces, save_piece
from circlet.evaluation.explain.sanity import SANITY_COLUMNS
from circlet.shards import Shard
from circlet.tables import EXPLANATION_COLUMNS

THIRD = 1 / 3  # which no text of twelve digits is


def make_piece(*ranks: int) -> Piece:
    """Of calls with these ranks, and one transcript of the sample for each."""
    index = [
        {"rank": rank, "id": f"t{rank}", "p_circrna": THIRD * rank, "call": "circRNA"}
        for rank in ranks
    ]
    sanity = [{"rank": rank, "id": f"t{rank}", "rho": THIRD, "rho_absolute": 0.0} for rank in ranks]
    reads = [
        Read("ACGT", "lncRNA", np.array([THIRD, -rank, 0, 1e-300]), np.arange(4) != 2)
        for rank in ranks
    ]
    return Piece(
        pd.DataFrame(index, columns=list(EXPLANATION_COLUMNS)),
        pd.DataFrame(sanity, columns=list(SANITY_COLUMNS)),
        reads,
    )


@pytest.fixture
def folders(tmp_path):
    """Three pieces, of which the first is empty."""
    found = []
    for number, ranks in enumerate(((), (1, 2), (3,)), start=1):
        found.append(tmp_path / f"{number}-of-3")
        save_piece(make_piece(*ranks), Shard(number, 3), found[-1])
    return found


def test_no_digit_is_lost(folders):
    found, whole = load_pieces(folders), make_piece(1, 2, 3)
    pd.testing.assert_frame_equal(found.calls, whole.calls, check_exact=True)
    pd.testing.assert_frame_equal(found.sanity, whole.sanity, check_exact=True)
    for read, expected in zip(found.reads, whole.reads, strict=True):
        assert read[:2] == expected[:2]
        np.testing.assert_array_equal(read.bases, expected.bases)
        np.testing.assert_array_equal(read.is_read, expected.is_read)
        assert (read.bases.dtype, read.is_read.dtype) == (np.float64, bool)


def test_tables_and_pictures_of_calls_alone_are_copied(folders, tmp_path):
    (folders[1] / "1_t1.bases.tsv").write_text("bases")
    (folders[2] / "3_t3.png").write_bytes(b"picture")
    copy_calls(folders, tmp_path / "why")
    found = {path.name: path.read_bytes() for path in (tmp_path / "why").iterdir()}
    assert found == {"1_t1.bases.tsv": b"bases", "3_t3.png": b"picture"}


@pytest.mark.parametrize(
    ("order", "message"),
    [
        (
            [0, 2, 1],
            "piece.json: is not of piece 2/3; give all pieces of one explanation, in their",
        ),
        ([0, 1], "piece.json: is not of piece 1/2"),
        ([0, 1, 1], "piece.json: is not of piece 3/3"),
        ([0, 1, None], "none/piece.json: no such file"),
    ],
)
def test_other_pieces_end_with_one_line_and_no_folder(folders, tmp_path, capsys, order, message):
    pieces = [tmp_path / "none" if place is None else folders[place] for place in order]
    flags = ["--pieces", *map(str, pieces), "--output", str(tmp_path / "why")]
    assert main(["gather-explanation", *flags]) == 2
    (error,) = capsys.readouterr().err.splitlines()
    assert error.startswith("circlet gather-explanation: error: ")
    assert message in error
    assert not (tmp_path / "why").exists()
