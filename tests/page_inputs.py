"""Pages with long tables, for tests in a browser: a report, and cells of every manner."""

from pathlib import Path

import pandas as pd
import report_inputs
import report_whole

from circlet.files import write_table
from circlet.pages import DASH, environment
from circlet.tables import MISTAKE_COLUMNS, STRATUM_COLUMNS

# Names of the rows, and what stands in their cells: headings are those of `SPECIMEN_HEADS`.
SPECIMEN_HEADS = ("Score", "Count", "Change", "P value", "Words", "Key")
SPECIMEN_ROWS = {
    "everything": (".5", "9,999", "0", "1", "all", "9"),  # a row of totals
    "a": (".989 [.985, .992]", "1,234", "+0.003 [-0.001, +0.007]", "1.2e-05", "chr10", "3"),
    "b": (f"{DASH} [{DASH}, {DASH}]", "99", "\N{MINUS SIGN}0.5", "0.04", "chr9", "20"),
    "c": (".7 [.6, .8]", DASH, "-0.02", "3e-9", "Chr1", "1"),
    "d": ("1.0", "12,345,678", DASH, DASH, DASH, DASH),
    "e": (".7 [.1, .9]", "0", "+0.1", ".5", "chr2", "100"),
    "f": ("", "7 %", "0.000", "0.5", "2", "4"),
    "g": ("n/a", "1,235", "+1e-4", "1", "alu", "5"),
    "h": ("0.70", "8", "-0.6", "2e-1", "zebra", "6"),
    "i": ("1e-3", "9", "0.2", "0.3", "éclair", "7"),
    "the sum": ("0", "0", "0", "0", "all", "0"),  # likewise
}
SPECIMEN = """{% extends "page.html.j2" %}
{% from "parts.html.j2" import facts, scroll, source %}
{% block header %}
<nav aria-label="Contents"><ul><li><a href="#s">S</a></li></ul></nav>
{% endblock %}
{% block main %}
<section id="s" aria-labelledby="st"><h2 id="st">Specimen</h2>
{{ facts([(".989", "[.985, .992]", "AUROC"), (224, none, "transcripts")]) }}
<p><span class="good">met</span> <span class="bad">not met</span> <span class="open">open</span></p>
{% call scroll("caption") %}
<table><caption id="caption">Specimen</caption>
<thead><tr><th scope="col">Name</th>
{% for head in heads %}<th scope="col"><abbr title="x">{{ head }}</abbr></th>{% endfor %}
</tr></thead>
<tbody>
{% for name, cells in rows.items() %}
<tr{% if " " in name or name == "everything" %} class="total"{% endif %}>
<th scope="row">{{ name }}</th>
{% for cell in cells %}
{% if loop.last %}<td data-sort="{{ cell }}">key {{ loop.index }}</td>{% else %}<td>{{ cell }}</td>
{% endif %}{% endfor %}
</tr>
{% endfor %}
</tbody></table>
{% endcall %}
{{ source("evaluation/main/strata.tsv") }}
<details><summary>More</summary><p id="more">More.</p></details>
</section>
{% endblock %}
{% block footer %}<p>End.</p>{% endblock %}
"""


def write_specimen(folder: Path) -> Path:
    template = environment("circlet.evaluation.report").from_string(SPECIMEN)
    text = template.render(title="Specimen", heads=SPECIMEN_HEADS, rows=SPECIMEN_ROWS)
    path = folder / "specimen.html"
    path.write_text(text, encoding="utf-8")
    return path


def write_report(folder: Path) -> Path:
    """A report with all sections; tables are long enough for a filter, and have rows of totals."""
    flags, own = report_whole.write_whole(folder), folder / "evaluation/main"
    rows = [report_inputs.comparison_row("main", "run", 0.9)]
    rows += [report_inputs.comparison_row(f"b{n}", "baseline", n / 20) for n in range(12)]
    rows[3] |= dict.fromkeys(("mcc", "mcc_low", "mcc_high"))
    others = [row for row in report_whole.COMPARISON if row["test_set"] != "test"]
    write_table(folder / "comparison.tsv", pd.DataFrame(rows + others))
    strata = [report_inputs.stratum_row("exon_count", f"{n}", n / 20) for n in range(2, 12)]
    strata = [report_inputs.STRATA[0], *strata, report_inputs.STRATA[2]]
    write_table(own / "strata.tsv", pd.DataFrame(strata)[list(STRATUM_COLUMNS)])
    mistakes = [report_inputs.MISTAKE | {"id": f"hsa_circ_{n}"} for n in range(9)]
    write_table(own / "mistakes.tsv", pd.DataFrame(mistakes)[list(MISTAKE_COLUMNS)])
    report_inputs.make(flags)
    return folder / "report.html"
