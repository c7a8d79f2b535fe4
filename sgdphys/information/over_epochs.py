"""Information of every layer of the networks of a trajectory, epoch by epoch."""

from collections.abc import Callable, Iterable

import numpy as np
import xarray as xr

from sgdphys import parallel
from sgdphys.arguments import checked
from sgdphys.containers import require_kind
from sgdphys.draws import Seed
from sgdphys.errors import InputError
from sgdphys.information.estimators.histogram import binning
from sgdphys.information.estimators.replay import EACH_EPOCH, Range, replayed
from sgdphys.information.estimators.table import Settings, estimated, require_estimator
from sgdphys.information.layers import inputs_of, perceptron_layers, weights_at
from sgdphys.information.samples import whole_labels
from sgdphys.networks import from_description
from sgdphys.quantities import attributes

PATTERNS = ("all", "train", "test")


@checked
def layer_information(
    trajectory: xr.DataTree,
    task: xr.Dataset,
    *,
    estimator: str = "binned",
    activations: Callable[[np.ndarray], list[np.ndarray]] | None = None,
    epochs: Iterable[int] | None = None,
    bins: int = 30,
    edges: str = "full",
    bin_range: Range = None,
    labels: str = "hard",
    patterns: str = "all",
    noise_variance: float = 1e-3,
    neighbours: int = 3,
    rng: Seed = 0,
    threads: int | None = None,
) -> xr.Dataset:
    """Information plane: I(X;T) and I(T;Y) of every layer, epoch by epoch, from recorded weights.

    Parameters
    ----------
    trajectory : DataTree
        With weights at the epochs asked for; of perceptrons, unless activations are given.
    task : Dataset
        x (sample, feature), y (sample), and p_y_given_x (sample, label) for soft labels.
    estimator : str
        "binned"; or, on all patterns and hard labels, and much slower: "equal_mass"; "net_input",
        bins equal in the net input from -50 to 50; "precision", a cell for every distinct float32
        row; "kde_lower", "kde_upper"; "neighbours", I_TY alone; "noisy", hidden layers of a network
        with layer noise; "gaussian", I_XT alone: linear networks, Gaussian inputs of the task's
        covariance, noise of ``noise_variance`` on every unit.
    activations : callable, optional
        Maps the weights of one network (parameter,) to the activations (sample, unit) of each of
        its layers, for networks that are not perceptrons: ``engines.activations.activations_of``.
        Bins then range over the extremes of each layer over all networks and epochs.
    epochs : iterable of int, optional
        Epochs whose weights were recorded; by default those of the training curves that were.
    bins : int
        Bins of each unit, at least 2.
    edges : str
        "full" or "as_published"; see ``histogram.binning``.
    bin_range : (float, float) or "epoch", optional
        Range of the bins of hidden layers. By default that of the activation function, and where it
        is unbounded the extremes of each replica's layer over all its units, samples and epochs.
        With "epoch" the extremes over units and samples at each epoch: bins that do not follow the
        norm of the weights, which grows.
    labels : str
        "hard" or "soft".
    patterns : str
        "all", or each replica's "train" or "test" samples.
    noise_variance, neighbours
        Of the kernel bounds and of the nearest neighbours.
    rng : int, SeedSequence or Generator
        Seed of the permuted labels, one permutation for each replica.
    threads : int, optional
        Maximum number of threads; all processors by default. See ``sgdphys.parallel``.
        ``activations`` are computed for one network after the other.

    Returns
    -------
    Dataset
        I_XT, I_TY and null_I_TY in bits, occupied, extreme_share, zero_share, status (epoch,
        replica, layer); bin_low, bin_high (replica, layer), with epoch too for a range "epoch";
        order_violations (epoch, replica),
        where information increases from a layer to the next.

    Raises
    ------
    InputError
        For epochs that were not recorded (the nearest are named), a task that does not fit the
        network, too few bins, or an unknown choice.

    See Also
    --------
    compression : Peak and loss of I(X;T).
    layer_cells : The cells of the histograms.
    compare : All estimators for one layer.

    Notes
    -----
    The output is taken after its softmax. Layer noise is not replayed. The samples are taken for
    all inputs there are; for a sample of them histograms read too much where ``occupied`` is large:
    see ``binned_information``. The null is I(T;Y) with randomly permuted labels: with few samples
    per cell it is far above 0.

    References
    ----------
    Shwartz-Ziv and Tishby (2017); Saxe et al. (2018) for the dependence on the bins.

    Examples
    --------
    A layer whose units are single input bits keeps all 12 bits, and I(T;Y) = H(Y):

    >>> import numpy as np
    >>> import xarray as xr
    >>> import sgdphys as sp
    >>> network = {"kind": "perceptron", "sizes": [12, 12], "bias": False}
    >>> theta = ("step", "replica", "parameter"), np.eye(12).reshape(1, 1, 144)
    >>> weights = xr.Dataset({"theta": theta}, {"epoch": ("step", [0]), "replica": [0]})
    >>> root = xr.Dataset(attrs={"network": network})
    >>> trajectory = xr.DataTree.from_dict({"/": root, "weights": weights})
    >>> found = sp.information.layer_information(trajectory, sp.tasks.symmetric_rule())
    >>> round(found["I_XT"].item(), 2), round(found["I_TY"].item(), 2)
    (12.0, 1.0)
    """
    require_kind(trajectory, xr.DataTree, "trajectory", "weights")
    require_kind(task, xr.Dataset, "task", "x", "y")
    require_estimator(estimator)
    if labels not in ("hard", "soft"):
        raise InputError(f"labels is {labels!r}; it can be hard, soft")
    if patterns not in PATTERNS:
        raise InputError(f"patterns is {patterns!r}; it can be {', '.join(PATTERNS)}")
    is_replayed = activations is None and estimator == "binned"
    if not is_replayed and (patterns != "all" or labels != "hard"):
        which = f"estimator {estimator!r}" if activations is None else "activations="
        raise InputError(f"{which} takes all patterns and hard labels only")
    if isinstance(bin_range, str) and bin_range != EACH_EPOCH:
        raise InputError(f"bin_range is {bin_range!r}; it can be two numbers or 'epoch'")
    hidden = (bin_range,) if isinstance(bin_range, tuple) else ()
    settings = Settings(
        bins, noise_variance, neighbours, rng, hidden, of_each_epoch=bin_range == EACH_EPOCH
    )
    with parallel.limited(threads):
        if activations is not None:
            theta, at = weights_at(trajectory, epochs)
            y = _labels_of(task)
            found = estimated(theta, at, activations, y, estimator=estimator, settings=settings)
        else:
            network = from_description(trajectory.attrs.get("network", {}))
            softmax = trajectory.attrs.get("loss") == "cross_entropy"
            x, y = inputs_of(task, network), _labels_of(task)
            soft = _soft_labels(task) if labels == "soft" else None
            binning(-1.0, 1.0, bins, edges)  # refuse invalid bins before any work
            theta, at = weights_at(trajectory, epochs)
            if is_replayed:
                found = replayed(
                    theta, at, network, x, y, softmax=softmax, soft=soft, bins=bins, edges=edges,
                    is_member=_members(trajectory, patterns), bin_range=bin_range, rng=rng,
                )  # fmt: skip
            else:
                found = estimated(
                    theta, at, perceptron_layers(network, x, softmax), y, estimator=estimator,
                    settings=settings, network=network, x=x.astype(np.float64), in_threads=True,
                )  # fmt: skip
    if bin_range == EACH_EPOCH and estimator == "binned":
        found = found.assign_attrs(bin_range=EACH_EPOCH)
    members = ("replica", trajectory["weights"]["replica"].to_numpy(), attributes("replica"))
    return found.assign_coords(replica=members).assign_attrs(
        estimator=estimator, labels=labels, patterns=patterns
    )


def _labels_of(task: xr.Dataset) -> np.ndarray:
    """Whole labels from 0, (sample,), or (replica, sample) where each network has its own."""
    y = task["y"].transpose("replica", "sample", missing_dims="ignore").to_numpy()
    if y.ndim < 2:
        return whole_labels(y)[0]
    return whole_labels(y.ravel())[0].reshape(y.shape)


def _soft_labels(task: xr.Dataset) -> np.ndarray:
    if "p_y_given_x" not in task:
        raise InputError("the task has no soft labels p_y_given_x; use labels='hard'")
    return np.ascontiguousarray(task["p_y_given_x"].to_numpy(), np.float64)


def _members(trajectory: xr.DataTree, patterns: str) -> np.ndarray | None:
    """Samples (replica, sample) that count; None for all."""
    if patterns == "all":
        return None
    is_train = trajectory["split"]["train"].to_numpy()
    return is_train == (patterns == "train")
