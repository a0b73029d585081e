import tarfile

import pytest
from test_rules import PLUMBING, closure

from circlet.errors import InputError
from circlet.serve import archive
from circlet.serve.archive import pack, requirements, sources


def test_sources_are_all_that_a_module_imports():
    found = sources("serve/answers.py")
    own = {f"circlet/{name}" for name in closure("serve/answers.py")}
    assert own <= found.keys()
    rest = {name.removeprefix("circlet/") for name in found.keys() - own}
    assert rest - PLUMBING == {
        "__init__.py",
        "data/__init__.py",
        "data/sources/__init__.py",
        "model/__init__.py",
        "serve/__init__.py",
    }
    assert found["circlet/errors.py"] == (archive.PACKAGE / "errors.py").read_bytes()


def test_requirements_are_what_is_installed(monkeypatch):
    monkeypatch.setattr(archive, "version", {"numpy": "2.0", "pandas": "3.0.1"}.__getitem__)
    assert requirements(["numpy", "pandas"]) == b"numpy==2.0\npandas==3.0.1\n"


def test_a_package_that_is_not_installed_is_named():
    with pytest.raises(InputError, match=r"requirements.txt: no-such-package-x: .*circlet\[serve"):
        requirements(["numpy", "no-such-package-x"])


def test_a_packed_tar_tells_nothing_but_its_files(tmp_path):
    pack({"b": b"two", "a/c.py": b"one"}, tmp_path / "x.tar.gz")
    with tarfile.open(tmp_path / "x.tar.gz") as opened:
        members = opened.getmembers()
        assert opened.extractfile("a/c.py").read() == b"one"
    told = [(each.name, each.size, each.mode, each.mtime, each.uid, each.uname) for each in members]
    assert told == [("a/c.py", 3, 0o644, 0, 0, ""), ("b", 3, 0o644, 0, 0, "")]
    assert (tmp_path / "x.tar.gz").read_bytes()[4:8] == bytes(4)  # the time of gzip's header


def test_nothing_is_left_where_packing_fails(tmp_path):
    with pytest.raises(TypeError):
        pack({"a": None}, tmp_path / "x.tar.gz")
    assert list(tmp_path.iterdir()) == []
