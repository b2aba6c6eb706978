"""Values and gradients at extreme arguments against mpmath, in 200 digits: one compiled batch a formula."""

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest
from formulas import FORMULAS as ELDER
from formulas import MOST
from formulas_of_models import FORMULAS as OF_MODELS

FORMULAS = [*ELDER, *OF_MODELS]
LEAST = 1.2e-38  # below it float32 may give 0


def exact(formula, point):
    """(value, gradient) of a formula where float32 puts the point."""
    single = np.ndim(point) == 0
    x = [mp.mpf(float(v)) for v in np.float32(np.atleast_1d(point))]
    call = (lambda *v: formula.exact(v[0])) if single else lambda *v: formula.exact(list(v))
    steps = [mp.mpf(10) ** -45 * max(abs(v), mp.mpf(10) ** -45) for v in x]

    def slope(i):
        moved = [[v + sign * steps[i] * (i == j) for j, v in enumerate(x)] for sign in (1, -1)]
        return (call(*moved[0]) - call(*moved[1])) / (2 * steps[i])

    gradient = [slope(i) for i in range(len(x))] if formula.slope else []
    return call(*x), gradient


def single(number):
    """As float32 holds it: too large is infinite."""
    return np.float32(float(number)) if abs(number) < MOST * 1.13 else np.float32(np.inf * float(mp.sign(number)))


@pytest.mark.parametrize("formula", FORMULAS, ids=lambda f: f.name)
def test_value_and_gradient(formula):
    points = jnp.asarray(np.array(formula.points, np.float32))
    function = jax.value_and_grad(lambda x: jnp.sum(formula.function(x))) if formula.slope else formula.function
    found = jax.jit(jax.vmap(function))(points)
    values, gradients = found if formula.slope else (found, None)
    with mp.workdps(200):
        wanted = [exact(formula, point) for point in formula.points]
    steepest = min(1.0, max((abs(single(g)) for _, gradient in wanted for g in gradient), default=0.0))
    for i, (point, (value, gradient)) in enumerate(zip(formula.points, wanted, strict=True)):
        least = LEAST + formula.rtol * formula.size
        np.testing.assert_allclose(values[i], single(value), formula.rtol, least, err_msg=f"value at {point}")
        if formula.slope:
            want = np.array([single(g) for g in gradient])
            largest = max(steepest if want.size == 1 else 0.0, np.max(np.abs(want), where=np.isfinite(want), initial=0))
            least = LEAST + formula.rtol * largest
            got = np.atleast_1d(gradients[i])
            np.testing.assert_allclose(got, want, formula.rtol, least, err_msg=f"gradient at {point}")


def test_there_are_enough():
    assert len({f.name for f in FORMULAS}) >= 60
