import argparse
from dataclasses import dataclass, field

import pytest

from circlet.model.network import NetworkConfig
from circlet.model.options import add_options, read_options
from circlet.model.settings import TrainingConfig


@dataclass
class Settings:
    size: int
    depth: int = field(default=3, metadata={"help": "how deep"})
    learning_rate: float = field(default=0.5, metadata={"help": "how fast"})
    max_minutes: float | None = field(default=None, metadata={"help": "how long"})
    kind: str = field(default="a", metadata={"help": "which", "choices": ("a", "b")})
    deep: bool = field(default=True, metadata={"help": "whether deep"})
    new_born: bool = field(default=False, metadata={"help": "whether new"})


def parse(settings, words):
    parser = argparse.ArgumentParser(prog="test")
    add_options(parser, settings)
    return parser.parse_args(words)


def test_defaults_are_those_of_the_fields():
    assert read_options(Settings, parse(Settings, []), size=7) == Settings(7)


def test_flags_have_the_types_of_the_fields():
    words = ["--depth", "4", "--learning-rate", "1e-3", "--max-minutes", "2", "--kind", "b"]
    options = read_options(Settings, parse(Settings, words), size=7)
    assert options == Settings(7, 4, 0.001, 2.0, "b")
    assert isinstance(options.max_minutes, float)


@pytest.mark.parametrize(
    ("words", "deep", "new_born"),
    [
        ([], True, False),
        (["--no-deep"], False, False),
        (["--new-born"], True, True),
        (["--deep", "--no-new-born"], True, False),
        (["--deep", "False", "--new-born", "True"], False, True),
        (["--deep", "true", "--new-born", "false"], True, False),
        (["--no-deep", "--deep"], True, False),
    ],
)
def test_truths(words, deep, new_born):
    options = read_options(Settings, parse(Settings, words), size=7)
    assert (options.deep, options.new_born) == (deep, new_born)


def test_field_without_default_has_no_flag():
    assert not hasattr(parse(Settings, []), "size")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--depth", "1.5"], "argument --depth: invalid int value: '1.5'"),
        (["--max-minutes", "long"], "argument --max-minutes: invalid float value: 'long'"),
        (["--kind", "c"], "argument --kind: invalid choice: 'c'"),
        (["--deep", "1"], "argument --deep: '1' is neither true nor false"),
        (["--size", "3"], "unrecognized arguments: --size 3"),
    ],
)
def test_bad_value_is_refused(capsys, words, message):
    with pytest.raises(SystemExit) as caught:
        parse(Settings, words)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_help_is_of_the_metadata(capsys):
    with pytest.raises(SystemExit):
        parse(Settings, ["--help"])
    shown = capsys.readouterr().out
    for words in (
        "--learning-rate LEARNING_RATE how fast",
        "--kind {a,b} which",
        "--deep [true|false] whether deep",
    ):
        assert words in " ".join(shown.split())
    assert "--no-deep DEEP" not in shown


def test_the_settings_of_a_run_are_all_flags():
    assert read_options(NetworkConfig, parse(NetworkConfig, []), vocabulary_size=66) == (
        NetworkConfig(66)
    )
    words = ["--seed", "4", "--max-minutes", "0.5", "--optimizer", "adagrad", "--compile", "True"]
    assert read_options(TrainingConfig, parse(TrainingConfig, words)) == TrainingConfig(
        seed=4, max_minutes=0.5, optimizer="adagrad", compile=True
    )
