"""The public functions that estimate something, by the parameters they take."""

import inspect
import pkgutil
from importlib import import_module

import sgdphys as sp
from sgdphys import claims, fitting


def public_functions():
    """Those of dynamics and information, ``sgdphys.fit``, and all of claims and fitting."""
    found = {sp.fit}
    for package in (sp.dynamics, sp.information):
        found |= {getattr(package, name) for name in package.__all__}
    for package in (claims, fitting):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            home = import_module(module.name)
            for name, function in inspect.getmembers(home, inspect.isfunction):
                if function.__module__ == module.name and not name.startswith("_"):
                    found.add(function)
    return sorted(found, key=lambda f: (f.__module__, f.__name__))


def taking(parameter):
    """Those of them that have a parameter."""
    return [f for f in public_functions() if parameter in inspect.signature(f).parameters]
