"""Animations over epochs: layers on the information plane, and weights."""

import base64
import json
from typing import Any

import matplotlib as mpl
import numpy as np
import xarray as xr

from sgdphys.figures.cases import case_labels
from sgdphys.figures.layers import layer_styles
from sgdphys.figures.style import with_cases
from sgdphys.intervals import finite_mean

_NOTHING = 65535
"""Stands for a number that is not finite."""
_EPOCHS, _REPLICAS, _CASES = 120, 16, 12
"""Of a sweep: most epochs and networks of each case, and most cases."""
_WALKS = 8


def packed(values: np.ndarray, scale: float, shift: float = 0.0) -> str:
    """Numbers as base64 of little-endian 16-bit integers: shift to shift + scale in 65534 steps."""
    with np.errstate(invalid="ignore"):
        steps = np.clip((values - shift) / scale, 0, 1) * (_NOTHING - 1)
    steps = np.where(np.isfinite(values), np.rint(np.nan_to_num(steps)), _NOTHING)
    return base64.b64encode(steps.astype("<u2").tobytes()).decode()


def plane_of(information: xr.Dataset, bottleneck: xr.Dataset | None = None) -> dict[str, Any]:
    """Layers of every network on the information plane, by epoch, for the page.

    Parameters
    ----------
    information : Dataset
        I_XT, I_TY, null_I_TY (epoch, replica, layer), with cases or without; the attribute
        label_entropy is H(Y).
    bottleneck : Dataset, optional
        With the certified curve; without it the bound of hard labels, min(I(X;T), H(Y)).

    Returns
    -------
    dict
        For JSON: axes, colours, and for each case its epochs and packed coordinates.
    """
    is_sweep = "case" in information.dims
    data = with_cases(information[["I_XT", "I_TY", "null_I_TY"]])
    titles = case_labels(information)
    wide, top = (float(np.fmax(data[n].max(), 0.1)) for n in ("I_XT", "I_TY"))
    ceilings = _label_entropies(information, data.sizes["case"], top)
    top = max(top, *ceilings)
    cases = []
    for k in range(min(data.sizes["case"], _CASES)):
        one = data.isel(case=k).dropna("epoch", how="all")
        if not one.sizes["epoch"]:
            continue
        if is_sweep:
            at = np.linspace(0, one.sizes["epoch"] - 1, min(one.sizes["epoch"], _EPOCHS))
            one = one.isel(epoch=np.unique(at.round().astype(int)), replica=slice(0, _REPLICAS))
        order = ("epoch", "replica", "layer")
        x, y, null = (one[n].transpose(*order).to_numpy() for n in one.data_vars)
        cases.append(
            {
                "title": titles[k],
                "epochs": one["epoch"].to_numpy().tolist(),
                "replicas": one["replica"].to_numpy().tolist(),
                "x": packed(x, wide),
                "y": packed(y, top),
                "nullX": packed(finite_mean(x.swapaxes(0, 1)), wide),
                "nullY": packed(finite_mean(null.swapaxes(0, 1)), top),
                "bound": _bound(ceilings[k], wide, bottleneck, k),
            }
        )
    layers = data["layer"].to_numpy()
    networks = data.sizes["replica"]
    return {
        "some": _some(
            len(cases),
            data.sizes["case"],
            min(networks, _REPLICAS) if is_sweep else networks,
            networks,
        ),
        "wide": wide,
        "top": top,
        "layers": [int(n) for n in layers],
        "colours": [mpl.colors.to_hex(c) for _, c, _ in layer_styles(layers)],
        "hasCurve": bottleneck is not None,
        "cases": cases,
    }


def _label_entropies(information: xr.Dataset, cases: int, largest: float) -> list[float]:
    """H(Y) of every case; the largest I(T;Y), where results do not say it."""
    own = information.attrs.get("label_entropy", largest)
    by_case = json.loads(information.attrs.get("by_case", "{}"))
    if "case" not in information.dims:
        return [float(own)]
    names = [str(case) for case in information["case"].to_numpy()]
    return [float(by_case.get(name, {}).get("label_entropy", own)) for name in names][:cases]


def _bound(top: float, wide: float, bottleneck: xr.Dataset | None, k: int) -> list[list[float]]:
    if bottleneck is None:
        return [[0.0, 0.0], [top, top], [wide, top]]
    curve = with_cases(bottleneck)[["curve_I_XT", "curve_I_TY"]].isel(case=k)
    points = np.stack([curve["curve_I_XT"].to_numpy(), curve["curve_I_TY"].to_numpy()], axis=1)
    return [[0.0, 0.0], *np.round(points, 4).tolist(), [wide, float(points[-1, 1])]]


def cloud_of(components: xr.Dataset) -> dict[str, Any]:
    """Trajectories in their first two principal components, with random walks, for the page.

    Parameters
    ----------
    components : Dataset
        score, null_score (replica, step, component) and their shares, with cases or without.
    """
    data = with_cases(components)
    titles = case_labels(components)
    cases = []
    for k in range(min(data.sizes["case"], _CASES)):
        one = data.isel(case=k, component=slice(0, 2))
        if not np.isfinite(one["component_share"]).any():  # every network diverged
            continue
        clouds = {}
        for name in ("score", "null_score"):
            values = one[name].transpose("step", "replica", "component").to_numpy()[:, :_WALKS]
            # each path in units of its largest extent, since shapes are compared
            reach = np.max(np.abs(values), axis=(0, 2), keepdims=True, initial=0.0,
                           where=np.isfinite(values))  # fmt: skip
            with np.errstate(invalid="ignore"):
                clouds[name] = packed(values / np.where(reach > 0, reach, 1.0), 2.0, -1.0)
        share, null = (one[n].mean("replica").to_numpy() for n in
                       ("component_share", "null_component_share"))  # fmt: skip
        cases.append(
            {
                "title": titles[k],
                "steps": one["step"].to_numpy().tolist(),
                "replicas": one["replica"].to_numpy()[:_WALKS].tolist(),
                "paths": clouds["score"],
                "walks": clouds["null_score"],
                "share": [round(float(s), 3) for s in share],
                "nullShare": [round(float(s), 3) for s in null],
            }
        )
    networks = data.sizes["replica"]
    return {
        "some": _some(len(cases), data.sizes["case"], min(networks, _WALKS), networks),
        "cases": cases,
    }


def _some(cases: int, all_cases: int, networks: int, all_networks: int) -> str:
    """States which part of the data is animated, if not all."""
    words = []
    if cases < all_cases:
        words.append(f"{cases} of {all_cases} cases")
    if networks < all_networks:
        each = "of each case " if all_cases > 1 else ""
        words.append(f"{each}the first {networks} of {all_networks} networks")
    return f"Shown: {', '.join(words)}." if words else ""
