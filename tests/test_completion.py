import shutil
import subprocess
import sys

import pytest

from circlet import cli
from circlet.cli import build_parser, main
from circlet.completion import SHELLS, complete, installed_steps

SOME = ("predict", "models", "completion", "gather")


@pytest.fixture(autouse=True)
def some_steps(monkeypatch):
    """A few steps, since all of them import torch."""
    monkeypatch.setattr(cli, "STEPS", {name: cli.STEPS[name] for name in SOME})


@pytest.fixture
def script(tmp_path):
    """What completes the command line in bash."""
    path = tmp_path / "circlet.bash"
    path.write_text(complete(build_parser(*SOME), "bash"))
    return path


def words_for(script, folder, *line):
    """What a real bash offers for the last word of a line."""
    program = f"""
        source {script}
        COMP_WORDS=({" ".join(line)} {'""' if line[-1] == "" else ""})
        COMP_CWORD={len(line) - 1}
        COMP_TYPE=63
        function=$(complete -p circlet | sed 's/.*-F \\([^ ]*\\).*/\\1/')
        compopt() {{ :; }}
        $function circlet "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD-1]}}"
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(
        ["bash", "-c", program], capture_output=True, text=True, cwd=folder, check=True
    )
    return {word.strip() for word in done.stdout.split("\n")} - {""}


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_the_script_is_one_that_the_shell_reads(shell, tmp_path, capsys):
    assert main(["completion", shell]) == 0
    text = capsys.readouterr().out
    assert "--strand" in text
    path = tmp_path / "script"
    path.write_text(text)
    if shutil.which(shell):
        done = subprocess.run([shell, "-n", str(path)], capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, b"")


def test_every_shell_has_a_script():
    for shell in SHELLS:
        assert "circlet" in complete(build_parser(*SOME), shell)


def test_steps_options_and_choices_are_completed(script, tmp_path):
    assert words_for(script, tmp_path, "circlet", "pre") == {"predict"}
    assert words_for(script, tmp_path, "circlet", "predict", "--th") == {"--threshold", "--threads"}
    assert words_for(script, tmp_path, "circlet", "predict", "--strand", "") == {"given", "both"}
    assert words_for(script, tmp_path, "circlet", "completion", "b") == {"bash"}


def test_files_are_completed(script, tmp_path):
    (tmp_path / "transcripts.fa").touch()
    (tmp_path / "models").mkdir()
    assert "transcripts.fa" in words_for(script, tmp_path, "circlet", "predict", "tr")
    assert any(
        word.startswith("models")
        for word in words_for(script, tmp_path, "circlet", "predict", "--model", "mo")
    )


def test_without_torch_the_steps_that_need_it_are_completed_by_name(monkeypatch, capsys):
    monkeypatch.setattr(cli, "STEPS", cli.STEPS | {"train": ("circlet.model.train", "train")})
    monkeypatch.delitem(sys.modules, "circlet.model.train", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    assert installed_steps() == list(SOME)
    assert main(["completion", "bash"]) == 0
    told = capsys.readouterr().out
    assert "_train_option_strings=(-h --help)" in told
    assert "--threshold" in told
