import logging
import math
import subprocess
import sys
import warnings

import numpy as np
import pytest

from circlet.evaluation.scores import ece
from circlet.model.calibration import (
    METHODS,
    Calibration,
    fit_calibration,
    smoothed_targets,
)

# At -1 one of four is a circRNA, at 1 three of four.
TWO_SCORES = np.repeat([-1.0, 1.0], 4)
TWO_CLASSES = np.array([1, 0, 0, 0, 0, 1, 1, 1])


def noisy(count=2000, scale=2.0, offset=-0.5, seed=0):
    """Scores and classes whose probability is sigmoid(scale * score + offset)."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 2, count)
    return scores, (rng.random(count) < 1 / (1 + np.exp(-scale * scores - offset))).astype(int)


def test_targets_are_those_of_platt():
    found = smoothed_targets(np.array([1, 0, 1, 0, 1]))
    assert found.tolist() == [4 / 5, 1 / 4, 4 / 5, 1 / 4, 4 / 5]


def test_platt_fits_the_smoothed_frequencies():
    # The targets are 5/6 and 1/6, their means 1/3 at -1 and 2/3 at 1: the curve meets both.
    found = fit_calibration("platt", TWO_SCORES, TWO_CLASSES)
    assert found.parameters["scale"] == pytest.approx(math.log(2), abs=1e-7)
    assert found.parameters["offset"] == pytest.approx(0, abs=1e-7)
    np.testing.assert_allclose(found(np.array([-1.0, 0, 1])), [1 / 3, 1 / 2, 2 / 3], atol=1e-7)


def test_platt_finds_scale_and_offset_wherever_the_scores_lie():
    scores, classes = noisy(20_000)
    first = fit_calibration("platt", scores, classes).parameters
    assert first["scale"] == pytest.approx(2, abs=0.1)
    assert first["offset"] == pytest.approx(-0.5, abs=0.1)
    moved = fit_calibration("platt", 1000 + 10 * scores, classes).parameters
    assert moved["scale"] == pytest.approx(first["scale"] / 10, rel=1e-6)
    assert moved["offset"] == pytest.approx(first["offset"] - 100 * first["scale"], rel=1e-6)


def test_temperature_divides_the_scores():
    found = fit_calibration("temperature", TWO_SCORES, TWO_CLASSES)
    assert found.parameters == {"temperature": pytest.approx(1 / math.log(2), abs=1e-7)}
    np.testing.assert_allclose(found(np.array([-1.0, 0, 1])), [1 / 3, 1 / 2, 2 / 3], atol=1e-7)
    scores, classes = noisy(20_000, scale=0.25, offset=0)
    assert fit_calibration("temperature", scores, classes).parameters["temperature"] == (
        pytest.approx(4, abs=0.3)
    )


def test_isotonic_joins_the_centres_of_its_blocks():
    # The targets .25 .75 .25 .75 pool to .25 .5 .5 .75.
    found = fit_calibration("isotonic", np.array([3.0, 1, 2, 0]), np.array([1, 1, 0, 0]))
    assert found.parameters == {"scores": [0, 1.5, 3], "probabilities": [0.25, 0.5, 0.75]}
    assert found(np.array([-9, 0, 0.75, 1.5, 2.25, 9])).tolist() == [
        *(0.25, 0.25, 0.375, 0.5, 0.625, 0.75)
    ]


def test_isotonic_weighs_equal_scores():
    # At 0 the targets are .2 .2 .2 (mean .2), at 1 they are .75 .2, at 4 .75: no pooling.
    found = fit_calibration(
        "isotonic", np.array([0.0, 0, 0, 1, 1, 4]), np.array([0, 0, 0, 1, 0, 1])
    )
    assert found.parameters["scores"] == [0, 1, 4]
    np.testing.assert_allclose(
        found.parameters["probabilities"], [1 / 6, (3 / 4 + 1 / 6) / 2, 3 / 4]
    )


def test_none_is_the_sigmoid():
    found = fit_calibration("none", TWO_SCORES, TWO_CLASSES)
    assert found == Calibration("none", {})
    np.testing.assert_allclose(
        found(np.array([-1000.0, -math.log(3), 0, math.log(3), 1000])), [0, 0.25, 0.5, 0.75, 1]
    )


def gap(probabilities, classes):
    """Expected calibration error."""
    return ece(classes == 1, probabilities, np.ones((1, len(classes))))[0]


def test_fit_is_repeatable_and_lowers_the_error():
    scores, classes = noisy()
    before = gap(Calibration("none", {})(scores), classes)
    for method in ("platt", "isotonic", "temperature"):
        found = fit_calibration(method, scores, classes)
        assert found == fit_calibration(method, scores, classes)
        assert gap(found(scores), classes) < 0.6 * before


SEPARABLE = np.array([-2.0, -1.5, -1, 1, 1.5, 2]), np.array([0, 0, 0, 1, 1, 1])
CASES = {
    "noisy": noisy(),
    "separable": SEPARABLE,
    "far apart": (1e6 * SEPARABLE[0], SEPARABLE[1]),
    "close together": (1e-12 * SEPARABLE[0], SEPARABLE[1]),
    "upside down": (-SEPARABLE[0], SEPARABLE[1]),
    "constant": (np.full(6, 0.7), SEPARABLE[1]),
    "two": (np.array([-1.0, 1]), np.array([0, 1])),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", CASES)
def test_never_falls_and_never_overflows(name, method):
    scores, classes = CASES[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = fit_calibration(method, scores, classes)
        p = found(np.concatenate([[-1e9], np.sort(scores), [1e9]]))
    assert p.dtype == np.float64
    assert (np.diff(p) >= 0).all()
    assert p.min() >= 0
    assert p.max() <= 1
    if method == "isotonic":
        assert p.min() > 0
        assert p.max() < 1


@pytest.mark.parametrize("method", ["platt", "isotonic", "temperature"])
def test_separable_scores_do_not_become_certain(method):
    # As in Platt: no more than 4/5 and 1/5 is learnt of three of each class.
    p = fit_calibration(method, *SEPARABLE)(SEPARABLE[0])
    assert (p[:3] < 0.5).all()
    assert (p[3:] > 0.5).all()
    assert p[[0, -1]] == pytest.approx([0.2, 0.8], abs=0.1)


@pytest.mark.parametrize("method", ["platt", "temperature"])
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("upside down", "the raw scores do not rise with the class: not calibrated by"),
        ("constant", "all raw scores are the same: they are not calibrated by"),
    ],
)
def test_no_slope_above_0_falls_back_with_a_warning(name, message, method, caplog):
    assert fit_calibration(method, *CASES[name]) == Calibration("none", {})
    assert [(each.levelno, each.message) for each in caplog.records] == [
        (logging.WARNING, f"{message} {method}")
    ]


def test_isotonic_without_an_order_gives_the_frequency(caplog):
    for name in ("upside down", "constant"):
        found = fit_calibration("isotonic", *CASES[name])
        assert found.parameters["probabilities"] == [pytest.approx(0.5)]
        np.testing.assert_allclose(found(np.array([-5.0, 0, 5])), 0.5)
    assert not caplog.records


@pytest.mark.parametrize(
    ("method", "parameters", "message"),
    [
        ("spline", {}, "method 'spline' is none of"),
        (["none"], {}, "is none of"),
        ("platt", {"scale": 1.0}, "platt takes"),
        ("none", {"scale": 1.0}, "none takes"),
        ("none", [], "none takes"),
        ("platt", {"scale": 0.0, "offset": 0.0}, "scale is 0.0, not above 0"),
        ("platt", {"scale": 1.0, "offset": math.nan}, "offset is not made of finite"),
        ("platt", {"scale": math.inf, "offset": 0.0}, "scale is not made of finite"),
        ("platt", {"scale": "1", "offset": 0.0}, "scale is not made of finite"),
        ("platt", {"scale": True, "offset": 0.0}, "scale is not made of finite"),
        ("platt", {"scale": [1.0], "offset": 0.0}, "scale is not made of finite"),
        ("temperature", {"temperature": -1.0}, "temperature is -1.0, not above 0"),
        ("temperature", {"temperature": 10**400}, "temperature is not made of finite"),
        ("isotonic", {"scores": 1.0, "probabilities": 0.5}, "not made of finite"),
        ("isotonic", {"scores": [1.0, None], "probabilities": [0.2, 0.5]}, "not made of finite"),
        ("isotonic", {"scores": [], "probabilities": []}, "or none"),
        ("isotonic", {"scores": [1.0], "probabilities": [0.2, 0.5]}, "not as many"),
        ("isotonic", {"scores": [1.0, 1.0], "probabilities": [0.2, 0.5]}, "do not ascend"),
        ("isotonic", {"scores": [1.0, 2.0], "probabilities": [0.5, 0.2]}, "do not ascend"),
        ("isotonic", {"scores": [1.0, 2.0], "probabilities": [0.0, 0.2]}, "between 0 and 1"),
        ("isotonic", {"scores": [1.0, 2.0], "probabilities": [0.5, 1.0]}, "between 0 and 1"),
    ],
)
def test_parameters_out_of_range_are_refused(method, parameters, message):
    with pytest.raises(ValueError, match=message):
        Calibration(method, parameters)


def test_prediction_needs_numpy_alone():
    code = (
        "import sys, numpy as np; from circlet.model.calibration import Calibration;"
        "print(Calibration('platt', {'scale': 2.0, 'offset': 0.0})(np.zeros(1))[0],"
        "{'sklearn', 'scipy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "0.5 set()\n"


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("method", "parameters"),
    [("temperature", {"temperature": 5e-324}), ("platt", {"scale": 1e308, "offset": -1e308})],
)
def test_the_steepest_of_all_are_sure_without_a_warning(method, parameters):
    assert Calibration(method, parameters)(np.array([-40.0, 40.0])).tolist() == [0, 1]
