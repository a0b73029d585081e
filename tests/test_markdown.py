import pytest

from circlet.markdown import Markdown, markdown_environment, plain


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("linear_exons", "linear_exons"),
        ("_a_ b", r"\_a\_ b"),
        ("a|b\nc", r"a\|b c"),
        ("<b>&`x`", r"\<b\>\&\`x\`"),
        (3, 3),
    ],
)
def test_plain_shows_text_letter_by_letter(text, escaped):
    assert plain(text) == escaped


def test_markdown_that_is_meant_as_such_stays():
    text = "`a_b` *c*"
    assert plain(Markdown(text)) == text
    template = markdown_environment("circlet.evaluation.report").from_string("{{ a }} {{ b }}")
    assert template.render(a=Markdown(text), b=text) == f"{text} \\`a_b\\` \\*c\\*"
