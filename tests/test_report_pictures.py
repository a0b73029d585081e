import base64
import io

import numpy as np
import pytest
from PIL import Image
from report_whole import CALLS, KMERS, explained, webp, write_explanation

from circlet.errors import InputError
from circlet.evaluation.figures import FIGURES
from circlet.evaluation.report.pictures import (
    CALL_BYTES,
    CALLS_BYTES,
    SHARP_BYTES,
    STRONGEST,
    find_calls,
    load_explanations,
    load_figures,
    picture_of,
)

SVG, PNG = "data:image/svg+xml;base64,", "data:image/png;base64,"


def content(address: str) -> bytes:
    return base64.b64decode(address.partition(",")[2])


@pytest.fixture
def folder(tmp_path):
    """Folder of a run's evaluation, with its figures."""
    made = tmp_path / "main"
    made.mkdir()
    for figure in FIGURES:
        (made / f"{figure}.svg").write_text(f"<svg id='{figure}'/>")
    return made


def test_the_smaller_of_both_is_taken(tmp_path):
    assert picture_of(tmp_path, "a") is None
    (tmp_path / "a.png").write_bytes(b"png" * 2)
    assert picture_of(tmp_path, "a").startswith(PNG)
    (tmp_path / "a.svg").write_bytes(b"svg" * 3)
    assert content(picture_of(tmp_path, "a")) == b"png" * 2
    (tmp_path / "a.svg").write_bytes(b"svg")
    assert picture_of(tmp_path, "a") == SVG + base64.b64encode(b"svg").decode()
    (tmp_path / "a.png").write_bytes(b"png")  # of equal size: what can be enlarged
    assert picture_of(tmp_path, "a").startswith(SVG)


def test_a_large_figure_is_made_smaller(tmp_path):
    rng = np.random.default_rng(0)
    noise = Image.fromarray(rng.integers(0, 256, (150, 2800, 3), dtype=np.uint8))
    noise.save(tmp_path / "a.png")
    found = picture_of(tmp_path, "a")
    assert found.startswith("data:image/webp;base64,")
    with Image.open(io.BytesIO(content(found))) as image:
        assert image.size == (1400, 75)
    assert picture_of(tmp_path, "a") == found
    small = b"x" * SHARP_BYTES  # no picture at all: it is not looked into
    (tmp_path / "a.svg").write_bytes(small)
    assert content(picture_of(tmp_path, "a")) == small
    (tmp_path / "b.svg").write_bytes(b"x" * (SHARP_BYTES + 1))
    assert picture_of(tmp_path, "b").startswith(SVG)  # without a PNG


def test_figures_are_those_that_must_be_there_and_those_that_are(folder):
    assert list(load_figures([folder])["main"]) == list(FIGURES)
    (folder / "strata.svg").write_text("<svg/>")
    (folder / "other.svg").write_text("<svg/>")
    found = load_figures([folder])["main"]
    assert list(found) == [*FIGURES, "strata"]
    assert content(found["roc"]) == b"<svg id='roc'/>"


@pytest.mark.parametrize("figure", FIGURES)
def test_missing_figure_is_refused(folder, figure):
    (folder / f"{figure}.svg").unlink()
    with pytest.raises(InputError, match=rf"{figure}\.svg: no such file"):
        load_figures([folder])
    (folder / f"{figure}.png").write_bytes(b"png")
    assert load_figures([folder])["main"][figure].startswith(PNG)


def test_second_folder_of_a_name_is_refused(folder):
    with pytest.raises(InputError, match="a second folder of this name"):
        load_figures([folder, folder])


def test_explanation_is_read_with_its_pictures_k_mers_and_sanity(folder, tmp_path):
    write_explanation(folder / "explanation")
    (tmp_path / "other").mkdir()
    found = load_explanations([tmp_path / "other", folder])
    assert list(found) == ["main"]
    made = found["main"]
    assert [call["id"] for call in made["calls"]] == ["hsa_circ_1", "hsa_circ_2", "hsa_circ_3"]
    assert {content(call["picture"]) for call in made["calls"]} == {webp()}
    assert made["calls"][0]["picture"].startswith("data:image/webp;base64,")
    assert content(made["picture"]) == b"<svg id='global'/>"
    # Common 6-mers alone, and none on both sides.
    assert [row["kmer"] for row in made["raising"]] == ["GATACA"]
    assert [row["kmer"] for row in made["lowering"]] == ["TTTTTT", "CCCCCC"]
    assert made["sanity"] == {"rho": 0.0625, "rho_absolute": 0.375}


def test_strongest_k_mers_of_many_are_shown(folder):
    many = [
        (6, f"{rank:06}", 5, 5, (20.5 - rank) / 10, 0.1, True) for rank in range(1, 41)
    ]  # 20 raise, 20 lower
    write_explanation(folder / "explanation", kmers=many)
    made = load_explanations([folder])["main"]
    ranks = range(1, STRONGEST + 1)
    assert [int(row["kmer"]) for row in made["raising"]] == list(ranks)
    assert [int(row["kmer"]) for row in made["lowering"]] == [41 - rank for rank in ranks]


def test_pictures_are_as_many_as_there_is_room_for(folder, tmp_path):
    room = CALLS_BYTES // CALL_BYTES
    calls = [explained(rank, "mistake", f"c{rank}") for rank in range(1, room + 3)]
    write_explanation(folder / "explanation", calls)
    made = load_explanations([folder])["main"]["calls"]
    assert ["picture" in call for call in made] == [True] * room + [False] * 2
    # Two runs share the room.
    write_explanation(tmp_path / "second/explanation", calls)
    found = load_explanations([folder, tmp_path / "second"])
    assert [
        sum("picture" in call for call in found[name]["calls"]) for name in ("main", "second")
    ] == [room // 2] * 2


def test_explanation_without_sanity_tells_none(folder):
    path = write_explanation(folder / "explanation") / "sanity.tsv"
    path.write_text("rank\trho\trho_absolute\n")
    assert load_explanations([folder])["main"]["sanity"] is None
    path.unlink()
    assert load_explanations([folder])["main"]["sanity"] is None


def test_broken_explanation_is_refused(folder):
    made = write_explanation(folder / "explanation", CALLS, KMERS)
    (made / "2_hsa_circ_2.page.webp").unlink()
    with pytest.raises(InputError, match=r"2_hsa_circ_2\.page\.webp: no such file"):
        load_explanations([folder])
    (made / "kmers.tsv").unlink()
    write_explanation(made)
    (made / "kmers.tsv").write_text("k\tkmer\n")
    with pytest.raises(InputError, match=r"kmers\.tsv: lacks the columns"):
        load_explanations([folder])


def test_calls_are_the_mistakes_with_what_is_known_of_them():
    known = [{"id": "hsa_circ_2", "gc": 0.5, "label": "lncRNA"}, {"id": "hsa_circ_3", "gc": 0.4}]
    (found,) = find_calls(CALLS, known)
    # What the explanation says goes before what the mistakes say.
    assert (found["id"], found["gc"], found["label"], found["rank"]) == (
        *("hsa_circ_2", 0.5, "circRNA", 2),
    )
    assert find_calls(CALLS, []) == []
    assert find_calls([], known) == []
