import argparse
import socket

import pytest

from circlet.cli import main
from circlet.serve.settings import OPTIONS, Settings, add_options


def parse(words: list[str], **environment: str) -> Settings:
    parser = argparse.ArgumentParser()
    add_options(parser, environment)
    return Settings.of_arguments(parser.parse_args(words))


def test_every_setting_has_an_option():
    assert list(OPTIONS) == [*Settings.__dataclass_fields__]


def test_the_defaults_are_those_of_the_class():
    assert parse([]) == Settings()


def test_an_option_goes_before_its_variable():
    settings = parse(
        ["--port", "1"], CIRCLET_PORT="2", CIRCLET_TIMEOUT="3", CIRCLET_LOG_LEVEL="INFO"
    )
    assert (settings.port, settings.timeout, settings.log_level) == (1, 3.0, "info")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("port", "65536", "not a whole number from 0 to 65535"),
        ("workers", "0", "not a whole number from 1 to 64"),
        ("timeout", "nan", "not a number from 0.1 to 3600"),
        ("records", "1.5", "not a whole number"),
        ("device", "gpu", "none of auto, cpu, cuda, mps"),
        ("cors_origins", "https://a.example, https://b.example/", "'https://b.example/' is no"),
        ("cors_origins", "lab.example", "is no origin"),
        ("log_level", "loud", "none of debug, info, warning, error"),
    ],
)
@pytest.mark.parametrize("is_option", [True, False])
def test_bad_values(name, value, words, is_option, capsys):
    option = "--" + name.replace("_", "-")
    environment = {} if is_option else {f"CIRCLET_{name.upper()}": value}
    with pytest.raises(SystemExit, match="2"):
        parse([option, value] if is_option else [], **environment)
    told = capsys.readouterr().err
    assert f"argument {option}: " in told
    assert words in told


def test_workers_get_what_their_parent_has(monkeypatch):
    monkeypatch.setenv("CIRCLET_SERVE_SETTINGS", "")
    settings = Settings(model="m", threads=2, cors_origins="https://a.example")
    settings.to_environment()
    assert Settings.of_environment() == settings


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_model_that_is_not_there(capsys, workers, tmp_path, monkeypatch):
    monkeypatch.setattr("circlet.serve.request_log.log_as_json", lambda level: None)
    words = ["--model", str(tmp_path / "none"), "--port", "0"]
    assert main(["serve", *words]) == 2
    assert "no such checkpoint folder or ONNX file" in capsys.readouterr().err


def test_a_port_that_is_taken(capsys, monkeypatch):
    monkeypatch.setattr("circlet.serve.request_log.log_as_json", lambda level: None)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["serve", "--port", str(port)]) == 2
    told = capsys.readouterr().err
    assert f"cannot listen at 127.0.0.1 port {port}: Address already in use; give another" in told
