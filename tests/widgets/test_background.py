"""A background hunt and its kernel: whatever becomes of the kernel, nothing of the hunt is left."""

import signal
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
from jupyter_client.manager import KernelManager

from tests.core.family import Family, wait_until

LABORATORY = """
from lthlib import widgets
lab = widgets.lab({folder!r})
for name, value in dict(task="lenet-digits", rounds=20, trials=4, iterations=20_000).items():
    getattr(lab, name).value = value
lab.start.click()
"""
BACKGROUND = """
import threading
from lthlib.widgets.background import BackgroundHunt
hunts = []
start = lambda: hunts.append(BackgroundHunt("lenet-digits", results={folder!r}, iterations=20_000))
thread = threading.Thread(target=start)
thread.start(); thread.join()
"""


def signalled(number):
    return lambda kernel: kernel.provisioner.process.send_signal(number)


ENDS = {
    "killed": signalled(signal.SIGKILL),
    "terminated": signalled(signal.SIGTERM),
    "shut down": lambda kernel: kernel.shutdown_kernel(),
    "restarted": lambda kernel: kernel.restart_kernel(),
    "restarted at once": lambda kernel: kernel.restart_kernel(now=True),
}


@pytest.fixture
def kernel():
    """A real kernel, with its family of processes."""
    manager = KernelManager(kernel_name="python3")
    manager.family = Family()
    manager.start_kernel(env=manager.family.environment)
    yield manager
    manager.shutdown_kernel(now=True)
    manager.family.end()


def run(kernel, code: str) -> None:
    """Run a cell; what it raises is raised here."""
    client = kernel.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=120)
        reply = client.execute_interactive(textwrap.dedent(code), timeout=500, output_hook=lambda message: None)
        assert reply["content"]["status"] == "ok", reply["content"]
    finally:
        client.stop_channels()


def seconds_to_end(kernel, way: str) -> tuple[float, float]:
    """End the kernel; return the seconds from then until none of what it had started is left, nor itself."""
    family, old, began = kernel.family, kernel.provisioner.process.pid, time.monotonic()
    with ThreadPoolExecutor() as pool:
        others = pool.submit(family.gone, sparing="ipykernel_launcher")
        ENDS[way](kernel)
    wait_until(lambda: not psutil.pid_exists(old) or psutil.Process(old).status() == psutil.STATUS_ZOMBIE)
    return others.result(), time.monotonic() - began


@pytest.mark.parametrize("way", ENDS)
def test_a_hunt_of_the_laboratory_ends_with_its_kernel(kernel, tmp_path, way):
    run(kernel, LABORATORY.format(folder=str(tmp_path)))
    wait_until(lambda: len(kernel.family.named("popen_loky")) >= 2)  # its worker processes
    print("{}: no hunt is left after {:.2f} s, and no kernel after {:.2f} s".format(way, *seconds_to_end(kernel, way)))


def test_a_hunt_that_has_just_begun_ends_with_its_kernel(kernel, tmp_path):
    run(kernel, BACKGROUND.format(folder=str(tmp_path)))
    assert len(kernel.family.alive()) == 2
    print("killed in its first second: no hunt is left after {:.2f} s".format(*seconds_to_end(kernel, "killed")))


def test_a_hunt_outlives_the_thread_that_started_it(kernel, tmp_path):
    run(kernel, BACKGROUND.format(folder=str(tmp_path)))
    wait_until(lambda: len(kernel.family.named("popen_loky")) >= 2)
    run(kernel, "assert hunts[0].running; hunts[0].cancel(); assert hunts[0].outcome() == 'cancelled'")
    kernel.family.gone(sparing="ipykernel_launcher")
