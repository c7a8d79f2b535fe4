"""Count the verdicts of every claim where the answer is known, and write docs/claims.md.

Run as ``python tests/claims``, with names of studies to count these alone and print them.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from counting import MORE_TRIALS, TRIALS, Case, cases, count, passes
from situations import SITUATIONS

from sgdphys.claims.verdicts import SUPPORTED
from sgdphys.study.files import shipped_studies

PAGE = Path(__file__).parents[2] / "docs" / "claims.md"
HEAD = f"""# How often each claim is supported where the answer is known

Written by `python tests/claims`. Every claim is judged {TRIALS} times, by the code that judges a
study, on simulated results: of what its null describes, of what lies exactly at its threshold, and
of the effect that it must detect. SUPPORTED may come out in at most 18 of {TRIALS} on null and
threshold, and must in at least 147 on the effect (99% binomial limits of 5% and 80%); a count
outside is repeated once with {MORE_TRIALS}. Checks of the instrument are not counted.

| study | claim | statistic | case | value | supported | of | within |
| --- | --- | --- | --- | --- | --- | --- | --- |
"""


def rows(studies: Iterable[str]) -> Iterable[str]:
    """One line a case."""
    for case in cases(list(studies)):
        words = count(case, SITUATIONS)
        if not passes(case, words):
            words = count(case, SITUATIONS, MORE_TRIALS)
        yield row(case, words[SUPPORTED], words.total(), is_within=passes(case, words))


def row(case: Case, supported: int, trials: int, *, is_within: bool) -> str:
    cells = [case.study, case.name, case.claim.statistic, case.what, f"{case.at:g}"]
    cells += [str(supported), str(trials), "yes" if is_within else "**no**"]
    return "| " + " | ".join(cells) + " |"


def main(names: list[str]) -> None:
    studies = names or [name for name in shipped_studies() if name != "opening_the_black_box"]
    lines = []
    for line in rows(studies):
        print(line, flush=True)
        lines.append(line)
    if not names:
        PAGE.write_text(HEAD + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
