"""The glossary: name, unit, symbol and definition of every quantity.

Attributes of variables, labels of axes and pages of documentation are made from it.
"""

from collections.abc import Hashable
from typing import NamedTuple

import xarray as xr


class Quantity(NamedTuple):
    """One entry: units as in ``units`` attributes ("1" for pure numbers), a LaTeX symbol.

    In a unit, {x} and {t} stand for those of the values and of time that were given.
    """

    unit: str
    long_name: str
    symbol: str
    definition: str


GLOSSARY: dict[str, Quantity] = {
    # axes
    "step": Quantity("updates", "optimiser updates", "t", "optimiser updates done"),
    "epoch": Quantity("epochs", "epochs", "e", "passes over the training samples done"),
    "time": Quantity(
        "weight**2/loss", "training time", r"\tau", "sum of the learning rates so far"
    ),
    "replica": Quantity("1", "replica", "r", "index of a network of the ensemble"),
    "family": Quantity("1", "family", "f", "replicas that share initial weights and split"),
    "parameter": Quantity("1", "parameter", "p", "index of a scalar weight or bias"),
    "sample": Quantity("1", "sample", "x", "index of a pattern"),
    "layer": Quantity("1", "layer", r"\ell", "1 to L, L the output"),
    "layer_name": Quantity("1", "layer", r"\ell", "name of a layer"),
    "kind": Quantity("1", "kind of parameter", "", "weight, bias or buffer"),
    "parameter_name": Quantity("1", "tensor", "", "name of the tensor a parameter belongs to"),
    "entry": Quantity("1", "entry", "", "flat index of a parameter in its tensor"),
    "learning_rate": Quantity(
        "weight**2/loss", "learning rate", r"\eta", "of a group of parameters at its last update"
    ),
    "group": Quantity("1", "group", "", "index of an optimizer's group of parameters"),
    "tensor": Quantity("1", "tensor", "", "index of a tensor of parameters"),
    "tensor_name": Quantity("1", "tensor", "", "name of a tensor of parameters"),
    "tensor_size": Quantity("1", "entries", "", "entries of a tensor"),
    "tensor_layer": Quantity("1", "layer", r"\ell", "layer of a tensor, 1 to L"),
    "tensor_layer_name": Quantity("1", "layer", "", "name of a tensor's layer"),
    "tensor_kind": Quantity("1", "kind of tensor", "", "weight, bias or buffer"),
    "tensor_shape": Quantity("1", "shape", "", "lengths of a tensor's dimensions, as JSON"),
    "feature": Quantity("1", "input", "i", "index of an input"),
    "label": Quantity("1", "label", "y", "index of a class"),
    # trajectories
    "theta": Quantity("weight", "weights", r"\theta", "weights and biases"),
    "diverged_step": Quantity(
        "updates", "first step with weights not finite", "", "-1 where there is none"
    ),
    # gradients at fixed weights
    "gradient_mean": Quantity(
        "loss/weight", "mean gradient", "G", "mean of batch gradients, weighted by batch size"
    ),
    "gradient_variance": Quantity(
        "loss**2/weight**2",
        "gradient variance",
        "V",
        "unbiased variance of batch gradients over a pass at fixed weights, weighted by size",
    ),
    "mean_norm": Quantity("loss/weight", "norm of mean gradient", "|G|", "over one layer"),
    "noise_norm": Quantity(
        "loss/weight",
        "norm of gradient noise",
        r"(\mathrm{tr}\,V)^{1/2}",
        "root of the summed batch variance of one layer",
    ),
    "weight_norm": Quantity("weight", "weight norm", r"|\theta|", "over one layer"),
    "noise_trace": Quantity(
        "loss**2/weight**2",
        "per-sample noise trace",
        r"\mathrm{tr}\,S",
        "trace of the covariance of per-sample gradients of one layer, divided by N",
    ),
    "last_gradient_norm": Quantity("loss/weight", "norm of the last gradient", "|g|", "minibatch"),
    "increment_mean": Quantity("{x}/{t}", "mean increment", "v", "over a whole recording"),
    "increment_variance": Quantity(
        "{x}**2/{t}", "variance of increments", "2D", "over a whole recording, of one step"
    ),
    # training
    "loss": Quantity("nats", "training loss", "L", "mean over training samples"),
    "test_loss": Quantity("nats", "test loss", r"L_\mathrm{test}", "mean over test samples"),
    "accuracy": Quantity("1", "training accuracy", "", "share of training samples right"),
    "test_accuracy": Quantity("1", "test accuracy", "", "share of test samples right"),
    "train": Quantity("1", "in the training set", "", "split of each replica"),
    # information
    "I_XT": Quantity("bits", "information about the input", "I(X;T)", "of a layer T"),
    "I_TY": Quantity("bits", "information about the label", "I(T;Y)", "of a layer T"),
    "null_I_TY": Quantity(
        "bits",
        "information about shuffled labels",
        r"I(T;Y_\mathrm{shuffled})",
        "what I(T;Y) reads when there is nothing to know",
    ),
    "plug_in_I_TY": Quantity("bits", "information about the label, plug-in", "", ""),
    "raw_I_TY": Quantity("bits", "information about the label, raw", "", "not clipped"),
    "miller_madow_I_TY": Quantity(
        "bits", "information about the label, corrected", "", "less the first-order bias"
    ),
    "modes": Quantity("1", "open modes", "", "of the Gaussian bottleneck"),
    "critical_beta": Quantity("1", "beta at which a mode opens", r"\beta_i", ""),
    "occupied": Quantity("1", "occupied cells", "", "cells of the histogram that hold a sample"),
    "extreme_share": Quantity(
        "1", "share of saturated activations", "", "activations in the first or last bin"
    ),
    "zero_share": Quantity("1", "share of exact zeros", "", "activations that are exactly 0"),
    "bin_low": Quantity("1", "lower end of the bins", "", "range of activations that was cut"),
    "bin_high": Quantity("1", "upper end of the bins", "", "range of activations that was cut"),
    "status": Quantity("1", "status", "", "what to know about a value"),
    "order_violations": Quantity(
        "1",
        "violations of the data-processing order",
        "",
        "layers that read more about input or label than the layer before them",
    ),
    "peak_epoch": Quantity("epochs", "epoch of the largest I(X;T)", "", "the first such epoch"),
    "onset_epoch": Quantity(
        "epochs",
        "onset of compression",
        "",
        "last epoch with less than a tenth of the bits lost that the end has lost",
    ),
    "bits_start": Quantity("bits", "I(X;T) at the start", "", "at the first epoch"),
    "bits_peak": Quantity("bits", "I(X;T) at its peak", "", "largest over epochs"),
    "bits_end": Quantity("bits", "I(X;T) at the end", "", "at the last epoch"),
    "bits_lost": Quantity("bits", "bits lost", "", "I(X;T) at its peak less that at the end"),
    # gradient phases
    "gradient_ratio": Quantity(
        "1", "gradient mean over noise", r"|G|/(\mathrm{tr}\,V)^{1/2}", "at fixed weights"
    ),
    "gradient_ratio_squared": Quantity(
        "1",
        "squared mean over squared noise, corrected",
        r"(|G|^2 - \mathrm{tr}\,V/M)/\mathrm{tr}\,V",
        "less what drawing M batches with replacement adds; may be negative",
    ),
    "mean_over_weight": Quantity(
        "loss/weight**2", "gradient mean over weight norm", r"|G|/|\theta|", "ratio of averages"
    ),
    "noise_over_weight": Quantity(
        "loss/weight**2",
        "gradient noise over weight norm",
        r"(\mathrm{tr}\,V)^{1/2}/|\theta|",
        "ratio of averages",
    ),
    "noise_scale": Quantity(
        "samples", "noise scale", r"\mathrm{tr}\,S/|G|^2", "batch at which mean and noise are equal"
    ),
    "transition_epoch": Quantity(
        "epochs", "drift-diffusion transition", "", "gradient noise stays above the mean"
    ),
    "drift_norm": Quantity(
        "loss/weight", "drift over an epoch", r"|\Delta\theta|/\Delta\tau", "per unit time"
    ),
    "drift_ratio": Quantity(
        "1",
        "drift over gradient noise",
        r"|\Delta\theta|/(\Delta\tau(\mathrm{tr}\,V)^{1/2})",
        "displacement over the next epoch per unit time, over the noise of a batch gradient",
    ),
    "drift_transition_epoch": Quantity(
        "epochs", "noise passes the drift of an epoch", "", "for five records"
    ),
    "noise_scale_epoch": Quantity(
        "epochs", "noise scale passes the batch size", "", "for five records"
    ),
    "onset_delay": Quantity(
        "epochs", "onset of compression after the transition", "", "paired within a replica"
    ),
    "transition_first": Quantity("1", "share of replicas with the transition first", "", ""),
    "pairs": Quantity("1", "pairs", "", "of points or of replicas, that a value is the mean of"),
    "change_epoch": Quantity(
        "epochs", "change point of the gradient ratio", "", "one step in the logarithm of the ratio"
    ),
    "change_p_value": Quantity(
        "1", "p-value of the change point", "", "share of stationary surrogates with a larger gain"
    ),
    # fits of diffusion models
    "drift": Quantity("{x}/{t}", "drift", "v", "mean displacement per unit time"),
    "diffusion": Quantity(
        "{x}**2/{t}", "diffusion coefficient", "D", "Var(dX) = 2 D dt of one coordinate"
    ),
    "sigma": Quantity(
        "{x}/{t}**0.5", "noise amplitude", r"\sigma", "sigma**2 = 2 D, dX = b dt + sigma dW"
    ),
    "kappa": Quantity("1/{t}", "relaxation rate", r"\kappa", "b = -kappa (X - center)"),
    "center": Quantity("{x}", "centre", r"\mu", "mean of the stationary state"),
    "phi": Quantity("1", "memory over one step", r"\phi", "exp(-kappa dt)"),
    "relaxation_time": Quantity("{t}", "relaxation time", r"\tau", "1/kappa"),
    "count": Quantity("1", "increments used", "n", ""),
    "log_likelihood": Quantity("nats", "log-likelihood", r"\ln L", "given the first point"),
    "model": Quantity("1", "model", "", "process that was fitted"),
    "test": Quantity("1", "test", "", "hypothesis that was tested"),
    "best": Quantity("1", "best model", "", "lowest BIC whose residuals stand, or none"),
    "aic": Quantity("nats", "Akaike information criterion", "", "2 k - 2 ln L"),
    "bic": Quantity("nats", "Bayesian information criterion", "", "k ln n - 2 ln L"),
    "heldout": Quantity(
        "nats", "held-out log density", "", "mean over the last fifth, coefficients of the rest"
    ),
    "unit_root": Quantity("1", "Dickey-Fuller statistic", "", "t statistic of phi - 1"),
    "unit_root_p_value": Quantity("1", "Dickey-Fuller p-value", "", "under a driftless walk"),
    "hurst": Quantity("1", "Hurst exponent", "H", "MSD grows as t**(2 H)"),
    "alpha": Quantity("1", "MSD exponent", r"\alpha", "MSD grows as t**alpha"),
    "tail_index": Quantity(
        "1", "tail index", r"\alpha", "of a symmetric stable law; 2 is Gaussian"
    ),
    "null_tail_index": Quantity(
        "1", "tail index of Gaussian noise", r"\alpha_0", "the same estimate of Gaussian numbers"
    ),
    "scale": Quantity("{x}", "scale of increments", r"\gamma", "exp(-|scale k|**alpha)"),
    "statistic": Quantity("1", "test statistic", "", ""),
    "p_value": Quantity("1", "p-value", "p", "chance of as much under the hypothesis"),
    "p_value_holm": Quantity("1", "p-value of all tests", "p", "smallest, after Holm"),
    "adjusted_p_value": Quantity("1", "adjusted p-value", "q", "after Benjamini and Hochberg"),
    "passes": Quantity("1", "passes as Wiener", "", "share, or whether, no test rejects"),
    "null_passes": Quantity("1", "passes as Wiener, simulated", "", "share of Wiener processes"),
    "lag": Quantity("{t}", "lag", r"\tau", "time between two points"),
    "wait": Quantity("{t}", "waiting time", r"t_w", "time before the first of two points"),
    "msd": Quantity(
        "{x}**2", "mean squared displacement", r"\mathrm{MSD}", "2 D t for a Wiener process"
    ),
    "ergodicity_breaking": Quantity(
        "1", "ergodicity breaking", r"\mathrm{EB}", "relative variance of time-averaged MSDs"
    ),
    "brownian_ergodicity_breaking": Quantity(
        "1", "ergodicity breaking of Brownian motion", "", "exact, one dimension"
    ),
    "ageing": Quantity(
        "1",
        "ageing exponent",
        "",
        "d ln MSD / d ln wait at a fixed lag; 0 when increments are stationary",
    ),
    "green_kubo": Quantity(
        "{x}**2/{t}",
        "Green-Kubo sum",
        "D",
        "half the summed autocovariance of increments up to a lag",
    ),
    "trace": Quantity("{x}**2/{t}", "trace of the diffusion matrix", r"\mathrm{tr}\,D", ""),
    "effective_rank": Quantity(
        "1", "effective rank", "", "squared trace over the trace of the square"
    ),
    "eigenvalue": Quantity("{x}**2/{t}", "eigenvalue of the diffusion matrix", "", "largest first"),
    "eigenvector": Quantity("1", "direction of a mode", "", "unit vector"),
    "kappa_matrix": Quantity("1/{t}", "drift matrix", "B", "drift is -B (X - center)"),
    "diffusion_matrix": Quantity("{x}**2/{t}", "diffusion matrix", "D", "Cov(dX) = 2 D dt"),
    "displacement": Quantity(
        "{x}**2", "squared distance from the first point", r"|w_t - w_0|^2", "ensemble mean"
    ),
    "law": Quantity("1", "law", "", "of the distance from the first point"),
    "misfit": Quantity("1", "misfit", "", "root mean square of the logarithm"),
    "residual": Quantity("bits", "residual of the self-consistent encoder", "", "at beta_fit"),
    "number": Quantity("1 or {t}", "exponent or time of the law", "", ""),
    "share": Quantity("1", "share of resamples in which the law is best", "", ""),
    "mode": Quantity("1", "mode", "k", "1 has the largest eigenvalue"),
    "window": Quantity("{t}", "start of the window", "", ""),
    "spread_within": Quantity(
        "{x}**2", "spread within families", r"s^2", "variance about the mean of twins: noise"
    ),
    "spread_between": Quantity(
        "{x}**2", "spread between families", r"s^2", "variance of family means: where they started"
    ),
    "diffusion_raw": Quantity(
        "{x}**2/{t}", "raw second coefficient", "D_2", "E[dx**2|x]/(2 dt), drift not taken out"
    ),
    "fourth": Quantity(
        "{x}**4/{t}", "fourth coefficient", "D_4", "E[dx**4|x]/(24 dt) less its Gaussian value"
    ),
    "pawula": Quantity("1", "Pawula ratio", r"D_4/(D_2^2 dt)", "small for a diffusion"),
    "position": Quantity("{x}", "position", "x", "centre of a bin"),
    # slowing, entropy, irreversibility
    "autocorrelation": Quantity("1", "autocorrelation", r"\rho", "of neighbouring points"),
    "integrated_time": Quantity(
        "{t}", "integrated time", r"\tau_\mathrm{int}", "1 + 2 sum of autocorrelations"
    ),
    "variance": Quantity("{x}**2", "variance", r"\sigma^2", "unbiased"),
    "skewness": Quantity("1", "skewness", r"\gamma_1", "third moment over second**1.5"),
    "reddening": Quantity(
        "1", "spectral reddening", r"S(0)/\sigma^2", "density at frequency 0 over its mean"
    ),
    "trend": Quantity("1", "indicator", "", "whose trend in time is measured"),
    "kendall": Quantity("1", "Kendall's tau", r"\tau_K", "of an indicator with time"),
    "warning_share": Quantity("1", "share of paths with an early warning", "", "p of 5% at most"),
    "ramp_path": Quantity("{x}", "path", "u", "of one member along the slow direction"),
    "course": Quantity("1", "course of the control", "", "ramp or control"),
    "cloud": Quantity("1", "cloud", "", "noise: twins about their family; starts: one a family"),
    "order": Quantity("{x}", "order parameter", r"\langle|m|\rangle", ""),
    "susceptibility": Quantity(
        "{x}**2", "susceptibility", r"\chi", "variance of the size of the order parameter"
    ),
    "binder": Quantity("1", "Binder cumulant", "U", "0 for a Gaussian, 2/3 when ordered"),
    "critical": Quantity("1", "critical value of the control", "r_c", ""),
    "exponent": Quantity("1", "exponent of the relaxation time", r"\nu", "tau ~ |r - r_c|**-nu"),
    "entropy": Quantity("nats", "entropy of the cloud", "S", "Gaussian, along stated directions"),
    "mode_entropy": Quantity("nats", "entropy of one direction", "S_k", "Gaussian"),
    "direction": Quantity("1", "direction", "", "unit vector of a mode"),
    "entropy_nearest": Quantity(
        "nats", "entropy by nearest neighbours", "S", "Kozachenko and Leonenko, a check"
    ),
    "entropy_rate": Quantity("nats/{t}", "entropy growth", "dS/dt", "observed"),
    "entropy_flow": Quantity(
        "nats/{t}", "entropy taken by the drift", r"\langle\nabla\cdot b\rangle", ""
    ),
    "entropy_spreading": Quantity(
        "nats/{t}", "entropy added by diffusion", r"\mathrm{tr}\,DF", "F the Fisher information"
    ),
    "entropy_balance": Quantity(
        "nats/{t}", "Fokker-Planck balance", "", "flow and spreading together"
    ),
    "effective_modes": Quantity(
        "1", "modes that diffuse", r"d_\mathrm{eff}", "2 dS/d ln t; d for a Wiener cloud"
    ),
    "rank": Quantity("1", "rank of the covariance", "", ""),
    "entropy_production": Quantity("nats/{t}", "entropy production", r"\dot S", "0 at equilibrium"),
    "area_rate": Quantity("{x}**2/{t}", "area enclosed", "Q", "(B S - S B')/2"),
    "minibatch_ratio": Quantity(
        "1", "fluctuation ratio, minibatch gradient", "", "1 once |theta|**2 is stationary"
    ),
    "full_ratio": Quantity(
        "1", "fluctuation ratio, full gradient", "", "1 if the noise is white as well"
    ),
    "second_ratio": Quantity(
        "1", "second fluctuation ratio", "", "1 for a quadratic loss without momentum"
    ),
    "effective_temperature": Quantity(
        "loss", "effective temperature", "T", "mean of theta times full gradient, a parameter"
    ),
    "curvature": Quantity("loss/weight**2", "curvature", "h", "second derivative of the loss"),
    "sharpness": Quantity(
        "loss/weight**2", "sharpness", r"\lambda_1", "largest eigenvalue of the Hessian"
    ),
    "stability": Quantity(
        "1", "share of the stable curvature", r"\eta h/2(1+\mu)", "1 at its edge"
    ),
    "flatness_exponent": Quantity(
        "1", "slope of variance against curvature", "", "both logarithmic"
    ),
    "alignment": Quantity(
        "1", "alignment of noise and curvature", "", "cosine between covariance and Hessian"
    ),
    "overlap": Quantity("1", "overlap of replicas", "q", "cosine of in-weights"),
    "matched_overlap": Quantity("1", "overlap after matching units", "q", ""),
    "unit_overlap": Quantity("1", "overlap of units", "", "root mean square cosine in a layer"),
    "component": Quantity("1", "principal component", "k", "1 has the largest share"),
    "component_share": Quantity("1", "share of the variance", "", "of a principal component"),
    "score": Quantity("{x}", "coordinate along a component", "", ""),
    # the bottleneck
    "beta": Quantity("1", "trade-off", r"\beta", "of I(X;T) - beta I(T;Y)"),
    "clusters": Quantity("1", "clusters", "", "decoders with mass"),
    "iterations": Quantity("1", "iterations", "", "of the solver"),
    "converged": Quantity("1", "converged", "", "whether the solver reached its tolerance"),
    "certificate": Quantity("bits", "distance from the optimum at most", "", "of the free energy"),
    "eigenvalue_of_step": Quantity("1", "ratio of successive steps", r"\lambda", ""),
    "cell": Quantity("1", "cell", "t", "of a layer's histogram"),
    "bound_I_TY": Quantity("bits", "most I(T;Y) at that I(X;T)", "", "the bottleneck bound"),
    "gap": Quantity("bits", "bits below the bottleneck bound", "", "at the same I(X;T)"),
    "beta_bound": Quantity("1", "beta of the bound", r"\beta", "at the same I(X;T)"),
    "beta_fit": Quantity("1", "fitted beta", r"\beta", "nearest self-consistent encoder"),
    "onset": Quantity("1", "onset of the bottleneck curve", r"\beta_c", ""),
    "place": Quantity("1", "place of the newborn", "p(y=1|t)", "decoder of a cluster born"),
    "beta_local": Quantity(
        "1", "loss of local stability", r"\beta_\mathrm{local}", "of the trivial solution"
    ),
    # bursts
    "burst": Quantity("1", "burst", "", "stretch of weights recorded at every step"),
    "burst_epoch": Quantity("epochs", "epoch at which a burst starts", "e", ""),
    "mark": Quantity("1", "mark", "", "a recorded step"),
    "mark_epoch": Quantity("epochs", "epoch", "e", "of a mark"),
    "lag_epochs": Quantity("epochs", "lag", r"\tau", "time between two points, in epochs"),
    "predicted_diffusion": Quantity(
        "{x}**2/{t}",
        "diffusion coefficient of the gradient noise",
        r"D_\mathrm{noise}",
        "learning rate squared times the variance of a batch gradient over 2, per coordinate",
    ),
    "diffusion_ratio": Quantity(
        "1", "diffusion over that of white noise", r"D/D_\mathrm{noise}", "by lag"
    ),
    "theory_ratio": Quantity(
        "1", "theory of reshuffled epochs", "", "D over that of white noise, by lag"
    ),
    "alpha_long": Quantity(
        "1", "MSD exponent beyond an epoch", r"\alpha", "about the twins' mean, from 1 epoch to 16"
    ),
    "alpha_short": Quantity(
        "1", "MSD exponent within an epoch", r"\alpha", "about the twins' mean, up to half an epoch"
    ),
    # learning, and what relates it to information
    "error_epoch": Quantity("epochs", "epochs to the test error", "", "first epoch at or below it"),
    "relaxation_epoch": Quantity(
        "epochs", "relaxation time of learning", r"\tau", "all but 1/e of the final order is there"
    ),
    "final_accuracy": Quantity("1", "final training accuracy", "", "at the last epoch"),
    "final_test_accuracy": Quantity("1", "final test accuracy", "", "at the last epoch"),
    "final_loss": Quantity("nats", "final training loss", "", "at the last epoch"),
    "final_test_loss": Quantity("nats", "final test loss", "", "at the last epoch"),
    "overtraining": Quantity(
        "nats", "overtraining", "", "final test loss less that at the lowest point of its mean"
    ),
    "last_epoch": Quantity("epochs", "last epoch", "", ""),
    "test_error": Quantity("1", "test error", "", "share of test samples wrong, mean of networks"),
    "norm_ratio": Quantity("1", "growth of the weight norm", "", "final over first, of a layer"),
    "late_gradient_ratio": Quantity(
        "1", "late mean over noise", "", "of gradients at fixed weights, second half of training"
    ),
    "first_sample_ratio": Quantity(
        "1", "mean over noise of single samples, at the start", "", "|G| over the root of tr S"
    ),
    "late_sample_ratio": Quantity(
        "1", "mean over noise of single samples, late", "", "second half of training"
    ),
    "transition_noise_scale": Quantity(
        "1", "noise scale over batch size at the transition", "", "tr S/(B |G|**2)"
    ),
    "late_diffusion": Quantity(
        "{x}**2/{t}", "late diffusion coefficient", "D", "of epochs, a parameter, second half"
    ),
    "distance_ratio": Quantity(
        "1", "distance within over between labels", "", "root mean square, of a layer's activations"
    ),
    "binned_entropy": Quantity("bits", "binned entropy", "H(T)", "of the histogram"),
    "weight": Quantity("1", "weight of the unit", "w", "input standard deviation 1"),
    "unit_I_XT": Quantity("bits", "information of one unit", "I(X;T)", "in closed form"),
    "rescaled_I_XT": Quantity(
        "bits", "information about the input, rescaled", "", "of the same function"
    ),
    "I_irrelevant": Quantity(
        "bits", "information about irrelevant inputs", "", "that the teacher does not use"
    ),
    "generalisation_error": Quantity("1", "exact test error", "", "mean squared, over all inputs"),
    "teacher": Quantity("1", "weights of the teacher", "", ""),
    # tasks
    "x": Quantity("1", "input", "x", "input pattern"),
    "target": Quantity("1", "target", "y", "real number to be learnt"),
    "y": Quantity("1", "hard label", "y", "hard label of a pattern"),
    "p_x": Quantity("1", "input probability", "p(x)", "probability of a pattern"),
    "p_y_given_x": Quantity("1", "label probability", "p(y|x)", "soft label of a pattern"),
    "spectral_class": Quantity(
        "1", "spectral class", "", "patterns of equal spherical power spectrum"
    ),
}


_PREFIXES = {
    "drift_": "by the drift of an epoch",
    "random_": "of the same cells dealt out anew",
    "shuffled_": "with labels dealt out anew",
    "null_": "under its null",
    "predicted_": "as predicted",
    "simulated_": "simulated",
    "exact_": "exact, in continuous time",
    "discrete_": "exact, in discrete time",
    "ramp_": "on a slow ramp, or beside it",
    "ensemble_": "across members",
    "first_": "at the start",
}
_DERIVED = ("_low", "_high", "_ensemble", "_total")
_MEANING = {
    "_low": "lower end of its interval",
    "_high": "upper end of its interval",
    "_ensemble": "of the ensemble",
    "_total": "over all layers",
}


def _unit(template: str, x: str, t: str) -> str:
    """A unit for values in x and times in t; powers of a pure number vanish."""
    unit = template.format(x=x if x.isalnum() else f"({x})", t=t if t.isalnum() else f"({t})")
    if x == "1":
        unit = unit.replace("1**2", "1").replace("1*", "").replace("1/1", "1")
    return unit


def attributes(name: Hashable, x: str = "weight", t: str = "update") -> dict[str, str]:
    """Return units and long_name of a quantity, for a variable's attributes.

    Names with ``_low``, ``_high``, ``_ensemble`` or ``_total`` have those of what they belong to.

    Parameters
    ----------
    name : str
    x, t : str
        Units of the values and of time.

    Raises
    ------
    KeyError
        For a name that the glossary lacks.
    """
    text = str(name)
    if text in GLOSSARY:
        return {"units": _unit(GLOSSARY[text].unit, x, t), "long_name": GLOSSARY[text].long_name}
    for suffix in _DERIVED:
        if text.endswith(suffix):
            base = attributes(text.removesuffix(suffix), x, t)
            return {**base, "long_name": f"{base['long_name']}, {_MEANING[suffix]}"}
    for prefix, meaning in _PREFIXES.items():
        if text.startswith(prefix):
            base = attributes(text.removeprefix(prefix), x, t)
            return {**base, "long_name": f"{base['long_name']}, {meaning}"}
    raise KeyError(text)


def labelled(data: xr.Dataset, x: str = "weight", t: str = "update") -> xr.Dataset:
    """Give every variable and coordinate of the glossary its units and long_name.

    Parameters
    ----------
    data : Dataset
    x, t : str
        Units of the values and of time, where a quantity's unit follows from them.
    """
    data = data.copy()
    for name in data.variables:
        try:
            known = attributes(name, x, t)
        except KeyError:
            continue
        # a name's own unit, whatever arithmetic left on the variable
        extra = {k: v for k, v in data[name].attrs.items() if k not in known}
        data[name].attrs = {**known, **extra}
    return data


def axis_label(name: str) -> str:
    """Label of a figure's axis: long name, symbol and unit."""
    quantity = GLOSSARY[name]
    symbol = f" ${quantity.symbol}$" if quantity.symbol else ""
    unit = f" ({quantity.unit})" if quantity.unit not in ("1", quantity.long_name) else ""
    return quantity.long_name + symbol + unit
