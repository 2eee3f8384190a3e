"""Tickets on the machines of a Ray cluster, by joblib's own Ray backend (`docs/cluster.md` has the commands).

To the backend this adds results that come one by one; workers that Ray starts again elsewhere, with the
ticket that they were training, when their machine is lost; and workers that stay from one batch of a hunt to
the next, since they take seconds to start. Ray is imported where it is used: it is an extra.
"""

import contextlib
import contextvars
import hashlib
import os
import socket
import weakref
from collections.abc import Iterator
from dataclasses import dataclass

import joblib
import numpy as np
import torch

from lthlib.core import processes
from lthlib.core.errors import LotteryError
from lthlib.core.paths import CHECKOUT
from lthlib.core.progress import notice
from lthlib.data import Dataset

# What a worker asks of a core. Ray fills every machine up to one half before it goes on, so there is a worker
# for each core, and those of a machine that is lost find room on the others, and so does a second hunt.
SHARE = 0.5
RETRIES = 5  # so often a worker that was lost is started again

_kept: contextvars.ContextVar[dict | None] = contextvars.ContextVar("kept", default=None)
_stored: "weakref.WeakKeyDictionary[Dataset, tuple]" = weakref.WeakKeyDictionary()


def installed():
    """The module ray. Raises LotteryError where it is not installed."""
    try:
        import ray  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        advice = 'run `pip install "lthlib[ray]"`, or choose local'
        raise LotteryError(f'the engine "ray" is an extra: {advice}.') from error
    return ray


def connected():
    """The module ray, connected to the cluster at `RAY_ADDRESS`, or to one that it starts on this machine
    alone. Raises LotteryError where ray is not installed, or no cluster answers."""
    ray = installed()
    if not ray.is_initialized():
        address = os.environ.get("RAY_ADDRESS")
        dashboard, where = None if address else False, repr(address or "this machine")
        from ray.exceptions import RayError  # pyright: ignore[reportMissingImports]

        try:
            _knock(address)
            ray.init(address=address, log_to_driver=False, configure_logging=False, include_dashboard=dashboard)
        except (OSError, ValueError, RuntimeError, RayError) as error:
            advice = "start one there with `ray start --head`, with the same RAY_AUTH_MODE and token as here (docs/cluster.md)"
            raise LotteryError(f"no Ray cluster answers at {where}: {advice}, or unset RAY_ADDRESS.") from error
    return ray


def _knock(address: str | None) -> None:
    """Raise OSError where nothing answers at an address of the form host:port. Ray itself tries for minutes."""
    host, _, port = (address or "").rpartition(":")
    if port.isdigit() and "//" not in host:
        socket.create_connection((host, int(port)), timeout=10).close()


def cores() -> int:
    """How many cores the machines of the cluster have. Raises LotteryError where there are none."""
    count = int(connected().cluster_resources().get("CPU", 0))
    if not count:
        raise LotteryError("the Ray cluster has no cores: join a machine to it with `ray start --address=...`.")
    return count


def _facts() -> dict[str, str]:
    return {
        "torch": str(torch.__version__),
        "numpy": np.__version__,
        "lthlib's code": _code(),
        "processor": processes.processor(),
    }


def _code() -> str:
    """A digest of lthlib's own files."""
    content = hashlib.sha256()
    for path in sorted((CHECKOUT / "lthlib").rglob("*.py")):
        content.update(path.read_bytes())
    return content.hexdigest()[:12]


class Stored:
    """Arrays in the memory that Ray shares: a machine fetches them once, and its workers only read them."""

    def __init__(self, reference):
        self.reference = reference

    def __iter__(self):
        return iter(installed().get(self.reference))


def stored(data: Dataset) -> Stored:
    """Inputs and targets of the three splits on the cluster, put there once as long as neither changes."""
    ray = connected()
    splits = (data.train, data.validation, data.test)
    tensors = [tensor for split in splits for tensor in (split.inputs, split.targets)]
    state = [ray.get_runtime_context().get_job_id(), *((tensor.data_ptr(), tensor._version) for tensor in tensors)]
    before, found = _stored.get(data, (None, None))
    if before != state or found is None:
        found = Stored(ray.put([(split.inputs.numpy(), split.targets.numpy()) for split in splits]))
        _stored[data] = (state, found)
    return found


@dataclass(frozen=True)
class _Crew:
    """Workers that wait for tickets, and what their machines train with."""

    pool: joblib.Parallel
    facts: list[dict[str, str]]


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """Inside, workers stay from one batch to the next, and end with the block."""
    crews: dict = {}
    token = _kept.set(crews)
    try:
        yield
    finally:
        _kept.reset(token)
        _end(crews)


def processors() -> str:
    """The models of CPU that the kept workers have, of this machine where there are none yet."""
    facts = [facts for crew in (_kept.get() or {}).values() for facts in crew.facts] or [_facts()]
    return ", ".join(sorted({machine["processor"] for machine in facts}))


@contextlib.contextmanager
def pool(workers: int):
    """A `joblib.Parallel` whose workers are on the cluster, at most `workers`. Raises LotteryError where a
    ticket is lost for good, a machine cannot load what it is to train, or machines train with other versions
    than this one."""
    ray, kept = connected(), _kept.get()
    crews = {} if kept is None else kept
    where = (min(workers, cores()), ray.get_runtime_context().get_job_id())
    try:
        if where not in crews:
            _end(crews)  # machines have come or gone
            crews[where] = _started(where[0])
        yield crews[where].pool
    except ray.exceptions.RayTaskError as error:
        reason = str(error.cause or error).splitlines()[0]
        advice = "install the same lthlib, and the module of your own network, on every machine"
        raise LotteryError(f"a machine of the Ray cluster cannot train this ({reason}): {advice}.") from error
    except ray.exceptions.RayError as error:
        given = f"a worker on the Ray cluster was lost more than {RETRIES} times, most likely since memory ran out"
        advice = "ask for fewer workers; what is finished is kept, and the same hunt goes on from there"
        raise LotteryError(f"{given}: {advice}.") from error
    finally:
        if kept is None:
            _end(crews)


def _started(workers: int) -> _Crew:
    """Workers on the cluster, once they have said what they train with."""
    from lthlib.training.ray_backend import OneByOne

    if installed().available_resources().get("CPU", 0) < SHARE * workers:
        notice("the Ray cluster is at work for others: waiting for free cores.")
    backend = OneByOne(ray_remote_args={"num_cpus": SHARE, "max_restarts": RETRIES, "max_task_retries": -1})
    pool = joblib.Parallel(
        workers,
        return_as="generator_unordered",
        backend=backend,  # pyright: ignore[reportArgumentType]  # an instance will do
        batch_size=1,  # pyright: ignore[reportArgumentType]  # and numbers
        pre_dispatch=2 * workers,  # pyright: ignore[reportArgumentType]
    ).__enter__()
    facts = [dict(each or {}) for each in pool(joblib.delayed(_facts)() for _ in range(workers))]  # they take turns
    try:
        _check_alike(facts)
    except LotteryError:
        pool.__exit__(None, None, None)
        raise
    return _Crew(pool, facts)


def _check_alike(machines: list[dict[str, str]]) -> None:
    """Say where processors differ. Raises LotteryError where versions or lthlib's code do, or are not those
    here: numbers would depend on the machine."""
    if len({facts["processor"] for facts in machines}) > 1:
        notice("the cluster's machines have several models of CPU: numbers may differ in their last bits.")
    for name, here in _facts().items():
        found = {here, *(facts[name] for facts in machines)}
        if name != "processor" and len(found) > 1:
            advice = "install the same on every machine, and start the cluster again"
            raise LotteryError(f"the cluster's machines differ in {name} ({', '.join(sorted(found))}): {advice}.")


def _end(crews: dict) -> None:
    """End these workers. They end with their cluster, too, where that has gone before them."""
    while crews:
        with contextlib.suppress(Exception):
            crews.popitem()[1].pool.__exit__(None, None, None)
