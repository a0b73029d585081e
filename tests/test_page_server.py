"""The step `page` before its server starts."""

import socket

import pytest

from circlet.cli import main
from circlet.serve.page_server import keep_to_itself, options_of


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--port", "0"], "arguments: --port: is 0; give a number from 1 to 65535"),
        (["--port", "70000"], "arguments: --port: is 70000; give a number from 1 to 65535"),
        (["--host", "no.such.invalid"], "no.such.invalid:8501: cannot be listened at ("),
    ],
)
def test_bad_places(capsys, words, message):
    assert main(["page", *words]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"circlet page: error: {message}")
    assert error.count("\n") == 1


def test_port_in_use(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["page", "--port", str(port)]) == 2
    assert f"127.0.0.1:{port}: cannot be listened at (Address already in use); give another" in (
        capsys.readouterr().err
    )


def test_bad_model_is_told_before_the_port_opens(capsys, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert main(["page", "--port", str(port), "--model", str(tmp_path / "none")]) == 2
    assert "no such checkpoint folder or ONNX file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("host", "address", "expected"),
    [
        ("127.0.0.1", None, "127.0.0.1"),
        ("0.0.0.0", None, "localhost"),
        ("::", None, "localhost"),
        ("0.0.0.0", "rna.example.org", "rna.example.org"),
    ],
)
def test_options(host, address, expected):
    from streamlit import config

    found = options_of(host, 1234, address)
    assert found["browser.serverAddress"] == expected
    assert (found["server.address"], found["server.port"]) == (host, "1234")
    assert found["browser.gatherUsageStats"] == "false"
    assert set(found) <= set(config.get_config_options())


def test_a_foreign_origin_makes_no_request(monkeypatch):
    """Streamlit would ask a host elsewhere for the server's own address."""
    from streamlit import net_util
    from streamlit.web.server import server_util

    asked = []
    monkeypatch.setattr(net_util, "_make_blocking_http_get", lambda url, **_: asked.append(url))
    monkeypatch.setattr(net_util, "get_external_ip", net_util.get_external_ip)  # put back later
    assert not server_util.is_url_from_allowed_origins("http://evil.example")
    assert asked  # if not, `keep_to_itself` is needed no more
    asked.clear()
    keep_to_itself()
    assert not server_util.is_url_from_allowed_origins("http://evil.example")
    assert asked == []
