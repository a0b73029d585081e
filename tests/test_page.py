"""The page in every state, by Streamlit's own test bench."""

import gzip
import sys

import numpy as np
import pytest
from prediction_inputs import classify, fasta_of, read_rows, some_sequences
from streamlit.testing.v1 import AppTest

from circlet.serve.page import records, service, words
from circlet.serve.page.service import Service
from circlet.serve.page_server import SCRIPT

EVIL = "<b>x</b>[a](https://example.org):smile:`$y$`"


@pytest.fixture
def start(monkeypatch):
    """Opens the page upon a service."""
    # The bench puts the script in its place, where processes that are forked later would run it.
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])

    def open_page(of: Service) -> AppTest:
        monkeypatch.setattr(service, "_installed", [of])
        page = AppTest.from_file(SCRIPT)
        page.default_timeout = 60
        return run(page)

    return open_page


def run(page: AppTest) -> AppTest:
    page.run()
    assert not page.exception
    return page


@pytest.fixture
def toy(predictor, checkpoint_folder):
    return Service(predictor, checkpoint_folder, "toy")


@pytest.fixture(scope="module")
def default():
    return Service.load("default", "cpu", 1)


def button(page, label):
    return next(each for each in page.button if each.label == label)


def press(page, label):
    button(page, label).click()
    return run(page)


def texts(page):
    return "\n".join(each.value for each in page.markdown)


def paste(page, text):
    page.text_area(key="text").input(text)
    return press(page, "Classify")


def table(page):
    return page.dataframe[0].value


def test_empty(start, toy):
    page = start(toy)
    assert page.title[0].value == "circRNA or another lncRNA?"
    assert (len(page.dataframe), len(page.download_button), len(page.error)) == (0, 0, 0)
    press(page, "Classify")
    assert page.error[0].value.startswith("Not classified: ` There is nothing to classify:")


def test_examples(start, default):
    page = press(start(default), "Example: a circRNA")
    assert page.text_area(key="text").value == records.examples()["circRNA"]
    press(page, "Example: a lncRNA")
    assert page.text_area(key="text").value == records.examples()["lncRNA"]
    press(press(page, "Both examples"), "Classify")
    assert table(page)["call"].tolist() == ["circRNA", "lncRNA"]
    assert table(page)["flags"].tolist() == ["", ""]  # so neither was used in training
    assert "2 records: 1 called circRNA, 1 called lncRNA." in texts(page)
    assert [each.label for each in page.download_button] == [
        "Download TSV",
        "Download CSV",
        "Download JSON lines",
    ]


def test_card_limits_and_flags(start, default):
    page = start(default)
    assert page.expander[0].label == "How far to trust a call"
    assert "no evidence of a back-splice junction; an mRNA" in texts(page)
    assert r"AUROC 0.988 \[0.984, 0.991\]" in texts(page)
    assert all(f"`{flag}` {meaning}" in texts(page) for flag, meaning in words.MEANINGS.items())
    assert not page.warning


def test_explanation(start, default):
    page = press(press(start(default), "Both examples"), "Classify")
    page.selectbox(key="chosen").select_index(1)
    run(page)
    assert words.READING not in texts(page)
    press(page, "Explain this call")
    assert words.READING in texts(page)
    assert "Boosted trees make 52% of the model's score;" in texts(page)
    assert page.download_button[-1].label == "Download this picture (SVG)"
    page.selectbox(key="chosen").select_index(0)
    assert words.READING not in texts(run(page))
    page.selectbox(key="chosen").select_index(1)
    assert words.READING in texts(run(page))  # it was kept
    assert words.READING not in texts(press(page, "Classify"))


def test_pasted_has_the_numbers_of_predict(start, toy, checkpoint_folder, sequences, tmp_path):
    fasta = tmp_path / "in.fa"
    fasta.write_text(fasta_of(sequences))
    assert classify(checkpoint_folder, tmp_path / "o.tsv", str(fasta)) == 0
    _, *rows = read_rows(tmp_path / "o.tsv")
    found = table(paste(start(toy), fasta.read_text()))
    assert found["id"].tolist() == [row[0] for row in rows]
    assert found["call"].tolist() == [row[3] for row in rows]
    expected = [float(row[2]) for row in rows]
    np.testing.assert_allclose(found["p_circrna"], expected, rtol=0, atol=1e-5)


def test_threshold_is_moved_after_classifying(start, toy, sequences):
    page = paste(start(toy), fasta_of(sequences))
    p, before = table(page)["p_circrna"], table(page)["call"].tolist()
    assert page.slider(key="threshold").value == 0.5
    assert before == ["circRNA" if each >= 0.5 else "lncRNA" for each in p]
    page.slider(key="threshold").set_value(0.9)
    after = table(run(page))["call"].tolist()
    assert after == ["circRNA" if each >= 0.9 else "lncRNA" for each in p]
    assert after != before


def test_threshold_that_is_not_moved_is_the_models_own(start, toy, monkeypatch, sequences):
    own = toy.predictor.predict_proba(sequences[:1])[0]  # has more digits than the slider
    monkeypatch.setattr(toy.predictor.description, "threshold", float(own))
    assert round(own, 3) != own
    page = paste(start(toy), fasta_of(sequences[:1]))
    assert table(page)["call"].tolist() == ["circRNA"]


def test_both_strands(start, toy, sequences):
    page = start(toy)
    page.radio(key="strand").set_value("both")
    found = table(paste(page, fasta_of(sequences)))
    assert set(found["strand"]) == {"+", "-"}
    assert (found["p_circrna"] >= found["p_other_strand"]).all()
    page.selectbox(key="chosen").select_index(found["strand"].tolist().index("-"))
    press(run(page), "Explain this call")
    assert "Shown is the reverse complement" in texts(page)


@pytest.mark.parametrize("pack", [str.encode, lambda text: gzip.compress(text.encode())])
def test_upload_goes_before_what_is_pasted(start, toy, sequences, pack):
    page = start(toy)
    page.file_uploader(key="file").upload("my *file*.fa", pack(fasta_of(sequences[:3])))
    found = table(paste(page, ">other\nACGT"))
    assert found["id"].tolist() == ["r0", "r1", "r2"]
    assert "` my *file*.fa `: 3 records" in texts(page)
    assert "The file is classified, not the box." in page.caption[0].value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("12 AC", "pasted text: line 1: is neither FASTA, FASTQ, BED nor GTF;"),
        (">a\nAC\n>bad\nA>C", "pasted text: bad: has a '>' within its sequence; begin each"),
        (f">{EVIL.replace(' ', '')}\nA>C", "pasted text: <b>x</b>[a](https://example.org):smile:"),
    ],
)
def test_bad_input_is_one_line_of_code(start, toy, text, message):
    page = paste(start(toy), text)
    (error,) = page.error
    fence = "``" if "`" in message + text else "`"
    assert error.value.startswith(f"Not classified: {fence} {message}")
    assert error.value.endswith(f" {fence}")
    assert len(page.dataframe) == 0
    assert len(paste(page, ">a\n" + "ACGT" * 9).error) == 0


def test_too_many(start, toy, monkeypatch):
    monkeypatch.setattr(records, "MOST_RECORDS", 2)
    page = paste(start(toy), ">a\nAC\n>b\nAC\n>c\nAC")
    assert "pasted text: c: is one record more than the 2 that this page reads" in (
        page.error[0].value
    )


def test_records_without_a_call(start, toy):
    page = paste(start(toy), ">short\nACGT\n>protein\n" + "MKVLE" * 9 + "\n>n\n" + "ACGTN" * 9)
    assert table(page)["call"].tolist()[:2] == ["", ""]
    assert "3 records:" in texts(page)
    assert "2 without a call." in texts(page)
    assert page.info[0].value.startswith("There is no call to explain. No call: has fewer")
    page.selectbox(key="chosen").select_index(2)
    assert run(page).info[0].value.startswith("It has other letters than A, C, G, T and U")
    assert [each.label for each in page.button][-1] == "Classify"


def test_too_long_to_explain(start, toy):
    page = paste(start(toy), ">a\n" + "ACGTT" * 10_001)
    assert page.info[0].value.startswith("It has 50,005 nt; sequences of up to 50,000 nt")


def test_ids_are_text(start, toy):
    page = paste(start(toy), f">{EVIL}\n{'ACGT' * 9}")
    assert table(page)["id"].tolist() == [EVIL]
    assert EVIL not in texts(page)
    assert page.selectbox(key="chosen").options[0].startswith(f"1. {EVIL} (")
    assert words.READING in texts(press(page, "Explain this call"))


def test_no_card(start, toy):
    page = start(toy)
    assert page.warning[0].value.startswith("This model has no card")
    assert "The model ` toy ` is made of 2 networks. " in texts(page)


def test_onnx_model(start, predictor, tmp_path, sequences):
    """That it gives the same numbers is tested where it is made."""
    (tmp_path / "m.onnx").touch()
    page = paste(start(Service(predictor, tmp_path / "m.onnx", "m.onnx")), fasta_of(sequences))
    assert len(table(page)) == len(sequences)
    assert page.info[0].value.startswith("This page runs on a model of one ONNX file")
    assert page.warning[0].value.startswith("This model has no card")


def test_sessions_are_apart(start, toy):
    first, second = start(toy), start(toy)
    paste(first, fasta_of(some_sequences(2)))
    paste(second, fasta_of(some_sequences(3)))
    assert (len(table(run(first))), len(table(run(second)))) == (2, 3)


def test_ids_that_a_spreadsheet_takes_for_formulas_are_told_beside_the_downloads(start, toy):
    page = paste(start(toy), f">a\n{'ACGT' * 9}")
    assert words.FORMULAS not in [each.value for each in page.caption]
    page = paste(page, f">=1+1\n{'ACGT' * 9}")
    assert words.FORMULAS in [each.value for each in page.caption]
    assert table(page)["id"].tolist() == ["=1+1"]
