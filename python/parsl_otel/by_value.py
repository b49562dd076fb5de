"""Functions that travel to workers with their code in the luggage.

A worker has Parsl but need not have parsl_otel. dill sends a function as a reference to its module wherever it can find it there;
a function that runs with globals of its own can only be sent whole. Its body must import what it uses.
"""
from __future__ import annotations

import builtins
from types import FunctionType
from typing import Any, Callable


def by_value(function: Any) -> Callable[..., Any]:
    """The same function without this package around it. For use as a decorator; the functions it makes inside are like it."""
    return FunctionType(function.__code__, {'__builtins__': builtins}, function.__name__)
