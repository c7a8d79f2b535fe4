"""Captions of figures: method and result, from the results of a run."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from sgdphys.analyses.catalogue import figures, statistics
from sgdphys.analyses.drawing import cases_shown
from sgdphys.claims.verdicts import Verdict
from sgdphys.study.settings import Study

Groups = Mapping[str, xr.Dataset]


def figure_of(statistic: str, analysis: str, there: list[str], where: Mapping[str, Any]) -> str:
    """The figure of a run that shows a statistic where it is measured, or an empty name."""
    for base in statistics()[statistic].shown_in:
        for name in (f"{base}-{analysis}", base):
            if name in there:
                return name
        for name in there:
            if name.startswith(f"{base}-") and _is_of_case(name, where):
                return name
    return ""


def _is_of_case(name: str, where: Mapping[str, Any]) -> bool:
    """Whether what a figure's name says of its case contradicts no value that is asked for."""
    for key, value in re.findall(r"(\w+)=([^,]+)", name):
        asked = where.get(key)
        allowed = asked if isinstance(asked, list | tuple) else [asked]
        if asked is not None and not any(_is_equal(value, a) for a in allowed):
            return False
    return True


def _is_equal(said: str, value: Any) -> bool:
    """Whether a text in a name stands for a value: numbers have six digits there."""
    try:
        return bool(np.isclose(float(said), float(value), rtol=1e-5))
    except (TypeError, ValueError):
        return said == str(value)


def title_of(name: str) -> str:
    """Words for a figure's name."""
    base, _, suffix = name.partition("-")
    words = base.replace("_", " ").capitalize()
    return f"{words}: {suffix.replace('_', ' ').replace('=', ' ')}" if suffix else words


def setting(study: Study, key: str, words: str, *others: str) -> str:
    """Words for the setting of a key, or that it differs between the cases of a sweep."""
    swept = [k for k in (key, *others) if k in study.sweep.keys]
    return f"{swept[0].rpartition('.')[2].replace('_', ' ')} as named" if swept else words


def shape_of(study: Study) -> str:
    """Words for the layers of the networks of a study."""
    sizes = "-".join(map(str, study.network.layers))
    shape = study.network.module or (f"hidden layers {sizes}" if sizes else "no hidden layers")
    return setting(study, "network.layers", shape, "network.module")


def how_made(name: str, study: Study, groups: Groups) -> str:
    """Method of a figure: its content, networks, estimator and null."""
    base = name.partition("-")[0]
    entry = figures()[base]
    train, network = study.train, study.network

    def said(key: str, words: str) -> str:
        return setting(study, key, words)

    parts = [
        entry.shows,
        f"Networks: {said('train.replicas', str(train.replicas))}, {shape_of(study)}, "
        f"{said('network.activation', network.activation)}; "
        f"{said('train.optimiser', train.optimiser)}, "
        f"{said('train.learning_rate', f'learning rate {train.learning_rate:g}')}, "
        f"{said('train.batch_size', f'batches of {train.batch_size}')}, "
        f"sampler {said('train.sampling', train.sampling)}, "
        f"{said('train.epochs', f'{train.epochs} epochs')}, "
        f"{said('train.seed', f'seed {train.seed}')}.",
    ]
    group = _group_of(entry.needs[0], name, groups)
    if group is not None:
        attributes = group.attrs
        if "estimator" in attributes:
            parts.append(f"Estimator: {str(attributes['estimator']).replace('_', ' ')}.")
        if "interval_method" in attributes:
            parts.append(f"Intervals: {attributes['interval_method']}.")
        if any(str(v).startswith("null_") for v in group.data_vars):
            parts.append("Null: the same with labels, weights or noise made anew, in grey.")
        if "reference" in attributes:
            parts.append(f"After {attributes['reference']}.")
        shown = cases_shown(entry, group)
        if shown:
            parts.append(f"{shown}.")
    return " ".join(parts)


def _group_of(kind: str, name: str, groups: Groups) -> xr.Dataset | None:
    alike = {n: g for n, g in groups.items() if g.attrs.get("of", n) == kind}
    for suffix in (name.partition("-")[2], name.partition("-")[2].partition("-")[0]):
        if suffix in alike:
            return alike[suffix]
    return next(iter(alike.values()), None)


def group_name(name: str, groups: Groups) -> str:
    """Name of the analysis whose data a figure shows, or an empty one."""
    wanted = _group_of(figures()[name.partition("-")[0]].needs[0], name, groups)
    return next((n for n, g in groups.items() if g is wanted), "")


def what_to_see(name: str, groups: Groups, verdicts: list[Verdict]) -> str:
    """The result that a figure shows, in numbers; then the verdicts based on it."""
    base = name.partition("-")[0]
    sentences = []
    entry = figures()[base]
    group = _group_of(entry.needs[0], name, groups)
    if group is not None and entry.seen is not None and "case" not in group.dims:
        sentences.append(entry.seen(group))
    for v in verdicts:
        if v.word == "no data":
            continue
        sentences.append(f"“{v.says}”: {v.word}, {v.estimate} ({v.rule}).")
    return " ".join(s for s in sentences if s)
