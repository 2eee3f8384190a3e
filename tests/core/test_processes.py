"""Children end with their parent, whatever became of that, and take all that they have started with them."""

import subprocess
import sys
import textwrap

import psutil
import pytest

from lthlib.core import processes
from tests.core.family import Family, python, wait_until

SLEEPER = "import time; time.sleep(600)"
DEAF = "import signal, time; [signal.signal(s, signal.SIG_IGN) for s in (signal.SIGTERM, signal.SIGINT)]; time.sleep(600)"


@pytest.fixture
def family():
    family = Family()
    yield family
    family.end()


def launch(family: Family, code: str) -> subprocess.Popen:
    return subprocess.Popen(python(textwrap.dedent(code)), env=family.environment)


@pytest.fixture
def module(tmp_path, monkeypatch, family):
    """A function that writes a module which is found by `python -m`, and returns its name."""

    def write(code: str) -> str:
        (tmp_path / "a_child.py").write_text(textwrap.dedent(code))
        family.environment["PYTHONPATH"] = f"{tmp_path}:{processes.CHECKOUT}"
        return "a_child"

    return write


def test_a_child_ends_with_a_killed_parent_and_takes_its_own_along(family, module):
    """The children of the child: one deaf to signals, one in a session of its own, one that was left alone."""
    child = module(f"""
        import subprocess, sys, time
        python = [sys.executable, "-c", {DEAF!r}]
        subprocess.Popen(python)
        subprocess.Popen(python, start_new_session=True)
        subprocess.run(f"{{sys.executable}} -c '{SLEEPER}' &", shell=True)
        time.sleep(600)
    """)
    code = f"from lthlib.core import processes; import time; processes.start({child!r}); time.sleep(600)"
    parent = launch(family, code)
    wait_until(lambda: len(family.alive()) == 5)
    parent.kill()
    parent.wait()
    family.gone()


def test_a_child_outlives_the_thread_that_started_it(family, module):
    child = module("import time; time.sleep(600)")
    code = f"""
        import threading, time
        from lthlib.core import processes
        thread = threading.Thread(target=processes.start, args=[{child!r}])
        thread.start(); thread.join(); time.sleep(600)
    """
    parent = launch(family, code)
    wait_until(lambda: family.named("a_child"))
    [child] = family.named("a_child")
    with pytest.raises(psutil.TimeoutExpired):
        child.wait(1)
    parent.kill()
    parent.wait()
    family.gone()


def test_a_child_is_the_module_it_is_asked_to_be(family, module, tmp_path, monkeypatch):
    child = module("""
        import sys
        print(__name__, sys.argv[1:], sys.modules["__main__"].__spec__.name, file=sys.stderr)
        sys.exit(3)
    """)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    process = processes.start(child, "a", "b c", stderr=subprocess.PIPE)
    assert process.communicate()[1].decode().split("\n")[0] == "__main__ ['a', 'b c'] a_child"
    assert process.returncode == 3


def test_a_child_watches_before_it_imports_what_takes_long(family):
    """A kill during the first seconds of a hunt, when torch is imported, is noticed, too."""
    code = "import sys; from lthlib.core import processes; print('torch' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], env=family.environment) == b"False\n"


def test_end_spares_the_caller_and_its_other_children(family):
    other, ended = launch(family, SLEEPER), launch(family, SLEEPER)
    processes.end(ended.pid)
    assert ended.wait() != 0 and other.poll() is None
    processes.end(ended.pid)  # no longer there: nothing to do
    assert other.poll() is None


def test_denormal_numbers_are_zero_inside_and_themselves_again_outside():
    import torch

    tiny = torch.tensor([1e-30])
    with processes.without_denormals():
        assert float(tiny * 1e-10) == 0.0
    assert float(tiny * 1e-10) > 0.0
