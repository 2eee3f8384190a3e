"""A hundred bad values and more over all commands: status 2, one sentence, nothing written, no traceback."""

import os
import resource
import subprocess
import sys
import time

import pytest

from lthlib.__main__ import LONGEST, main
from tests.conftest import ROOT

NUL, LONG, HUGE, NOWHERE = "a\0b", "n" * 300, "9" * 5000, "/proc/nowhere"
LESSON = ROOT / "notebooks" / "01_a_winning_ticket.ipynb"
FILES = {
    "file": "kept",
    "exits.py": "import sys\nsys.exit(0)\n",
    "raises.py": "1 / 0\n",
    "wrong.py": "def (:\n",
    "odd.py": "x = '\0'\n",
    "none.py": "x = 1\n",
    "unknown.py": "import lthlib\n\n@lthlib.score\ndef mine(*, wieghts):\n    return wieghts\n",
    "mine.txt": "",
    "odd.ipynb": "[]",
    "old.ipynb": '{"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": []}',
    "bytes.yaml": "\x00\x01",
}
HUNT = [
    *(
        "--task=",
        "--task=lenet-digts",
        "--task=../evil",
        "--task=lenet-digits,lenet-mnist1d",
        f"--task={NUL}",
        f"--task={'x' * 100_000}",
    ),
    *("--profile=", "--profile=fast", "--schedule=once", "--schedule=transferred", "--source=lenet-digits/0123"),
    *("--levels=-1", "--levels=1.5", "--levels=", "--levels=two", f"--levels={HUGE}"),
    *("--rate=0", "--rate=1", "--rate=-0.1", "--rate=7.0", "--rate=nan", "--rate=inf", "--rate=1e999", "--rate=half", "--rate="),
    *("--trials=0", "--trials=-1", "--trials=1.5", "--iterations=0", "--iterations=-5", "--rewind=-1", "--rewind=1000000000"),
    *("--score=magnitud", "--score=", "--scope=uniforn", "--structure=unit", "--structure=groups --levels=4"),
    *(
        "--moves=rigl",
        "--moves=rgl --schedule=untrained",
        "--structure=units --scope=global",
        "--controls=rienit",
        "--redraws=0",
        "--seed=-1",
        "--seed=x",
    ),
    *("--device=tpu", "--device=", "--device=cuda:99", "--workers=0", "--workers=-1", "--workers=all"),
    *("--results=file", "--results=file/below", f"--results={NOWHERE}", f"--results={NUL}", f"--results={LONG}"),
    *("--iterashuns=3", "more", "--json=yes"),
]
BATCH = [
    *("none.yaml", ".", "file", "bytes.yaml", "/dev/null", f"{NUL}.yaml", f"{LONG}.yaml", "", "good.yaml more"),
    *("good.yaml --engine=spark", "good.yaml --engine=spark --dry-run", "good.yaml --engine= --dry-run", "good.yaml --bugdet=1m"),
    *(f"good.yaml --budget={text}" for text in ("", "0", "0h0m0s", "-3m", "soon", "1e5", HUGE)),
]
ATLAS = [
    *("--budget=", "--budget=0", "--budget=0s", "--budget=-1", "--budget=soon", f"--budget={HUGE}"),
    *(
        "--trials=0",
        "--trials=-1",
        "--trials=x",
        "--tasks=",
        "--tasks=lenet-digts",
        "--tasks=lenet-mnist,",
        "--device=tpu",
        "more",
    ),
    *("--budget=0 --dry-run", "--trials=-1 --dry-run", "--tasks=x --dry-run", "--device=tpu --dry-run"),
]
PLACES = ["", "file", "file/below", NOWHERE, NUL, LONG, "~nobody-here/x"]
LESSONS = [f"--to={place}" for place in (*PLACES, ROOT / "notebooks", f"{ROOT}/docs/../notebooks/", "link", "link/../notebooks")]
REPORT = [
    *("nowhere", "file", NUL, LONG, NOWHERE, "more than one"),
    *(f"--to={place}" for place in PLACES),
]
ARENA = [
    *("--score=", "--score=magnitud", "--levels=0", "--levels=-1", "--levels=x", "--trials=0", "--trials=-1", "--budget=0"),
    *("--budget=-5", "--tasks=", "--tasks=lenet-digits,typo", "--profile=fast", "--scope=layer", "--schedule=transferred"),
    *("--schedule=once", "--device=tpu", "--results=file", f"--results={NUL}", "--levels=1000000"),
    *(f"--file={name}" for name in FILES if name.endswith((".py", ".txt"))),
    *("--file=", "--file=.", "--file=none-there.py", f"--file={NUL}", f"--file={LONG}.py"),
]
EXPLORE = [
    *("", "--html=", "--html=.", "--html=page", "--html=page.txt", "--html=file.html/page.html", "--html=none-there/page.html"),
    *(f"--html={NUL}.html", f"--html={LONG}.html", "--html=~nobody-here/x.html", "--html=page.html more", "--force"),
    *(f"--html=page.html --results={place}" for place in ("nowhere", "file", NUL, LONG, "~nobody-here/x")),
]
COMMANDS = {
    "hunt --task=lenet-digits --profile=smoke": HUNT,
    "batch": BATCH,
    "atlas": ATLAS,
    "explore": EXPLORE,
    "handout": [*LESSONS, "--language=fr", "--language=", "more"],
    "translate --language=ko": [*LESSONS, "--language=fr", "--language=en", f"--language={NUL}"],
    "report": REPORT,
    "arena --score=magnitude --profile=smoke": ARENA,
    "": ["", "hnt", "hunt", "batch", "translate", "arena", "--task=x", NUL],
}
CASES = [(f"{command} {bad}".lstrip(" "), f"{command} {bad}"[:60]) for command, values in COMMANDS.items() for bad in values]

RUN = f"notebooks: [{LESSON}]\noutput: out\n"
SWEEPS = {
    "a name twice": RUN + "output: other\n",
    "a parameter twice": RUN + "parameters: {profile: smoke, profile: quick}\n",
    "a bomb": "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nnotebooks: [*c]\n",
    "a cycle": RUN + "grid: &g\n  seed: [*g]\n",
    "a cycle of parameters": RUN + "parameters: &p {task: *p}\n",
    "a date": RUN + "parameters: {task: 2020-01-01}\n",
    "a date as output": f"notebooks: [{LESSON}]\noutput: 2020-01-01\n",
    "bytes": RUN + "parameters: {task: !!binary aGVsbG8=}\n",
    "a set": RUN + "grid: {seed: !!set {1, 2}}\n",
    "an object": RUN + "parameters: {task: !!python/object/apply:os.getcwd []}\n",
    "a huge number": RUN + f"parameters: {{seed: {HUGE}}}\n",
    "a large number": RUN + f"parameters: {{seed: {'9' * 4000}}}\n",
    "a huge number in hexadecimal": RUN + f"parameters: {{seed: 0x{'f' * 5000}}}\n",
    "a huge text": RUN + f"parameters: {{task: {'x' * 40_000}}}\n",
    "a huge file": RUN + f"parameters: {{task: {'x' * 400_000}}}\n",
    "a huge name": RUN + f"? {'x' * 5000}\n: 1\n",
    "a name that is a list": RUN + "[1, 2]: 3\n",
    "a number as a name": RUN + "parameters: {1: 2}\n",
    "deeply nested": "[" * 45_000,
    "NUL in output": f'notebooks: [{LESSON}]\noutput: "a\\0b"\n',
    "half a character": f'notebooks: [{LESSON}]\noutput: "\\ud800"\n',
    "NUL in a notebook": 'notebooks: ["a\\0b.ipynb"]\n',
    "a long notebook": f"notebooks: [{LONG}.ipynb]\n",
    "no notebook": "notebooks: [odd.ipynb]\n",
    "an old notebook": "notebooks: [old.ipynb]\n",
    "no home": f"notebooks: [{LESSON}]\noutput: ~nobody-here/x\n",
    "rate in a run": f"notebooks: [{LESSON.with_name('03_is_it_the_initialisation.ipynb')}]\nparameters: {{rate: 7.0}}\n",
    "rate that is no number": f"notebooks: [{LESSON.with_name('16_the_map.ipynb')}]\nparameters: {{rate: .nan}}\n",
    "rate without end": f"notebooks: [{LESSON.with_name('16_the_map.ipynb')}]\nparameters: {{rate: .inf}}\n",
    "one task of two": f"notebooks: [{LESSON.with_name('16_the_map.ipynb')}]\nparameters: {{task: 'lenet-digits,typo'}}\n",
    "workers": RUN + "workers: -1\n",
    "timeout": RUN + "timeout: 999999999999\n",
    "gpus": RUN + "gpus: .inf\n",
    "gpus, hardly any": RUN + "gpus: 1.0e-300\n",
    "gpus, one and a half": RUN + "gpus: 1.5\n",
    "gpus, no number": RUN + "gpus: .nan\n",
    "two documents": RUN + "---\nnotebooks: []\n",
    "no YAML": RUN + "\t: x\n",
    "an odd scalar": RUN + "timeout: !!int x\n",
    "parameters as a list": RUN + "parameters: [1, 2]\n",
}


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder of odd files, where the command works."""
    for name, content in FILES.items():
        (tmp_path / name).write_text(content)
    (tmp_path / "good.yaml").write_text(RUN)
    (tmp_path / "link").symlink_to(ROOT / "notebooks")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def everything(folder):
    """Every file of a folder, of the lessons and of the atlas, with when it was written."""
    places = [*folder.rglob("*"), *(ROOT / "notebooks").iterdir(), *(ROOT / "data" / "atlas").iterdir()]
    return {path: path.lstat().st_mtime_ns for path in places if path.suffix != ".pyc" and path.name != "__pycache__"}


def assert_refused(arguments, here, capsys):
    before, began = everything(here), time.process_time()
    assert main(arguments) == 2
    assert time.process_time() - began < 5
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.startswith("lthlib: ")
    assert captured.err.count("\n") == 1 and captured.err.endswith("\n") and len(captured.err) < LONGEST + 100
    assert "Traceback" not in captured.err and everything(here) == before


def test_there_are_a_hundred_and_more():
    assert len(CASES) + len(SWEEPS) > 150 and len({case for case, _ in CASES}) == len(CASES)


@pytest.mark.usefixtures("no_criterion_is_left_behind")
@pytest.mark.parametrize("line", [pytest.param(line, id=ascii(name)[1:-1]) for line, name in CASES])
def test_a_bad_value_is_one_sentence_and_nothing_is_written(line, here, capsys):
    assert_refused(line.split(" ") if line else [], here, capsys)


@pytest.mark.parametrize("case", SWEEPS)
def test_a_bad_sweep_is_one_sentence_and_nothing_is_written(case, here, capsys):
    (here / "sweep.yaml").write_text(SWEEPS[case])
    assert_refused(["batch", "sweep.yaml"], here, capsys)
    assert_refused(["batch", "sweep.yaml", "--dry-run"], here, capsys)


def test_the_sentence_about_a_rate_names_run_field_and_what_is_allowed(here, capsys):
    (here / "sweep.yaml").write_text(SWEEPS["rate in a run"])
    assert main(["batch", "sweep.yaml"]) == 2
    assert "03_is_it_the_initialisation (rate 7.0): rate is 7.0: give a share" in capsys.readouterr().err


@pytest.mark.parametrize(
    "line", ["arena --score=mine --file=exits.py", "report nowhere", "handout --to=link", "atlas --budget=0"]
)
def test_a_shell_sees_the_same(line, here):
    before, cpu = everything(here), resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    command = [sys.executable, "-m", "lthlib", *line.split(" ")]
    ended = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (2, "", 1) and ended.stderr.startswith("lthlib: ")
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - cpu < 15, "most of it imports"
    assert everything(here) == before


def test_an_atlas_that_cannot_be_written_to_is_known_before_anything_is_trained(here, capsys, monkeypatch):
    monkeypatch.setattr("lthlib.storage.atlas.folder", lambda: here / "file" / "atlas")
    assert_refused(["atlas", "--tasks=lenet-mnist"], here, capsys)
