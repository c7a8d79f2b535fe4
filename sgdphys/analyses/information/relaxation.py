"""How long layers take to compress, against how much they compress from the layer before."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sgdphys.analyses.entry import Sources
from sgdphys.claims.relaxation import LAWS, explained, fitted_law, relaxation
from sgdphys.figures.cases import panels
from sgdphys.figures.layers import layers_legend, layers_of
from sgdphys.figures.style import EXACT, in_place_of_data
from sgdphys.information.onset import LEAST_LOSS

_STYLES: dict[str, Any] = {"exponential": "-", "power": "--", "linear": ":", "no relation": "-."}
_FEWEST = 8


def against_bits(sources: Sources) -> Figure:
    """Relaxation time against the bits compressed from the layer before, with laws and without."""
    information = sources["information"]
    figure, drawn = panels(information, height=2.3, sharex=True, sharey=True)
    layers = information["layer"].to_numpy()
    shown: set[int] = set()
    are_fitted = []
    for ax, data, title in drawn:
        found = relaxation(data["I_XT"].dropna("epoch", how="all").load())
        pairs = xr.Dataset(found._asdict()).assign(I_XT=data["I_XT"])
        for layer, style in layers_of(pairs, "I_XT", has_line=False):
            ax.plot(layer["step"], layer["epochs"], **style, linestyle="", markersize=2.5,
                    markeredgewidth=0)  # fmt: skip
        bits, epochs = found.step.to_numpy().ravel(), found.epochs.to_numpy().ravel()
        finite = np.isfinite(bits) & np.isfinite(epochs) & (bits > 0)
        is_there = (pairs["step"].notnull() & pairs["epochs"].notnull()).any("replica")
        shown |= set(layers[is_there.to_numpy()].tolist())
        is_fitted = finite.sum() >= _FEWEST
        are_fitted.append(is_fitted)
        if not finite.any():
            in_place_of_data(ax, f"no layer loses\n{LEAST_LOSS:g} bit")
        if is_fitted:
            bits, epochs = bits[finite], epochs[finite]
            grid = np.linspace(bits.min(), bits.max(), 100)
            for law, style in _STYLES.items():
                ax.plot(grid, fitted_law(law, bits, epochs, grid), style,
                        color=EXACT, linewidth=1.2)  # fmt: skip
            title = f"{title}\n$R^2$ {_explained(bits, epochs)}".strip()
        ax.set_yscale("log")
        ax.set_title(title, fontsize="small")
    figure.supxlabel("bits compressed from the layer before, at the end", fontsize="medium")
    figure.supylabel("relaxation time (epochs, logarithmic)", fontsize="medium")
    laws = [Line2D([], [], color=EXACT, linestyle=s, lw=1.2, label=n) for n, s in _STYLES.items()]
    layers_legend(figure, layers, *(laws if any(are_fitted) else []), shown=shown, linestyle="")
    said = ["a point: one layer of one network; time from a tenth of the loss to 63% of it"]
    if any(are_fitted):
        said.append("$R^2$: share of the variance of ln t that the exponential, power and linear "
                    "law explain")  # fmt: skip
    if not all(are_fitted):
        said.append(f"no law is fitted to fewer than {_FEWEST} points")
    figure.suptitle("\n".join(said), fontsize="small")
    return figure


def _explained(bits: np.ndarray, epochs: np.ndarray) -> str:
    laws = (law for law in LAWS if law != "no relation")
    return ", ".join(f"{explained(law, bits, epochs):.2f}" for law in laws)
