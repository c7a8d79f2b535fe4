"""What every claim of the studies that come with the package says about itself."""

import numpy as np
import pytest
from counting import cases, study_of
from situations import SITUATIONS

from sgdphys.study.files import shipped_studies

CLAIMS = [
    (f"{study}/{name}", claim, of)
    for study, of in ((s, study_of(s)) for s in shipped_studies())
    for name, claim in of.claims.items()
]
COUNTED = [(name, claim, of) for name, claim, of in CLAIMS if claim.kind != "instrument"]
CONFOUNDED = ("batch_size", "sampling", "train_fraction", "learning_rate", "optimiser", "momentum")
"""Settings of which equal epochs are different numbers of updates, or different training times."""


def names(claims):
    return [name for name, _, _ in claims]


@pytest.mark.parametrize(("name", "claim", "study"), COUNTED, ids=names(COUNTED))
def test_a_claim_says_what_it_is_and_what_it_detects(name, claim, study):
    given = claim.model_fields_set
    assert {"kind", "written", "window", "clock", "at_null", "detects"} <= given, name
    assert claim.statistic in SITUATIONS, claim.statistic


@pytest.mark.parametrize(("name", "claim", "study"), COUNTED, ids=names(COUNTED))
def test_the_effect_is_at_most_twice_as_far_from_the_null_as_the_threshold(name, claim, study):
    """Unless the source states the effect; two thresholds detect a value between them.

    Correlations over a handful of layers, which are exploratory, can but detect a perfect order.
    """
    has_two = claim.above is not None and claim.below is not None
    if claim.states or has_two or claim.kind == "exploratory":
        return
    threshold = claim.above if claim.below is None else claim.below
    values = np.array([claim.at_null, threshold, claim.detects])
    scales = [values, np.log(values)] if (values > 0).all() else [values]
    assert any(abs(v[2] - v[0]) <= 2.01 * abs(v[1] - v[0]) for v in scales)


@pytest.mark.parametrize(("name", "claim", "study"), COUNTED, ids=names(COUNTED))
def test_settings_are_never_compared_at_equal_epochs_alone(name, claim, study):
    if not set(CONFOUNDED) & claim.against.keys():
        return
    assert claim.clock != "epochs"


def test_there_is_something_to_count():
    assert len(list(cases(["sampler"]))) > 5
