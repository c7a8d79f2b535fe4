"""Figures of what layers know: on the plane, over cases, and how long they take to compress."""

import xarray as xr

from sgdphys.analyses.entry import Entry, is_sweep
from sgdphys.analyses.information.plane import against_epochs, paths, snapshots
from sgdphys.analyses.information.relaxation import against_bits
from sgdphys.analyses.information.sweeps import (
    compression_of_cases,
    converged_layers,
    information_of_cases,
    plane_of_cases,
)
from sgdphys.figures.cases import control
from sgdphys.information.onset import LEAST_LOSS, compression, finite_to_the_end


def _at_the_end(information: xr.Dataset) -> str:
    end = information.isel(epoch=-1)[["I_XT", "I_TY"]].mean("replica").dropna("layer")
    if not end.sizes["layer"]:
        return ""
    said = ", ".join(f"{x:.1f} and {y:.2f}" for x, y in zip(end["I_XT"], end["I_TY"], strict=True))
    numbers = end["layer"].to_numpy()
    which = f"layers {numbers[0]} to {numbers[-1]} hold" if len(numbers) > 1 else "the layer holds"
    return (
        f"At epoch {int(information['epoch'][-1])} {which}, of the input and of the label, "
        f"{said} bits."
    )


def _most_lost(information: xr.Dataset) -> str:
    curve = finite_to_the_end(information["I_XT"]).mean("replica")
    found = compression(curve)
    most = found["bits_lost"].fillna(-1).argmax("layer").item()
    lost, since = (float(found[n][most]) for n in ("bits_lost", "peak_epoch"))
    if not lost >= LEAST_LOSS:
        return f"No layer loses {LEAST_LOSS:g} bit of what it knew of the input."
    return (
        f"Layer {int(information['layer'][most])} loses most of what it knew of the input: "
        f"{lost:.2f} bits after epoch {since:g}."
    )


FIGURES = {
    "plane_snapshots": Entry(
        snapshots,
        "Every layer of every network on the plane, at the start, early and late.",
        needs=("information",),
        by_case=True,
        seen=_at_the_end,
    ),
    "plane_paths": Entry(
        paths,
        "Median path of each layer on the plane, coloured by epoch, and that of permuted labels.",
        needs=("information",),
        by_case=True,
        seen=_at_the_end,
    ),
    "information": Entry(
        against_epochs,
        "I(X;T) and I(T;Y) of each layer against epochs, with the null of permuted labels.",
        needs=("information",),
        by_case=True,
        seen=_most_lost,
    ),
    "plane_of_cases": Entry(
        plane_of_cases,
        "Median path of every layer on the plane, case by case (figures 3 and 5).",
        needs=("information",),
        applies=is_sweep,
    ),
    "information_of_cases": Entry(
        information_of_cases,
        "I(X;T) of every layer against epochs, case by case.",
        needs=("information",),
        applies=is_sweep,
    ),
    "compression": Entry(
        compression_of_cases,
        "Bits each layer loses after the peak of its mean curve, by case.",
        needs=("information",),
        seen=_most_lost,
    ),
    "converged_layers": Entry(
        converged_layers,
        "Where every layer ends on the plane, over the values of a control parameter; figure 7 of "
        "Shwartz-Ziv and Tishby (2017).",
        needs=("information",),
        applies=lambda d: control(d) is not None,
    ),
    "relaxation": Entry(
        against_bits,
        "Relaxation time against the bits compressed from the layer before, with laws and without.",
        needs=("information",),
        applies=lambda d: d.attrs.get("estimator") == "binned",
    ),
}
