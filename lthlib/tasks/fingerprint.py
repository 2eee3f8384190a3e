"""What a task of your own is made of, as text to be hashed."""

import contextlib
import functools
import inspect
import json
from collections.abc import Callable

from torch import nn


def described(function: Callable) -> str:
    """What a function is written as, and the plain values that it uses from outside."""
    if isinstance(function, functools.partial):
        return json.dumps([described(function.func), repr(function.args), repr(sorted(function.keywords.items()))])
    if inspect.ismethod(function):
        return json.dumps([described(function.__func__), repr(sorted(_plain(vars(function.__self__)).items()))])
    if not inspect.isfunction(function):  # an object that can be called
        return json.dumps([described(type(function).__call__), repr(sorted(_plain(vars(function)).items()))])
    used = inspect.getclosurevars(function)
    outside = repr(sorted(_plain({**used.globals, **used.nonlocals}).items()))
    try:
        return json.dumps([inspect.getsource(function), outside, repr(function.__defaults__)])
    except OSError:  # typed at a plain prompt: not to be had
        return json.dumps([function.__code__.co_code.hex(), repr(function.__code__.co_consts), outside])


def _plain(values: dict) -> dict:
    return {name: value for name, value in values.items() if isinstance(value, (bool, int, float, str, tuple))}


def written(module: nn.Module) -> str:
    """What a module of one's own is written as: its functions, its rate factors and its plain attributes."""
    if type(module).__module__.startswith("torch."):
        return ""
    sources = []
    for function in filter(inspect.isfunction, vars(type(module)).values()):
        with contextlib.suppress(OSError):  # typed at a plain prompt: not to be had
            sources.append(inspect.getsource(function))
    plain = _plain(vars(module))
    plain.pop("training", None)
    also = [list(module.also_prunable)] if getattr(module, "also_prunable", ()) else []
    return json.dumps([sources, repr(sorted(plain.items())), sorted(getattr(module, "rate_factors", {}).items()), *also])
