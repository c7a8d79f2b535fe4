"""The confusion matrix of ``sgdphys.fit`` keeps its limits; docs/confusion.md shows the whole."""

import confusion
import pytest


@pytest.mark.slow
@pytest.mark.parametrize("gaps", [False, True])
def test_the_confusion_matrix_is_within_its_limits(gaps):
    cells = {
        (name, n, gaps): confusion.count(name, n, gaps, 200)
        for name in (*confusion.LISTED, *confusion.FURTHER, *confusion.OFF_LIST)
        for n in confusion.LENGTHS
    }
    assert confusion.broken_limits(cells) == []
