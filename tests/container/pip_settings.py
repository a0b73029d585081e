"""Where pip finds packages on this machine, told to a build that sees none of its files."""

import ast
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlparse

# Of all settings, those that say where packages come from and how they are reached.
TOLD = {"index-url", "extra-index-url", "find-links", "no-index", "trusted-host", "constraint"}
TOLD |= {"cert", "client-cert", "proxy", "timeout", "default-timeout"}
CERTIFICATES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
PLACE = "/etc/pip.conf"  # in an image


def settings() -> dict[str, str]:
    """The settings of pip, of its files and of the environment, which prevails."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    lines = [line.partition("=") for line in told.splitlines()]
    lines.sort(key=lambda line: line[0].startswith(":env:"))
    found = {key.rpartition(".")[2]: str(ast.literal_eval(value)) for key, _, value in lines}
    for name in reversed(CERTIFICATES):
        if name in os.environ:
            found = {"cert": os.environ[name]} | found
    return {key: value for key, value in found.items() if key in TOLD}


def files(values: dict[str, str]) -> set[Path]:
    """The files and folders of this machine that settings name."""
    found = set()
    for key, value in values.items():
        for word in value.split():
            url = urlparse(word)
            path = Path(unquote(url.path) if url.scheme == "file" else word)
            if path.is_absolute() and path.exists():
                # A folder of pages links to packages that lie beside it.
                found.add(path.parent if key.endswith("index-url") else path)
    return found


def write_settings(path: Path) -> list[str]:
    """Write the settings as a file of pip; give what a build has to mount, SOURCE:TARGET."""
    values = settings()
    lines = [f"{key} = {' '.join(value.split())}\n" for key, value in values.items()]
    path.write_text("[global]\n" + "".join(lines))
    return [f"{path}:{PLACE}", *(f"{file}:{file}" for file in sorted(files(values)))]
