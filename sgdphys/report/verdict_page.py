"""Every verdict of one or several runs as Markdown, for a page of documentation."""

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from sgdphys.claims.claim import Claim
from sgdphys.claims.verdicts import (
    FALSE_DISCOVERIES,
    NOT_SUPPORTED,
    SUPPORTED,
    WORDS,
    Verdict,
)
from sgdphys.errors import InputError
from sgdphys.study.files import load_study, shipped_studies
from sgdphys.study.runs import VERDICTS, Run
from sgdphys.study.study_file import STUDY_FILE

_WHOLE = Claim.model_fields["window"].default
KINDS = {
    "paper": "of the paper",
    "critic": "of its critics",
    "exploratory": "exploratory",
    "instrument": "checks of the instrument",
}


def verdict_page(folders: Sequence[Path]) -> str:
    """Return the verdicts of a run as Markdown, beside those of further runs of the same claims.

    Parameters
    ----------
    folders : sequence of Path
        The first run's claims have rows; those of the others, such as other seeds, a column each.

    Raises
    ------
    InputError
        For a folder that holds no run, or one whose run has no verdicts.
    """
    runs = [Run(folder) for folder in folders]
    found = [_judged(run) for run in runs]
    lines = [f"# {runs[0].study.title}: verdicts", ""]
    for run in runs:
        lines += [f"{run.mark}.", ""] if run.mark else []
    lines += [*_counts(found[0]), "", _RULES.format(share=FALSE_DISCOVERIES), ""]
    for run in runs:
        lines += [f"{said}.", ""] if (said := _not_judged(run)) else []
    others = [{v.claim: v for v in verdicts} for verdicts in found[1:]]
    for run, again in zip(runs[1:], others, strict=True):
        lines += [_kept(run.study.title, found[0], again), ""]
    titles = [run.study.title for run in runs[1:]]
    for part, verdicts in _by_part(found[0]).items():
        lines += [f"## {_title(runs[0], part)}", "", *_table(verdicts, titles, others), ""]
    return "\n".join(lines)


def _title(run: Run, part: str) -> str:
    """Title of a part's study, or of the run's own."""
    return (run.parts[part] if part else run).study.title


def _judged(run: Run) -> list[Verdict]:
    """The verdicts of a run, which must have some."""
    found = list(run.verdicts)
    if not found:
        raise InputError(f"{run.folder} has no verdicts; carry its study out to the end first")
    return found


def study_index(folders: Sequence[Path]) -> str:
    """Return the studies that come with the package as Markdown, with the verdicts of runs.

    Parameters
    ----------
    folders : sequence of Path
        Runs of studies that come with the package, or of studies of them.

    Raises
    ------
    InputError
        For a folder that holds no run, or one whose run has no verdicts.
    """
    of_title: dict[str, list[Verdict]] = {}
    for run in map(Run, folders):
        for part, verdicts in _by_part(_judged(run)).items():
            of_title.setdefault(_title(run, part), verdicts)  # of a study with two seeds the first
    lines = [_INDEX, ""]
    lines += [_row(["study", "question", "verdicts"]), _row(["---"] * 3)]
    for name, path in shipped_studies().items():
        counts = Counter(v.word for v in of_title.get(load_study(path)[1].title, []))
        words = ", ".join(f"{counts[word]} {word}" for word in WORDS if counts[word])
        lines.append(_row([f"`{name}.toml`", _heading(path), words]))
    return "\n".join(lines) + "\n"


_INDEX = """# Studies

One TOML file per study. `sgdphys studies` lists them, and `sgdphys run NAME` carries one out in any
folder. Keys of the task, network, training and recording that are left out have the defaults of
`information_plane.toml`. The file of a study contains its claims, each with its statistic, null,
threshold and the effect that it detects. The verdicts stand in
[docs/results.md](../docs/results.md) for the paper and its critics, and in
[docs/results_capacity.md](../docs/results_capacity.md) for random labels.

Granger causality is not among the statistics, since it needs stationary series and training is a
transient. Instead, events are compared by their order in every network, and quantities by rank
correlation with a permutation null."""


def _heading(path: Path) -> str:
    """The comment at the head of a study's file, as one paragraph."""
    lines = path.read_text(encoding="utf-8").splitlines()
    comment = itertools.takewhile(lambda line: line.startswith("#"), lines)
    return " ".join(line.lstrip("# ") for line in comment)


_RULES = (
    "A claim is supported if the 95% interval of its statistic lies entirely on its side of the "
    "threshold, not supported if entirely on the other side, and inconclusive otherwise. "
    '"After" marks rules that were written or changed after the data of this run had been seen. '
    "A verdict survives if it is among those with a share of false discoveries of at most "
    "{share:.0%} (Benjamini and Hochberg) over the claims of the paper and its critics whose rule "
    "stood before the data. Claims of one study share a recording, so they are not independent."
)


def _counts(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """How many claims of each kind have which verdict, as a table."""
    words = [word for word in WORDS if any(v.word == word for v in verdicts)]
    yield _row(["claims", *words, "survive"])
    yield _row(["---"] * (len(words) + 2))
    for kind, said in KINDS.items():
        of_kind = [v for v in verdicts if v.kind == kind]
        counts = Counter(v.word for v in of_kind)
        survive = sum(v.survives == "yes" for v in of_kind)
        if of_kind:
            yield _row([said, *(str(counts[word]) for word in words), str(survive)])


def _kept(title: str, verdicts: Sequence[Verdict], again: dict[str, Verdict]) -> str:
    """How many claims have the same word in another run, in a sentence."""
    pairs = [(v, again[v.claim]) for v in verdicts if v.claim in again]
    kept = sum(first.word == second.word for first, second in pairs)
    turned = [
        first.claim
        for first, second in pairs
        if {first.word, second.word} == {SUPPORTED, NOT_SUPPORTED}
    ]
    said = f": {', '.join(turned)}" if turned else ""
    return (
        f'"{title}": {kept} of {len(pairs)} claims have the same word; {len(turned)} turn from '
        f"supported to not supported or back{said}."
    )


def _not_judged(run: Run) -> str:
    """Which parts with claims have no verdicts, in words; empty where all have."""
    lacking = [
        name
        for name, part in run.parts.items()
        if not (part.folder / STUDY_FILE).is_file()
        or (part.study.claims and not (part.folder / VERDICTS).is_file())
    ]
    if not lacking:
        return ""
    return f"{len(lacking)} of {len(run.parts)} parts have no verdicts yet: {', '.join(lacking)}"


def _by_part(verdicts: Sequence[Verdict]) -> dict[str, list[Verdict]]:
    parts: dict[str, list[Verdict]] = {}
    for v in verdicts:
        parts.setdefault(v.claim.rpartition("/")[0], []).append(v)
    return parts


def _table(
    verdicts: Sequence[Verdict], titles: Sequence[str], others: Sequence[dict[str, Verdict]]
) -> Iterator[str]:
    heads = ["claim", "kind", "judged on", "estimate [95%]", "supported if", "verdict", "survives"]
    yield _row([*heads, *titles])
    yield _row(["---"] * (len(heads) + len(titles)))
    for v in verdicts:
        kind = v.kind if v.written == "before" else f"{v.kind}, after"
        window = f"{v.window}, in {v.clock}" if v.clock else v.window
        if v.where and v.window == _WHOLE:  # no words of the claim's own say where it is judged
            window = f"{v.where}; {window}"
        again = [other.get(v.claim) for other in others]
        beside = ["" if one is None else _beside(one) for one in again]
        claim = f"{v.says} ({v.by})"
        yield _row([claim, kind, window, v.estimate, v.rule, v.word, v.survives, *beside])


def _beside(v: Verdict) -> str:
    word = f"{v.word}, does not survive" if v.survives == "no" else v.word
    return f"{word}, {v.estimate}"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
