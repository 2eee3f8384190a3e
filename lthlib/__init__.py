"""Lottery tickets: find them, train them, and see whether they win.

    import lthlib
    table = lthlib.hunt("lenet-digits", controls="reinit")
    lthlib.levels(table)

The folders are described in lthlib/README.md; imports only ever point down. The short names below are loaded
when they are first used, so that `import lthlib` takes no time.
"""

import importlib

from lthlib.core.version import REPOSITORY, __version__

# Short names, and the modules that have them; then modules that have a short name themselves.
_SHORT = {
    **dict.fromkeys(("hunt", "results"), "lottery.search"),
    "summarise": "storage.networks",
    **dict.fromkeys(("compare", "early_stop_ratio", "matching"), "analysis.comparison"),
    "levels": "analysis.summary",
    **dict.fromkeys(("pool_seeds", "with_settings"), "analysis.pooling"),
    "manifest": "analysis.provenance",
    "sentence": "analysis.sentences",
    "beside_paper": "papers.beside",
    "effect": "papers.measuring",
    **dict.fromkeys(("SCORES", "score"), "pruning.registry"),
    **dict.fromkeys(("TASKS", "Task"), "tasks"),
    **dict.fromkeys(("Extent", "Moves", "Recipe", "Setting"), "settings"),
    "LotteryError": "core.errors",
    "language": "core.language",
}
_MODULES = {
    "atlas": "storage.atlas",
    "claims": "papers.claims",
    "controls": "lottery.controls",
    "export": "storage.export",
    "masks": "pruning.masks",
    "objectives": "training.objectives",
}

__all__ = ["REPOSITORY", "__version__", *_SHORT, *_MODULES]


def __getattr__(name: str):
    if name in _SHORT:
        return getattr(importlib.import_module(f"lthlib.{_SHORT[name]}"), name)
    if name in _MODULES:
        return importlib.import_module(f"lthlib.{_MODULES[name]}")
    try:  # a folder or a loose file, such as lthlib.data
        return importlib.import_module(f"lthlib.{name}")
    except ModuleNotFoundError as error:
        if error.name != f"lthlib.{name}":  # it is there, and a package that it needs is not
            raise
        raise AttributeError(f"module 'lthlib' has no attribute {name!r}") from error


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
