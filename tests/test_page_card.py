"""The model's card as the page shows it."""

from circlet.models import SHIPPED
from circlet.serve.page.card import read_sections

CARD = """---
a: "1"
---

# circlet model: x

Words.

## How far

See [DOME.md](DOME.md), [that](https://example.org) and ![drawn](https://example.org/a.png).

---
## Scores

| a | b |
"""


def test_sections_without_what_is_for_machines_and_pictures(tmp_path):
    (tmp_path / "README.md").write_text(CARD)
    first, second = read_sections(tmp_path)
    links = "[that](https://example.org) and [drawn](https://example.org/a.png)"
    assert first == ("How far", f"See DOME.md, {links}.\n\n---")
    assert second == ("Scores", "| a | b |")


def test_no_card(tmp_path):
    (tmp_path / "m.onnx").touch()
    for model in (tmp_path, tmp_path / "m.onnx"):
        assert read_sections(model) == []


def test_card_of_the_model_that_ships():
    headings = [heading for heading, _ in read_sections(SHIPPED)]
    assert headings[0] == "How far to trust a call"
    assert "Known limits" in headings
