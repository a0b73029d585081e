from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from circlet.cli import main
from circlet.evaluation.resources import COLUMNS, draw, find_benchmarks, gather
from circlet.files import read_table

HEADER = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time"


def write(folder: Path, name: str, *rows: tuple[object, object, object, object]) -> None:
    """Write a benchmark as Snakemake does: seconds, peak memory, mean load, CPU time."""
    path = folder / f"{name}.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{s}\t0:00:01\t{rss}\t1\t1\t1\t0.0\t0.0\t{load}\t{cpu}" for s, rss, load, cpu in rows]
    path.write_text("\n".join([HEADER, *lines]) + "\n")


@pytest.fixture
def benchmarks(tmp_path) -> Path:
    folder = tmp_path / "benchmarks"
    write(folder, "build_dataset", (2.5, 120.25, 50, 1.25))
    write(folder, "train/main/seed1", (100, 600, 200, 200))
    write(folder, "train/main/seed2", (50, 640, 150, 75), (70, 660, 170, 125))  # repeated
    write(folder, "baselines/gene/length", (0.5, "NA", "NA", "NA"))  # too quick to be measured
    return folder


def test_one_row_a_job_with_its_run(benchmarks, tmp_path):
    output = tmp_path / "evaluation/resources.tsv"
    flags = ["--benchmarks", str(benchmarks), "--runs", "main", "--output", str(output)]
    assert main(["resources", *flags]) == 0
    found = read_table(output)
    assert tuple(found.columns) == COLUMNS
    rows = found.astype(object).where(found.notna(), None).to_numpy().tolist()
    assert rows == [
        ["baselines", None, "gene/length", 0.5, None, None, None],
        ["build_dataset", None, None, 2.5, 1.25, 120.25, 50],
        ["train", "main", "seed1", 100, 200, 600, 200],
        ["train", "main", "seed2", 60, 100, 650, 160],
    ]
    ElementTree.parse(output.with_suffix(".svg"))
    assert output.with_suffix(".png").stat().st_size > 1000


def test_names_choose_and_order_and_what_was_not_measured_is_left_out(benchmarks):
    names = ["train/main/seed1", "gone", "build_dataset"]
    assert list(find_benchmarks(benchmarks, names)) == ["train/main/seed1", "build_dataset"]


def test_bars_are_sums_of_time_and_highest_memory_of_a_step_the_longest_first(benchmarks):
    figure = draw(gather(find_benchmarks(benchmarks, None), ["main"]))
    time, memory = figure.axes
    assert [label.get_text() for label in time.get_yticklabels()] == [
        "train (\u00d72)",
        "build_dataset (\u00d71)",
        "baselines (\u00d71)",
    ]
    ends = [bar.get_x() + bar.get_width() for bar in time.patches]
    assert ends == pytest.approx([160, 2.5, 0.5])
    assert [text.get_text() for text in memory.texts] == ["650", "120", "not measured"]
    np.testing.assert_array_equal(time.lines[0].get_xdata(), [100, 60])
    assert time.get_xscale() == memory.get_xscale() == "log"


def test_no_benchmark_at_all_is_told(tmp_path):
    output = tmp_path / "resources.tsv"
    flags = ["--benchmarks", str(tmp_path / "none"), "--output", str(output)]
    assert main(["resources", *flags]) == 0
    assert read_table(output).empty
    assert "no benchmark" in output.with_suffix(".svg").read_text()


def test_same_bytes_each_time(benchmarks, tmp_path):
    pictures = []
    for name in "ab":
        output = tmp_path / name / "resources.tsv"
        assert main(["resources", "--benchmarks", str(benchmarks), "--output", str(output)]) == 0
        pictures.append(
            [output.with_suffix(kind).read_bytes() for kind in (".tsv", ".svg", ".png")]
        )
    assert pictures[0] == pictures[1]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("s\n1\n", "lacks the columns"),
        (f"{HEADER}\n", "has no row"),
        ("\n".join([HEADER, "\t".join(["long"] * 10), ""]), "not a number"),
    ],
)
def test_refuses_what_is_no_benchmark(tmp_path, capsys, content, told):
    folder = tmp_path / "benchmarks"
    folder.mkdir()
    (folder / "split.tsv").write_text(content)
    flags = ["--benchmarks", str(folder), "--output", str(tmp_path / "resources.tsv")]
    assert main(["resources", *flags]) == 2
    assert told in capsys.readouterr().err
