"""What defines an object, as digits: its code, its values, and all that its code reads from outside.

Two networks, criteria or objectives get the same digits only if nothing that can change their results differs:

    functions   what runs (the compiled code, so neither comments nor a file edited afterwards count), default
                values, closures, and the globals it reads, whatever these are
    classes     the functions and values of the class and of all its bases
    modules     every attribute, parameter, buffer and hook, `requires_grad`, and which weights are tied
    others      tensors and arrays by value, other objects by their attributes or as they would be pickled

What Python, torch, NumPy and the like bring along is known by its name; other installed packages by name and
version. Compiled code differs between minor versions of Python, and so do the digits.
"""

import copyreg
import dis
import enum
import hashlib
import inspect
import sys
import sysconfig
import types
import warnings
import weakref
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import nn

from lthlib.core.errors import LotteryError

PLAIN = (type(None), bool, int, float, complex, str, bytes, type(...), type(NotImplemented), slice, range)
# Packages whose versions are no part of an identity, as torch's is none of a shipped task's.
FOUNDATIONS = ("lthlib", "torch", "torchvision", "numpy", "scipy", "pandas", "sklearn")
LIBRARY_FOLDERS = [Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
PACKAGES = ("site-packages", "dist-packages")
# What Python and torch note in a class or module for themselves.
BOOKKEEPING = {
    *("__doc__", "__module__", "__dict__", "__weakref__", "__annotations__", "__qualname__", "__firstlineno__"),
    *("__static_attributes__", "__annotate__", "__annotate_func__", "__annotations_cache__", "__orig_bases__"),
    *("__dataclass_fields__", "__dataclass_params__", "__match_args__", "_abc_impl", "_backward_cls", "training"),
}
HAS_DOCSTRING = 0x4000000  # a flag of compiled code since Python 3.13
HEAP_TYPE = 1 << 9  # a flag of classes that are made while Python runs, not written in C
BY_ANY_NAME = {"getattr", "vars", "eval", "exec", "globals", "__dict__", "import_module", "__import__"}
CONTAINERS = (dict, list, tuple, set, frozenset)
Facts = list[tuple[str, str]]


def digest(facts: Facts) -> str:
    """16 hexadecimal digits of what `facts` found."""
    return hashlib.sha256(repr([fact for _, fact in facts]).encode()).hexdigest()[:16]


def facts(value, name: str) -> Facts:
    """Everything that defines `value`, as pairs: where it is, starting from `name`, and a fact.

    Raises LotteryError, naming the place, for what cannot be described so that it is the same tomorrow: an
    open file, a lock, a generator.
    """
    walk = _Walk()
    walk.visit(value, name)
    return walk.facts


def first_difference(a: Facts, b: Facts) -> str:
    """Where two lists of facts differ first; empty where they are equal."""
    for left, right in zip(a, b):
        if left != right:
            return left[0]
    return "" if len(a) == len(b) else max(a, b, key=len)[min(len(a), len(b))][0]


class _Walk:
    """One visit to an object and all it reaches. Each object is described once; a second way to it is noted
    as such, so that tied weights differ from equal ones, and circles end."""

    def __init__(self):
        self.facts: Facts = []
        self.seen: dict[int, int] = {}
        self.alive: list = []  # an object that is gone would leave its id to another

    def note(self, path: str, *words) -> None:
        self.facts.append((path, " ".join(map(str, words))))

    def visit(self, value, path: str) -> None:
        if type(value) in PLAIN:
            self.note(path, type(value).__name__, repr(value))
            return
        if id(value) in self.seen and not isinstance(value, tuple):  # equal tuples may be one object or two
            self.note(path, "again", self.seen[id(value)])
            return
        self.seen[id(value)] = len(self.seen)
        self.alive.append(value)
        if describe := _CONTAINERS.get(type(value)):
            describe(self, value, path)
            return
        for kinds, describe in _DESCRIBED_BY:
            if isinstance(value, kinds):
                describe(self, value, path)
                return
        self._other(value, path)

    def _tensor(self, tensor: torch.Tensor, path: str) -> None:
        plain = tensor.detach().cpu()
        plain = plain.dequantize() if plain.is_quantized else plain.to_dense() if plain.layout != torch.strided else plain
        self.note(path, type(tensor).__name__, tensor.dtype, tuple(tensor.shape), tensor.requires_grad)
        hooks = [getattr(tensor, name, None) for name in ("_backward_hooks", "_post_accumulate_grad_hooks")]
        for hook in (hook for kind in hooks for hook in (kind or {}).values()):
            self.visit(hook, f"{path}, a hook on it")
        if not tensor.is_meta:
            self._bytes(plain.resolve_conj().resolve_neg().contiguous().reshape(-1).view(torch.uint8).numpy(), path)

    def _array(self, array: np.ndarray | np.generic, path: str) -> None:
        self.note(path, type(array).__name__, array.dtype.str, array.shape)
        if array.dtype.hasobject:
            self._sequence(np.asarray(array).ravel().tolist(), path)
        else:
            self._bytes(np.ascontiguousarray(array), path)

    def _bytes(self, array: np.ndarray, path: str) -> None:
        self.note(path, hashlib.sha256(array.reshape(-1).view(np.uint8).data).hexdigest())

    def _module(self, module: nn.Module, path: str) -> None:
        if isinstance(module, torch.jit.ScriptModule):
            self.note(path, "compiled by torch.jit", module.code)
            self._mapping(dict(module.state_dict()), path)
            return
        if hasattr(module, "_orig_mod"):  # what torch.compile wraps
            self.visit(module._orig_mod, path)
            return
        self.visit(type(module), f"{path} ({type(module).__name__})")
        for name, value in vars(module).items():
            if name in BOOKKEEPING or (name.startswith("_") and isinstance(value, (dict, set)) and not value):
                continue
            if isinstance(value, dict) and name in ("_modules", "_parameters", "_buffers"):
                self._mapping(value, path)
            elif "hooks" in name and isinstance(value, dict):  # its keys count all hooks of the process
                self._sequence(list(value.values()), f"{path}.{name}")
            else:
                self.visit(value, f"{path}.{name}")

    def _mapping(self, mapping: Mapping, path: str) -> None:
        self.note(path, "mapping of", len(mapping))
        for key, value in mapping.items():
            self.visit(key, f"{path}, a key")
            self.visit(value, f"{path}.{key}" if isinstance(key, str) else f"{path}[{key!r}]")

    def _sequence(self, values: list | tuple, path: str) -> None:
        self.note(path, type(values).__name__, len(values))
        for place, value in enumerate(values):
            self.visit(value, f"{path}[{place}]")

    def _set(self, values: set | frozenset, path: str) -> None:
        self.note(path, type(values).__name__, sorted(digest(facts(value, path)) for value in values))

    def _class(self, kind: type, path: str) -> None:
        if _is_known_by_name(kind):
            self.note(path, "class", _name(kind))
            # Attributes that somebody put there from outside, such as another `forward`.
            for name, value in sorted(vars(kind).items()):
                if inspect.isfunction(value) and not _is_of_library(value.__module__):
                    self.visit(value, f"{path}.{name}")
            return
        self.note(path, "class", kind.__qualname__)
        for base in kind.__bases__:
            self.visit(base, f"{path}, its base {base.__name__}")
        for name, value in sorted(vars(kind).items()):
            if name not in BOOKKEEPING:
                self.visit(value, f"{path}.{name}")

    def _function(self, function: types.FunctionType, path: str) -> None:
        if hasattr(function, "_torchdynamo_orig_callable"):  # what torch.compile wraps
            self.visit(function._torchdynamo_orig_callable, path)
            return
        if _is_known_by_name(function):
            self.note(path, "function", _name(function))
            return
        code = function.__code__
        self.note(path, "function", function.__name__)
        self._code(code, path)
        self.visit(function.__defaults__, f"{path}, its default values")
        self.visit(function.__kwdefaults__, f"{path}, its default values")
        for name, cell in zip(code.co_freevars, function.__closure__ or ()):
            try:
                self.visit(cell.cell_contents, f"{path}: {name}")
            except ValueError:  # an empty cell
                self.note(path, "nothing yet in", name)
        if not _is_of_library(function.__module__):
            self._globals(function, path)
        for name, value in sorted(vars(function).items()):
            self.visit(value, f"{path}.{name}")

    def _code(self, code: types.CodeType, path: str) -> None:
        arguments = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        self.note(path, code.co_code.hex(), code.co_names, arguments, code.co_flags & ~HAS_DOCSTRING)
        for constant in code.co_consts[_begins_with_docstring(code) :]:
            if isinstance(constant, types.CodeType):
                self._code(constant, path)
            else:
                self.visit(constant, f"{path}, a constant")

    def _globals(self, function: types.FunctionType, path: str) -> None:
        """What a function reads from outside. Of a module of the user's these are the names that the function
        mentions, or all it defines where a name may be made on the way."""
        names, imported, attributes = set(), set(), set()
        for part in _all_code(function.__code__):
            imported |= {constant for constant in part.co_consts if isinstance(constant, str)}  # import_module("mine")
            for step in dis.get_instructions(part):
                if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
                    names.add(step.argval)
                elif step.opname in ("IMPORT_NAME", "IMPORT_FROM"):
                    imported.add(step.argval)
                elif step.opname in ("LOAD_ATTR", "LOAD_METHOD"):
                    attributes.add(step.argval)
        outside = {name: function.__globals__[name] for name in sorted(names & function.__globals__.keys())}
        modules = {name: sys.modules[name] for name in sorted(imported & sys.modules.keys())}
        outside |= {name: module for name, module in modules.items() if not _is_of_library(name)}
        by_any_name = bool(BY_ANY_NAME & (names | attributes))
        for name, value in outside.items():
            if isinstance(value, types.ModuleType) and not _is_of_library(value.__name__) and not by_any_name:
                for attribute in sorted((attributes | imported) & vars(value).keys()):
                    self.visit(vars(value)[attribute], f"{path}: {name}.{attribute}")
            else:
                self.visit(value, f"{path}: {name}")

    def _method(self, method: types.MethodType, path: str) -> None:
        self.visit(method.__func__, path)
        self.visit(method.__self__, f"{path}, the object it belongs to")

    def _builtin(self, function, path: str) -> None:
        self.note(path, "built in", getattr(function, "__module__", ""), getattr(function, "__qualname__", function))
        owner = getattr(function, "__self__", None)
        if not isinstance(owner, (type(None), types.ModuleType, type)):
            self.visit(owner, f"{path}, the object it belongs to")

    def _module_of_code(self, module: types.ModuleType, path: str) -> None:
        self.note(path, "module", _name(module))
        if _is_of_library(module.__name__):
            return
        for name, value in sorted(vars(module).items()):
            its_own = type(value) in PLAIN or getattr(value, "__module__", "") == module.__name__
            if its_own and not name.startswith("__"):
                self.visit(value, f"{path}.{name}")

    def _wrapped(self, wrapper: staticmethod | classmethod, path: str) -> None:
        self.note(path, type(wrapper).__name__)
        self.visit(wrapper.__func__, path)

    def _property(self, wrapper: property, path: str) -> None:
        for function in (wrapper.fget, wrapper.fset, wrapper.fdel):
            self.visit(function, path)

    def _choice(self, choice: enum.Enum, path: str) -> None:
        self.note(path, "choice", type(choice).__qualname__, choice.name)
        self.visit(choice.value, path)

    def _reference(self, reference: weakref.ref, path: str) -> None:
        self.visit(reference(), path)

    def _other(self, value, path: str) -> None:
        """Any other object: of a class of the user's by its attributes, of a library's as pickle would take it."""
        if hasattr(value, "__dict__") and not _is_known_by_name(type(value)):
            self.visit(type(value), f"{path} ({type(value).__name__})")
            self._mapping(vars(value), path)
            if not isinstance(value, CONTAINERS) and not any("__slots__" in vars(kind) for kind in type(value).__mro__):
                return
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                reduce = copyreg.dispatch_table.get(type(value))
                recipe = reduce(value) if reduce else value.__reduce_ex__(4)
        except Exception as error:  # a class may raise anything there
            raise LotteryError(
                f"{path} is of type {type(value).__name__}, by which results cannot be told apart: keep it out, or put plain "
                "values, arrays, tensors or functions there."
            ) from error
        if isinstance(recipe, str):
            self.note(path, "named", type(value).__name__, recipe)
            self.visit(getattr(value, "__wrapped__", None), path)  # a cached function is pickled by name alone
            return
        for part in recipe:
            self.visit(list(part) if isinstance(part, Iterator) else part, path)


_DESCRIBED_BY: list[tuple[tuple, Callable]] = [
    ((torch.Tensor,), _Walk._tensor),
    ((np.ndarray, np.generic), _Walk._array),
    ((nn.Module,), _Walk._module),
    ((type,), _Walk._class),
    ((types.FunctionType,), _Walk._function),
    ((types.MethodType,), _Walk._method),
    ((types.BuiltinFunctionType, types.MethodDescriptorType, types.MethodWrapperType, np.ufunc), _Walk._builtin),
    ((types.WrapperDescriptorType, types.GetSetDescriptorType, types.MemberDescriptorType), _Walk._builtin),
    ((types.ModuleType,), _Walk._module_of_code),
    ((staticmethod, classmethod), _Walk._wrapped),
    ((property,), _Walk._property),
    ((enum.Enum,), _Walk._choice),
    ((weakref.ref,), _Walk._reference),
    ((types.MappingProxyType,), _Walk._mapping),
]


_CONTAINERS: dict[type, Callable] = {
    **dict.fromkeys((list, tuple), _Walk._sequence),
    **dict.fromkeys((set, frozenset), _Walk._set),
    dict: _Walk._mapping,
}


def _begins_with_docstring(code: types.CodeType) -> bool:
    """Whether the first constant is the place of a docstring: before Python 3.13 every function has one."""
    if sys.version_info >= (3, 13):
        return bool(code.co_flags & HAS_DOCSTRING)
    return bool(code.co_flags & inspect.CO_OPTIMIZED) and not code.co_name.startswith("<")  # no lambda or comprehension


def _all_code(code: types.CodeType) -> Iterator[types.CodeType]:
    """A function's compiled code and that of the functions inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _all_code(constant)


def _is_known_by_name(thing: type | types.FunctionType) -> bool:
    """Whether a library's class or function can be found again by its name: not one made on the way."""
    if isinstance(thing, type) and not thing.__flags__ & HEAP_TYPE:
        return True
    if not _is_of_library(thing.__module__):
        return False
    place = sys.modules.get(thing.__module__)
    for part in thing.__qualname__.split("."):
        place = getattr(place, part, None)
    return place is thing


def _is_of_library(module: str | None) -> bool:
    """Whether a module is one of Python's or of an installed package, and not the user's own."""
    package = (module or "").partition(".")[0]
    if package in ("", "__main__"):
        return False
    if package in FOUNDATIONS:
        return True
    loaded = sys.modules.get(module or "") or sys.modules.get(package)
    if loaded is None:
        return False
    file = getattr(loaded, "__file__", None)
    if file is None:
        return getattr(loaded.__spec__, "origin", None) in ("built-in", "frozen")
    folders = Path(file).parents
    return any(folder in folders for folder in LIBRARY_FOLDERS) or any(f.name in PACKAGES for f in folders)


def _name(thing) -> str:
    """A library's object by its full name, with the package's version where that may matter."""
    module = thing.__name__ if isinstance(thing, types.ModuleType) else thing.__module__
    name = module if isinstance(thing, types.ModuleType) else f"{module}.{thing.__qualname__}"
    package = module.partition(".")[0]
    if package in FOUNDATIONS or package in sys.stdlib_module_names:
        return name
    return f"{name} {getattr(sys.modules.get(package), '__version__', '')}".strip()
