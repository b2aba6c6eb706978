"""`compare(ours, theirs, inputs)`: a layer computes what the peer's computes, forward, backward and in its state.

Both are traced into one function, so a comparison is one compilation.
"""

import json
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import keras
import numpy as np

from freedive.core.calling import run_key
from freedive.core.forward import Pass, plan
from freedive.core.paths import paths
from freedive.core.variables import draw_missing, gather

TOLERANCE = 1e-5
QUICKLY = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}  # compile, not run


class Computed(NamedTuple):
    """What one side computed."""

    outputs: Any
    input_gradients: list[Any]  # by every floating leaf of the inputs
    weight_gradients: list[Any]  # in the order of trainable_weights
    state: list[Any]  # after the call, in the order of non_trainable_weights
    mask: Any  # of the (first) output
    loss: Any  # sum of the penalties that the layer added


def compare(
    ours,
    theirs,
    inputs,
    training=False,
    mask=None,
    call_kwargs=None,
    tolerance=TOLERANCE,
    weights=None,
    names=True,
    output_mask=True,
    seed=0,
):
    """Build both, give them the same weights, and compare all that they compute.

    Args:
        ours, theirs: a layer of freedive and one of Keras.
        inputs: the first argument of the call: an array, or a list or tuple of arrays.
        training: the mode.
        mask: travels with the inputs: one array, or a list with an array or None for each input. (To give
            a call the argument `mask` outright, put it into call_kwargs.)
        call_kwargs: other keyword arguments of both calls (arrays in them get no gradient).
        tolerance: largest difference, where values are no larger than one; else relative to the largest.
        weights: for both, in the order of get_weights; by default random ones.
        names: whether the names of the weights are compared.
        output_mask: whether the masks of the outputs are compared.

    Returns:
        What ours computed.
    """
    inputs = jax.tree.map(np.asarray, inputs)
    kwargs = dict(call_kwargs or {})
    build(ours, theirs, inputs, kwargs, training)
    same_weights(ours, theirs, weights, names, seed)

    @jax.jit
    def both(inputs):
        mine = ours_computed(ours, inputs, mask, kwargs, training, seed)
        return mine, theirs_computed(theirs, inputs, mask, kwargs, training, seed)

    mine, expected = both.lower(inputs).compile(QUICKLY)(inputs)
    for part in Computed._fields:
        if part != "mask" or output_mask:
            same(getattr(mine, part), getattr(expected, part), tolerance, part)
    return mine


def build(ours, theirs, inputs, kwargs, training):
    """Make the weights of both."""
    plan(ours, (inputs,), kwargs | {"training": training})
    draw_missing(ours)
    if not theirs.built:
        symbols, symbolic = jax.tree.map(
            lambda x: keras.KerasTensor(np.shape(x), str(x.dtype)) if hasattr(x, "dtype") else x, (inputs, kwargs)
        )
        theirs(symbols, **symbolic)


def same_weights(ours, theirs, weights=None, names=True, seed=0):
    """Give both the same random weights (or the given ones); their order, shapes and names agree."""
    rng = np.random.default_rng(seed)

    def random(w):
        value = np.asarray(w.value)
        if not w.trainable and "moving" not in w.name:
            return value
        drawn = 0.5 * rng.normal(size=value.shape)
        return (0.5 + np.abs(drawn) if "variance" in w.name else drawn).astype(value.dtype)

    assert [w.shape for w in ours.get_weights()] == [tuple(w.shape) for w in theirs.weights]
    if names:
        assert [name for _, _, name in ours._weights()] == [w.name for w in theirs.weights]
    weights = [random(w) for w in theirs.weights] if weights is None else weights
    for w, value in zip(theirs.weights, weights, strict=True):
        w.assign(value)
    ours.set_weights(weights)
    for mine, expected in zip(ours.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(mine, expected)


def ours_computed(layer, inputs, mask, kwargs, training, seed):
    """Outputs, gradients, state and mask of our layer."""
    variables, where = gather(layer), paths(layer)
    slots = [(layer_, name) for layer_, _, name in layer._weights(("params",)) if layer_._trainable]
    states = list(layer._weights(("state",)))

    def forward(floats, weights):
        params = {path: dict(values) for path, values in variables.params.items()}
        for (owner, name), value in zip(slots, weights, strict=True):
            params[where[owner]][name] = value
        options = {"key": run_key(seed), "training": training}
        with Pass(layer, variables._replace(params=params), **options) as made:
            given = merged(inputs, floats)
            for x, m in masked(given, mask):
                made.set_mask(x, m)
            outputs = made.call(layer, (given,), kwargs)
        made_mask = made.mask_of(jax.tree.leaves(outputs)[0])
        state = [made.state[where[owner]][name] for owner, _, name in states]
        return outputs, state, made_mask, sum(made.penalties().values(), jnp.float32(0))

    return differentiated(forward, inputs, [variables.params[where[owner]][name] for owner, name in slots], seed)


def theirs_computed(layer, inputs, mask, kwargs, training, seed):
    """Outputs, gradients, state and mask of the peer's layer."""
    if layer._call_has_training_arg:
        kwargs = kwargs | {"training": training}
    changing = layer.non_trainable_variables

    def forward(floats, weights):
        given = merged(inputs, floats)
        for x, m in masked(given, mask):
            keras.src.backend.set_keras_mask(x, m)
        values = [*zip(layer.trainable_variables, weights, strict=True)]
        with keras.StatelessScope([*values, *((v, v.value) for v in changing)], collect_losses=True) as scope:
            outputs = layer(given, **kwargs)
            loss = sum(layer.losses, jnp.float32(0))
        made = keras.src.backend.get_keras_mask(jax.tree.leaves(outputs)[0])
        state = [scope.get_current_value(v) for v in layer.weights if not v.trainable]
        return outputs, state, made, loss

    return differentiated(forward, inputs, [v.value for v in layer.trainable_variables], seed)


def differentiated(forward, inputs, weights, seed):
    """All of Computed, with the gradients of a fixed random weighting of the outputs."""
    floats = [x for x in jax.tree.leaves(inputs) if is_float(x)]

    def weighted(floats, weights):
        outputs, state, mask, loss = forward(floats, weights)
        rng = np.random.default_rng(seed)
        total = loss
        for y in jax.tree.leaves(outputs):
            if is_float(y):
                total = total + jnp.sum(y * rng.normal(size=y.shape).astype("float32"))
        return total, (outputs, state, mask, loss)

    gradients, (outputs, state, mask, loss) = jax.grad(weighted, argnums=(0, 1), has_aux=True)(floats, weights)
    return Computed(jax.tree.leaves(outputs), *gradients, state, mask, loss)


def masked(inputs, mask):
    """(array, its mask) for every input that has one."""
    arrays = jax.tree.leaves(inputs)
    masks = mask if isinstance(mask, (list, tuple)) else [mask] * len(arrays)
    return [(x, m) for x, m in zip(arrays, masks, strict=True) if m is not None]


def is_float(x):
    """Whether gradients go through it."""
    return jnp.issubdtype(x.dtype, jnp.floating)


def merged(inputs, floats):
    """The inputs with their floating leaves replaced."""
    given = iter(floats)
    return jax.tree.map(lambda x: next(given) if is_float(x) else x, inputs)


def same(mine, expected, tolerance=TOLERANCE, what="values"):
    """Trees agree in structure, shapes and values, relative to the largest value where that is above one."""
    mine, expected = jax.tree.leaves(mine), jax.tree.leaves(expected)
    assert len(mine) == len(expected), f"{what}: {len(mine)} arrays, expected {len(expected)}"
    for i, (a, b) in enumerate(zip(mine, expected, strict=True)):
        assert jnp.shape(a) == jnp.shape(b), f"{what}[{i}]: shape {jnp.shape(a)}, expected {jnp.shape(b)}"
        a, b = np.asarray(a, "float64"), np.asarray(b, "float64")
        scale = max(1.0, float(np.abs(b[np.isfinite(b)]).max(initial=0.0)))
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * scale, err_msg=f"{what}[{i}]")


def round_trip(layer):
    """The layer made again from its configuration, which is JSON and says all."""
    config = layer.get_config()
    again = type(layer).from_config(json.loads(json.dumps(config)))
    assert again.get_config() == config
    assert repr(again) == repr(layer)
    return again
