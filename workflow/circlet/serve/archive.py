"""Archives that SageMaker unpacks: the package's own code in them, and the same bytes each time."""

import ast
import tarfile
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from io import BytesIO
from pathlib import Path

import circlet
from circlet.compression import compressor
from circlet.errors import InputError
from circlet.files import atomic_path

PACKAGE = Path(circlet.__file__).parent
MODE = 0o644


def sources(*modules: str) -> dict[str, bytes]:
    """Give the package's own files that modules need, by their paths beside the package.

    Args:
        modules: Files relative to the package, such as `serve/sagemaker_inference.py`; themselves
            and what they import, also within functions, and so on, is given.
    """
    found: set[str] = set()
    new = {"__init__.py", *modules}
    while new:
        found |= new
        new = set().union(*map(_needed, new)) - found
    return {f"{PACKAGE.name}/{name}": (PACKAGE / name).read_bytes() for name in sorted(found)}


def _needed(module: str) -> set[str]:
    """Files of the package that a module needs at first hand, relative to the package."""
    parents = Path(module).parents
    found = {str(parent / "__init__.py") for parent in parents}
    for node in ast.walk(ast.parse((PACKAGE / module).read_bytes())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        own = [name.split(".")[1:] for name in names if name.startswith(f"{PACKAGE.name}.")]
        found |= {str(Path(*parts).with_suffix(".py")) for parts in own}
    return {name for name in found if (PACKAGE / name).is_file()}


def requirements(packages: Iterable[str]) -> bytes:
    """Give a `requirements.txt` that pins packages to the versions that are installed here.

    Raises:
        InputError: One is not.
    """
    try:
        return "".join(f"{name}=={version(name)}\n" for name in packages).encode()
    except PackageNotFoundError as error:
        problem, mend = "the package is not installed here", "pip install 'circlet[serve]'"
        raise InputError("requirements.txt", problem, mend, error.name) from None


def pack(files: dict[str, bytes], path: str | Path) -> None:
    """Write a tar of files, compressed if `path` ends so, atomically.

    Neither time nor user nor machine shows in it.

    Args:
        files: Content by name.
        path: Where to write, such as `model.tar.gz`.

    Raises:
        InputError: It cannot be written there.
    """
    with (
        atomic_path(path) as temporary,
        open(temporary, "wb") as raw,
        compressor(raw, Path(path).name) as stream,
        tarfile.open(fileobj=stream, mode="w|") as archive,
    ):
        for name in sorted(files):
            about = tarfile.TarInfo(name)  # of the user 0, and of 1970
            about.size, about.mode = len(files[name]), MODE
            archive.addfile(about, BytesIO(files[name]))
