"""Makefile, documents, changelog, citation and CI file, held against the repository."""

import re
import shutil
import subprocess

import pytest
import yaml

import lthlib
from tests.conftest import ROOT

FOLDERS = (".", "docs", "docs/decisions", "docs/instructors", "lthlib", "data", "data/atlas")
DOCUMENTS = [path for folder in FOLDERS for path in (ROOT / folder).glob("*.md")]


def read(*parts):
    return ROOT.joinpath(*parts).read_text(encoding="utf-8")


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
def test_make_help_shows_every_target():
    [phony] = re.findall(r"^\.PHONY: (.+)$", read("Makefile"), re.MULTILINE)
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    texts = dict(re.findall(r"^make ([\w-]+) +(\S.*)$", shown, re.MULTILINE))
    assert texts.keys() == set(phony.split())


def anchors(document):
    """The names under which a page on GitHub links to its headings, and to the anchors that it sets itself."""
    text = document.read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    own = re.findall(r'<a id="([^"]+)"></a>', text)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings} | set(own)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_relative_links_lead_somewhere(document):
    text = re.sub(r"```.*?```", "", document.read_text(encoding="utf-8"), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        file, _, anchor = link.partition("#")
        if ":" in file:
            continue
        target = document.parent / file if file else document
        assert target.exists(), f"{link} leads nowhere"
        assert not anchor or anchor in anchors(target), f"{link} names no heading"


def test_every_decision_is_in_the_list():
    files = sorted(path.name for path in (ROOT / "docs" / "decisions").glob("0*.md"))
    assert re.findall(r"\((0\d+-[\w-]+\.md)\)", read("docs", "decisions", "README.md")) == files


def test_every_entry_of_the_changelog_says_whether_identities_change():
    entries = re.findall(r"^- .+(?:\n  .+)*", read("CHANGELOG.md"), re.MULTILINE)
    assert len(entries) > 20
    for entry in entries:
        assert re.search(r"\schanges identities: (yes|no)$", entry), entry


def test_the_citation_names_this_version_and_the_paper():
    citation = yaml.safe_load(read("CITATION.cff"))
    assert citation["version"] == lthlib.__version__
    assert citation["repository-code"].endswith(lthlib.REPOSITORY)
    [paper] = citation["references"]
    assert [author["family-names"] for author in paper["authors"]] == ["Frankle", "Carbin"]
    assert paper["year"] == 2019


def test_ci_tries_the_oldest_versions_and_names_tests_that_exist():
    text = read(".github", "workflows", "tests.yml")
    jobs = yaml.safe_load(text)["jobs"]
    requirements = read("requirements.txt")
    for package, version in re.findall(r"(torch|torchvision)==([\d.]+)\.\*", text):
        assert f"{package}>={version},<" in requirements
    [oldest] = re.findall(r'requires-python = ">=(.+)"', read("pyproject.toml"))
    assert all(oldest in job["strategy"]["matrix"]["python"] for job in jobs.values())
    commands = "\n".join(step.get("run", "") for job in jobs.values() for step in job["steps"])
    assert all((ROOT / notebook).exists() for notebook in re.findall(r"notebooks/\S+", commands))
    [chosen] = re.findall(r'-k "(.+)"', commands)
    assert all(list((ROOT / "tests").rglob(f"{name}*.py")) for name in chosen.split(" or "))
