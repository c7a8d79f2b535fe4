"""Steps and epochs in names of checkpoints, and numbers that are neither."""

import re

from sgdphys.errors import InputError

_STEP_WORDS = (r"global[_-]?steps?", r"steps?|iterations?|iters?|it|updates?",
               r"checkpoints?|ckpts?|chkpts?")  # fmt: skip
"""Words before a number of updates; where a name has several, the first kind counts."""
_EPOCH_WORDS = (r"epochs?|ep",)
_METRICS = (
    r"(?:val|train|test|best)?[_-]?(?:loss|accuracy|acc|lr|f1|auc|psnr|ssim|m?iou|m?ap|mse|mae|rmse"
    r"|bleu|rouge|wer|cer|fid|score|reward|return|ppl|perplexity|error|err|dice|top\d?|metric"
    r"|bs|batch(?:size)?|wd|val)"
)
_RUN_WORDS = (
    r"runs?|seeds?|folds?|trials?|replicas?|members?|version|rank|exp|experiment|worker|job"
)
_DATE = (
    r"(?<!\d)(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[-_t]?\d{4,6})?(?!\d)"
    r"|(?<!\d)1[5-9]\d{8}(?!\d)"  # seconds since 1970
)
_NEVER_STEPS = re.compile(
    r"\d{4}[-_.]\d{1,2}[-_.]\d{1,2}(?:[-_t ]+\d{2}[-_:.h]?\d{2}(?:[-_:.m]?\d{2})?)?"
    rf"|{_DATE}"
    rf"|(?<![a-z]){_METRICS}[=_\-]*\d+(?:\.\d+)?(?:e-?\d+)?"
    r"|\d+\.\d+(?:e-?\d+)?|\d+e-\d+"
    r"|(?<![a-z])of[-_]?\d+"
)
_VERSION = re.compile(r"[-_]v\d+$")
"""Suffix that Lightning appends to an existing name."""
_THOUSANDS = r"(?<![\d,.'])\d{1,3}(?:[,']\d{3})+(?![\d,'])"
"""A number whose thousands are set apart, as 20,000."""


def step_in(name: str) -> int | None:
    """Number of updates after a step word in a name, or None.

    Raises
    ------
    InputError
        When two numbers could be it, or what follows the word is no whole number.
    """
    for rank, words in enumerate(_STEP_WORDS):
        found = _after(words, name, is_weak=rank == len(_STEP_WORDS) - 1)
        if found:
            return _only(found, name)
    return None


def epoch_in(name: str) -> int | None:
    """Number after the word epoch in a name, or None; raises as ``step_in`` does."""
    found = _after(_EPOCH_WORDS[0], name)
    return _only(found, name) if found else None


def _only(found: list[int], name: str) -> int:
    if len(set(found)) > 1:
        raise InputError(
            f"{name!r} may be of step {' or '.join(map(str, dict.fromkeys(found)))}; say which "
            "with a pattern such as '*step_{step}_*', or give the steps"
        )
    return found[0]


def _after(words: str, name: str, *, is_weak: bool = False) -> list[int]:
    """Numbers after words, or else before them ("500_steps")."""
    text = _plain(name)
    found = []
    for match in re.finditer(rf"(?<![a-z])(?:{words})[=_\-: ]?(-?\d[0-9a-z.]*)", text):
        if is_weak and re.fullmatch(_DATE, match[1]):
            continue
        rest = text[match.end() :]
        if re.match(r"[,']\d", rest) or (
            re.match(r"[_\s]\d{3}(?!\d)", rest) and re.fullmatch(r"\d{1,3}", match[1])
        ):
            raise _unreadable(match[0] + rest[:4], name)
        found.append(_whole(match[1], match[0], name))
    if not found:
        before = rf"(?<![\w.=])(\d[0-9a-z.]*?)[_\- ]?(?:{words})(?![a-z]|[=_\-: ]?\d)"
        before = before.replace(r"[\w.=]", r"[\da-z.=]")
        for match in re.finditer(before, text):
            ahead = text[: match.start()]
            if re.search(r"\d[,']$", ahead) or (
                re.search(r"(?<!\d)\d{1,3}[_\s]$", ahead) and re.fullmatch(r"\d{3}", match[1])
            ):
                raise _unreadable(ahead[-4:] + match[0], name)
            found.append(_whole(match[1], match[0], name))
    return found


def _plain(name: str) -> str:
    """A name in lower case, without the version after it and commas between thousands."""
    text = _VERSION.sub("", name.lower())
    return re.sub(_THOUSANDS, lambda number: re.sub(r"\D", "", number[0]), text)


def _whole(token: str, said: str, name: str) -> int:
    """An integer as written in names: 500, 1e3, 1.5k, 2M."""
    match = re.fullmatch(r"(\d+)(?:\.(\d+))?(?:e(\d{1,2})|([km]))?", token.rstrip("."))
    if match is None:
        raise _unreadable(said, name)
    whole, decimals, exponent, letter = match.groups()
    power = {"k": 3, "m": 6}.get(letter or "", int(exponent or 0))
    decimals = decimals or ""
    if len(decimals) > power:
        raise _unreadable(said, name)
    return int(whole + decimals + "0" * (power - len(decimals)))


def _unreadable(said: str, name: str) -> InputError:
    return InputError(
        f"{said!r} in the name {name!r} is no whole number that can be read with certainty; "
        "give the steps"
    )


def varying_numbers(names: list[str]) -> list[int] | None:
    """The one number that differs between names, or None where none or several do.

    Dates, decimals, metrics, and versions do not count.

    Raises
    ------
    InputError
        When the number says which run it is, several numbers vary, or it counts steps
        in some names and epochs in others.
    """
    _require_one_kind(names)
    cleaned = [_NEVER_STEPS.sub("#", _plain(n)) for n in names]
    numbers = [[int(n) for n in re.findall(r"\d+", text)] for text in cleaned]
    words = [re.sub(r"\d+", "0", text) for text in cleaned]
    if len(set(words)) > 1 or len(names) == 1:
        if any(len(found) != 1 for found in numbers):
            return None
        places = [0]
    else:
        places = [k for k in range(len(numbers[0])) if len({n[k] for n in numbers}) > 1]
    if len(places) != 1:
        if len(places) > 1:
            said = ", ".join(map(str, (numbers[0][k] for k in places)))
            raise InputError(
                f"in {names[0]!r} any of {said} may be the step, since all of them vary between "
                "the names; say which with a pattern such as '*_{step}_*', or give the steps"
            )
        return None
    before = {re.split(r"\d+", text)[places[0]] for text in cleaned}
    if any(re.search(rf"(?<![a-z])(?:{_RUN_WORDS})[=_\-]?$", text) for text in before):
        raise InputError(
            f"{names[0]!r} and the others seem to be different runs, not steps of one; import "
            "each run alone and join them with sgdphys.gather, or give the steps"
        )
    return [found[places[0]] for found in numbers]


def _require_one_kind(names: list[str]) -> None:
    """Refuse numbers that count steps in some names and epochs in others."""
    steps = [n for n in names if step_in(n) is not None]
    epochs = [n for n in names if epoch_in(n) is not None and n not in steps]
    if steps and epochs:
        raise InputError(
            f"{epochs[0]!r} counts epochs and {steps[0]!r} steps; take those of one kind with a "
            "pattern such as '*step_{step}*', or give the steps of all"
        )


def matched(pattern: str, path: str) -> tuple[str, int] | bool | None:
    """Match a pattern such as '*step={step}*' with a path.

    Returns
    -------
    (str, int), bool or None
        The clock, "updates" or "epochs", and its number; True where the pattern matches and names
        none; None where it does not match.
    """
    translated = re.escape(pattern).replace(r"\*", ".*?").replace(r"\?", ".")
    for word in ("step", "epoch"):
        translated = translated.replace(
            re.escape(f"{{{word}}}"), rf"(?<!\d)(?P<{word}>{_THOUSANDS}|\d+(?!\d|[,']\d))", 1
        )
    components = path.split("/")
    texts = [path] if "/" in pattern else [c for c in reversed(components[-3:]) if c]
    for text in texts:
        ahead = "(?:.*/)?" if "/" in pattern else ""
        match = re.fullmatch(ahead + translated, text)
        if match is not None:
            groups = match.groupdict()
            if groups.get("step") is not None:
                return "updates", int(re.sub(r"\D", "", groups["step"]))
            if groups.get("epoch") is not None:
                return "epochs", int(re.sub(r"\D", "", groups["epoch"]))
            return True
    return None
