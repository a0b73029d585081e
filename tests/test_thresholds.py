import numpy as np
import pytest
from sklearn.metrics import matthews_corrcoef

from circlet.thresholds import NEAR_BEST, choose_threshold


@pytest.mark.parametrize(
    ("probabilities", "classes", "threshold"),
    [
        ([0.1, 0.2, 0.6, 0.9], [0, 0, 1, 1], 0.4),  # halfway in the gap
        ([0.9, 0.1, 0.6, 0.2], [1, 0, 1, 0], 0.4),  # in any order
        ([0.7, 0.7, 0.7, 0.7], [0, 1, 1, 0], 0.5),  # none is better than another
        ([0.3, 0.4], [1, 0], 0.5),  # upside down: best to call none, or all
        # Those of .1 to .2 and of .3 to .5 are the best, and .3 is between them.
        ([0.1, 0.2, 0.3, 0.5], [0, 1, 0, 1], 0.4),
    ],
)
def test_threshold_of_small_examples(probabilities, classes, threshold):
    found = choose_threshold(np.array(probabilities), np.array(classes))
    assert found == pytest.approx(threshold)


def test_threshold_is_near_the_best_and_on_no_probability():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        p = 1 / (1 + np.exp(-np.round(rng.normal(0, 2, 300), 1)))
        classes = (rng.random(300) < p).astype(int)
        found = choose_threshold(p, classes)
        best = max(matthews_corrcoef(classes, p >= t) for t in np.unique(p))
        assert matthews_corrcoef(classes, p >= found) >= best - NEAR_BEST - 1e-12
        assert found not in p


def test_threshold_is_not_led_by_the_highest_spike():
    # Classes mix evenly between .3 and .7; two circRNAs that happen to lead make a spike at .31.
    middle = np.linspace(0.31, 0.69, 381)
    p = np.concatenate([np.linspace(0.01, 0.29, 4000), middle, np.linspace(0.71, 0.99, 4000)])
    classes = np.concatenate([np.zeros(4000), np.arange(381) % 2, np.ones(4000)]).astype(int)
    classes[4000:4002] = 1
    assert choose_threshold(p, classes) == pytest.approx(0.5, abs=0.06)
