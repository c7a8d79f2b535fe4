"""A fit at a glance: paths, displacement, increments, and drift and diffusion functions."""

import numpy as np
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sgdphys.figures.style import DATA, EXACT, FIT, NULL, PAGE, in_place_of_data


def panels(portrait: xr.Dataset) -> Figure:
    """Four panels of a fit.

    Parameters
    ----------
    portrait : Dataset
        Of ``fitting.portraits.portrait``.
    """
    figure, axes = plt.subplots(2, 2, figsize=(PAGE, 5.2))
    t = portrait.attrs["t"]
    _paths(axes[0, 0], portrait, t)
    _displacement(axes[0, 1], portrait, t)
    _increments(axes[1, 0], portrait)
    _functions(axes[1, 1], portrait, t)
    figure.suptitle(
        f"{portrait.attrs['series']} series of {portrait.attrs['points']} points, each about its "
        "mean in units of its standard deviation (s.d.)",
        fontsize=8,
    )
    return figure


def _plural(t: str) -> str:
    return t if t == "time" else f"{t}s"


def _paths(ax: Axes, portrait: xr.Dataset, t: str) -> None:
    time = portrait["time"].to_numpy()
    step = max(1, len(time) // 4000)
    for k, path in enumerate(portrait["path"].to_numpy()):
        shade = plt.get_cmap("viridis")(0.9 * k / 5)
        ax.plot(time[::step], path[::step], linewidth=0.6, color=shade)
    ax.set_xlabel("time" if t == "time" else f"time ({_plural(t)})")
    ax.set_ylabel("position (s.d.)")
    ax.set_title(f"{portrait.sizes['shown']} of the paths")


def _displacement(ax: Axes, portrait: xr.Dataset, t: str) -> None:
    ax.set_title("mean squared displacement")
    ax.set_xlabel(f"lag ({_plural(t)}, logarithmic)")
    ax.set_ylabel("MSD (s.d.$^2$, logarithmic)")
    if "msd" not in portrait:
        in_place_of_data(ax, "points are not evenly spaced")
        return
    lag, middle = portrait["lag"].to_numpy(), portrait["msd"].to_numpy()
    ax.fill_between(lag, portrait["msd_low"], portrait["msd_high"], color=DATA, alpha=0.2,
                    linewidth=0)  # fmt: skip
    ax.plot(lag, middle, color=DATA, marker="o", ms=2, label="median and quartiles")
    ax.plot(lag, middle[0] * lag / lag[0], color=EXACT, linewidth=0.8, linestyle=":",
            label="Wiener, 2 D t")  # fmt: skip
    kappa, diffusion = (float(portrait[n]) for n in ("median_kappa", "median_ou_diffusion"))
    if np.isfinite(kappa) and kappa > 0:
        bent = 2 * diffusion / kappa * -np.expm1(-kappa * lag)
        ax.plot(lag, bent, color=FIT, label="Ornstein-Uhlenbeck")
    hurst = float(portrait["median_hurst"])
    if np.isfinite(hurst):
        ax.plot(lag, middle[0] * (lag / lag[0]) ** (2 * hurst), color=FIT, linestyle="--",
                linewidth=0.9, label=f"fractional, H = {hurst:.2f}")  # fmt: skip
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.legend(loc="best")


def _increments(ax: Axes, portrait: xr.Dataset) -> None:
    x, density = portrait["bin_centre"].to_numpy(), portrait["density"].to_numpy()
    there = density > 0
    ax.plot(x[there], density[there], "o", ms=2.5, color=DATA, label="increments, ends gathered")
    ax.plot(x, np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi), color=EXACT, linewidth=0.8,
            label="Gaussian")  # fmt: skip
    ax.set_yscale("log")
    ax.set_ylim(0.3 * density[there].min(), 40 * density.max())  # room for the legend
    ax.set_xlabel("increment less drift (its own s.d.)")
    ax.set_ylabel("probability density (logarithmic)")
    ax.set_title("increments over one step")
    ax.legend(loc="upper right")


def _functions(ax: Axes, portrait: xr.Dataset, t: str) -> None:
    place = portrait["position"].to_numpy()
    for name, colour, label in (("drift", DATA, "drift"), ("diffusion", FIT, "diffusion")):
        ax.plot(place, portrait[name], color=colour, marker="o", ms=2, label=label)
        ax.fill_between(place, portrait[f"{name}_low"], portrait[f"{name}_high"], color=colour,
                        alpha=0.2, linewidth=0)  # fmt: skip
    ax.axhline(0, color=NULL, linewidth=0.6)
    ax.set_xlabel("position (s.d.)")
    ax.set_ylabel(f"drift (s.d.) and diffusion (s.d.$^2$)\nper {t}")
    ax.set_title("drift and diffusion functions, 95% bands")
    ax.legend(loc="best")
