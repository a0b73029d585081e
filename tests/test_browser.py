"""The pages in a browser: requests, controls, printing, keyboard and screen reader."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import card_inputs
import pytest
from page_inputs import SPECIMEN_HEADS, SPECIMEN_ROWS, write_report, write_specimen
from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

PAGES = ["report", "card"]


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Pages by name: a report, a dataset card, and one page with cells of every manner."""
    folder = tmp_path_factory.mktemp("pages")
    card = card_inputs.write_inputs(folder / "card")
    card_inputs.make(card)
    report = write_report(folder)
    return {"report": report, "card": card["--html"][0], "specimen": write_specimen(folder)}


Visit = Callable[..., Page]


@pytest.fixture
def visit(browser: Browser, paths: dict[str, Path]) -> Iterator[Visit]:
    """Opens a page by its name. No visit may ask for another file, or end with an error."""
    contexts, requests, faults = [], [], []

    def open_page(name: str, *, before: str = "", **options) -> Page:
        contexts.append(browser.new_context(**{"color_scheme": "light", **options}))
        page = contexts[-1].new_page()
        page.on("request", lambda request: requests.append((request.url, paths[name].as_uri())))
        page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.add_init_script(before)
        page.goto(paths[name].as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert [url for url, own in requests if not url.startswith("data:") and url != own] == []
    assert faults == []


def names(page: Page, table: str = "table", first: str = "th") -> list[str]:
    """Headings of the rows that are seen, in the order seen."""
    rows = page.locator(f"{table} tbody tr:visible > {first}")
    return [" ".join(text.split()) for text in rows.all_text_contents()]


def ground(page: Page) -> str:
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


def accessible(page: Page) -> list[tuple[str, str, dict]]:
    """Role, name and properties of what the browser tells a screen reader, in order."""
    session = page.context.new_cdp_session(page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    return [
        (
            node["role"]["value"],
            node.get("name", {}).get("value", "").strip(),
            {found["name"]: found["value"].get("value") for found in node.get("properties", [])},
        )
        for node in nodes
        if not node["ignored"]
    ]


def press_tab(page: Page, times: int) -> list[str]:
    """What the Tab key reaches, one after the other."""
    told = "(({tagName, className, textContent: text}) => `${tagName} ${className} ${text.trim()}`)"
    reached = []
    for _ in range(times):
        page.keyboard.press("Tab")
        reached.append(page.evaluate(f"{told}(document.activeElement)"))
    return [" ".join(word.split()) for word in reached]


@pytest.mark.parametrize("name", PAGES)
def test_every_control_works_without_an_error_or_a_request(visit, name):
    page = visit(name)
    for summary in page.locator("summary").all():
        summary.click()
    for button in page.locator("button").all():
        button.click()
    for box in page.get_by_role("searchbox").all():
        box.fill("a")
    assert page.locator("button.sort").count() > 20
    assert page.locator("th[aria-sort]").count() == page.locator("table:has(.sort)").count()


def test_no_other_script_runs(browser, paths):
    page = browser.new_page()
    page.goto(paths["report"].as_uri())
    violated = page.evaluate(
        """() => new Promise((done) => {
            addEventListener("securitypolicyviolation", (event) => done(event.effectiveDirective));
            const script = document.createElement("script");
            script.textContent = "window.ran = true";
            document.body.append(script);
        })"""
    )
    assert violated == "script-src-elem"
    assert page.evaluate("window.ran") is None
    page.close()


def test_contents_lead_to_every_section_of_the_report(visit):
    page = visit("report")
    links = page.locator("nav a").all()
    assert [link.get_attribute("href")[1:] for link in links] == [
        *("summary", "dataset", "splits", "comparison", "run-1", "resources"),
        *("origin", "software", "citing"),
    ]
    for link in links:
        link.click()
        heading = page.locator(f"{link.get_attribute('href')} > h2")
        assert 0 <= heading.bounding_box()["y"] < page.viewport_size["height"], heading
    drawn = "images => images.map(image => image.naturalWidth)"
    assert page.locator("img[src^='data:image/webp']").evaluate_all(drawn) == [4, 4]


@pytest.mark.parametrize("name", PAGES)
def test_without_script_the_page_is_whole_and_has_no_controls(visit, name):
    with_script = visit(name)
    page = visit(name, java_script_enabled=False)
    assert page.locator("button, input").count() == 0
    assert page.locator("tbody tr").count() == with_script.locator("tbody tr").count()
    assert page.locator("main").inner_text() != ""


SORTED = {  # the rows that move: ascending, and descending
    "Name": ("abcdefghi", "ihgfedcba"),
    "Score": ("icehadbfg", "daceh" + "ibfg"),
    "Count": ("efhibagdc", "dgabihfec"),
    "Change": ("hbcfgaei" + "d", "ieagfcbhd"),
    "P value": ("cabhiefgd", "gefihbac" + "d"),
    "Words": ("fgceba" + "ihd", "hiabecgfd"),
    "Key": ("cafghibe" + "d", "ebihgfac" + "d"),
}


@pytest.mark.parametrize("heading", SORTED)
def test_clicks_sort_up_then_down_then_as_it_was(visit, heading):
    page = visit("specimen")
    column = page.get_by_role("columnheader", name=heading)
    button = column.get_by_role("button")
    assert column.get_attribute("aria-sort") is None
    for order, rows in zip(("ascending", "descending"), SORTED[heading], strict=True):
        button.click()
        assert names(page) == ["everything", *rows, "the sum"]
        assert column.get_attribute("aria-sort") == order
    button.click()
    assert names(page) == list(SPECIMEN_ROWS)
    assert page.locator("th[aria-sort]").count() == 0


def test_another_column_takes_over_and_rows_stay_whole(visit):
    page = visit("specimen")
    page.get_by_role("button", name="Count").click()
    page.get_by_role("button", name="Words").click()
    assert page.locator("th[aria-sort]").all_text_contents() == ["Words"]
    row = page.get_by_role("row", name="c .7", exact=False)
    assert row.locator("th[scope=row]").count() == 1
    assert row.locator("td").all_text_contents()[:5] == list(SPECIMEN_ROWS["c"][:5])
    assert page.locator("thead abbr[title=x]").count() == len(SPECIMEN_HEADS)


def test_keyboard_sorts(visit):
    page = visit("specimen")
    page.get_by_role("button", name="Name").focus()
    assert press_tab(page, 1) == ["BUTTON sort Score"]
    for key, rows in zip(("Enter", "Space"), SORTED["Score"], strict=True):
        page.keyboard.press(key)
        assert names(page) == ["everything", *rows, "the sum"]
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(outline) == "solid"


def test_tables_of_the_report_sort(visit):
    page = visit("report")
    table = "table:has(#comparison-1)"
    assert names(page, table)[0] == "main run"
    sort = page.locator(table).get_by_role("button", name="AUROC", exact=True)
    sort.click()
    assert names(page, table) == [*(f"b{n} baseline" for n in range(12)), "main run"]
    page.locator(table).get_by_role("button", name="MCC").click()
    assert names(page, table)[-1] == "b2 baseline"  # the one without
    page.locator("summary", has_text="Scores by stratum").click()
    strata = "table:has(#run-1-strata)"
    scores = page.locator(strata).get_by_role("button", name="AUROC")
    for order in (range(2, 12), range(11, 1, -1)):
        scores.click()
        assert names(page, strata, "td:nth-child(2)") == ["all", *map(str, order), "yes"]
    page.locator("summary", has_text="How many transcripts").click()
    parts = "table:has(#split-1)"
    page.locator(parts).get_by_role("button", name="Part").click()
    assert names(page, parts) == ["test", "train", "validation", "all"]


def test_filter_leaves_rows_with_all_words(visit):
    page = visit("specimen")
    box, told = page.get_by_role("searchbox", name="Filter rows"), page.get_by_role("status")
    assert told.text_content() == ""
    box.fill("  CHR ")
    assert names(page) == ["everything", *"abce", "the sum"]
    assert told.text_content() == "4 of 9 rows"
    box.fill("chr .7")
    assert names(page) == ["everything", *"ce", "the sum"]
    page.get_by_role("button", name="Words").click()
    assert names(page) == ["everything", *"ce", "the sum"]
    box.fill("nothing like it")
    assert told.text_content() == "0 of 9 rows"
    box.press("Escape")
    assert box.input_value() == ""
    assert told.text_content() == ""
    assert names(page) == ["everything", *SORTED["Words"][0], "the sum"]


def test_only_long_tables_have_a_filter(visit):
    page = visit("report")
    page.locator("summary", has_text="mistakes").click()
    filters = page.locator(".filter + .scroll caption")
    found = [filters.nth(n).get_attribute("id") for n in range(filters.count())]
    assert {"comparison-1", "run-1-strata", "run-1-mistakes"} <= set(found)
    rows = (
        "document.querySelector(`table:has(#${id})`).tBodies[0].querySelectorAll('tr:not(.total)')"
    )
    assert all(page.evaluate(f"id => {rows}.length", name) > 8 for name in found)


@pytest.mark.parametrize("name", PAGES)
def test_colours_follow_the_system_and_the_button(visit, name):
    light, dark = ground(visit(name)), ground(visit(name, color_scheme="dark"))
    assert (light, dark) == ("rgb(255, 255, 255)", "rgb(20, 24, 29)")
    page = visit(name)
    button = page.get_by_role("button", name="Colours")
    button.focus()
    for theme, colour in (("light", light), ("dark", dark), ("auto", light), ("light", light)):
        page.keyboard.press("Enter")
        assert button.text_content() == f"Colours: {theme}"
        assert ground(page) == colour
    page.emulate_media(color_scheme="dark")
    assert ground(page) == light
    page.reload()
    assert page.get_by_role("button", name="Colours").text_content() == "Colours: light"
    assert ground(page) == light


def test_colours_switch_where_storage_is_refused(visit):
    refuse = "Object.defineProperty(window, 'localStorage', {get() { throw new Error('no'); }})"
    page = visit("specimen", before=refuse)
    page.get_by_role("button", name="Colours: auto").click()
    page.get_by_role("button", name="Colours: light").click()
    assert ground(page) == "rgb(20, 24, 29)"


@pytest.mark.parametrize("name", PAGES)
def test_pictures_stand_on_white_in_the_dark(visit, name):
    page = visit(name, color_scheme="dark")
    picture = page.locator("figure img").first
    assert picture.evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(255, 255, 255)"


def test_print_shows_all_rows_and_no_controls(visit):
    page = visit("specimen", color_scheme="dark")
    page.get_by_role("searchbox").fill("chr9")
    assert names(page) == ["everything", "b", "the sum"]
    page.emulate_media(media="print")
    assert names(page) == list(SPECIMEN_ROWS)
    assert ground(page) == "rgb(255, 255, 255)"
    for control in (".filter", ".theme", "nav", ".skip"):
        assert not page.locator(control).first.is_visible(), control
    mark = "e => getComputedStyle(e, '::before').content"
    assert page.locator(".sort").nth(1).evaluate(mark) == "none"
    assert page.locator(".sort > abbr").first.is_visible()  # the heading itself


def test_details_are_opened_for_printing_and_closed_again(visit):
    page = visit("report")
    page.locator("summary").first.click()
    closed = page.locator("details:not([open])")
    before = closed.count()
    assert before > 0
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert closed.count() == 0
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert closed.count() == before


def test_printed_report_has_the_rows_of_closed_details(visit):
    page = visit("report", java_script_enabled=False)
    page.emulate_media(media="print")
    assert page.get_by_text("hsa_circ_8", exact=True).bounding_box()["height"] > 0


def test_tab_reaches_skip_link_controls_and_tables(visit):
    page = visit("specimen")
    heads = [f"BUTTON sort {head}" for head in ("Name", *SPECIMEN_HEADS)]
    reached = press_tab(page, 6 + len(heads))
    assert reached[:4] == [
        "A skip Skip to the content",
        "BUTTON theme Colours: auto",
        "A S",
        "INPUT",
    ]
    assert reached[4].startswith("DIV scroll Specimen")
    assert reached[5:] == [*heads, "SUMMARY More"]


def test_skip_link_leads_to_the_content(visit):
    page = visit("specimen")
    page.keyboard.press("Tab")
    assert page.locator(".skip").bounding_box()["x"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    assert press_tab(page, 1) == ["INPUT"]


@pytest.mark.parametrize("name", PAGES)
def test_screen_reader_is_told_names_and_order(visit, name):
    page = visit(name)
    for summary in page.locator("summary").all():
        summary.click()
    found = accessible(page)
    named = {"button", "image", "link", "searchbox", "table", "region", "navigation", "heading"}
    assert [role for role, name, _ in found if role in named and not name] == []
    roles = [role for role, _, _ in found]
    assert {"button", "image", "link", "table", "region"} <= set(roles)
    assert [roles.count(role) for role in ("banner", "navigation", "main", "contentinfo")] == [
        1
    ] * 4
    assert roles.count("table") == page.locator("table > caption").count()
    levels = [properties["level"] for role, _, properties in found if role == "heading"]
    assert levels[0] == 1
    assert all(level <= last + 1 for last, level in itertools.pairwise(levels))
    assert 1 not in levels[1:]


def test_order_of_a_column_is_no_part_of_its_name(visit):
    page = visit("specimen")
    page.get_by_role("button", name="Score").click()
    found = accessible(page)
    assert ("button", "Score") in [(role, name) for role, name, _ in found]
    assert ("columnheader", "Score") in [(role, name) for role, name, _ in found]


@pytest.mark.parametrize("name", [*PAGES, "specimen"])
@pytest.mark.parametrize("width", [320, 390, 1280])
def test_body_does_not_scroll_sideways(visit, name, width):
    page = visit(name, viewport={"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_contents_stand_beside_a_wide_page_and_above_a_narrow_one(visit):
    wide = visit("report", viewport={"width": 1440, "height": 800})
    wide.mouse.wheel(0, 3000)
    wide.wait_for_function("scrollY > 1000")
    contents, main = (wide.locator(part).bounding_box() for part in ("nav", "main"))
    assert contents["y"] == 0
    assert contents["x"] + contents["width"] <= main["x"]
    narrow = visit("report", viewport={"width": 800, "height": 800})
    contents, main = (narrow.locator(part).bounding_box() for part in ("nav", "main"))
    assert contents["y"] + contents["height"] <= main["y"]


@pytest.mark.parametrize(("touch", "least"), [(False, 24), (True, 44)])
def test_controls_are_large_enough_to_hit(visit, touch, least):
    page = visit("report", viewport={"width": 390, "height": 800}, has_touch=touch, is_mobile=touch)
    for control in page.locator("button, input, nav a, summary").all():
        if control.is_visible():
            assert control.bounding_box()["height"] >= least, control.inner_text()
