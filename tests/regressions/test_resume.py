"""Hunts that are killed, and several at once on one store, as whole processes.

LTHLIB_KILLS=30 kills that often, with worker processes as well; a few kills keep the ordinary run short.
"""

import os
import random
import re
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest

import lthlib
from tests.core.family import Family, wait_until

KILLS = int(os.environ.get("LTHLIB_KILLS", "4"))
ITERATIONS = ["150", "1500"] if KILLS > 10 else ["150"]  # 1,500 are enough for worker processes
COMMAND = [sys.executable, "-m", "lthlib", "hunt", "--task", "lenet-digits", "--profile", "smoke"]


def hunt(folder, *more):
    return [*COMMAND, "--results", str(folder), *more]


def networks(folder):
    """Every finished network of a store, with the time and the bytes of its tensors."""
    finished = [path.with_suffix(".safetensors") for path in folder.glob("*/*/*-level*.json")]
    return {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in finished}


def measured(folder):
    return lthlib.results(folder).drop(columns="seconds")


def kill_after(process, folder, new, delay):
    """SIGKILL the process `delay` seconds after so many new networks are there (or let it end, if it does)."""
    before = len(networks(folder))
    while len(networks(folder)) < before + new and process.poll() is None:
        time.sleep(0.005)
    time.sleep(delay)
    process.kill()
    process.wait()


@pytest.mark.parametrize("iterations", ITERATIONS)
def test_a_hunt_killed_again_and_again_ends_as_one_never_killed(tmp_path, iterations):
    extent = ["--levels", "8", "--trials", "3", "--iterations", iterations]
    subprocess.run(hunt(tmp_path / "whole", *extent), check=True, capture_output=True)
    moments, finished, mid_way = random.Random(0), {}, 0
    for _ in range(KILLS):
        process = subprocess.Popen(hunt(tmp_path / "cut", *extent), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        kill_after(process, tmp_path / "cut", new=moments.choice([0, 1, 1]), delay=moments.uniform(0, 0.15))
        now = networks(tmp_path / "cut")
        assert all(now[name] == before for name, before in finished.items()), "a finished network was computed again"
        mid_way += len(finished) < len(now) < 27
        finished = now
    last = subprocess.run(hunt(tmp_path / "cut", *extent), check=True, capture_output=True, text=True)
    assert f"{27 - len(finished)} networks trained, {len(finished)} found" in last.stderr
    pd.testing.assert_frame_equal(measured(tmp_path / "whole"), measured(tmp_path / "cut"), check_exact=True)
    tensors = [{name: content for name, (_, content) in networks(tmp_path / kind).items()} for kind in ("whole", "cut")]
    assert tensors[0] == tensors[1] and len(tensors[0]) == 27
    assert mid_way > 0
    print(f"{KILLS} kills, {mid_way} of them between the first network and the last")


ENDS = {
    "killed": (lambda process: process.kill(), -signal.SIGKILL),
    "terminated": (lambda process: process.terminate(), -signal.SIGTERM),
    "stopped by Ctrl-C": (lambda process: os.killpg(process.pid, signal.SIGINT), 130),  # its workers have it, too
}


@pytest.mark.parametrize("way", ENDS)
@pytest.mark.parametrize("moment", ["when its workers start", "when they train"])
def test_workers_end_with_their_hunt(tmp_path, way, moment):
    family, (end, status), log = Family(), ENDS[way], tmp_path / "log"
    extent = ["--levels", "2", "--trials", "20", "--iterations", "1500", "--workers", "2"]
    with open(log, "w") as file:
        process = subprocess.Popen(
            hunt(tmp_path / "results", *extent),
            stderr=file,
            env=family.environment,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # which a test in the background lacks
        )
    try:
        wait_until(lambda: len(family.named("popen_loky")) == 2)
        if moment == "when they train":
            wait_until(lambda: networks(tmp_path / "results"))
        began = time.monotonic()
        end(process)
        family.gone()
        print(f"{way} {moment}: nothing left after {time.monotonic() - began:.2f} s")
        assert process.wait() == status and "Traceback" not in log.read_text().partition("Fatal Python error: init")[0]
    finally:
        family.end()


@pytest.mark.parametrize("processes", [4])
def test_processes_on_one_store_share_the_work(tmp_path, processes):
    extent = ["--levels", "4", "--trials", "2", "--controls", "reinit,dense"]
    running = [
        subprocess.Popen(hunt(tmp_path, *extent), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(processes)
    ]
    outputs = [process.communicate() for process in running]
    assert [process.returncode for process in running] == [0] * processes
    assert len({out for out, _ in outputs}) == 1
    counts = [re.search(r"(\d+) networks trained, (\d+) found", error) for _, error in outputs]
    assert sum(int(count[1]) for count in counts) == 20 and all(int(count[1]) + int(count[2]) == 20 for count in counts)
    table = lthlib.results(tmp_path)
    assert not table.duplicated(["method", "trial", "redraw", "level", "iteration", "split"]).any()
    assert len(lthlib.summarise(table)) == 20
