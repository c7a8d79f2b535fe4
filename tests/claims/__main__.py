"""Count the verdicts of every claim where the answer is known, and write docs/claims.md.

``python tests/claims`` counts all claims; ``python tests/claims sampler tails`` those of some
studies, and prints them; ``--update`` puts these into the page, whose other rows stay.
"""

import os

os.environ |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # before numpy: small arrays

import argparse
import datetime
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from counting import MORE_TRIALS, PAGE, TRIALS, Case, cases, count, passes, start_of
from situations import SITUATIONS

from sgdphys.claims.verdicts import SUPPORTED
from sgdphys.study.files import shipped_studies

HEAD = f"""# How often each claim is supported where the answer is known

Written by `python tests/claims`, each row on its day. Every claim is judged {TRIALS} times, by the
code that judges a study, on simulated results: of what its null describes, of what lies exactly at
its threshold, and of the effect that it must detect. SUPPORTED may come out in at most 18 of
{TRIALS} on null and threshold, and must in at least 147 on the effect (99% binomial limits of 5%
and 80%); a count outside is repeated once with {MORE_TRIALS}. Checks of the instrument are not
counted. {{counted}} of {{cases}} cases are counted, {{outside}} of them outside.

| study | claim | statistic | case | value | supported | of | within | counted |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
"""
OUTSIDE = "**no**"


def every_case() -> list[Case]:
    """All cases of the shipped studies; a study of studies has no claims of its own."""
    return list(cases(shipped_studies()))


def row(case: Case) -> str:
    """The row of a case: counted, and outside once more with more."""
    words = count(case, SITUATIONS)
    if not passes(case, words):
        words = count(case, SITUATIONS, MORE_TRIALS)
    today = str(datetime.datetime.now(datetime.UTC).date())
    within = "yes" if passes(case, words) else OUTSIDE
    return start_of(case) + f"{words[SUPPORTED]} | {words.total()} | {within} | {today} |"


def page(rows: list[str]) -> str:
    """The page, from rows in any order; those of cases that are no more are left out."""
    every = every_case()
    found = [text for case in every for text in rows if text.startswith(start_of(case))]
    outside = sum(OUTSIDE in text for text in found)
    head = HEAD.format(counted=len(found), cases=len(every), outside=outside)
    return head + "\n".join(found) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("studies", nargs="*", help="studies whose claims are counted")
    parser.add_argument("--update", action="store_true", help="put those named into the page")
    chosen = parser.parse_args()
    every = every_case()
    known = list(dict.fromkeys(case.study for case in every))
    if unknown := [study for study in chosen.studies if study not in known]:
        parser.error(f"no claims of {', '.join(unknown)}; there are those of {', '.join(known)}")
    rows, starts = [], []
    for case in every:
        if not chosen.studies or case.study in chosen.studies:
            rows.append(row(case))
            starts.append(start_of(case))
            print(rows[-1], flush=True)
    if chosen.update or not chosen.studies:
        kept = PAGE.read_text(encoding="utf-8").splitlines() if chosen.update else []
        kept = [text for text in kept if not text.startswith(tuple(starts))]
        PAGE.write_text(page([*rows, *kept]), encoding="utf-8")
    return int(any(OUTSIDE in text for text in rows))


if __name__ == "__main__":
    sys.exit(main())
