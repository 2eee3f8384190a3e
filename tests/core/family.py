"""Processes that belong to one test, found by a mark in their environment: orphans keep it, and all their children have it."""

import os
import sys
import time
import uuid

import psutil

PATIENCE = 30  # seconds a test waits on a busy machine; `gone` returns what it took


class Family:
    """Give `environment` to the first process; all that it starts, and what they start, is the family."""

    def __init__(self):
        self.mark = uuid.uuid4().hex
        self.environment = {**os.environ, "LTHLIB_TEST_FAMILY": self.mark}

    def alive(self) -> list[psutil.Process]:
        return [process for process in psutil.process_iter() if self._has(process)]

    def _has(self, process: psutil.Process) -> bool:
        try:
            return process.environ().get("LTHLIB_TEST_FAMILY") == self.mark
        except (psutil.Error, OSError):  # of someone else, or ended (a zombie has no environment)
            return False

    def named(self, word: str) -> list[psutil.Process]:
        """Those with a word on their command line, such as popen_loky for worker processes."""
        return [process for process in self.alive() if any(word in part for part in _words(process))]

    def gone(self, sparing: str = "nobody") -> float:
        """Wait until nobody is left but those named so, and return the seconds it took. Fails if that is too long."""
        began = time.monotonic()
        while left := [words for words in map(_words, self.alive()) if words and sparing not in " ".join(words)]:
            assert time.monotonic() - began < PATIENCE, f"still there after {PATIENCE} s: {left}"
            time.sleep(0.02)
        return time.monotonic() - began

    def end(self) -> None:
        for process in self.alive():
            process.kill()


def wait_until(condition, patience: float = 120) -> None:
    """Wait until `condition()` holds; fails when that takes too long."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < patience, "it did not come to that"
        time.sleep(0.02)


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]
