"""Glossary: unit, long name, symbol and description of quantities with one meaning everywhere."""

from typing import NamedTuple


class Quantity(NamedTuple):
    """Unit, long name, symbol and description of a variable: its attributes.

    In a unit, {x} and {t} stand for those of the values and of time that were given; "1" is the
    unit of a pure number. The symbol is LaTeX.
    """

    unit: str
    long_name: str
    symbol: str = ""
    description: str = ""


GLOSSARY: dict[str, Quantity] = {
    # axes
    "step": Quantity("updates", "optimiser updates", "t", "number of optimiser updates so far"),
    "epoch": Quantity("epochs", "epochs", "e", "number of passes over the training samples so far"),
    "time": Quantity(
        "weight**2/loss",
        "training time",
        r"\tau",
        "sum of the learning rates so far",
    ),
    "updates": Quantity("updates", "optimiser updates", "t", "number of updates at an epoch"),
    "flow_time": Quantity(
        "weight**2/loss",
        "training time",
        r"\tau",
        "sum of the learning rates up to an epoch, the time of gradient flow",
    ),
    "learned": Quantity(
        "1",
        "whether a network has learnt",
        "",
        "1 where the training accuracy at the end exceeds chance by three standard errors, or the "
        "loss has fallen",
    ),
    "replica": Quantity("1", "replica", "r", "index of a network of the ensemble"),
    "family": Quantity(
        "1", "family", "f", "replicas of one family share initial weights and training samples"
    ),
    "parameter": Quantity("1", "parameter", "p", "index of a scalar weight or bias"),
    "sample": Quantity("1", "sample", "x", "index of a sample"),
    "noise_batch": Quantity("1", "batch size", "B", "samples in each batch of gradient noise"),
    "layer": Quantity("1", "layer", r"\ell", "number of the layer, from 1 to L; L is the output"),
    "layer_name": Quantity("1", "layer", r"\ell", "name of the layer"),
    "kind": Quantity("1", "kind of parameter", "", "weight, bias or buffer"),
    "parameter_name": Quantity("1", "tensor", "", "name of the tensor that contains the parameter"),
    "entry": Quantity("1", "entry", "", "flat index of a parameter in its tensor"),
    "learning_rate": Quantity(
        "weight**2/loss",
        "learning rate",
        r"\eta",
        "learning rate of a group of parameters at its last update",
    ),
    "group": Quantity("1", "group", "", "index of an optimiser's group of parameters"),
    "tensor": Quantity("1", "tensor", "", "index of a tensor of parameters"),
    "tensor_name": Quantity("1", "tensor", "", "name of a tensor of parameters"),
    "tensor_size": Quantity("1", "entries", "", "number of entries of a tensor"),
    "tensor_layer": Quantity("1", "layer", r"\ell", "layer of a tensor, from 1 to L"),
    "tensor_layer_name": Quantity("1", "layer", "", "name of a tensor's layer"),
    "tensor_kind": Quantity("1", "kind of tensor", "", "weight, bias or buffer"),
    "tensor_shape": Quantity("1", "shape", "", "lengths of a tensor's dimensions, as JSON"),
    "feature": Quantity("1", "input", "i", "index of an input"),
    "label": Quantity("1", "label", "y", "index of a class"),
    "case": Quantity("1", "case", "", "swept keys of the study and their values in this case"),
    # trajectories
    "theta": Quantity("weight", "weights", r"\theta", "weights and biases of a network"),
    "diverged_step": Quantity(
        "updates",
        "divergence step",
        "",
        "first step at which a weight is not finite; -1 if there is none",
    ),
    # gradients at fixed weights
    "gradient_mean": Quantity(
        "loss/{x}",
        "mean gradient",
        "G",
        "mean of batch gradients over a pass at fixed weights, weighted by batch size",
    ),
    "gradient_variance": Quantity(
        "loss**2/{x}**2",
        "gradient variance",
        "V",
        "unbiased variance of batch gradients over a pass at fixed weights, weighted by batch size",
    ),
    "mean_norm": Quantity(
        "loss/{x}", "norm of mean gradient", "|G|", "Euclidean norm over the parameters of a layer"
    ),
    "noise_norm": Quantity(
        "loss/{x}",
        "norm of gradient noise",
        r"(\mathrm{tr}\,V)^{1/2}",
        "square root of the variance of batch gradients, summed over the parameters of a layer",
    ),
    "weight_norm": Quantity(
        "{x}", "weight norm", r"|\theta|", "Euclidean norm over the parameters of a layer"
    ),
    "noise_trace": Quantity(
        "loss**2/{x}**2",
        "per-sample noise trace",
        r"\mathrm{tr}\,S",
        "trace of the covariance of per-sample gradients of one layer, normalised by N",
    ),
    "followed_mean_norm": Quantity(
        "loss/{x}",
        "norm of the mean gradient over an epoch",
        r"|\bar g|",
        "of the batch gradients that the updates of an epoch followed, while the weights moved",
    ),
    "followed_noise_norm": Quantity(
        "loss/{x}",
        "norm of the spread of gradients over an epoch",
        r"(\mathrm{tr}\,V_g)^{1/2}",
        "root of the summed variance of the batch gradients that the updates of an epoch followed; "
        "it holds the change of the mean gradient as the weights move",
    ),
    "last_gradient_norm": Quantity(
        "loss/{x}", "norm of the last gradient", "|g|", "gradient of the last batch, by layer"
    ),
    "batch_gradient": Quantity(
        "loss/{x}", "gradient of the batch", "g", "gradient that the update from this step followed"
    ),
    "increment_mean": Quantity(
        "{x}/{t}", "mean increment", "v", "mean increment of one step over a whole recording"
    ),
    "increment_variance": Quantity(
        "{x}**2/{t}",
        "variance of increments",
        "2D",
        "variance of the increments of one step over a whole recording",
    ),
    # training
    "loss": Quantity("nats", "training loss", "L", "mean over training samples"),
    "test_loss": Quantity("nats", "test loss", r"L_\mathrm{test}", "mean over test samples"),
    "accuracy": Quantity(
        "1", "training accuracy", "", "fraction of training samples classified correctly"
    ),
    "test_accuracy": Quantity(
        "1", "test accuracy", "", "fraction of test samples classified correctly"
    ),
    "train": Quantity(
        "1", "in the training set", "", "whether a replica is trained on this sample"
    ),
    # information
    "I_XT": Quantity(
        "bits",
        "information about the input",
        "I(X;T)",
        "mutual information of the input X and the representation T",
    ),
    "I_TY": Quantity(
        "bits",
        "information about the label",
        "I(T;Y)",
        "mutual information of the representation T and the label Y",
    ),
    "null_I_TY": Quantity(
        "bits",
        "information about shuffled labels",
        r"I(T;Y_\mathrm{shuffled})",
        "estimate for randomly permuted labels; the true value is 0",
    ),
    "plug_in_I_TY": Quantity(
        "bits",
        "information about the label, plug-in",
        "I(T;Y)",
        "plug-in estimate from the whole sample, without extrapolation",
    ),
    "raw_I_TY": Quantity(
        "bits",
        "information about the label, raw",
        "I(T;Y)",
        "estimate before it is clipped to the range from 0 to H(Y)",
    ),
    "miller_madow_I_TY": Quantity(
        "bits",
        "information about the label, corrected",
        "I(T;Y)",
        "plug-in estimate minus its first-order bias (Miller and Madow)",
    ),
    "estimator": Quantity("1", "estimator", "", "name of the estimator of mutual information"),
    "setting": Quantity("1", "setting", "", "value of the parameter of the estimator"),
    "bound": Quantity("1", "bound", "", "lower or upper bound on the information"),
    "modes": Quantity(
        "1",
        "informative modes",
        "",
        "number of modes of the Gaussian bottleneck that carry information",
    ),
    "critical_beta": Quantity(
        "1",
        "critical beta of a mode",
        r"\beta_i",
        "infinite if the mode carries no information about Y",
    ),
    "occupied": Quantity(
        "1", "occupied cells", "", "number of cells of the histogram with at least one sample"
    ),
    "extreme_share": Quantity(
        "1",
        "fraction of saturated activations",
        "",
        "fraction in the first or last bin",
    ),
    "zero_share": Quantity(
        "1", "fraction of exact zeros", "", "fraction of activations that are exactly 0"
    ),
    "bin_low": Quantity(
        "1", "lower end of the bins", "", "lower end of the range of activations that was binned"
    ),
    "bin_high": Quantity(
        "1", "upper end of the bins", "", "upper end of the range of activations that was binned"
    ),
    "status": Quantity(
        "1", "status", "", "whether the estimate is reliable, or the reason why it is not"
    ),
    "order_violations": Quantity(
        "1",
        "violations of the data-processing inequality",
        "",
        "number of layers whose information about input or label exceeds that of the layer before",
    ),
    "peak_epoch": Quantity(
        "epochs", "epoch of the largest I(X;T)", "", "first epoch at which I(X;T) is largest"
    ),
    "onset_epoch": Quantity(
        "epochs",
        "onset of compression",
        "",
        "last epoch at which less than a tenth of the final loss of information had occurred",
    ),
    "bits_start": Quantity("bits", "I(X;T) at the start", "", "I(X;T) at the first epoch"),
    "bits_peak": Quantity("bits", "I(X;T) at its peak", "", "largest I(X;T) over epochs"),
    "bits_end": Quantity("bits", "I(X;T) at the end", "", "I(X;T) at the last epoch"),
    "bits_lost": Quantity(
        "bits", "bits lost", "", "I(X;T) at its peak minus I(X;T) at the last epoch"
    ),
    # gradient phases
    "gradient_ratio": Quantity(
        "1",
        "gradient mean over noise",
        r"|G|/(\mathrm{tr}\,V)^{1/2}",
        "norm of the mean gradient divided by that of the batch noise, at fixed weights",
    ),
    "gradient_ratio_squared": Quantity(
        "1",
        "squared mean over squared noise, corrected",
        r"(|G|^2 - \mathrm{tr}\,V/M)/\mathrm{tr}\,V",
        "corrected for the noise of a mean over M batches with replacement; may be negative",
    ),
    "mean_over_weight": Quantity(
        "loss/{x}**2",
        "gradient mean over weight norm",
        r"|G|/|\theta|",
        "ratio of averages over replicas",
    ),
    "noise_over_weight": Quantity(
        "loss/{x}**2",
        "gradient noise over weight norm",
        r"(\mathrm{tr}\,V)^{1/2}/|\theta|",
        "ratio of averages over replicas",
    ),
    "noise_scale": Quantity(
        "samples",
        "noise scale",
        r"\mathrm{tr}\,S/|G|^2",
        "batch size at which the mean gradient and its noise are equal",
    ),
    "transition_epoch": Quantity(
        "epochs",
        "drift-diffusion transition",
        "",
        "first epoch from which the gradient noise exceeds the mean for five records",
    ),
    "drift_norm": Quantity(
        "{x}/{t}",
        "drift over whole epochs",
        r"|\Delta\theta|/\Delta\tau",
        "norm of a layer's displacement over the next two epochs, per unit time",
    ),
    "displacement_cosine": Quantity(
        "1",
        "cosine of consecutive displacements",
        r"\cos(\Delta\theta_e, \Delta\theta_{e+1})",
        "between a layer's displacements over the next epoch and the one after it: 1 for a drift, "
        "0 on average for a random walk, -1 for a swing",
    ),
    "drift_ratio": Quantity(
        "1",
        "drift over gradient noise",
        r"|\Delta\theta|/(\Delta\tau(\mathrm{tr}\,V)^{1/2})",
        "displacement over the next two epochs per unit time, divided by the noise of a batch "
        "gradient at fixed weights",
    ),
    "followed_ratio": Quantity(
        "1",
        "gradient mean over spread within an epoch",
        r"|\bar g|/(\mathrm{tr}\,V_g)^{1/2}",
        "norm of the mean of the gradients that an epoch's updates followed, divided by their "
        "spread, both while the weights move",
    ),
    "sample_ratio": Quantity(
        "1",
        "gradient mean over spread of samples",
        r"|G|/(\mathrm{tr}\,S)^{1/2}",
        "norm of the mean gradient divided by the spread of the gradients of single samples, at "
        "fixed weights",
    ),
    "drift_transition_epoch": Quantity(
        "epochs",
        "epoch at which noise exceeds the drift",
        "",
        "first epoch from which the gradient noise exceeds the drift for five records",
    ),
    "followed_transition_epoch": Quantity(
        "epochs",
        "epoch at which the spread of followed gradients exceeds their mean",
        "",
        "first epoch from which the spread of the gradients that an epoch's updates followed "
        "exceeds their mean for five records",
    ),
    "noise_scale_epoch": Quantity(
        "epochs",
        "epoch at which the noise scale exceeds the batch size",
        "",
        "first epoch from which the noise scale exceeds the batch size for five records",
    ),
    "critical_batch_size": Quantity(
        "samples",
        "critical batch size",
        r"B_{crit}",
        "batch size at which a loss takes twice the least updates and twice the least samples",
    ),
    "least_steps": Quantity(
        "updates", "least number of updates", r"S_{min}", "updates to a loss at large batch sizes"
    ),
    "least_samples": Quantity(
        "samples", "least number of samples", r"E_{min}", "samples to a loss at small batch sizes"
    ),
    "steps_to_loss": Quantity(
        "updates", "updates to a loss", "S", "updates until the training loss is below a target"
    ),
    "mean_noise_scale": Quantity(
        "samples",
        "mean noise scale to a loss",
        r"\langle\mathrm{tr}\,S/|G|^2\rangle",
        "of all layers together, mean over updates until the training loss is below a target",
    ),
    "mean_batch_size": Quantity(
        "samples", "mean batch size", "B", "samples of an epoch divided by its batches"
    ),
    "onset_delay": Quantity(
        "epochs",
        "delay of compression after the transition",
        "",
        "onset of compression minus transition of the same replica, mean over replicas",
    ),
    "transition_first": Quantity(
        "1",
        "fraction of replicas with the transition first",
        "",
        "fraction of replicas whose transition precedes the onset of compression",
    ),
    "change_epoch": Quantity(
        "epochs",
        "change point of the gradient ratio",
        "",
        "epoch of the best single step in the logarithm of the ratio",
    ),
    "change_p_value": Quantity(
        "1",
        "p-value of the change point",
        "p",
        "fraction of stationary surrogates whose best step fits as well",
    ),
    # fits of diffusion models
    "drift": Quantity("{x}/{t}", "drift", "v", "mean displacement per unit time"),
    "diffusion": Quantity(
        "{x}**2/{t}", "diffusion coefficient", "D", "Var(dX) = 2 D dt of one coordinate"
    ),
    "sigma": Quantity(
        "{x}/{t}**0.5", "noise amplitude", r"\sigma", "dX = b dt + sigma dW, sigma**2 = 2 D"
    ),
    "kappa": Quantity(
        "1/{t}", "relaxation rate", r"\kappa", "drift is -kappa (X - center) (Ornstein-Uhlenbeck)"
    ),
    "center": Quantity("{x}", "centre", r"\mu", "mean of the stationary state"),
    "phi": Quantity("1", "AR(1) coefficient", r"\phi", "autocorrelation over one step"),
    "relaxation_time": Quantity(
        "{t}", "relaxation time", r"\tau", "time in which a deviation decays by 1/e, 1/kappa"
    ),
    "log_likelihood": Quantity(
        "nats", "log-likelihood", r"\ln L", "log density of the path given its first point"
    ),
    "model": Quantity("1", "model", "", "process that was fitted"),
    "test": Quantity("1", "test", "", "hypothesis that was tested"),
    "best": Quantity(
        "1", "best model", "", "model of lowest BIC, unless its residuals or a rival reject it"
    ),
    "candidate": Quantity("1", "candidate", "", "best model before its residuals are tested"),
    "compared": Quantity("1", "compared", "", "whether the model could be compared"),
    "reason": Quantity("1", "reason", "", "why a model was chosen, or none, and what to do next"),
    "rejected_by": Quantity("1", "rejected by", "", "what rejects the candidate most strongly"),
    "nearest": Quantity("1", "nearest other model", "", "model of second lowest BIC"),
    "odds": Quantity(
        "1",
        "odds",
        "",
        "Bayes factor of the candidate over the nearest other model, by BIC; below 1 where the "
        "candidate was chosen because more is asked of the other one",
    ),
    "screened_out": Quantity(
        "1",
        "screened out",
        "",
        "whether a cheap test ruled the model out, without a fit",
    ),
    "aic": Quantity(
        "nats", "Akaike information criterion", "", "2 k - 2 ln L with k fitted coefficients"
    ),
    "bic": Quantity(
        "nats",
        "Bayesian information criterion",
        "",
        "k ln n - 2 ln L with k fitted coefficients and n increments",
    ),
    "heldout": Quantity(
        "nats",
        "held-out log density",
        "",
        "mean over the last fifth of the points, with coefficients fitted to the others",
    ),
    "adf_statistic": Quantity(
        "1", "Dickey-Fuller statistic", "", "t statistic of phi - 1 in a regression with a constant"
    ),
    "adf_p_value": Quantity("1", "Dickey-Fuller p-value", "p", "under a random walk without drift"),
    "hurst": Quantity("1", "Hurst exponent", "H", "MSD grows as t**(2 H)"),
    "alpha": Quantity("1", "MSD exponent", r"\alpha", "MSD grows as t**alpha"),
    "tail_index": Quantity(
        "1", "tail index", r"\alpha", "stability index of a symmetric stable law; 2 is Gaussian"
    ),
    "null_tail_index": Quantity(
        "1",
        "tail index of Gaussian noise",
        r"\alpha_0",
        "the same estimate of as many Gaussian numbers",
    ),
    "scale": Quantity(
        "{x}",
        "scale of increments",
        r"\gamma",
        "characteristic function of one increment is exp(-|scale k|**tail_index)",
    ),
    "statistic": Quantity("1", "test statistic", "", "value of the statistic of each test"),
    "p_value": Quantity(
        "1", "p-value", "p", "probability of a statistic as extreme under the null hypothesis"
    ),
    "p_value_holm": Quantity(
        "1", "Holm p-value", "p", "smallest p-value of all tests after Holm correction"
    ),
    "adjusted_p_value": Quantity(
        "1",
        "adjusted p-value",
        "q",
        "p-value of all tests, corrected over all series (Benjamini and Hochberg)",
    ),
    "passes": Quantity(
        "1", "passes Wiener tests", "", "whether no test rejects a Wiener process, or the pass rate"
    ),
    "null_passes": Quantity(
        "1", "pass rate of Wiener processes", "", "fraction of simulated Wiener processes that pass"
    ),
    "lag": Quantity("{t}", "lag", r"\tau", "time between two points"),
    "waiting_time": Quantity("{t}", "waiting time", r"t_w", "time before the first of two points"),
    "msd": Quantity(
        "{x}**2",
        "mean squared displacement",
        r"\mathrm{MSD}",
        "mean of (X(t + lag) - X(t))**2; 2 D lag for a Wiener process",
    ),
    "ergodicity_breaking": Quantity(
        "1",
        "ergodicity breaking",
        r"\mathrm{EB}",
        "relative variance of time-averaged mean squared displacements",
    ),
    "brownian_ergodicity_breaking": Quantity(
        "1",
        "ergodicity breaking of Brownian motion",
        r"\mathrm{EB}",
        "exact value for one-dimensional Brownian paths of the same length",
    ),
    "ageing": Quantity(
        "1",
        "ageing exponent",
        "",
        "d ln MSD / d ln t_w at a fixed lag; 0 when increments are stationary",
    ),
    "green_kubo": Quantity(
        "{x}**2/{t}",
        "Green-Kubo sum",
        "D",
        "half the summed autocovariance of increments up to a lag",
    ),
    "trace": Quantity(
        "{x}**2/{t}",
        "trace of the diffusion matrix",
        r"\mathrm{tr}\,D",
        "sum of the diffusion coefficients of all coordinates",
    ),
    "effective_rank": Quantity(
        "1", "effective rank", "", "tr(D)**2 / tr(D**2): number of directions that share the noise"
    ),
    "eigenvector": Quantity("1", "direction of a mode", "", "unit vector"),
    "kappa_matrix": Quantity("1/{t}", "drift matrix", "B", "drift is -B (X - center)"),
    "diffusion_matrix": Quantity("{x}**2/{t}", "diffusion matrix", "D", "Cov(dX) = 2 D dt"),
    "displacement": Quantity(
        "{x}**2",
        "squared distance from the first point",
        r"|w_t - w_0|^2",
        "summed over coordinates, mean over the ensemble",
    ),
    "distance": Quantity(
        "{x}", "distance from the start", r"|w_t - w_0|", "Euclidean norm over all coordinates"
    ),
    "squared_displacement": Quantity(
        "{x}**2",
        "squared displacement over a lag",
        r"|w_{t+\tau} - w_t|^2",
        "summed over coordinates, of one network",
    ),
    "waiting_epoch": Quantity(
        "epochs", "waiting time", r"t_w", "epoch from which a displacement is taken"
    ),
    "law": Quantity("1", "law", "", "law of growth of the squared distance from the first point"),
    "misfit": Quantity(
        "1", "misfit", "", "root mean square of ln(displacement) about the fitted law"
    ),
    "share": Quantity(
        "1", "fraction of resamples", "", "fraction of resampled ensembles that the law fits best"
    ),
    "mode": Quantity("1", "mode", "k", "index of a direction, from 1"),
    "window": Quantity("{t}", "start of the window", "", "time of the first point of a window"),
    "spread_within": Quantity(
        "{x}**2",
        "variance within families",
        r"s^2",
        "variance of replicas about the mean of their family: noise of training",
    ),
    "twin_variance": Quantity(
        "{x}**2",
        "variance of twins",
        r"\sigma^2",
        "of the weights of twins about their family's mean, mean over the parameters of a layer",
    ),
    "spread_between": Quantity(
        "{x}**2",
        "variance between families",
        r"s^2",
        "variance of family means minus their noise: effect of the initial weights",
    ),
    "diffusion_raw": Quantity(
        "{x}**2/{t}", "raw second coefficient", "D_2", "E[dx**2|x]/(2 dt), drift not subtracted"
    ),
    "fourth": Quantity(
        "{x}**4/{t}",
        "fourth coefficient",
        "D_4",
        "E[dx**4|x]/(24 dt) minus its value for Gaussian increments",
    ),
    "pawula": Quantity(
        "1", "Pawula ratio", r"D_4/(D_2^2 dt)", "near 0 for a diffusion, large for jumps"
    ),
    "position": Quantity("{x}", "position", "x", "centre of a bin"),
    "deviation": Quantity(
        "{x}", "deviation from the group mean", "", "rescaled to the variance of one member"
    ),
    "detrended": Quantity("{x}", "deviation from the trend", "", "value minus its smooth trend"),
    "projection": Quantity(
        "{x}", "projection on a direction", "", "scalar product with a unit vector"
    ),
    # slowing, entropy, irreversibility
    "autocorrelation": Quantity("1", "autocorrelation", r"\rho", "at lag 1 unless a lag is given"),
    "integrated_time": Quantity(
        "{t}",
        "integrated autocorrelation time",
        r"\tau_\mathrm{int}",
        "spacing of points times 1 + 2 sum of autocorrelations",
    ),
    "variance": Quantity("{x}**2", "variance", r"\sigma^2", "unbiased variance"),
    "skewness": Quantity("1", "skewness", r"\gamma_1", "third central moment / variance**1.5"),
    "reddening": Quantity(
        "1",
        "spectral reddening",
        r"S(0)/\sigma^2",
        "spectral density at frequency 0 divided by its mean; 1 for white noise",
    ),
    "trend": Quantity("1", "indicator", "", "indicator whose trend in time is measured"),
    "kendall": Quantity(
        "1", "Kendall's tau", r"\tau_K", "rank correlation of an indicator with time"
    ),
    "warning_share": Quantity(
        "1",
        "early-warning detection rate",
        "",
        "fraction of paths whose joint trend has a p-value of at most 5%",
    ),
    "ramp_path": Quantity(
        "{x}", "path", "u", "simulated coordinate of one member along the slow direction"
    ),
    "course": Quantity(
        "1", "ramp or control", "", "whether the control parameter rises or is constant"
    ),
    "cloud": Quantity(
        "1",
        "ensemble",
        "",
        "noise: replicas about their family mean; starts: between initialisations",
    ),
    "m": Quantity("1", "order parameter of one replica", "m", "one number for every replica"),
    "size": Quantity("1", "size", "N", "size of a system, such as its number of units"),
    "control": Quantity("1", "control parameter", "", "what drives a system through a transition"),
    "order": Quantity(
        "{x}",
        "order parameter",
        r"\langle|m|\rangle",
        "mean absolute value over members of the ensemble",
    ),
    "susceptibility": Quantity(
        "{x}**2",
        "susceptibility",
        r"\chi",
        "variance of the absolute value of the order parameter over members",
    ),
    "binder": Quantity(
        "1",
        "Binder cumulant",
        "U",
        "1 - <m**4>/(3 <m**2>**2): 0 for a Gaussian about 0, 2/3 when ordered",
    ),
    "critical": Quantity(
        "{x}", "critical value of the control", "r_c", "where the relaxation time diverges"
    ),
    "exponent": Quantity("1", "exponent of the relaxation time", r"\nu", "tau ~ |r - r_c|**-nu"),
    "entropy": Quantity(
        "nats",
        "entropy of the ensemble",
        "S",
        "differential entropy of a Gaussian along the leading directions",
    ),
    "mode_entropy": Quantity(
        "nats", "entropy per direction", "S_k", "differential entropy of a Gaussian"
    ),
    "direction": Quantity("1", "direction", "", "unit vector of a mode"),
    "entropy_nearest": Quantity(
        "nats",
        "entropy by nearest neighbours",
        "S",
        "estimate of Kozachenko and Leonenko, without the assumption of a Gaussian",
    ),
    "entropy_rate": Quantity("nats/{t}", "entropy growth", "dS/dt", "observed growth of entropy"),
    "entropy_flow": Quantity(
        "nats/{t}",
        "phase-space contraction",
        r"\langle\nabla\cdot b\rangle",
        "mean divergence of the drift; negative if the drift removes entropy",
    ),
    "entropy_spreading": Quantity(
        "nats/{t}",
        "entropy added by diffusion",
        r"\mathrm{tr}\,DF",
        "D the diffusion matrix, F the Fisher information of the ensemble",
    ),
    "entropy_balance": Quantity(
        "nats/{t}",
        "Fokker-Planck balance",
        "",
        "phase-space contraction plus the entropy that diffusion adds; equals the entropy growth",
    ),
    "effective_modes": Quantity(
        "1",
        "effective number of diffusing modes",
        r"d_\mathrm{eff}",
        "2 dS/d ln t; d for a Wiener process in d dimensions",
    ),
    "rank": Quantity(
        "1", "rank of the covariance", "", "largest possible rank of the covariance of the ensemble"
    ),
    "entropy_production": Quantity(
        "nats/{t}",
        "entropy production",
        r"\dot S",
        "rate of entropy production of the stationary state; 0 at equilibrium",
    ),
    "area_rate": Quantity(
        "{x}**2/{t}",
        "area enclosed per unit time",
        "Q",
        "(B S - S B')/2, B the drift matrix and S the covariance; 0 at equilibrium",
    ),
    "minibatch_ratio": Quantity(
        "1",
        "fluctuation ratio, minibatch gradient",
        "",
        "1 if |theta|**2 is stationary",
    ),
    "full_ratio": Quantity(
        "1",
        "fluctuation ratio, full gradient",
        "",
        "1 if |theta|**2 is stationary and the gradient noise is white",
    ),
    "second_ratio": Quantity(
        "1", "second fluctuation ratio", "", "1 for a quadratic loss without momentum"
    ),
    "effective_temperature": Quantity(
        "loss",
        "effective temperature",
        "T",
        "mean of theta times full gradient, per parameter (equipartition)",
    ),
    "curvature": Quantity(
        "loss/{x}**2", "curvature", "h", "second derivative of the loss along a direction"
    ),
    "sharpness": Quantity(
        "loss/{x}**2", "sharpness", r"\lambda_1", "largest eigenvalue of the Hessian"
    ),
    "stability": Quantity(
        "1",
        "curvature over the stability limit",
        r"\eta h/2(1+\mu)",
        "curvature divided by the largest that is stable; 1 at the edge of stability",
    ),
    "direction_variance": Quantity(
        "{x}**2",
        "variance along a direction",
        "",
        "of one network's weights over a burst, about a straight line",
    ),
    "direction_curvature": Quantity(
        "loss/{x}**2", "curvature along a direction", "h", "eigenvalue of one network's Hessian"
    ),
    "flatness_exponent": Quantity(
        "1",
        "slope of variance against curvature",
        "",
        "d ln(variance) / d ln(curvature) over directions",
    ),
    "overlap": Quantity(
        "1", "overlap of replicas", "q", "cosine of the incoming weights of a layer"
    ),
    "matched_overlap": Quantity(
        "1",
        "overlap after matching units",
        "q",
        "cosine of incoming weights after the best permutation of hidden units",
    ),
    "unit_overlap": Quantity(
        "1",
        "overlap of units",
        "",
        "root mean square cosine of the incoming weights of two units of a layer",
    ),
    "component": Quantity(
        "1", "principal component", "k", "index of a component, in order of decreasing variance"
    ),
    "component_share": Quantity(
        "1", "explained variance", "", "fraction of the variance in time along a component"
    ),
    "score": Quantity(
        "{x}", "principal component score", "", "relative to the mean of the trajectory in time"
    ),
    # the bottleneck
    "beta": Quantity("1", "trade-off", r"\beta", "in the Lagrangian I(X;T) - beta I(T;Y)"),
    "clusters": Quantity(
        "1", "clusters", "", "number of different decoders p(y|t) with positive probability"
    ),
    "iterations": Quantity("1", "iterations", "", "number of iterations of the solver"),
    "converged": Quantity("1", "converged", "", "whether the solver reached its tolerance"),
    "certificate": Quantity(
        "bits",
        "bound on the distance from the optimum",
        "",
        "upper bound on the free energy minus that of the optimum",
    ),
    "cell": Quantity("1", "cell", "t", "number of the histogram cell of a layer's activations"),
    "bound_I_TY": Quantity(
        "bits", "information bottleneck bound", "I(T;Y)", "largest I(T;Y) at the same I(X;T)"
    ),
    "gap": Quantity(
        "bits",
        "bits below the bottleneck bound",
        "",
        "largest I(T;Y) at the same I(X;T) minus the layer's I(T;Y)",
    ),
    "beta_bound": Quantity(
        "1",
        "beta of the bound",
        r"\beta",
        "beta of the bottleneck curve at the same I(X;T); infinite where the curve is flat",
    ),
    "beta_fit": Quantity(
        "1",
        "fitted beta",
        r"\beta",
        "beta of the self-consistent encoder nearest to the layer",
    ),
    "onset": Quantity(
        "1",
        "onset of the bottleneck curve",
        r"\beta_c",
        "largest beta at which the optimal representation is trivial",
    ),
    "place": Quantity(
        "1", "decoder of the new cluster", "p(y=1|t)", "decoder of the cluster that appears"
    ),
    "transition": Quantity("1", "transition", "", "index of a bottleneck transition"),
    "beta_local": Quantity(
        "1",
        "loss of local stability",
        r"\beta_\mathrm{local}",
        "beta above which the trivial solution is unstable",
    ),
    # bursts
    "burst": Quantity("1", "burst", "", "index of a stretch of consecutive recorded steps"),
    "burst_epoch": Quantity(
        "epochs", "epoch at which a burst starts", "e", "epoch of the first step of a burst"
    ),
    "burst_steps": Quantity(
        "updates", "length of a burst", "n", "recorded steps of a burst, one after every update"
    ),
    "mark": Quantity("1", "snapshot", "", "index of a recorded step"),
    "mark_epoch": Quantity("epochs", "epoch", "e", "epoch of a recorded step"),
    "lag_epochs": Quantity("epochs", "lag", r"\tau", "time between two points, in epochs"),
    "predicted_diffusion": Quantity(
        "{x}**2/{t}",
        "diffusion coefficient of the gradient noise",
        r"D_\mathrm{noise}",
        "squared learning rate times the variance of a batch gradient over 2, per coordinate",
    ),
    "diffusion_ratio": Quantity(
        "1",
        "diffusion over the white-noise prediction",
        r"D/D_\mathrm{noise}",
        "diffusion coefficient at a lag divided by that of uncorrelated batches",
    ),
    "theory_ratio": Quantity(
        "1",
        "theory for batches without replacement",
        r"D/D_\mathrm{noise}",
        "exact ratio for batches drawn without replacement",
    ),
    "alpha_long": Quantity(
        "1",
        "MSD exponent beyond an epoch",
        r"\alpha",
        "of deviations from the family mean, lags from 1 to 16 epochs",
    ),
    "alpha_short": Quantity(
        "1",
        "MSD exponent within an epoch",
        r"\alpha",
        "of deviations from the family mean, lags up to half an epoch",
    ),
    # learning, and what relates it to information
    "error_epoch": Quantity(
        "epochs",
        "epochs to the required test error",
        "",
        "first epoch with that test error or less",
    ),
    "relaxation_epoch": Quantity(
        "epochs",
        "relaxation time of learning",
        r"\tau",
        "first epoch at which the order parameter is within 1/e of its final value",
    ),
    "final_accuracy": Quantity(
        "1", "final training accuracy", "", "training accuracy at the last epoch"
    ),
    "final_test_accuracy": Quantity(
        "1", "final test accuracy", "", "test accuracy at the last epoch"
    ),
    "final_loss": Quantity("nats", "final training loss", "L", "training loss at the last epoch"),
    "final_test_loss": Quantity("nats", "final test loss", "L", "test loss at the last epoch"),
    "overtraining": Quantity(
        "nats",
        "overtraining",
        "",
        "final test loss minus the test loss at the epoch where its mean is lowest",
    ),
    "last_epoch": Quantity("epochs", "last epoch", "", "last epoch of the training"),
    "test_error": Quantity(
        "1", "test error", "", "fraction of test samples classified wrongly, mean over networks"
    ),
    "norm_ratio": Quantity(
        "1", "growth of the weight norm", "", "final norm of a layer's weights over the first"
    ),
    "late_gradient_ratio": Quantity(
        "1",
        "late gradient mean over noise",
        r"|G|/(\mathrm{tr}\,V)^{1/2}",
        "gradients at fixed weights, second half of training",
    ),
    "first_sample_ratio": Quantity(
        "1",
        "single-sample gradient mean over noise, initially",
        r"|G|/(\mathrm{tr}\,S)^{1/2}",
        "gradients at fixed weights, first epoch",
    ),
    "late_sample_ratio": Quantity(
        "1",
        "single-sample gradient mean over noise, late",
        r"|G|/(\mathrm{tr}\,S)^{1/2}",
        "gradients at fixed weights, second half of training",
    ),
    "transition_noise_scale": Quantity(
        "1",
        "noise scale over batch size at the transition",
        r"\mathrm{tr}\,S/(B|G|^2)",
        "1 if the transition is where the noise scale equals the batch size",
    ),
    "late_diffusion": Quantity(
        "{x}**2/{t}",
        "late displacement",
        r"|\Delta\theta|^2/2P\Delta t",
        "squared displacement over two epochs per parameter and 2 updates, second half of "
        "training; a diffusion coefficient if the weights have no drift",
    ),
    "distance_ratio": Quantity(
        "1",
        "within- over between-label distance",
        "",
        "ratio of root mean square distances of a layer's activations",
    ),
    "binned_entropy": Quantity(
        "bits", "binned entropy", "H(T)", "entropy of the histogram of a layer's activations"
    ),
    "weight": Quantity("1", "weight of the unit", "w", "weight for inputs of standard deviation 1"),
    "unit_I_XT": Quantity(
        "bits", "information of one unit", "I(X;T)", "exact information of one binned unit"
    ),
    "rescaled_I_XT": Quantity(
        "bits",
        "information about the input, rescaled",
        "I(X;T)",
        "with rescaled weights, the same network function and the same bins",
    ),
    "I_irrelevant": Quantity(
        "bits",
        "information about irrelevant inputs",
        "",
        "information about the inputs that the teacher does not use",
    ),
    "generalisation_error": Quantity(
        "1", "exact test error", "", "mean squared error over the distribution of inputs and noise"
    ),
    "teacher": Quantity("1", "weights of the teacher", "", "weight of each input"),
    # tasks
    "x": Quantity("1", "input", "x", "input of the network"),
    "target": Quantity("1", "target", "y", "real-valued target"),
    "y": Quantity("1", "hard label", "y", "class of a sample"),
    "p_x": Quantity("1", "input probability", "p(x)", "probability of a sample"),
    "p_y_given_x": Quantity(
        "1", "label probability", "p(y|x)", "probability of each label given the input (soft label)"
    ),
    "spectral_class": Quantity(
        "1", "spectral class", "", "samples with equal spherical power spectrum share a number"
    ),
}
