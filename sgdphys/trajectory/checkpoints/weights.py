"""Which of the tensors in a checkpoint are the network's weights, and in what order."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from sgdphys.errors import InputError, nearest
from sgdphys.trajectory.checkpoints.values import is_real, is_tensor

_WRAPPERS = ("state_dict", "model_state_dict", "model", "module")
"""Names of the weights in checkpoints, before those of their copies."""
_NO_WEIGHTS = frozenset(
    "optim optimizer optimizers opt scheduler schedulers sched scaler scalers rng random callback "
    "callbacks loops hyper hparams args config cfg loss losses metric metrics acc accuracy history "
    "log logs stats sampler lr score scores error errors grad grads gradient gradients".split()
)
"""Words in names of what is never weights."""
_STEP_NAMES = ("global_step", "step", "iteration", "iter", "num_updates", "epoch")
_PREFIXES = ("module.", "_orig_mod.")
"""Prefixes that wrappers (data parallel, compiled) add to every name."""


def weights_in(
    loaded: Any, path: Any, key: str | None = None, passed_over: list[str] | None = None
) -> dict[str, Any]:
    """Return the tensors that are weights, by name, including integers.

    Parameters
    ----------
    loaded : mapping, or list of tensors
        Contents of a file.
    path : path
        Named in refusals.
    key : str, optional
        Dotted path of the mapping to take.
    passed_over : list of str, optional
        Gets the names of further mappings of tensors.

    Raises
    ------
    InputError
        When there are none, or it is not certain which they are.
    """
    if key:
        loaded = _at(loaded, key, path)
        if is_tensor(loaded):
            return {key.rpartition(".")[2]: loaded}
    mapping = _as_mapping(loaded)
    if mapping is None:
        raise InputError(
            f"{path} holds {_article(type(loaded).__name__)}, not weights by name; save "
            "model.state_dict()"
        )
    passed = [] if passed_over is None else passed_over
    found = _chosen(mapping, path, passed, is_top=key is None)
    if not any(is_real(t) for t in found.values()):
        inside = ", ".join(map(str, list(mapping)[:8])) or "nothing"
        raise InputError(
            f"{path} holds no weights of real numbers that can be told from the rest (it holds "
            f'{inside}); name where they are, as in --key model or key="model"'
        )
    return _without_prefixes(found)


def _article(name: str) -> str:
    return f"an {name}" if name[:1].lower() in "aeiou" else f"a {name}"


def _as_mapping(value: Any) -> Mapping[Any, Any] | None:
    """A mapping, or a list of tensors and mappings as one."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, list | tuple) and value:
        if all(is_tensor(v) or isinstance(v, Mapping | list | tuple) for v in value):
            return dict(enumerate(value))
    return None


def _chosen(
    mapping: Mapping[Any, Any], path: Any, passed: list[str], *, is_top: bool
) -> dict[str, Any]:
    if "param_groups" in mapping:  # the state of an optimizer
        return {}
    loose: dict[str, Any] = {}
    inner: dict[str, dict[str, Any]] = {}
    for own, value in mapping.items():
        name = str(own)
        if is_tensor(value):
            loose[name] = value
            continue
        nested = _as_mapping(value)
        if nested is None:
            continue
        inside: list[str] = []
        found = _chosen(nested, path, inside, is_top=is_top and name in _WRAPPERS)
        if found and is_top and _is_no_weight(name):
            passed.append(name)
        elif found and is_top and all(map(_is_measured, found)):
            passed.append(name)
        elif found and (not is_top or name in _WRAPPERS or any(map(_is_array, found.values()))):
            passed.extend(f"{name}.{own}" for own in inside)
            inner[name] = found
    if not is_top:  # a tree of weights
        return loose | {f"{n}.{k}": t for n, found in inner.items() for k, t in found.items()}
    if not inner:
        measured = [n for n in loose if _is_measured(n)]
        passed.extend(measured)
        return {n: t for n, t in loose.items() if n not in measured}
    known = [name for name in _WRAPPERS if name in inner]
    if known:
        passed.extend([*(n for n in inner if n != known[0]), *loose])
        return inner[known[0]]
    uncertain = [n for n, t in loose.items() if _size(t) > 1 and not _is_no_weight(n)]
    if uncertain:
        raise InputError(
            f"{path} holds tensors ({', '.join(uncertain[:4])}) beside {', '.join(inner)}; say "
            f"which are the weights, as in --key {next(iter(inner))}"
        )
    passed.extend(loose)
    if len(inner) == 1:
        return next(iter(inner.values()))
    return {f"{n}.{k}": t for n, found in inner.items() for k, t in found.items()}


def _is_array(tensor: Any) -> bool:
    """Whether a tensor holds several real numbers."""
    return _size(tensor) > 1 and is_real(tensor)


def _is_no_weight(name: str) -> bool:
    """Whether a name without dots is that of a step, a loss, an optimizer ..."""
    words = re.split(r"[_\W]+", name.lower())
    return "." not in name and (name in _STEP_NAMES or not _NO_WEIGHTS.isdisjoint(words))


def _is_measured(name: str) -> bool:
    """Whether a name ends in such a word: train_loss is no weight of any size, log_std may be."""
    return _is_no_weight(own := name.rpartition(".")[2]) and (
        own in _STEP_NAMES
        or re.split(r"[_\W]+", own.lower().rstrip("0123456789_"))[-1] in _NO_WEIGHTS
    )


def _size(tensor: Any) -> int:
    return int(tensor.size if not callable(tensor.size) else tensor.numel())


def _at(loaded: Any, key: str, path: Any) -> Any:
    """The value at a dotted path; names may contain dots."""
    mapping = _as_mapping(loaded)
    if mapping is not None:
        for own, value in mapping.items():
            if str(own) == key:
                return value
            if key.startswith(f"{own}."):
                return _at(value, key[len(str(own)) + 1 :], path)
    known = [str(k) for k in mapping] if mapping is not None else []
    hint = nearest(key, known[:12]) if known else "there is nothing below"
    raise InputError(f"{path} has no key {key!r}; {hint}")


def _without_prefixes(found: dict[str, Any]) -> dict[str, Any]:
    while True:
        for prefix in _PREFIXES:
            if found and all(name.startswith(prefix) for name in found):
                found = {name[len(prefix) :]: value for name, value in found.items()}
                break
        else:
            return found


def in_natural_order(names: Iterable[str]) -> list[str]:
    """Names sorted with numbers as numbers (2 before 10), the weight of a module before its bias.

    For files that keep no order of their own.
    """

    def rank(name: str) -> tuple[Any, ...]:
        module, _, own = name.rpartition(".")
        kind = {"weight": 0, "kernel": 0, "bias": 1}.get(own, 2)
        return _natural(module), kind, _natural(own)

    return sorted(names, key=rank)


def _natural(text: str) -> tuple[tuple[int, int, str], ...]:
    parts = re.split(r"(\d+)", text)
    return tuple((0, int(p), "") if p.isdigit() else (1, 0, p) for p in parts if p)
