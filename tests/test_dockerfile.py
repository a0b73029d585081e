"""The Dockerfile, as hadolint reads it too, the script of its images, and compose.yaml."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import circlet

REPOSITORY = Path(__file__).resolve().parents[1]
DOCKERFILE = REPOSITORY / "Dockerfile"
DOOR = REPOSITORY / "workflow/container/door"
SERVICES = yaml.safe_load((REPOSITORY / "compose.yaml").read_text())["services"]
PORTS = {"api": 8080, "app": 8501}
CONTAINER = "/opt/ml/model"


def stages() -> dict[str, str]:
    """The instructions of each stage, by its name."""
    text = re.sub(r"\\\n\s*", "", DOCKERFILE.read_text())
    return dict(re.findall(r"^FROM \S+ AS (\w+)\n(.*?)(?=^FROM |\Z)", text, re.DOTALL | re.M))


def test_hadolint_has_nothing_to_say():
    command = [Path(sys.executable).with_name("hadolint"), "--no-color", DOCKERFILE]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, "")


def test_the_images_tell_the_version_of_the_package():
    (version,) = re.findall(r'image\.version="(.*?)"', DOCKERFILE.read_text())
    assert version == circlet.__version__


def test_no_stage_runs_as_root_in_the_end():
    made = stages()
    for image in ("pipeline", "served"):
        (user,) = re.findall(r"^USER (\d+)", made[image], re.MULTILINE)
        assert int(user) > 0


@pytest.mark.parametrize("image", PORTS)
def test_an_image_starts_its_door_so_that_signals_reach_it(image):
    stage = stages()[image]
    (name,) = re.findall(r'^CMD \["(\w+)"\]$', stage, re.MULTILINE)
    assert f"COPY workflow/container/door /usr/local/bin/{name}\n" in stage
    assert f"EXPOSE {PORTS[image]}\n" in stage
    assert f'CMD ["healthy", "{PORTS[image]}", "/' in stage


def test_compose_starts_the_images_at_their_ports():
    assert SERVICES.keys() == PORTS.keys()
    for name, service in SERVICES.items():
        assert service["build"]["target"] == name
        (port,) = service["ports"]
        assert port.endswith(f":{PORTS[name]}:{PORTS[name]}")
        assert "127.0.0.1" in port  # unless one says otherwise
        assert service["read_only"]
        assert service["tmpfs"] == ["/tmp"]


def test_compose_mounts_the_model_that_ships_unless_another_is_named():
    for service in SERVICES.values():
        (volume,) = service["volumes"]
        default = re.fullmatch(rf"\$\{{CIRCLET_MODEL:-(\S+)\}}:{CONTAINER}:ro", volume)[1]
        assert (REPOSITORY / default / "manifest.json").is_file()


def test_compose_builds_with_the_torch_of_the_dockerfile():
    (index,) = re.findall(r"^ARG TORCH_INDEX=(\S+)$", DOCKERFILE.read_text(), re.MULTILINE)
    for service in SERVICES.values():
        assert service["build"]["args"] == {"TORCH_INDEX": f"${{TORCH_INDEX:-{index}}}"}


@pytest.fixture
def door(tmp_path: Path):
    """Run the script for a folder of models; give the words of `circlet` that it comes to."""
    folder, mounted = tmp_path / "bin", tmp_path / "model"
    folder.mkdir()
    (folder / "serve").write_text(DOOR.read_text().replace(CONTAINER, shlex.quote(str(mounted))))
    (folder / "circlet").write_text('#!/bin/sh\necho "$@"\n')
    for program in folder.iterdir():
        program.chmod(0o755)

    def run(*words: str, **environment: str) -> str:
        path = {"PATH": f"{folder}:{os.defpath}"}
        command = [folder / "serve", *words]
        result = subprocess.run(
            command, env=path | environment, capture_output=True, text=True, check=True
        )
        return result.stdout.strip().replace(str(mounted), "MOUNTED")

    run.mounted = mounted
    return run


def test_the_door_serves_the_mounted_model_or_else_the_one_shipped(door):
    assert door() == "serve --model default --host 0.0.0.0"
    door.mounted.mkdir()
    assert door("--port", "80") == "serve --model default --host 0.0.0.0 --port 80"
    assert door(CIRCLET_MODEL="/other") == "serve --model /other --host 0.0.0.0"
    (door.mounted / "config.json").touch()
    assert door() == "serve --model MOUNTED --host 0.0.0.0"


def test_the_door_serves_no_other_model_than_one_that_it_cannot_read(door):
    door.mounted.touch()  # no folder: of what is wrong with it circlet tells
    assert "MOUNTED" in door()
    (door.mounted.parent / "bin/ls").write_text("#!/bin/sh\nexit 2\n")
    (door.mounted.parent / "bin/ls").chmod(0o755)
    with pytest.raises(subprocess.CalledProcessError):
        door()
