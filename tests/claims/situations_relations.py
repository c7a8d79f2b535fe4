"""Relaxation, learning, entropy and diffusion of networks whose relations are known.

Scatter between networks is that of the fifty networks of the information plane: a layer's ln(rate)
0.5, ln(relaxation time) 0.43, ln(onset) 0.5, bits 0.9, correlations between layers 0.2 to 0.6.
"""

from collections.abc import Callable, Iterable, Mapping

import numpy as np
import xarray as xr
from counting import Situation
from sweeps import axes, cases_of, joined

from sgdphys.analyses.diffusion.bursts import share_interval
from sgdphys.claims.claim import Claim
from sgdphys.dynamics.ensembles.entropy import log_determinant_bias
from sgdphys.intervals import jackknife_interval, means_without_each
from sgdphys.study.settings import Study

ALIKE = 0.5
"""Correlation between the layers of one network."""
LAYERS_APART = 0.8
"""Standard deviation over layers of the logarithm of what all networks share."""
RECORDS = 1e-3
"""Standard deviation of a curve's noise, bits; what networks differ by is their scatter."""


def scatter(shape: tuple[int, ...], rng: np.random.Generator, alike: float = ALIKE) -> np.ndarray:
    """Normal numbers (replica, layer) of unit variance, correlated between layers."""
    shared = rng.standard_normal((shape[0], 1))
    return np.sqrt(alike) * shared + np.sqrt(1 - alike) * rng.standard_normal(shape)


def correlated(z: np.ndarray, spearman: float, rng: np.random.Generator) -> np.ndarray:
    """Normal numbers with a rank correlation to others, layer by layer."""
    r = 2 * np.sin(np.pi * spearman / 6)
    return r * z + np.sqrt(1 - r**2) * scatter(z.shape, rng)


def relaxing(
    study: Study, rng: np.random.Generator, *, time: np.ndarray, lost: np.ndarray | float = 3.0,
    onset: np.ndarray | float = 200.0, end: np.ndarray | float = 2.0,
) -> xr.Dataset:  # fmt: skip
    """Curves of I(X;T) whose relaxation times, losses, onsets and ends are known.

    The first layer loses nothing.
    """
    along = axes(study)
    shape = tuple(map(len, along.values()))[1:]
    time, lost, onset, end = (np.broadcast_to(v, shape) for v in (time, lost, onset, end))
    tau = time / (1 + np.log(0.9))
    since = np.maximum(along["epoch"][:, None, None] - onset, 0.0)
    curve = end + lost * np.exp(-since / tau)
    curve[..., 0] = 12.0
    curve += RECORDS * rng.standard_normal(curve.shape)
    return xr.Dataset({"I_XT": (tuple(along), curve)}, coords=along, attrs={"of": "information"})


def sizes(study: Study) -> tuple[int, int]:
    """Networks and layers of a study."""
    along = axes(study)
    return len(along["replica"]), len(along["layer"])


def of_one_case(claim: Claim, study: Study, data: xr.Dataset) -> xr.Dataset:
    """Results of the case that a claim is about."""
    return joined([data], cases_of(claim, study)[:1])


def layered(name: str, of: str, study: Study, values: np.ndarray) -> xr.Dataset:
    """A variable (replica, layer) of an analysis."""
    along = axes(study)
    places = {n: along[n] for n in ("replica", "layer")}
    return xr.Dataset({name: (tuple(places), values)}, coords=places, attrs={"of": of})


def _rates(study: Study, logs: np.ndarray, rng: np.random.Generator) -> xr.Dataset:
    """Curves of layers that lose three bits at given ln(rates), about 1/400 bit an epoch."""
    return relaxing(study, rng, time=3.0 / np.exp(np.clip(logs - 6, -8, -3)))


def _phases(name: str) -> Callable[[Study, np.ndarray], xr.Dataset]:
    return lambda study, logs: layered(name, "phases", study, np.exp(logs))


def _entropy(study: Study, logs: np.ndarray) -> xr.Dataset:
    """Entropy of clouds that grow by as much more as logs are larger."""
    growth = 1 + 0.3 * logs.mean(axis=0)
    layers = np.arange(1, logs.shape[1] + 1)
    entropy = np.stack([np.zeros(len(layers)), 2 * growth * np.log(10)])[..., None]
    names = {"entropy": entropy, "entropy_low": entropy - 0.5, "entropy_high": entropy + 0.5}
    return xr.Dataset(
        {n: (("mark", "layer", "cloud"), v) for n, v in names.items()},
        coords={"mark_epoch": ("mark", [1e3, 1e4]), "layer": layers, "cloud": ["noise"]},
        attrs={"of": "entropy", "modes": 4},
    )


def _twins(study: Study, logs: np.ndarray) -> xr.Dataset:
    """Variances of twins that grow in proportion to the exponential of logs, by family."""
    each = study.train.twins
    grown = np.exp(logs[::each])
    data = np.stack([0 * grown, grown])
    places = {"replica": np.arange(0, study.train.replicas, each),
              "layer": np.arange(1, logs.shape[1] + 1)}  # fmt: skip
    marks = ("mark", [0.05 * study.train.epochs, 0.5 * study.train.epochs])
    whole = xr.concat(
        [xr.Dataset({"twin_variance": (("mark", "replica", "layer"), data)},
                    coords={**places, "mark_epoch": marks}),
         xr.Dataset({"twin_variance": (("mark", "replica", "layer"), data[-1:])},
                    coords={**places, "mark_epoch": ("mark", [float(study.train.epochs)])})],
        dim="mark",
    )  # fmt: skip
    return whole.assign_attrs(of="entropy", modes=4)


def across(other: Callable[[Study, np.ndarray], xr.Dataset], name: str) -> Situation:
    """Rates and another property of layers, in random orders or the same one.

    Without a correlation every layer has a level of both that all networks share.
    """

    def made(
        claim: Claim, study: Study, at: float, rng: np.random.Generator
    ) -> Mapping[str, xr.Dataset]:
        shape = sizes(study)
        if at:
            levels = LAYERS_APART * np.linspace(-1.5, 1.5, shape[1])[rng.permutation(shape[1])]
            shared = levels, np.sign(at) * levels
        else:
            shared = LAYERS_APART * rng.standard_normal((2, shape[1]))
        rate, property_ = (v + 0.5 * scatter(shape, rng) for v in shared)
        return {
            "information": of_one_case(claim, study, _rates(study, rate, rng)),
            name: of_one_case(claim, study, other(study, property_)),
        }

    return made


def within(other: Callable[[Study, np.ndarray], xr.Dataset], name: str) -> Situation:
    """Rates and another property with a rank correlation across networks, layer by layer.

    Every layer has a level of both that all networks share, in the same order.
    """

    def made(
        claim: Claim, study: Study, at: float, rng: np.random.Generator
    ) -> Mapping[str, xr.Dataset]:
        shape = sizes(study)
        levels = LAYERS_APART * rng.standard_normal(shape[1])
        rate = scatter(shape, rng)
        property_ = correlated(rate, at, rng)
        return {
            "information": of_one_case(claim, study, _rates(study, levels + 0.5 * rate, rng)),
            name: of_one_case(claim, study, other(study, levels + 0.3 * property_)),
        }

    return made


def onset_with_onset(
    claim: Claim, study: Study, at: float, rng: np.random.Generator
) -> Mapping[str, xr.Dataset]:
    """Onsets of layers of one network, neighbours with a rank correlation."""
    replicas, layers = sizes(study)
    r = 2 * np.sin(np.pi * at / 6)
    own = rng.standard_normal((replicas, layers))
    for k in range(1, layers):
        own[:, k] = r * own[:, k - 1] + np.sqrt(1 - r**2) * own[:, k]
    logs = 5.5 + 0.5 * rng.standard_normal(layers) + 0.5 * own
    time = np.exp(7 + 0.4 * scatter(own.shape, rng))
    data = relaxing(study, rng, time=time, onset=np.exp(logs) - 0.12 * time)
    return {"information": of_one_case(claim, study, data)}


def speed_after_onset(
    claim: Claim, study: Study, at: float, rng: np.random.Generator
) -> Mapping[str, xr.Dataset]:
    """Relaxation times with a rank correlation to the onset in the layer before."""
    shape = sizes(study)
    onset = scatter(shape, rng)
    before = np.roll(onset, 1, axis=1)
    levels = 0.5 * rng.standard_normal((2, shape[1]))
    time = np.exp(6.5 + levels[0] + 0.43 * correlated(before, at, rng))
    start = np.exp(5.5 + levels[1] + 0.5 * onset)
    data = relaxing(study, rng, time=time, onset=start - 0.12 * time)
    return {"information": of_one_case(claim, study, data)}


def _steps(shape: tuple[int, ...], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Scatter of the steps of layers, and I(X;T) at the end that has them."""
    own = scatter(shape, rng, alike=0.1)
    steps = rng.uniform(0.2, 4, shape[1]) + 0.9 * own
    return steps, 12 - np.cumsum(np.where(np.arange(shape[1]) > 0, steps, 0.0), axis=1)


def relaxation_growth(
    claim: Claim, study: Study, at: float, rng: np.random.Generator
) -> Mapping[str, xr.Dataset]:
    """Relaxation times that grow by a factor for each bit of a step, on levels of layers."""
    shape = sizes(study)
    steps, end = _steps(shape, rng)
    logs = 6.5 + 0.5 * rng.standard_normal(shape[1]) + 0.43 * scatter(shape, rng)
    logs += np.log(at) * (steps - steps.mean(axis=0))
    data = relaxing(study, rng, time=np.exp(np.minimum(logs, 8.2)), end=end)
    return {"information": of_one_case(claim, study, data)}


def relaxation_with_bits(
    claim: Claim, study: Study, at: float, rng: np.random.Generator
) -> Mapping[str, xr.Dataset]:
    """Relaxation times with a rank correlation to the step, on levels of layers."""
    shape = sizes(study)
    steps, end = _steps(shape, rng)
    own = (steps - steps.mean(axis=0)) / steps.std(axis=0)
    logs = 6.5 + 0.5 * rng.standard_normal(shape[1]) + 0.43 * correlated(own, at, rng)
    data = relaxing(study, rng, time=np.exp(np.minimum(logs, 8.2)), end=end)
    return {"information": of_one_case(claim, study, data)}


def _with_layers(study: Study, hidden: Iterable[int]) -> Study:
    """The study with other hidden layers."""
    network = study.network.model_copy(update={"layers": tuple(hidden)})
    return study.model_copy(update={"network": network})


def _depths(
    claim: Claim, study: Study, rng: np.random.Generator,
    logs_of: Callable[[int, np.ndarray], np.ndarray],
) -> Mapping[str, xr.Dataset]:  # fmt: skip
    """One to six hidden layers that share 11 bits of compression, with times of their steps."""
    depths = study.sweep.keys["network.layers"]
    parts = []
    for k, hidden in enumerate(depths):
        one = _with_layers(study, hidden)
        shape = sizes(one)
        mean = 11 * rng.dirichlet(np.full(shape[1] - 1, 2.0))
        steps = np.concatenate([[0.0], mean]) + 0.3 * rng.standard_normal(shape)
        end = 12 - np.cumsum(np.where(np.arange(shape[1]) > 0, steps, 0.0), axis=1)
        logs = logs_of(k, np.concatenate([[0.0], mean])) + 0.43 * scatter(shape, rng)
        parts.append(relaxing(one, rng, time=np.exp(np.clip(logs, 0.0, 8.3)), end=end))
    whole = xr.concat(parts, dim="case", join="outer", combine_attrs="override")
    names = ["-".join(map(str, hidden)) for hidden in depths]
    return {"information": whole.assign_coords(case=names, swept_layers=("case", names))}


def relaxation_growth_across(
    claim: Claim, study: Study, at: float, rng: np.random.Generator
) -> Mapping[str, xr.Dataset]:
    """Times that grow by a factor for each bit, with levels of layers that all depths share."""
    deepest = max(map(len, study.sweep.keys["network.layers"])) + 1
    levels, output = 0.4 * rng.standard_normal(deepest), 0.4 * rng.standard_normal()
    base = min(6.5, 8.0 - 11 * np.log(at))

    def logs(depth: int, steps: np.ndarray) -> np.ndarray:
        level = np.append(levels[: len(steps) - 1], output)
        return base + level + np.log(at) * steps + 0.2 * rng.standard_normal(len(steps))

    return _depths(claim, study, rng, logs)


def time_with_steps(
    claim: Claim, study: Study, at: float, rng: np.random.Generator
) -> Mapping[str, xr.Dataset]:
    """Times of outputs in the order of the sum of 2^steps, or in any order."""
    if not at:
        return _depths(claim, study, rng, lambda depth, steps: 6 + 0.5 * rng.standard_normal())
    return _depths(
        claim, study, rng, lambda depth, steps: 3 + 0.5 * np.log((2.0 ** steps[1:]).sum())
    )


def relaxation_epochs(
    claim: Claim, study: Study, at: float, rng: np.random.Generator
) -> Mapping[str, xr.Dataset]:
    """Two cases, the first of which takes a given factor longer; each has its own layers."""
    parts, sides = [], cases_of(claim, study)
    for side, factor in zip(sides, (at, 1.0), strict=True):
        one = _with_layers(study, map(int, str(side["layers"]).split("-")))
        logs = 6 + np.log(factor) + 0.43 * scatter(sizes(one), rng)
        parts.append(relaxing(one, rng, time=np.exp(np.minimum(logs, 8.5))))
    return {"information": joined(parts, sides)}


def reaches_label(
    claim: Claim, study: Study, at: float, rng: np.random.Generator
) -> Mapping[str, xr.Dataset]:
    """A share of networks reaches 1 bit by some hundred epochs, the others 0.6 to 0.88 bit."""
    along = axes(study)
    most = np.where(rng.random(len(along["replica"])) < at, 0.98,
                    rng.uniform(0.6, 0.88, len(along["replica"])))  # fmt: skip
    rise = np.clip(np.log1p(along["epoch"]) / np.log(rng.uniform(100, 350)), 0, 1)
    curve = np.ones(tuple(map(len, along.values())))
    curve[..., -1] = rise[:, None] * most
    data = xr.Dataset({"I_TY": (tuple(along), curve)}, coords=along, attrs={"of": "information"})
    return {"information": of_one_case(claim, study, data)}


def _learning(study: Study, **variables: np.ndarray) -> xr.Dataset:
    replicas = np.arange(study.train.replicas)
    data = {"final_loss": np.full(len(replicas), 0.1), **variables}
    return xr.Dataset(
        {n: ("replica", v) for n, v in data.items()} | {"last_epoch": float(study.train.epochs)},
        coords={"replica": replicas}, attrs={"of": "learning"},
    )  # fmt: skip


def _reached(study: Study, logs: np.ndarray) -> np.ndarray:
    """Epochs to an error, NaN where it is not reached in the run."""
    took = np.rint(np.exp(logs))
    return np.where(took <= study.train.epochs, took, np.nan)


def epochs_to_error(
    claim: Claim, study: Study, at: float, rng: np.random.Generator
) -> Mapping[str, xr.Dataset]:
    """Two cases, the first of which takes a given factor longer; networks differ by 0.55 in ln."""
    parts = [
        _learning(study, error_epoch=_reached(
            study, np.log(85 * factor) + 0.55 * rng.standard_normal(study.train.replicas)))
        for factor in (at, 1.0)
    ]  # fmt: skip
    return {"learning": joined(parts, cases_of(claim, study))}


def epochs_to_error_tuned(
    claim: Claim, study: Study, at: float, rng: np.random.Generator
) -> Mapping[str, xr.Dataset]:
    """Depths with a best rate each, the first of which takes a given factor longer at its best.

    At other rates they take longer by the square of the distance; too high ones learn nothing.
    """
    rates = study.sweep.keys["train.learning_rate"]
    replicas = np.arange(study.train.replicas)
    parts, sides = [], [str(side["layers"]) for side in cases_of(claim, study)]
    for factor in (at, 1.0):
        best = rng.uniform(np.log(rates[0]), np.log(rates[-1]))
        away = (np.log(rates) - best) ** 2
        more = np.where(np.log(rates) > best + 1.5, np.inf, 0.3 * (away - away.min()))
        logs = np.log(60 * factor) + 0.55 * rng.standard_normal((len(rates), len(replicas)))
        parts.append(_reached(study, logs + more[:, None]))
    both = ("case", "replica")
    took = np.concatenate(parts)
    return {"learning": xr.Dataset(
        {"error_epoch": (both, took), "final_loss": (both, np.zeros(took.shape)),
         "last_epoch": float(study.train.epochs)},
        coords={"replica": replicas, "swept_layers": ("case", np.repeat(sides, len(rates))),
                "swept_learning_rate": ("case", np.tile(rates, 2))},
        attrs={"of": "learning"},
    )}  # fmt: skip


def test_accuracy(
    claim: Claim, study: Study, at: float, rng: np.random.Generator
) -> Mapping[str, xr.Dataset]:
    """Accuracies that differ between networks by 0.013."""
    accuracy = at + 0.013 * rng.standard_normal(study.train.replicas)
    return {"learning": of_one_case(claim, study, _learning(study, final_test_accuracy=accuracy))}


test_accuracy.__test__ = False  # type: ignore[attr-defined]


def overtraining(
    claim: Claim, study: Study, at: float, rng: np.random.Generator
) -> Mapping[str, xr.Dataset]:
    """Rises of the test loss that differ between networks by 0.09 nats."""
    rise = at + 0.09 * rng.standard_normal(study.train.replicas)
    return {"learning": of_one_case(claim, study, _learning(study, overtraining=rise))}


def compression_with_accuracy(
    claim: Claim, study: Study, at: float, rng: np.random.Generator
) -> Mapping[str, xr.Dataset]:
    """Losses with a rank correlation to accuracy, in every layer; layers are alike besides."""
    shape = sizes(study)
    accuracy = rng.standard_normal((shape[0], 1))
    r = 2 * np.sin(np.pi * at / 6)
    own = r * accuracy + np.sqrt(1 - r**2) * scatter(shape, rng, alike=0.3)
    data = relaxing(study, rng, time=np.full(shape, 1000.0), lost=np.maximum(4 + 0.8 * own, 0.2))
    patterns = 819  # a fifth of 4096 is for tests
    tested = np.rint(patterns * (0.96 + 0.013 * accuracy[:, 0])) / patterns
    return {
        "information": of_one_case(claim, study, data),
        "learning": of_one_case(claim, study, _learning(study, final_test_accuracy=tested)),
    }


def entropy_growth(
    claim: Claim, study: Study, at: float, rng: np.random.Generator
) -> Mapping[str, xr.Dataset]:
    """Clouds of twins along four directions, whose variances grow like a power of time.

    Half of the families are measured; variances fall from direction to direction as those of the
    gradient noise, and layers differ in their growth by 0.1 about the mean.
    """
    modes, layers = 4, len(study.network.layers) + 1
    twins = study.train.twins
    families = study.train.replicas // twins // 2
    freedom = families * (twins - 1)
    growth = 0.1 * rng.standard_normal(layers)
    growth += at - growth.mean()
    falls = 1 / np.sqrt(np.arange(1, modes + 1))
    z = rng.standard_normal((2, layers, families, twins, modes)) * falls
    before = 10 ** (-growth / 2)[:, None, None, None]
    kept = np.where(growth > 0.05, before[:, 0, 0, 0], 0.3)[:, None, None, None]
    # the cloud of a tenth of the time is part of that of the end
    end = kept * z[0] + np.sqrt(1 - kept**2) * z[1]
    y = np.stack([before * z[0], end])
    y -= y.mean(axis=3, keepdims=True)
    y = y.reshape(2, layers, -1, modes)
    logs = np.linalg.slogdet(np.einsum("mlri,mlrj->mlij", y, y) / freedom)[1]
    entropy = 0.5 * (logs - log_determinant_bias(freedom, modes))[..., None]
    half_width = entropy_half_width(freedom, modes)
    ends = {"entropy": 0.0, "entropy_low": -half_width, "entropy_high": half_width}
    last = float(study.train.epochs)
    data = xr.Dataset(
        {n: (("mark", "layer", "cloud"), entropy + more) for n, more in ends.items()},
        coords={"mark_epoch": ("mark", [last / 10, last]), "layer": np.arange(1, layers + 1),
                "cloud": ["noise"]},
        attrs={"of": "entropy", "modes": modes},
    )  # fmt: skip
    return {"entropy": of_one_case(claim, study, data)}


def entropy_half_width(freedom: int, modes: int) -> float:
    """Half-width of the 95% interval of a Gaussian cloud's entropy."""
    from scipy.special import polygamma

    variance = polygamma(1, (freedom + 1 - np.arange(1, modes + 1)) / 2).sum()
    return float(1.96 * 0.5 * np.sqrt(variance))


BURSTS = np.array([0.0, 148, 298, 602, 1213, 2443, 4924, 9926])
"""Epochs at which the bursts of the study begin."""


def _chosen_bursts(claim: Claim, at: float, others: float) -> np.ndarray:
    """A value in the bursts that a claim is about, and another one in all others."""
    wanted = np.atleast_1d(claim.where["burst_epoch"])
    chosen = [int(np.abs(BURSTS - w).argmin()) for w in wanted]
    return np.where(np.isin(np.arange(len(BURSTS)), chosen), at, others)


def wiener_share(
    claim: Claim, study: Study, at: float, rng: np.random.Generator
) -> Mapping[str, xr.Dataset]:
    """Ten weights of each family and layer that pass, or do not; families differ by 0.1."""
    null, layers = 0.95, len(study.network.layers) + 1
    families = study.train.replicas // study.train.twins
    p = null * _chosen_bursts(claim, at, 1.0 - min(at, 1.0))[None, :, None]
    own = np.clip(p + 0.1 * np.sqrt(p * (1 - p)) * rng.standard_normal(
        (families, len(BURSTS), layers)), 0, 1)  # fmt: skip
    passes = rng.binomial(10, own) / 10
    ends = np.array([
        [share_interval(v, np.repeat(v, 10)) for v in passes[:, b].T] for b in range(len(BURSTS))
    ])  # fmt: skip
    names = {"passes": passes.mean(axis=0), "passes_low": ends[..., 0], "passes_high": ends[..., 1]}
    data = xr.Dataset(
        {n: (("burst", "layer"), v) for n, v in names.items()} | {"null_passes": null}
    )
    data = data.assign_coords(burst_epoch=("burst", BURSTS)).assign_attrs(of="diffusion")
    return {"diffusion": of_one_case(claim, study, data)}


def diffusion_over_noise(
    claim: Claim, study: Study, at: float, rng: np.random.Generator
) -> Mapping[str, xr.Dataset]:
    """D of families over that of the noise, which differ by 0.2 in ln; without any a hundredth."""
    layers, lags = len(study.network.layers) + 1, np.array([1.0, 4.0, 16.0])
    families = study.train.replicas // study.train.twins
    level = _chosen_bursts(claim, at or 0.01, 1.0 if at != 1 else 0.1)
    truth = np.where(lags == 16, level[:, None], 1.0)[..., None]  # (burst, lag, layer)
    own = truth * np.exp(0.2 * rng.standard_normal((families, *truth.shape[:2], layers)) - 0.02)
    mean = own.mean(axis=0)
    low, high = jackknife_interval(mean, means_without_each(own), families, kind="positive")
    ends = {"diffusion_ratio": mean, "diffusion_ratio_low": low, "diffusion_ratio_high": high}
    data = xr.Dataset(
        {n: (("burst", "lag", "layer"), v) for n, v in ends.items()},
        coords={"burst_epoch": ("burst", BURSTS), "lag_epochs": ("lag", lags)},
        attrs={"of": "diffusion"},
    )
    return {"diffusion": of_one_case(claim, study, data)}


RELATIONS: dict[str, Situation] = {
    "rate_with_ratio": across(_phases("late_gradient_ratio"), "phases"),
    "rate_with_ratio_within": within(_phases("late_gradient_ratio"), "phases"),
    "rate_with_displacement": across(_phases("late_diffusion"), "phases"),
    "rate_with_displacement_within": within(_phases("late_diffusion"), "phases"),
    "rate_with_entropy": across(_entropy, "entropy"),
    "rate_with_diffusion": across(_twins, "entropy"),
    "rate_with_diffusion_within": within(_twins, "entropy"),
    "onset_with_onset": onset_with_onset,
    "speed_after_onset": speed_after_onset,
    "relaxation_growth": relaxation_growth,
    "relaxation_growth_across": relaxation_growth_across,
    "relaxation_with_bits": relaxation_with_bits,
    "relaxation_epochs": relaxation_epochs,
    "time_with_steps": time_with_steps,
    "reaches_label": reaches_label,
    "epochs_to_error": epochs_to_error,
    "epochs_to_error_tuned": epochs_to_error_tuned,
    "test_accuracy": test_accuracy,
    "overtraining": overtraining,
    "compression_with_accuracy": compression_with_accuracy,
    "entropy_growth": entropy_growth,
    "wiener_share": wiener_share,
    "diffusion_over_noise": diffusion_over_noise,
}
