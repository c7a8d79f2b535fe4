"""Captions of figures: how each was made, and what to see, out of results."""

from collections.abc import Callable, Mapping

import numpy as np
import xarray as xr

from sgdphys import figures
from sgdphys.information.onset import LEAST_LOSS, compression, finite_to_the_end
from sgdphys.relate.verdicts import Verdict
from sgdphys.study.keys import Study

Groups = Mapping[str, xr.Dataset]

FIGURE_OF: dict[str, tuple[str, ...]] = {
    "bits_lost": ("compression", "information", "information_of_cases"),
    "label_bits_lost": ("plane_of_cases", "plane_paths"),
    "label_bits_gained": ("plane_of_cases", "plane_paths"),
    "label_bits_above_null": ("plane_of_cases", "plane_paths"),
    "early_fit": ("information", "plane_paths"),
    "phase_lengths": ("information", "information_of_cases"),
    "order_violations": ("information",),
    "largest_step": ("converged_layers",),
    "onset_after_transition": ("gradient_ratio", "information_of_cases"),
    "onset_after_drift_transition": ("gradient_ratio",),
    "transition_epoch": ("gradient_ratio", "noise_scale"),
    "drift_transition_epoch": ("gradient_ratio",),
    "late_ratio_spread": ("gradient_ratio",),
    "noise_scale_at_transition": ("noise_scale",),
    "exponential_law": ("relaxation",),
    "relaxation_epochs": ("relaxation",),
    "onset_with_onset": ("relaxation", "information"),
    "speed_after_onset": ("relaxation", "information"),
    "rate_with_ratio": ("gradient_ratio",),
    "rate_with_diffusion": ("relaxation",),
    "rate_with_entropy": ("entropy_growth",),
    "entropy_growth": ("entropy_growth",),
    "epochs_to_error": ("test_error",),
    "test_accuracy": ("test_error",),
    "overtraining": ("test_error",),
    "compression_with_accuracy": ("compression",),
    "wiener_share": ("diffusion_epochs", "diffusion_ladder"),
    "diffusion_over_noise": ("diffusion_ladder",),
    "full_fluctuation_ratio": ("fluctuation_ratios",),
    "entropy_production": ("entropy_production",),
    "stability_share": ("edge_of_stability",),
    "unit_overlap": ("diversity",),
    "matched_overlap": ("diversity",),
    "norm_growth": ("diversity", "weight_norms"),
    "bound_gap": ("bottleneck_curve",),
    "bound_gap_over_null": ("bottleneck_curve",),
    "own_beta": ("bottleneck_curve",),
    "encoder_residual": ("bottleneck_beta",),
    "beta_with_depth": ("bottleneck_beta",),
    "birth_distance": ("bottleneck_beta",),
    "slowing_exponent": ("critical_slowing",),
    "one_unit_fall": ("one_unit",),
    "rescaling_change": ("compression",),
    "clustering_gain": ("clustering",),
    "clustering_with_entropy": ("clustering",),
    "linear_bits_lost": ("linear",),
    "irrelevant_bits_lost": ("linear",),
    "linear_bits_gained": ("linear",),
    "linear_overtraining": ("linear",),
    "linear_learning": ("linear",),
    "sample_ratio_drop": ("gradient_phases", "linear", "compression"),
}
"""Figures that show a statistic, the best one first."""


def figure_of(statistic: str, analysis: str, there: list[str]) -> str:
    """The figure of a run that shows a statistic, or an empty name."""
    for base in FIGURE_OF.get(statistic, ()):
        for name in (f"{base}-{analysis}", base):
            if name in there:
                return name
        for name in there:
            if name.startswith(f"{base}-"):
                return name
    return ""


def title_of(name: str) -> str:
    """Words for a figure's name."""
    base, _, suffix = name.partition("-")
    words = base.replace("_", " ").capitalize()
    return f"{words}: {suffix.replace('_', ' ').replace('=', ' ')}" if suffix else words


def how_made(name: str, study: Study, groups: Groups) -> str:
    """How a figure was made: what it draws, of which networks, by which statistic and null."""
    base = name.partition("-")[0]
    entry = figures.CATALOGUE[base]
    what = str(entry.draw.__doc__).strip().partition("\n")[0]
    train, network = study.train, study.network
    shape = network.module or "-".join(map(str, network.layers))
    keys = study.sweep.keys

    def said(key: str, words: str, *others: str) -> str:
        """What the study says of a key, or that it differs between cases."""
        swept = [k for k in (key, *others) if k in keys]
        if not swept:
            return words
        return f"{swept[0].rpartition('.')[2].replace('_', ' ')} as named"

    parts = [
        what,
        f"Networks: {said('train.replicas', str(train.replicas))}, "
        f"{said('network.layers', f'hidden layers {shape}', 'network.module')}, "
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
        shown = figures.cases_shown(entry, group)
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
    wanted = _group_of(figures.CATALOGUE[name.partition("-")[0]].needs[0], name, groups)
    return next((n for n, g in groups.items() if g is wanted), "")


def what_to_see(name: str, groups: Groups, verdicts: list[Verdict]) -> str:
    """What a figure shows, in numbers; then the verdicts that rest on it."""
    base = name.partition("-")[0]
    sentences = []
    group = _group_of(figures.CATALOGUE[base].needs[0], name, groups)
    if group is not None and base in _SEEN and "case" not in group.dims:
        sentences.append(_SEEN[base](group))
    for v in verdicts:
        if v.word == "no data":
            continue
        sentences.append(
            f"“{v.says}”: {v.word}, {v.value:.3g} [{v.low:.3g}, {v.high:.3g}] ({v.rule})."
        )
    return " ".join(s for s in sentences if s)


def _plane(information: xr.Dataset) -> str:
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


def _information(information: xr.Dataset) -> str:
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


def _ratio(phases: xr.Dataset) -> str:
    if not bool(np.isfinite(phases["gradient_ratio"]).any()):
        return "There is one batch an epoch, and so no noise."
    words = []
    for name, what in (
        ("transition_epoch_ensemble", "the mean gradient at fixed weights"),
        ("drift_transition_epoch_ensemble", "the drift of an epoch"),
    ):
        if name in phases:
            at = phases[name].to_numpy()
            at = at[np.isfinite(at)]
            if len(at):
                words.append(f"noise passes {what} at epochs {at.min():.0f} to {at.max():.0f}")
    return f"By layer, {'; '.join(words)}." if words else "Noise does not pass the mean."


def _training(training: xr.Dataset) -> str:
    end = training.isel(epoch=-1).median("replica")
    right, test, loss = (float(end[n]) for n in ("accuracy", "test_accuracy", "loss"))
    at = f"At epoch {int(training['epoch'][-1])} the median network has"
    if not np.isfinite(right):
        unit = training["loss"].attrs.get("units", "1")
        of_loss = f"{loss:.3g}" if unit == "1" else f"{loss:.3g} {unit}"
        return f"{at} a training loss of {of_loss}." if np.isfinite(loss) else ""
    tested = f" and {test:.1%} of its test" if np.isfinite(test) else ""
    return f"{at} {right:.1%} of its training{tested} samples right."


def _test_error(learning: xr.Dataset) -> str:
    reached = learning["error_epoch"]
    count = int(reached.notnull().sum())
    if not count:
        return f"No network reaches a test error of {learning.attrs['error']:g}."
    return (
        f"{count} of {reached.size} networks reach a test error of {learning.attrs['error']:g}, "
        f"the median one at epoch {float(reached.median()):.0f}."
    )


def _norms(gradients: xr.Dataset) -> str:
    norm = gradients["weight_norm"].median("replica")
    ratio = (norm.isel(epoch=-1) / norm.isel(epoch=0)).to_numpy()
    ratio = ratio[np.isfinite(ratio)]
    if not len(ratio):
        return ""
    return f"From first to last epoch norms grow {ratio.min():.2g} to {ratio.max():.2g} times."


def _components(components: xr.Dataset) -> str:
    share, null = (
        components[n].mean("replica").isel(component=0).item()
        for n in ("component_share", "null_component_share")
    )
    return (
        f"The first component holds {share:.0%} of a trajectory's variance, of a random walk's "
        f"with the same noise {null:.0%}."
    )


_SEEN: dict[str, Callable[[xr.Dataset], str]] = {
    "plane_snapshots": _plane,
    "plane_paths": _plane,
    "information": _information,
    "compression": _information,
    "gradient_ratio": _ratio,
    "gradient_phases": _ratio,
    "training": _training,
    "test_error": _test_error,
    "weight_norms": _norms,
    "components": _components,
}
"""What a figure of a single ensemble shows, from the data it draws."""
