"""The script of the page, which Streamlit runs anew for each thing that a visitor does.

What a user wrote, such as an id, is never given to Markdown, save as code; see `words.verbatim`.
"""

from base64 import b64encode
from functools import partial

import streamlit as st

from circlet import __version__
from circlet.errors import InputError
from circlet.markdown import plain
from circlet.models import figures_of
from circlet.serve.page import records, results, words
from circlet.serve.page.card import read_sections
from circlet.serve.page.explanation import Explanation
from circlet.serve.page.results import Results
from circlet.serve.page.service import Service, installed

# Lines that can be read on a wide screen, and on a narrow one a picture that can be scrolled.
STYLE = """<style>
.stMainBlockContainer {max-width: 72rem; padding-top: 3rem}
.st-key-picture {overflow-x: auto}
.st-key-picture img {min-width: 48rem}
</style>"""
ABOUT = (
    "This page tells circular RNAs (circRNAs) from other long non-coding RNAs (lncRNAs) by their"
    " sequence: it gives each transcript the probability of being a circRNA."
)
TRUST = (
    "A high probability says that a sequence looks like the exons that circularise. It is no"
    " evidence of a back-splice junction, and an mRNA can look the same: see *The model and its"
    " limits*. Not for decisions about patients."
)
OUTCOME, EXPLAINED = "outcome", "explained"  # kept in the session, beside the widgets' own keys
STRANDS = {"given": "as given", "both": "both, the higher counts"}
THRESHOLD_DIGITS = 3


def fill_in(text: str) -> None:
    """Put an example into the box."""
    st.session_state["text"] = text


def show_sources() -> None:
    """Show the box and its examples, and beside them the choice of a file."""
    left, right = st.columns([3, 2], gap="medium")
    with left:
        st.text_area(
            "Paste FASTA, FASTQ or one bare sequence",
            key="text",
            height=220,
            max_chars=500_000,
            placeholder=">my_transcript\nACGT…",
        )
        found = records.examples()
        offered = {f"Example: a {label}": text for label, text in found.items()}
        with st.container(horizontal=True):
            for name, text in (offered | {"Both examples": "".join(found.values())}).items():
                st.button(name, on_click=fill_in, args=(text,))
    with right:
        st.file_uploader(
            "Or upload a file: FASTA or FASTQ, plain or compressed",
            key="file",
            help=f"At most {records.MOST_RECORDS:,} records, {records.LONGEST:,} nt each and"
            f" {records.MOST_NT:,} nt together. What you give stays in the memory of this server"
            " while the page is open.",
        )
        if st.session_state["file"] and st.session_state["text"].strip():
            st.caption("The file is classified, not the box. Remove it to use the box.")


def show_settings(service: Service) -> float | None:
    """Show the settings; give the threshold, None for the model's own."""
    own = round(service.predictor.threshold, THRESHOLD_DIGITS)
    left, right = st.columns([3, 2], gap="medium")
    chosen = left.slider(
        f"Threshold: called circRNA from this probability on (the model's own is {own})",
        0.0,
        1.0,
        own,
        10**-THRESHOLD_DIGITS,
        format=f"%.{THRESHOLD_DIGITS}f",
        key="threshold",
        help="Higher: fewer and surer circRNAs. It can be moved after classifying, too.",
    )
    right.radio(
        "Strand",
        list(STRANDS),
        format_func=STRANDS.get,
        key="strand",
        horizontal=True,
        help="Choose both if you do not know which strand your sequences are of.",
    )
    return None if chosen == own else chosen


def classify(service: Service) -> Results | str:
    """Classify what is given; or say in a line why that cannot be."""
    file, text = st.session_state["file"], st.session_state["text"]
    if file is None and not text.strip():
        return "There is nothing to classify: paste a sequence, choose an example or upload a file"
    both = st.session_state["strand"] == "both"
    try:
        if file is None:
            name, entries = records.PASTED, records.read_pasted(text)
        else:
            name = words.shown(file.name)
            entries = records.read_upload(file.getvalue(), name)
        with st.spinner(f"Classifying; records: {len(entries):,}"):
            return Results(name, entries, service.predict(entries, both), both)
    except InputError as error:
        return str(error)


def show_results(found: Results) -> None:
    """Show the calls as a table, and give them away as files."""
    st.subheader("Calls")
    st.markdown(f"{words.verbatim(found.name)}: {results.summary(found.rows)}.")
    told, column = words.COLUMN_MEANINGS, st.column_config
    st.dataframe(
        results.shown_table(found),
        hide_index=True,
        on_select=choose_selected,
        selection_mode="single-row",
        key="table",
        column_config={
            "id": column.TextColumn(width="medium"),
            "length": column.NumberColumn("length, nt", format="localized"),
            "p_circrna": column.ProgressColumn(
                help=told["p_circrna"], format="%.5f", min_value=0.0, max_value=1.0, color="blue"
            ),
            "call": column.TextColumn(help=told["call"], width="small"),
            "spread": column.NumberColumn(help=told["spread"], format="%.4f", width="small"),
            "flags": column.TextColumn(width="medium"),
            "strand": column.TextColumn(help=told["strand"], width="small"),
            "p_other_strand": column.NumberColumn(help=told["p_other_strand"], format="%.5f"),
        },
    )
    show_downloads(found)
    for flag in results.flags_of(found.rows):
        st.markdown(f"`{flag}` {words.MEANINGS[flag]}")


def show_downloads(found: Results) -> None:
    """Give the calls away, as `circlet predict` writes them but for what would be a formula."""
    with st.container(horizontal=True):
        for name, kind, media in results.DOWNLOADS:
            st.download_button(
                f"Download {name}",
                partial(results.table_bytes, found, kind),
                f"{results.stem_of(found.name)}.{kind}",
                media,
                on_click="ignore",
            )
    if any(map(results.is_formula, found.rows)):
        st.caption(words.FORMULAS)


def choose_selected() -> None:
    """Take the row that is selected in the table as the one to explain."""
    selected = st.session_state["table"]["selection"]["rows"]
    if selected:
        st.session_state["chosen"] = selected[0]


def show_explanation(service: Service, found: Results, threshold: float | None) -> None:
    """Let a transcript be chosen, and show what its call rests on."""
    st.subheader("Why this call?")

    def name_of(number: int) -> str:
        row = found.rows[number]
        told = f"{row.call}, {row.p_circrna:.3f}" if row.call else "no call"
        return f"{number + 1}. {words.shown(row.id)} ({told})"

    number = st.selectbox(
        "Transcript to explain (or select its row in the table)",
        range(len(found.rows)),
        format_func=name_of,
        key="chosen",
    )
    entry, row = found.entries[number], found.rows[number]
    if reason := service.why_not(entry, row):
        st.info(reason)
        return
    if st.button("Explain this call"):
        with st.spinner("Looking into the networks; this takes some seconds…"):
            made = service.explain(entry, row, threshold)
        st.session_state[EXPLAINED] = (number, threshold, made)
    *key, made = st.session_state.get(EXPLAINED, (None, None, None))
    if made is not None and key == [number, threshold]:
        show_picture(made, results.stem_of(entry.id).replace("calls", "why", 1))


def show_picture(made: Explanation, stem: str) -> None:
    """Show an explanation, how to read it and how far it goes."""
    # The picture lies within the page: a file of Streamlit's is gone with the next run of the
    # script, also for a browser that has yet to ask for it.
    picture = f"data:image/png;base64,{b64encode(made.png).decode()}"
    with st.container(key="picture"):
        st.image(picture, width="stretch", alt=words.ALTERNATIVE)
    st.markdown(words.READING)
    st.markdown(words.CAUTION)
    for note in made.notes:
        st.markdown(note)
    st.download_button(
        "Download this picture (SVG)",
        lambda: made.svg,
        f"{stem}.svg",
        "image/svg+xml",
        on_click="ignore",
    )


def show_classifying(service: Service) -> None:
    """Show all of the first tab."""
    show_sources()
    threshold = show_settings(service)
    if st.button("Classify", type="primary"):
        st.session_state[OUTCOME] = classify(service)
        st.session_state.pop(EXPLAINED, None)
        st.session_state["chosen"] = 0
    outcome = st.session_state.get(OUTCOME)
    if isinstance(outcome, str):
        st.error(f"Not classified: {words.verbatim(words.shown(outcome, 500))}")
    elif outcome is not None:
        found = results.called_at(outcome, lambda p: service.predictor.call(p, threshold))
        show_results(found)
        show_explanation(service, found, threshold)


def show_model(service: Service) -> None:
    """Show what the model is, its card, and what the flags mean."""
    about = service.predictor.description
    trees = " and boosted trees" if about.trees is not None else ""
    st.markdown(
        f"The model {words.verbatim(words.shown(service.name))} is made of {len(about.names)}"
        f" networks{trees}. It calls a sequence circRNA from a probability of"
        f" {about.threshold:.{THRESHOLD_DIGITS}f} on, and gives no call below"
        f" {about.min_length:,} unambiguous bases."
    )
    figures, scored_on = figures_of(service.path)
    if figures:
        told = "; ".join(f"{name} {value}" for name, value in figures.items())
        st.markdown(plain(f"{told} ({scored_on})."))
    show_card(service)
    st.subheader("What the flags mean")
    for flag, meaning in words.MEANINGS.items():
        st.markdown(f"`{flag}` {meaning}")


def show_card(service: Service) -> None:
    """Show the model's card, or that it has none."""
    st.subheader("The model's card")
    try:
        sections = read_sections(service.path)
    except InputError as error:
        st.error(words.verbatim(str(error)))
        return
    if not sections:
        st.warning(
            "This model has no card: how good it is, what it was made of and where it fails is not"
            " told. Take its calls with a grain of salt."
        )
    for number, (heading, body) in enumerate(sections):
        with st.expander(heading, expanded=number == 0):
            st.markdown(body)


def main() -> None:
    """Show the page."""
    st.set_page_config(page_title="circlet: circRNA or another lncRNA?", layout="wide")
    st.html(STYLE)
    service = installed()
    st.title("circRNA or another lncRNA?")
    st.markdown(f"{ABOUT} {TRUST}")
    classifying, model = st.tabs(["Classify", "The model and its limits"])
    with classifying:
        show_classifying(service)
    with model:
        show_model(service)
    st.caption(f"circlet {__version__}. What you give is forgotten when the page is closed.")


main()
