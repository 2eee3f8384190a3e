"""Identities and fingerprints stay as they were: they name the folders of everybody's results.

An identity that changes makes a hunt train again what is stored already; change a line of a table only if that is what
you want. The identities were made before the code was moved into folders, the fingerprints by `core.digest`.
"""

import json
import platform
from pathlib import Path

import pytest
import torch

import lthlib
from lthlib import settings, tasks

FOLDER = Path(__file__).parent
FIELDS = {
    "score": tuple(lthlib.SCORES),  # before any test registers one of its own
    "scope": settings.SCOPES,
    "structure": settings.STRUCTURES,
    "optimizer": settings.OPTIMIZERS,
    "precision": settings.PRECISIONS,
}
FINGERPRINTS = json.loads((FOLDER / "fingerprints.json").read_text())
# Part of a fingerprint are torch's repr of its layers, initial weights and generated data, bit for bit: they may
# change with torch's minor version and with the machine, so that only those of the table are compared.
MADE_WITH = ("2.13", "Linux", "x86_64")


def identities() -> dict[str, str]:
    """The identity of every task, at every profile, under every schedule, and of one task with each choice."""
    table = {}
    for task in (tasks.find_task(name) for name in tasks.TASKS):
        for profile in tasks.PROFILE_NAMES:
            for schedule in settings.SCHEDULES:
                source = {"source": "lenet-digits/0123456789ab"} if schedule == "transferred" else {}
                setting, _ = tasks.resolve(task, profile, schedule=schedule, **source)
                table[f"{task.name} {profile} {schedule}"] = setting.identity()
                if schedule == "iterative":
                    table[f"{task.name} {profile} dense"] = setting.dense().identity()
    task = tasks.find_task("lenet-digits")
    for field, values in FIELDS.items():
        for value in values:
            table[f"{field} {value}"] = tasks.resolve(task, "quick", **{field: value})[0].identity()
    return table


def own_fingerprints() -> dict[str, str]:
    """The fingerprint, and the identity at smoke, of a task of your own made of each shipped task's parts."""
    table = {}
    for name in (name for name in FINGERPRINTS if not name.endswith(" id")):
        shipped = tasks.find_task(name)
        own = lthlib.Task(f"own-{name}", shipped.data, shipped.model, shipped.objective)
        table[name] = own.fingerprint()
        table[f"{name} id"] = tasks.resolve(own, "smoke")[0].identity()
    return table


def differences(kept: dict[str, str], now: dict[str, str]) -> str:
    """A line for each entry that differs, with what it was and what it is."""
    names = [name for name in kept | now if kept.get(name) != now.get(name)]
    return "\n".join(f"{name}: it was {kept.get(name)}, it is {now.get(name)}" for name in names)


def test_every_identity_is_what_it_was():
    kept, now = json.loads((FOLDER / "identities.json").read_text()), identities()
    assert kept == now, differences(kept, now)


@pytest.mark.skipif(
    (".".join(torch.__version__.split(".")[:2]), platform.system(), platform.machine()) != MADE_WITH,
    reason=f"made with torch {' on '.join(MADE_WITH[:2])}, {MADE_WITH[2]}",
)
def test_every_fingerprint_of_own_tasks_is_what_it_was():
    now = own_fingerprints()
    assert now == FINGERPRINTS, differences(FINGERPRINTS, now)
