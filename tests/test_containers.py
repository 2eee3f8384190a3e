"""What can be checked of the container files where there is no container engine: that what they name is there."""

import json
import re
import shlex

import pytest

from tests.conftest import ROOT

yaml = pytest.importorskip("yaml")
TARGETS = set(re.findall(r"^([\w./-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def instructions():
    """The instructions of the Dockerfile, as (name, rest)."""
    lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if line and not line.startswith("#")]
    return [tuple(line.split(" ", 1)) for line in lines]


def test_every_make_target_that_a_container_runs_is_one_of_ours():
    texts = [(ROOT / name).read_text() for name in ("Dockerfile", ".devcontainer/devcontainer.json")]
    named = [target for text in texts for target in re.findall(r"\bmake ([\w./-]+)", text)]
    assert "quickstart" in named and set(named) <= TARGETS


def test_the_image_starts_what_its_environment_has():
    [command] = [json.loads(rest) for name, rest in instructions() if name == "CMD"]
    assert command[0] == ".venv/bin/jupyter" and (ROOT / command[-1]).is_dir()
    packages = [shlex.split(rest) for name, rest in instructions() if name == "RUN" and "apt-get" in rest]
    assert "make" in packages[0] and "git" in packages[0]


def test_nothing_that_an_image_needs_is_ignored():
    ignored = (ROOT / ".dockerignore").read_text().split()
    needed = ("notebooks", "lthlib", "requirements.txt", "pyproject.toml", "Makefile", "README.md", "LICENSE", "data/atlas")
    assert not set(ignored) & set(needed) and "data" not in ignored


def test_binder_and_the_requirements_want_the_same_torch():
    wanted = (ROOT / "requirements.txt").read_text()
    conda = yaml.safe_load((ROOT / ".binder" / "environment.yml").read_text())["dependencies"]
    for package, name in (("pytorch-cpu", "torch"), ("torchvision", "torchvision")):
        [limits] = [each.removeprefix(package) for each in conda if re.match(rf"{package}[>=]", each)]
        assert re.search(rf"^{name}{re.escape(limits)}", wanted, re.MULTILINE), f"{name} differs: {limits}"


def test_binders_script_can_be_run():
    assert (ROOT / ".binder" / "postBuild").stat().st_mode & 0o111
