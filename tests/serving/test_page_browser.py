"""The page as `circlet page` serves it, in a browser: what is shown, given away and asked for."""

import gzip
import io
import os
import re
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Page, TimeoutError, expect
from prediction_inputs import classify
from servers import PATIENCE, free_port, running

pytestmark = pytest.mark.browser

FASTA = Path(__file__).parents[2] / "workflow/demo/circrnas.chr21.fa"
# Notes each address that the server itself connects to, by Python's own audit.
WATCH = """
import os, sys
def watch(event, args):
    if event == "socket.connect":
        with open(os.environ["CONNECTED"], "a") as log:
            log.write(f"{args[1]}\\n")
sys.addaudithook(watch)
"""
EVIL = "<img/src=x/onerror=window.ran=1>[a](https://example.org)**b**"


@dataclass(frozen=True)
class Served:
    """A page that is served.

    Attributes:
        url: Where.
        home: Of the user who serves it.
        connected: File with the addresses that the server connected to.
    """

    url: str
    home: Path
    connected: Path


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The page with the model that ships; at its end the server stops at once, and in peace."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "sitecustomize.py").write_text(WATCH)
    (folder / "home").mkdir()
    path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))
    own = {"PYTHONPATH": path, "HOME": str(folder / "home"), "CONNECTED": str(folder / "log")}
    url = f"http://127.0.0.1:{(port := free_port())}"
    command = [sys.executable, "-m", "circlet", "page", "--port", str(port)]
    command += ["--device", "cpu", "--threads", "1"]
    health, log = f"{url}/_stcore/health", folder / "said"
    with running(command, log, health, env=os.environ | own) as server:
        yield Served(url, folder / "home", folder / "log")
        server.send_signal(signal.SIGTERM)
        assert server.wait(10) == 0
    said = log.read_text()
    assert f"the page is at {url}" in said
    assert "Traceback" not in said


@pytest.fixture
def visit(browser, served):
    """Opens the page. No visit may ask another host for anything, or end with an error."""
    contexts, asked, faults = [], [], []

    def open_page(**options) -> Page:
        contexts.append(browser.new_context(**{"color_scheme": "light", **options}))
        page = contexts[-1].new_page()
        page.set_default_timeout(PATIENCE * 500)
        page.on("request", lambda request: asked.append(request.url))
        page.on("websocket", lambda stream: asked.append(stream.url))
        page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(served.url)
        page.get_by_role("button", name="Classify").wait_for()
        settle(page)
        return page

    yield open_page
    for context in contexts:
        context.close()
    own = {urlsplit(served.url).netloc}
    places = [url for url in asked if not url.startswith(("data:", "blob:"))]
    assert {urlsplit(url).netloc for url in places} == own
    assert any(url.startswith("ws://") for url in places)
    assert faults == []


def settle(page: Page) -> None:
    """Wait until the script has run: what is drawn anew meanwhile may lose a click."""
    page.locator(".stApp[data-test-script-state=notRunning]").wait_for()


def paste(page: Page, text: str) -> None:
    page.get_by_label("Paste FASTA").fill(text)
    page.get_by_label("Paste FASTA").press("Control+Enter")
    page.get_by_role("button", name="Classify").click()


def download(page: Page, label: str) -> tuple[str, bytes]:
    """Press a button; give the name and content of the file that comes."""
    with page.expect_download() as waiting:
        page.get_by_role("button", name=label).click()
    return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()


def choose(page: Page, name: str) -> None:
    """Choose a transcript; the list closes whenever something above it is still being laid out."""
    option = page.get_by_role("option", name=name)
    for _ in range(20):
        page.get_by_role("combobox", name="Transcript to explain").press("ArrowDown")
        try:
            return option.click(timeout=1500)
        except TimeoutError:
            continue
    return option.click()


def explain(page: Page) -> None:
    page.get_by_role("button", name="Explain this call").click()
    page.get_by_text("How to read it.").wait_for()


def test_upload_classify_and_download(visit, tmp_path):
    fasta = tmp_path / "my circles.fa.gz"
    fasta.write_bytes(gzip.compress(FASTA.read_bytes()))
    page = visit()
    page.locator("input[type=file]").set_input_files(fasta)
    page.get_by_text("my circles.fa.gz").wait_for()
    page.get_by_role("button", name="Classify").click()
    page.get_by_text("92 records: ").wait_for()
    for label, kind in (("TSV", "tsv"), ("CSV", "csv"), ("JSON lines", "jsonl")):
        output = tmp_path / f"o.{kind}"
        assert classify("default", output, str(fasta), "--threads", "1") == 0
        name, content = download(page, f"Download {label}")
        assert name == f"calls_my_circles.{kind}"
        check_same(content, output.read_bytes(), kind)
    check_shown(page, pd.read_table(tmp_path / "o.tsv"))


def check_shown(page: Page, expected: pd.DataFrame) -> None:
    """The table on the page is a drawing; these are the cells that a screen reader is told."""
    rows = page.locator("[data-testid=stDataFrame] canvas tbody tr").all()
    assert len(rows) > 5
    for row, (_, told) in zip(rows, expected.iterrows(), strict=False):
        name, length, p, call, *_ = row.locator("td").all_text_contents()
        assert (name, int(length), call) == (told["id"], told["length"], told["call"])
        assert abs(float(p) - told["p_circrna"]) < 1e-5


def check_same(content: bytes, expected: bytes, kind: str) -> None:
    """The very bytes; where another processor rounds otherwise, the same to 1e-5."""
    if content != expected:
        read = {"tsv": pd.read_table, "csv": pd.read_csv}.get(kind)
        tables = [
            read(io.BytesIO(each)) if read else pd.read_json(io.BytesIO(each), lines=True)
            for each in (content, expected)
        ]
        assert tables[0][["id", "call"]].equals(tables[1][["id", "call"]])
        p = [table["p_circrna"] for table in tables]
        np.testing.assert_allclose(*p, rtol=0, atol=1e-5)


def test_examples_and_explanation(visit):
    page = visit()
    page.get_by_role("button", name="Both examples").click()
    expect(page.get_by_label("Paste FASTA")).to_have_value(re.compile("NR_038872"))
    page.get_by_role("button", name="Classify").click()
    page.get_by_text("2 records: 1 called circRNA, 1 called lncRNA.").wait_for()
    choose(page, "NR_038872")
    explain(page)
    picture = page.get_by_role("img", name="What each base, each substitution")
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") == 1400
    name, content = download(page, "Download this picture")
    assert name == "why_NR_038872.svg"
    assert content.startswith(b"<?xml")
    page.get_by_role("tab", name="The model and its limits").click()
    expect(page.get_by_text("It is no evidence of a back-splice junction; an mRNA")).to_be_visible()


def test_ids_are_text(visit):
    page = visit()
    paste(page, f">{EVIL}\n{'GATTACA' * 40}")
    page.get_by_text("1 record: ").wait_for()
    chosen = page.get_by_role("combobox", name="Transcript to explain").input_value()
    assert chosen.startswith(f"1. {EVIL[:60]}")
    explain(page)
    paste(page, f">{EVIL}\nAC>GT")
    page.get_by_role("alert").get_by_text(f"pasted text: {EVIL}: has a '>' within").wait_for()
    assert page.locator("img[src=x]").count() == page.locator("a[href*=example]").count() == 0
    assert page.evaluate("window.ran") is None


def test_the_picture_outlives_the_next_run(visit, served):
    page = visit()
    # As if its file were gone.
    page.route(f"{served.url}/media/**", lambda route: route.fulfill(status=404))
    paste(page, f">a\n{'GATTACA' * 40}")
    explain(page)
    picture = page.locator(".st-key-picture img")
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0


def test_two_visitors_at_once(visit):
    pages = [visit(), visit()]
    for count, page in enumerate(pages, start=2):
        paste(page, "".join(f">r{row}\n{'GATTACA' * 40}\n" for row in range(count)))
    for count, page in enumerate(pages, start=2):
        page.get_by_text(f"{count} records: ").wait_for()


def test_narrow_and_dark(visit):
    page = visit(viewport={"width": 390, "height": 844}, color_scheme="dark")
    page.get_by_role("button", name="Example: a circRNA").click()
    expect(page.get_by_label("Paste FASTA")).to_have_value(re.compile("CHAF1B"))
    page.get_by_role("button", name="Classify").click()
    explain(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    frame = page.locator(".st-key-picture")
    frame.locator("img").evaluate("image => image.decode()")
    assert frame.evaluate("e => e.scrollWidth > e.clientWidth && e.clientWidth < 390")
    ground = page.locator(".stApp").evaluate("e => getComputedStyle(e).backgroundColor")
    assert max(map(int, re.findall(r"\d+", ground)[:3])) < 60


def test_server_asks_nobody_and_leaves_the_home_alone(served, visit):
    visit()
    lines = served.connected.read_text().splitlines() if served.connected.exists() else []
    assert [line for line in lines if "127.0.0.1" not in line and "::1" not in line] == []
    assert not (served.home / ".streamlit").exists()
