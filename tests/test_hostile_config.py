"""Names, paths and words of a config that a shell or a path might obey: refused, or inert."""

import json
import re

import pytest
import yaml
from workflow_inputs import REPOSITORY, copy_repository, demo_config, snakemake

SHELL = "$(touch canary) `touch canary` ; touch canary #'\"\\ & | > canary *?~"
DEMO = ("chr21_circrnas", "chr21_lncrnas")
FASTA = ">a gene=G\n" + "ACGTTGCA" * 40 + "\n"


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the repository."""
    return copy_repository(tmp_path_factory.mktemp("repository"))


def refusal(copy, *settings):
    """The one line in which a config is refused."""
    found = snakemake(copy, "--dry-run", *demo_config(copy, *settings))
    lines = [line for line in found.stdout.splitlines() if line.startswith("circlet: error: ")]
    assert (found.returncode, len(lines)) == (2, 1), found.stdout
    assert "Traceback" not in found.stdout
    return lines[0]


ODD = [
    "a/b",
    "..",
    "-x",
    "a b",
    "a\nb",
    "a\n",
    "\na",
    "{x}",
    "$(id)",
    "a;b",
    "a'b",
    'a"b',
    "a`b",
    "",
]
OWN = {"type": "fasta", "enabled": True, "label": "circRNA", "assembly": None, "file": "own.fa"}
SET = {"circRNA": "own.fa", "lncRNA": "own.fa"}
PLACES = {
    "sources": OWN,
    "runs": {"base": "main"},
    "predict.inputs": "own.fa",
    "evaluate.external": SET,
}


def pattern_of(place):
    """Pattern of the names at a place, as the validator looks for it."""
    schema = yaml.safe_load((REPOSITORY / "workflow/schemas/config.schema.yaml").read_text())
    for key in place.split("."):
        schema = schema["properties"][key]
    return re.compile(schema["propertyNames"]["pattern"])


@pytest.mark.parametrize("place", PLACES)
def test_names_that_are_no_words_are_refused(place):
    pattern = pattern_of(place)
    assert [name for name in ODD if pattern.search(name)] == []
    assert pattern.search("mine_1-a")


def test_a_last_line_break_is_refused_by_snakemake_too(copy):
    told = refusal(copy, {"runs": {"a\n": {"base": "main"}}})
    assert "config: runs: " in told
    assert "does not match" in told


@pytest.mark.parametrize("name", ["external", "search", "baselines", "length"])
def test_names_of_folders_of_the_results_are_no_runs(name):
    assert not pattern_of("runs").search(name)
    assert pattern_of("runs").search(f"{name}s2")


@pytest.mark.parametrize("place", PLACES)
def test_names_that_differ_in_case_alone_are_refused(copy, place):
    (copy / "own.fa").write_text(FASTA)
    setting = {}
    names = ["Mine", "mine"]
    if place == "runs":
        setting = {"runs": {"Main": {"base": "main"}}, "run": ["main", "Main"]}
    else:
        keys = place.split(".")
        setting = dict.fromkeys(names, PLACES[place])
        for key in reversed(keys):
            setting = {key: setting}
    told = refusal(copy, setting)
    assert "differ in case alone; rename one" in told


def test_results_that_are_no_path_are_refused(copy):
    schema = yaml.safe_load((REPOSITORY / "workflow/schemas/config.schema.yaml").read_text())
    pattern = re.compile(schema["properties"]["results"]["pattern"])
    for results in ("-x", "a{b}", "a\nb", "a\n", "a\rb", ""):
        assert not pattern.search(results)
    for results in ("results", "/a b/c", "../x-y", "$(id)"):
        assert pattern.search(results)
    assert "config: results: " in refusal(copy, {"results": "-x"})


@pytest.mark.parametrize(
    ("path", "setting"),
    [
        ("-x.fa", lambda path: {"sources": {"chr21_lncrnas": {"file": path}}}),
        ("a{b}.fa", lambda path: {"predict": {"inputs": {"mine": path}}}),
        (
            "a\nb.fa",
            lambda path: {"evaluate": {"external": {"x": {"circRNA": path, "lncRNA": path}}}},
        ),
    ],
)
def test_paths_that_are_wildcards_or_options_are_refused(copy, path, setting):
    (copy / path).write_text(FASTA)
    assert "rename the file" in refusal(copy, setting(path))


def test_words_of_a_shell_are_words(copy):
    """Every string that may be any reaches its step as one argument, in a real shell."""
    name = SHELL.replace("/", "")
    (copy / f"{name}.fa").write_text(FASTA)
    own = {**OWN, "file": f"{name}.fa", "assembly": SHELL}
    settings = {
        "results": f"results {name}",
        "sources": {"own": own} | {each: {"assembly": SHELL} for each in DEMO},
        "report": {"title": SHELL},
        "mirror": SHELL,
        "predict": {"inputs": {"own": f"{name}.fa"}},
        "evaluate": {"external": {"own": {"circRNA": f"{name}.fa", "lncRNA": f"{name}.fa"}}},
        "split": {"chromosomes": {"validation": [SHELL], "test": ["chr3"]}},
        "dataset": {"biotypes": [SHELL]},
    }
    words = demo_config(copy, settings)
    target = f"results {name}/dataset/sources/own.parquet"
    found = snakemake(copy, *words, "--", target)
    assert found.returncode == 0, found.stdout
    assert (copy / target).is_file()
    planned = snakemake(copy, "--dry-run", "--printshellcmds", *words)
    assert planned.returncode == 0, planned.stdout
    assert planned.stdout.count("touch canary") > 20
    assert not list(copy.rglob("canary*"))
    assert json.loads((copy / "settings1.json").read_text())["mirror"] == SHELL
