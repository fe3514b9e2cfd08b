"""A stand-in for TensorRT's Python bindings that takes only the calls that the real ones take.

Its classes, members and signatures are those that NVIDIA's compiled bindings state (``tensorrt-VERSION.json``, see
``signatures.py``): a name that they lack is an AttributeError, arguments of another number, name or type a TypeError.
What a call answers comes from the test; without, it is a fresh object or value of the type that the signature names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

FACTS = sorted(Path(__file__).parent.glob("tensorrt-*.json"))
SIGNATURE = re.compile(r"(\w+)\(self: [\w.]+(?:, )?(.*)\) -> (.+)")
PLAIN: dict[str, Callable[[Any], bool]] = {
    "int": lambda value: hasattr(value, "__int__") and not isinstance(value, str),
    "typing.SupportsInt": lambda value: hasattr(value, "__int__") and not isinstance(value, str),
    "str": lambda value: isinstance(value, str),
    "bool": lambda value: isinstance(value, bool),
    "buffer": lambda value: isinstance(value, (bytes, bytearray, memoryview)),
    "typing_extensions.Buffer": lambda value: isinstance(value, (bytes, bytearray, memoryview)),
    "tuple": lambda value: isinstance(value, tuple),
    "list": lambda value: isinstance(value, list),
    "Dims": lambda value: isinstance(value, (tuple, list)) and all(isinstance(size, int) for size in value),
    "None": lambda value: value is None,
}
EMPTY: dict[str, Any] = {"bool": True, "int": 0, "str": "", "None": None, "Dims": ()}
Answers = dict[str, Callable[..., Any]]


class StandIn:
    """The module, as ``module``, and every call made of it, in order, as ``calls``."""

    def __init__(self, facts: Path, answers: Answers) -> None:
        said = json.loads(facts.read_text())
        self.calls: list[tuple[Any, ...]] = []
        self.answers = answers
        self.protocols: dict[str, list[str]] = said["protocols"]
        self.classes: dict[str, type] = {}
        for name, members in said["classes"].items():
            self.classes[name] = self._class(name, members)
        self.module = SimpleNamespace(__version__=said["version"], **self.classes)
        self.module.nptype = answers["nptype"]
        assert said["functions"]["nptype"] == "nptype(trt_type)"
        names = [name for name in said["classes"]["ILogger"] if name.isupper()]
        self.classes["ILogger"].Severity = SimpleNamespace(**{name: f"severity {name}" for name in names})  # type: ignore[attr-defined]

    def made(self, name: str) -> list[tuple[Any, ...]]:
        """The arguments of each call of a method, such as 'Builder.create_network'."""
        return [arguments for called, *arguments in self.calls if called == name]

    def _class(self, name: str, members: dict[str, Any]) -> type:
        body: dict[str, Any] = {"__setattr__": self._setter()}
        values = {member: fact for member, fact in members.items() if isinstance(fact, int)}
        for member, fact in members.items():
            if fact == "property":
                body[member] = property(lambda owner, key=f"{name}.{member}": self.answers[key](owner))
            elif fact and member not in values:
                body[member] = self._method(name, member, fact)
        made = type(name, (), body)
        for member, number in values.items():
            value = made.__new__(made)
            value.__dict__.update(number=number, label=f"{name}.{member}")
            setattr(made, member, value)
        if values:
            assert "__int__" in self.protocols[name]
            made.__int__ = lambda owner: owner.number  # type: ignore[attr-defined]
        made.__repr__ = lambda owner: owner.__dict__.get("label", name)  # type: ignore[method-assign, assignment]
        return made

    def _setter(self) -> Callable[[Any, str, Any], None]:
        """Properties alone may be set, but on what is derived from these classes."""

        def assign(owner: Any, name: str, value: Any) -> None:
            if type(owner) in self.classes.values() and not isinstance(vars(type(owner)).get(name), property):
                raise AttributeError(f"{type(owner).__name__} has no {name}")
            self.calls.append((f"{type(owner).__name__}.{name}", value))
            vars(owner)[name] = value

        return assign

    def _method(self, owner: str, name: str, signatures: list[str]) -> Callable[..., Any]:
        def call(instance: Any, *arguments: Any, **named: Any) -> Any:
            returned = next((kind for one in signatures if (kind := self._fit(one, arguments, named))), None)
            if returned is None:
                raise TypeError(f"{owner}.{name}{arguments} {named} fits none of {signatures}")
            self.calls.append((f"{owner}.{name}", *arguments, *named.values()))
            if f"{owner}.{name}" in self.answers:
                return self.answers[f"{owner}.{name}"](instance, *arguments, **named)
            return EMPTY[returned] if returned in EMPTY else self._fresh(returned)

        return call

    def _fresh(self, kind: str) -> Any:
        made = self.classes[kind]
        return made.__new__(made)

    def _fit(self, signature: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> str | None:
        """The return type if the arguments fit, else None."""
        match = SIGNATURE.fullmatch(signature)
        assert match, signature
        wanted = [part.partition(": ") for part in match[2].split(", ") if part]
        given = dict(zip([name for name, _, _ in wanted], arguments, strict=False)) | named
        if len(arguments) > len(wanted) or not set(given) <= {name for name, _, _ in wanted}:
            return None
        for name, _, annotation in wanted:
            kind, _, default = annotation.partition(" = ")
            if name not in given and not default:
                return None
            if name in given and not self._is(given[name], kind):
                return None
        return match[3]

    def _is(self, value: Any, kind: str) -> bool:
        if kind in PLAIN:
            return PLAIN[kind](value)
        return kind in self.classes and isinstance(value, self.classes[kind])
