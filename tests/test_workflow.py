"""The workflow itself, run by Snakemake as a user runs it."""

import gzip
import http.server
import json
import re
import shutil
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from workflow_inputs import (
    CUT_OFF,
    REPOSITORY,
    can_cut_off,
    copy_repository,
    demo_config,
    edited,
    planned,
    snakemake,
)

from circlet.tables import CALL_COLUMNS, HARD, LINEAR_EXONS, PARTS, PREDICTION_COLUMNS, UNUSED

pytestmark = pytest.mark.workflow

OUTPUTS = (
    "dataset/transcripts.parquet",
    "dataset/summary.tsv",
    "dataset/homology.parquet",
    "dataset/leakage.tsv",
    "dataset/leakage.svg",
    "dataset/confounds.tsv",
    "dataset/confounds.svg",
    "dataset/subsets.parquet",
    "dataset/card.md",
    "dataset/card.html",
    "dataset/datasheet.json",
    "splits/gene.parquet",
    "splits/homology.parquet",
    "models/main/seed1.safetensors",
    "models/main/seed2.safetensors",
    "models/main/trees.safetensors",
    "models/main/config.json",
    "models/main/manifest.json",
    "models/main/reference.safetensors",
    "models/main/vocabulary.json",
    "models/main/training.json",
    "models/main/README.md",
    "models/main/DOME.md",
    "predictions/main.tsv.gz",
    "predictions/main/circrnas.tsv.gz",
    "predictions/main.members.parquet",
    "evaluation/main/metrics.json",
    "evaluation/main/test_sets.json",
    "evaluation/main/seeds.tsv",
    "evaluation/main/differences.tsv",
    "evaluation/main/strata.tsv",
    "evaluation/main/mistakes.tsv",
    "evaluation/main/explanation/index.tsv",
    "evaluation/main/explanation/global.svg",
    "evaluation/main/roc.svg",
    "evaluation/main/roc.png",
    "evaluation/main/learning.svg",
    "evaluation/main/strata.svg",
    "evaluation/comparison.tsv",
    "evaluation/forest.svg",
    "evaluation/resources.tsv",
    "evaluation/resources.svg",
    "report.html",
)
REPEATED = (  # the same bytes from every run
    "dataset/transcripts.parquet",
    "dataset/leakage.tsv",
    "dataset/leakage.png",
    "dataset/confounds.tsv",
    "dataset/confounds.svg",
    "dataset/subsets.parquet",
    "dataset/card.md",
    "dataset/card.html",
    "splits/gene.parquet",
    "splits/homology.parquet",
    "tokens/main/vocabulary.json",
    "tokens/main/tokens.npy",
    "models/main/seed1.safetensors",
    "models/main/trees.safetensors",
    "models/main/config.json",
    "models/main/reference.safetensors",
    "models/main/vocabulary.json",
    "predictions/main.tsv.gz",
    "predictions/main/circrnas.tsv.gz",
    "predictions/baselines/gene/descriptors.tsv.gz",
    "predictions/baselines/gene/memoriser.tsv.gz",
    "evaluation/main/metrics.json",
    "evaluation/main/test_sets.json",
    "evaluation/main/seeds.tsv",
    "evaluation/main/differences.tsv",
    "evaluation/main/strata.tsv",
    "evaluation/main/mistakes.tsv",
    "evaluation/main/explanation/index.tsv",
    "evaluation/main/explanation/kmers.tsv",
    "evaluation/main/roc.svg",
    "evaluation/main/calibration.png",
    "evaluation/main/learning.png",
    "evaluation/main/learning.tsv",
    "evaluation/main/strata.svg",
    "evaluation/comparison.tsv",
    "evaluation/forest.svg",
    "evaluation/forest.tsv",
)


def test_demo_makes_every_output_and_tells_the_scores(demo):
    folder, printed = demo
    results = folder / "results/demo"
    assert [name for name in OUTPUTS if not (results / name).stat().st_size] == []
    assert len(re.findall(r"Report: \S+/results/demo/report\.html$", printed, re.MULTILINE)) == 1
    comparison = pd.read_csv(results / "evaluation/comparison.tsv", sep="\t")
    assert set(comparison["name"]) == {"main", "length", "stop_free", "descriptors", "memoriser"}
    for row in comparison.itertuples():
        assert f"{row.name} " in printed
        assert f"{row.auroc:.3f} [{row.auroc_low:.3f}, {row.auroc_high:.3f}]" in printed


def test_demo_needs_no_network(demo):
    if not can_cut_off():
        pytest.skip("this system runs no command without a network, by unshare: not tried")
    asked = "import socket; socket.create_connection(('127.0.0.1', 9))"
    tried = subprocess.run(
        [*CUT_OFF, sys.executable, "-c", asked], capture_output=True, text=True, check=False
    )
    # Where the demo ran, not even this machine's own address is reached.
    assert "unreachable" in tried.stderr
    assert "100%" in demo[1]


def test_demo_tables_are_whole_and_agree(demo):
    results = demo[0] / "results/demo"
    transcripts = pd.read_parquet(results / "dataset/transcripts.parquet")
    split = pd.read_parquet(results / "splits/gene.parquet")
    predictions = pd.read_csv(results / "predictions/main.tsv.gz", sep="\t")
    assert transcripts["label"].value_counts().to_dict() == {"lncRNA": 132, "circRNA": 92}
    assert split.groupby("group")["part"].nunique().max() == 1
    assert tuple(predictions.columns) == PREDICTION_COLUMNS
    assert predictions["id"].tolist() == transcripts["id"].tolist()
    assert predictions["part"].tolist() == split["part"].tolist()
    assert predictions["length"].tolist() == transcripts["sequence"].str.len().tolist()
    metrics = json.loads((results / "evaluation/main/metrics.json").read_text())
    tested = predictions[predictions["part"] == "test"]
    correct = (tested["call"] == tested["label"]).mean()
    assert metrics["metrics"]["accuracy"]["value"] == pytest.approx(correct, abs=1e-12)

    # The user's file is the dataset's circRNAs: the same sequences get the same probabilities.
    calls = pd.read_csv(results / "predictions/main/circrnas.tsv.gz", sep="\t")
    assert tuple(calls.columns) == CALL_COLUMNS
    both = calls.merge(predictions, on="id", suffixes=("", "_dataset"))
    assert len(both) == 92
    assert both["p_circrna"].to_numpy() == pytest.approx(both["p_circrna_dataset"], abs=1e-5)


def test_second_run_has_nothing_to_do(demo):
    result = snakemake(demo[0], *demo_config(demo[0]))
    assert result.returncode == 0
    assert "Nothing to be done" in result.stdout


SEARCHED = yaml.safe_load((REPOSITORY / "config.yaml").read_text())["search"]["space"]
TRAINED = {"train_model", "assemble_model", "predict_dataset", "predict_input", "draw_learning"}
SCORED = {
    "evaluate_predictions",
    "compare_scores",
    "compare_with_rivals",
    "score_seeds",
    "score_strata",
    "explain_run",
    "draw_forest",
    "draw_strata",
    "gather_resources",
    "write_model_card",
    "write_report",
}
TOLD = {"gather_resources", "write_report"}
CONFOUNDS = {"measure_confounds", "draw_confounds", "write_card"}


@pytest.mark.parametrize(
    ("change", "rerun"),
    [
        ({"mirror": "/elsewhere"}, set()),
        ({"device": "cpu"}, set()),
        ({"download": {"retries": 1}}, set()),
        ({"report": {"title": "Another"}}, {"write_report", "write_card", "write_model_card"}),
        ({"evaluate": {"replicates": 500}}, SCORED | CONFOUNDS),
        (
            {"runs": {"main": {"training": {"epochs": 3}}}},
            TRAINED | SCORED | {"draw_figures"},
        ),
        (
            {"runs": {"main": {"calibration": "isotonic", "boosting": False}}},
            (TRAINED - {"train_model"}) | SCORED | {"draw_figures"},
        ),
        (
            {"runs": {"main": {"seeds": [1]}}},
            (TRAINED - {"train_model"}) | SCORED | {"draw_figures"},
        ),
        ({"runs": {"text_transformer": {"seeds": [2]}}}, set()),
        (
            {"split": {"seed": 2}},
            {"split_dataset", "build_vocabulary", "encode_tokens", "fit_baseline", "draw_figures"}
            | {"grow_trees"}
            | {"audit_leakage"}
            | CONFOUNDS
            | TRAINED
            | SCORED,
        ),
        (
            {"runs": {"main": {"split": {"fold": 1}}}},
            {"vary_split", "build_vocabulary", "encode_tokens", "fit_baseline", "draw_figures"}
            | {"grow_trees"}
            | TRAINED
            | SCORED,
        ),
    ],
)
def test_changed_setting_reruns_what_depends_on_it(demo, change, rerun):
    assert planned(demo[0], *demo_config(demo[0], change)) == rerun


@pytest.mark.parametrize(
    "same",
    [
        {"split": {"fractions": {"test": 0.2}}},
        {"sources": {"chr21_lncrnas": {"enabled": True}}},
        {"runs": {"main": {"network": {"width": 64}}}},
        {"evaluate": {"confidence": 0.95}},
    ],
)
def test_setting_given_again_changes_nothing(demo, same):
    """Snakemake puts the keys of a further config in front: their order must not matter."""
    assert planned(demo[0], *demo_config(demo[0], same)) == set()


def test_part_of_the_outputs_can_be_asked_for(demo):
    target = "results/demo/dataset/summary.tsv"
    result = snakemake(demo[0], target, "--forcerun", "build_dataset", *demo_config(demo[0]))
    assert result.returncode == 0, result.stdout
    assert "Report:" not in result.stdout  # the scores there are, are of another run
    assert snakemake(demo[0], "--touch", *demo_config(demo[0])).returncode == 0


def test_search_ranks_its_trials_and_keeps_no_weights(demo):
    space = dict.fromkeys(SEARCHED) | {"training.learning_rate": [0.001, 0.003]}
    settings = {
        "search": {"trials": 2, "space": space},
        "runs": {"main": {"training": {"epochs": 1, "learning_rate": 0.001}}},
    }
    result = snakemake(demo[0], "results/demo/search/main.tsv", *demo_config(demo[0], settings))
    assert result.returncode == 0, result.stdout
    found = pd.read_csv(demo[0] / "results/demo/search/main.tsv", sep="\t")
    assert sorted(found["trial"]) == [0, 1]
    assert found["learning_rate"].isin([0.001, 0.003]).all()
    assert found["validation_auroc"].is_monotonic_decreasing
    assert list((demo[0] / "results/demo/search").rglob("*.safetensors")) == []


def test_moved_repository_has_nothing_to_do(demo, tmp_path):
    moved = tmp_path / "moved here"
    shutil.copytree(demo[0], moved, symlinks=True)
    assert planned(moved, *demo_config(moved)) == set()


@pytest.mark.parametrize(
    ("module", "rerun"),
    [
        ("evaluation/figures.py", {"draw_figures"} | TOLD),
        ("evaluation/comparison.py", {"compare_scores", "draw_forest", "write_model_card"} | TOLD),
        ("templates/page.css", {"write_report", "write_card", "write_model_card"}),
        (
            "data/leakage.py",
            {"audit_leakage", "write_card", "score_strata", "draw_strata", "explain_run"}
            | {"write_model_card"}
            | TOLD,
        ),
        ("data/download.py", set()),  # the demo downloads nothing
    ],
)
def test_edited_module_reruns_its_step(demo, module, rerun):
    with edited(demo[0] / "workflow/circlet" / module):
        assert planned(demo[0], *demo_config(demo[0])) == rerun
    assert planned(demo[0], *demo_config(demo[0])) == set()


def test_another_run_gives_the_same_bytes(demo, tmp_path):
    """Also: results can lie outside the repository, which stays as it is."""
    arguments = ("--snakefile", str(demo[0] / "Snakefile"), "--directory", str(tmp_path))
    result = snakemake(Path("/"), *arguments, *demo_config(demo[0]))
    assert result.returncode == 0, result.stdout
    results = [folder / "results/demo" for folder in (demo[0], tmp_path)]
    differing = [
        name for name in REPEATED if len({(each / name).read_bytes() for each in results}) > 1
    ]
    assert differing == []


ANY_FILE = "workflow/demo/README.md"  # a dry run reads none
EXONS = {"enabled": True, "fasta": ANY_FILE, "bed": ANY_FILE}


def mixed(change: dict[str, Any]) -> dict[str, Any]:
    """Settings on top of those of two assemblies and no scheme that asks for places."""
    return {
        "sources": {"chr21_lncrnas": {"assembly": "hg38"}},
        "split": {"audit": ["random", "homology"]},
        "runs": {"main": {"split": {"scheme": "homology"}}},
    } | change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"foo": 1}, "top level: Additional properties are not allowed ('foo' was unexpected)"),
        ({"runs": {"main": {"network": {"widht": 9}}}}, "runs.main.network: Additional properties"),
        ({"runs": {"main": {"vocabulary": {"k": 11}}}}, "runs.main.vocabulary.k: 11 is greater"),
        ({"runs": {"main.fold0": {"base": "main"}}}, "runs: 'main.fold0' does not match"),
        ({"runs": {"baselines": {}}}, "runs: 'baselines' does not match"),
        ({"run": ["nix"]}, "run: there is no run 'nix'; choose of ['main', 'text_transformer']"),
        ({"split": {"fractions": {"test": 0.5}}}, "split.fractions: they do not sum to 1"),
        (
            {"sources": {"chr21_lncrnas": {"enabled": False}}},
            "sources: none that is enabled has the label lncRNA",
        ),
        ({"sources": {"gencode": {"sha256": None}}}, "sources.gencode: 'sha256' is not one of"),
        (
            {"sources": {"chr21_lncrnas": {"file": "nope.fa"}}},
            "sources.chr21_lncrnas.file: there is no file 'nope.fa'; correct the path",
        ),
        (
            {"predict": {"inputs": {"mine": "nope.fa"}}},
            "predict.inputs.mine: there is no file 'nope.fa'; correct the path",
        ),
        ({"scatter": {"prediction": 0}}, "scatter.prediction: 0 is less than the minimum of 1"),
        # It would be named as the first of three pieces of 'mine'.
        (
            {"predict": {"inputs": {"mine.1-of-3": ANY_FILE}}},
            "predict.inputs: 'mine.1-of-3' does not match",
        ),
        (
            {"dataset": {"min_length": 2}},
            "runs.main.vocabulary.k: 3 exceeds 2, the shortest sequence; lower it",
        ),
        (
            {"runs": {"main": {"network": {"heads": 5}}}},
            "runs.main.network.heads: 64 / 5 is not an even whole number",
        ),
        (
            {"runs": {"main": {"split": {"fold": 5}}}},
            "runs.main.split.fold: 5 of 5 folds; name one from 0 up",
        ),
        (
            {"split": {"folds": 2}, "runs": {"main": {"split": {"fold": 0}}}},
            "runs.main.split.fold: 0 of 2 folds; name one from 0 up, of three or more",
        ),
        (
            {"runs": {"main": {"split": {"hard_negatives": True}}}},
            "runs.main.split.hard_negatives: no source of the type linear_exons is enabled",
        ),
        (
            {"sources": {"coding_exons": {"enabled": True, "fasta": "workflow/demo/README.md"}}},
            "sources.coding_exons: it has fasta; give fasta and one of bed and gtf",
        ),
        # Hard negatives are no lncRNAs.
        (
            {"sources": {"chr21_lncrnas": {"enabled": False}, "coding_exons": EXONS}},
            "sources: none that is enabled has the label lncRNA",
        ),
        (
            mixed({"split": {"audit": ["locus", "random"]}}),
            "sources: the assemblies hg19 and hg38 are mixed, but the split scheme locus asks for",
        ),
        (
            mixed({"runs": {"main": {"split": {"scheme": "gene"}}}}),
            "sources: the assemblies hg19 and hg38 are mixed, but the split scheme gene asks for",
        ),
        (
            mixed({"dataset": {"label_noise": {"overlaps_circrna": "drop"}}}),
            "sources: the assemblies hg19 and hg38 are mixed, but "
            "dataset.label_noise.overlaps_circrna asks for",
        ),
        (
            mixed({"sources": {"chr21_lncrnas": {"assembly": "hg38"}, "coding_exons": EXONS}}),
            "sources: the assemblies hg19 and hg38 are mixed, but the source coding_exons asks for",
        ),
        (
            {"runs": {"main": {"vocabulary": {"window": 500}}}},
            "runs.main.vocabulary.ring: a window closes to no ring; choose one of them",
        ),
        (
            {"runs": {"main": {"vocabulary": {"ring": False}, "training": {"rotate": 0.5}}}},
            "runs.main.training.rotate: the vocabulary reads no ring; set its ring, or 0",
        ),
        (
            {"runs": {"main": {"network": {"max_tokens": 8193}}}},
            "runs.main.network.max_tokens: it exceeds batch_tokens, 8192, which bounds the memory",
        ),
        (
            {"runs": {"other": {"base": "nix"}}},
            "runs.other.base: there is no run 'nix'; choose of ['main', 'other', 'text_tran",
        ),
        (
            {"runs": {"main": {"base": "text_transformer"}}},
            "runs.text_transformer.base: 'main' is based on 'text_transformer' in turn; let one of",
        ),
        (
            {"search": {"space": {"network.widht": [8]}}},
            "search.space.network.widht: a run has no such setting; correct its name",
        ),
        (
            {"search": {"space": {"training.mutate": {"low": 0.2, "high": 0.1, "scale": "log"}}}},
            "search.space.training.mutate: low is above high; exchange them",
        ),
        (
            {"search": {"space": {"training.mutate": {"low": 0, "high": 1, "scale": "log"}}}},
            "search.space['training.mutate'].low: 0 is less than or equal to the minimum of 0",
        ),
        (
            {"run": ["text_transformer"], "runs": {"text_transformer": {"vocabulary": {"k": 4}}}},
            "runs.text_transformer.network.max_tokens: text_transformer reads the 397 tokens",
        ),
    ],
)
def test_bad_config_is_one_clear_line(demo, change, message):
    result = snakemake(demo[0], "--dry-run", *demo_config(demo[0], change))
    assert result.returncode == 2
    lines = [line for line in result.stdout.splitlines() if line.startswith("circlet: error: ")]
    assert len(lines) == 1
    assert f"config: {message}" in lines[0]
    assert "Traceback" not in result.stdout


@pytest.mark.parametrize("hashes", ["1", "3"])
def test_the_first_of_equal_faults_is_told_at_every_start(demo, monkeypatch, hashes):
    # The other runs inherit it.
    monkeypatch.setenv("PYTHONHASHSEED", hashes)
    change = {"runs": {"main": {"network": {"widht": 8}}}}
    result = snakemake(demo[0], "--dry-run", *demo_config(demo[0], change))
    assert "circlet: error: config: runs.main.network: Additional properties" in result.stdout


def test_broken_input_is_told_and_leaves_nothing(demo, tmp_path):
    broken = tmp_path / "broken.fa"
    broken.write_text(">a\nACGT>b\n>c\nACGT\n")
    inputs = {"predict": {"inputs": {"broken": str(broken)}}}
    result = snakemake(demo[0], *demo_config(demo[0], inputs))
    assert result.returncode == 1
    assert f"circlet predict: error: {broken}: " in result.stdout
    assert "Traceback" not in result.stdout
    assert not list((demo[0] / "results/demo/predictions/main").glob("*broken*"))


DOWNLOADS = ("download_circrnadb", "download_gencode")


class FaultyMirror(http.server.SimpleHTTPRequestHandler):
    """Serves a mirror, with one fault at the first request of each file."""

    met: set[str]

    def do_GET(self) -> None:
        """Answer with a fault the first time, then as a good server."""
        first = self.path not in self.met
        self.met.add(self.path)
        if first and self.path.endswith(".fa.gz"):
            self.send_error(503)
            return
        if first and self.path.endswith(".zip"):
            self.send_part()
            return
        if first and self.path.endswith(".gtf.gz"):
            self.send_body(gzip.compress(b"chr1\twrong\n"))
            return
        super().do_GET()

    def send_part(self) -> None:
        """Announce the whole file, send its first half and break off."""
        body = Path(self.translate_path(self.path)).read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2])
        self.close_connection = True

    def send_body(self, body: bytes) -> None:
        """Send other bytes than those of the file."""
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def faulty_mirror(mirror: Path):
    """URL of a server with faults that serves the mirror."""
    handler = type("Handler", (FaultyMirror,), {"met": set()})
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(handler, directory=str(mirror))
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


@pytest.mark.mirror
def test_full_config_makes_the_dataset_from_a_faulty_mirror(faulty_mirror, tmp_path):
    arguments = ("--snakefile", str(REPOSITORY / "Snakefile"), "--directory", str(tmp_path))
    target = "results/dataset/transcripts.parquet"
    config = ("--config", f"mirror={faulty_mirror}")
    downloads = tmp_path / "results/downloads"

    # What breaks off or is refused is fetched again; wrong bytes are refused.
    failed = snakemake(REPOSITORY, target, *arguments, "--keep-going", *config)
    assert failed.returncode == 1
    assert "md5" in failed.stdout.lower()
    assert "Traceback" not in failed.stdout
    assert not (downloads / "gencode.long_noncoding_RNAs.gtf.gz").exists()

    result = snakemake(REPOSITORY, target, *arguments, *config, "--until", *DOWNLOADS)
    assert result.returncode == 0, result.stdout
    # All else is for nodes that may have no network.
    before = CUT_OFF if can_cut_off() else ()
    result = snakemake(REPOSITORY, target, *arguments, *config, before=before)
    assert result.returncode == 0, result.stdout
    record = json.loads((downloads / "circrnadb.zip.json").read_text())
    assert record["resumed"] is False  # this server knows no Range: begun again
    summary = pd.read_csv(tmp_path / "results/dataset/summary.tsv", sep="\t")
    counts = summary[summary["source"] == "total"].set_index("label")["remaining"]
    assert counts.to_dict() == {"circRNA": 4099, "lncRNA": 10787}


@pytest.mark.mirror
def test_hard_negatives_are_cut_kept_apart_and_scored(mirror, extra, tmp_path):
    """The whole stage on real files, up to the scores of the baselines on hard negatives."""
    settings = {
        "sources": {
            "coding_exons": {
                "enabled": True,
                "per_circrna": 1,
                "fasta": str(extra / "refseq_coding_hg19.fa.gz"),
                "bed": str(extra / "refseq_coding_hg19.bed.gz"),
            }
        },
        "split": {"audit": ["gene"]},
        "evaluate": {"baselines": ["length"], "replicates": 20},
    }
    (tmp_path / "settings.json").write_text(json.dumps(settings))
    scored = "results/evaluation/baselines/gene/length/test_sets.json"
    result = snakemake(
        REPOSITORY,
        *("--snakefile", str(REPOSITORY / "Snakefile"), "--directory", str(tmp_path), scored),
        *("--configfile", str(tmp_path / "settings.json"), "--config", f"mirror={mirror}"),
    )
    assert result.returncode == 0, result.stdout
    table = pd.read_parquet(tmp_path / "results/dataset/transcripts.parquet")
    split = pd.read_parquet(tmp_path / "results/splits/gene.parquet")
    is_hard = table["biotype"] == LINEAR_EXONS
    assert is_hard.sum() > 4000
    assert set(split["part"][is_hard]) == {HARD, UNUSED}
    assert set(split["part"][~is_hard]) == set(PARTS)
    assert (split.groupby("group")["group_part"].nunique() == 1).all()
    entries = json.loads((tmp_path / scored).read_text())
    (metrics,) = (entry for entry in entries if entry["test_set"] == HARD)
    assert metrics["counts"]["lncRNA"] == (split["part"] == HARD).sum()
    assert (
        metrics["counts"]["circRNA"]
        == ((split["part"] == "test") & (table["label"] == "circRNA")).sum()
    )
    # Trained on circRNAs and lncRNAs, the length of matched sequences says next to nothing.
    assert metrics["metrics"]["auroc"]["value"] == pytest.approx(0.5, abs=0.05)


def test_two_assemblies_go_together_where_no_place_is_asked_for(demo):
    assert "split_dataset" in planned(demo[0], *demo_config(demo[0], mixed({})))


def test_labelled_sets_of_the_user_are_scored_by_everything(tmp_path):
    folder = copy_repository(tmp_path)
    own = {label: f"workflow/demo/{label.lower()}s.chr21.fa" for label in ("circRNA", "lncRNA")}
    evaluate = {"external": {"own": own}, "baselines": ["length"], "replicates": 20}
    settings = {"split": {"audit": ["gene"]}, "evaluate": evaluate}
    scored = "results/demo/evaluation/baselines/gene/length/test_sets.json"
    result = snakemake(folder, scored, *demo_config(folder, settings))
    assert result.returncode == 0, result.stdout
    found = {entry["test_set"]: entry for entry in json.loads((folder / scored).read_text())}
    assert found["own"]["counts"] == {"circRNA": 92, "lncRNA": 132, "groups": 125}  # genes
    # They are the dataset's own, so what is new among them lies outside the training part.
    split = pd.read_parquet(folder / "results/demo/splits/gene.parquet")
    outside = set(split["id"][split["part"] != "train"])
    subsets = pd.read_parquet(folder / "results/demo/external/subsets.parquet")
    unseen = {name.removeprefix("own:") for name in subsets["id"]}
    assert unseen
    assert unseen <= outside
    counts = found["own.unseen"]["counts"]
    assert counts["circRNA"] + counts["lncRNA"] == len(unseen)


def test_a_run_is_cross_validated(tmp_path):
    folder = copy_repository(tmp_path)
    settings = {
        "split": {"folds": 3, "audit": ["gene"]},
        "evaluate": {"replicates": 50},
        "runs": {"main": {"seeds": [1], "boosting": False, "training": {"epochs": 1}}},
    }
    target = "results/demo/evaluation/main/folds.tsv"
    result = snakemake(folder, target, *demo_config(folder, settings))
    assert result.returncode == 0, result.stdout
    found = pd.read_csv(folder / target, sep="\t").set_index("fold")
    assert found.index.tolist() == ["0", "1", "2", "mean of folds", "sd of folds", "pooled"]
    # Each transcript of the demo once.
    assert found.loc["pooled", ["n_circrna", "n_lncrna"]].tolist() == [92, 132]
    assert found.loc[["0", "1", "2"], ["n_circrna", "n_lncrna"]].sum().tolist() == [92, 132]
    for fold in range(3):
        metrics = folder / f"results/demo/evaluation/main.fold{fold}/metrics.json"
        auroc = json.loads(metrics.read_text())["metrics"]["auroc"]["value"]
        assert found.loc[str(fold), "auroc"] == pytest.approx(auroc, abs=1e-9)
    told = "main: AUROC {:.4f}, mean of 3 folds, standard deviation {:.4f}; pooled {:.4f} ["
    assert told.format(*found.loc[found.index[3:], "auroc"]) in result.stdout


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"split": {"folds": 2}}, "2 folds are too few"),
        ({"runs": {"main": {"split": {"fold": 1}}}}, "it names the fold 1"),
    ],
)
def test_what_cannot_be_cross_validated_is_told_in_one_line(tmp_path, change, message):
    folder = copy_repository(tmp_path)
    target = "results/demo/evaluation/main/folds.tsv"
    result = snakemake(folder, target, "--dry-run", *demo_config(folder, change))
    assert result.returncode == 2
    told = f"circlet: error: config: runs.main.split.fold: {message}; cross-validation asks for"
    assert told in result.stdout
    assert "Traceback" not in result.stdout
