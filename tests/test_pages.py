import base64
import hashlib
import re
from importlib import resources

import pandas as pd
import pytest

from circlet.files import write_json
from circlet.pages import (
    DASH,
    count,
    dataset_rows,
    download_rows,
    environment,
    page_script,
    script_source,
)

SUMMARY = pd.DataFrame(
    [
        ("circrnadb", "circRNA", "records", None, None, 4099, None),
        ("circrnadb", "circRNA", "too_short", None, 21, 4078, None),
        ("circrnadb", "circRNA", "duplicate", None, 3, 4075, None),
        ("total", "circRNA", "kept", None, None, 4075, 31939),
    ],
    columns=["source", "label", "step", "flagged", "removed", "remaining", "reference"],
)
DOWNLOAD = {
    "size": 1234567,
    "sha256": "0123456789abcdef" * 4,
    "retrieved": "2026-01-02T03:04:05+00:00",
}

BLOCKS = (
    "{% block header %}{{ text }}{% endblock %}"
    "{% block main %}{% endblock %}{% block footer %}{% endblock %}"
)
STYLE = resources.files("circlet").joinpath("templates/page.css").read_text(encoding="utf-8")


def render_page(text: str) -> str:
    template = environment("circlet.evaluation.report").from_string(
        '{% extends "page.html.j2" %}' + BLOCKS
    )
    return template.render(title="A title", text=text)


def render_part(call: str) -> str:
    start = '{% from "parts.html.j2" import facts, picture, source %}'
    return " ".join(
        environment("circlet.evaluation.report").from_string(start + call).render().split()
    )


def test_policy_allows_the_script_of_the_page_and_no_other():
    page = render_page("<script>alert(1)</script>")
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert scripts == [page_script()]
    digest = hashlib.sha256(scripts[0].encode()).digest()
    policy = re.search(r'Content-Security-Policy" content="(.*?)"', page).group(1).split("; ")
    assert policy == [
        *("default-src 'none'", "base-uri 'none'", "form-action 'none'", "img-src data:"),
        "style-src 'unsafe-inline'",
        f"script-src 'sha256-{base64.b64encode(digest).decode()}'",
    ]


def test_hash_of_a_script_is_that_of_a_known_one():
    # The example of the specification, https://www.w3.org/TR/CSP3/#external-hash.
    known = "'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='"
    assert script_source("alert('Hello, world.');") == known


def test_script_can_stand_in_a_page_and_asks_for_nothing():
    script = page_script()
    assert not re.search(r"</script|<!--|\r", script, re.IGNORECASE)
    assert not re.search(r"https?:|fetch|XMLHttp|import|eval|innerHTML|url\(", script)


def test_parts_tell_where_numbers_stand():
    assert render_part('{{ source("a/b.tsv", "<c>") }}') == (
        '<p class="source">Source: <code>a/b.tsv</code>, <code>&lt;c&gt;</code></p>'
    )
    plain = '<figure> <img src="data:x" alt="A curve"> <figcaption>Curve {}</figcaption> </figure>'
    assert render_part('{{ picture("data:x", "A curve", "Curve") }}') == plain.format("").strip()
    source = '<span class="source">Source: <code>a.tsv</code></span> '
    shown = render_part('{{ picture("data:x", "A curve", "Curve", source="a.tsv", wide=true) }}')
    assert shown == plain.format(source).replace("<figure>", '<figure class="wide">')


def test_facts_show_an_interval_where_there_is_one():
    assert render_part('{{ facts([(".989", "[.985, .992]", "AUROC"), (224, none, "n")]) }}') == (
        '<dl class="facts"> <div><dt>AUROC</dt><dd>.989 <span class="interval">[.985, .992]</span>'
        "</dd></div> <div><dt>n</dt><dd>224</dd></div> </dl>"
    )


def colours(theme: str) -> dict[str, str]:
    """The variables of the style sheet that are colours, as the theme has them."""
    found = re.findall(r"--([a-z-]+): light-dark\((#\w{6}), (#\w{6})\);", STYLE)
    return {name: light if theme == "light" else dark for name, light, dark in found}


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    """Contrast ratio, https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_that_of_known_colours():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_is_legible_in_both_themes(theme):
    found = colours(theme)
    for ground in ("page", "shade"):
        for text in ("text", "soft", "link", "good", "bad", "open"):
            assert contrast(found[text], found[ground]) >= 4.5, (text, ground)
    assert contrast(found["text"], found["warning"]) >= 4.5
    assert contrast(found["edge"], found["page"]) >= 3  # of a control


def test_dataset_rows_keep_the_order_of_the_steps():
    steps, rows = dataset_rows(SUMMARY)
    assert steps == ["too_short", "duplicate"]
    assert rows[0]["records"] == 4099
    assert rows[0]["kept"] == 4075
    assert rows[1]["reference"] == 31939


def test_download_of_a_local_file_is_no_link(tmp_path):
    write_json(tmp_path / "a.json", DOWNLOAD | {"url": "file:///b/c.zip", "requested_urls": []})
    row = download_rows([tmp_path / "a.json"])[0]
    assert (row["file"], row["upstream"], row["is_web"]) == ("c.zip", "file:///b/c.zip", False)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1234567, "1,234,567"),
        (12.6, "13"),
        (0, "0"),
        (True, "True"),
        ("cpu", "cpu"),
        (None, DASH),
        (float("nan"), DASH),
        (pd.NA, DASH),
    ],
)
def test_count(value, text):
    assert count(value) == text
