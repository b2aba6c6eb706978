"""Merging layers: outputs, gradients and masks of the peer; shapes that do not fit are told apart."""

import jax
import keras
import numpy as np
import pytest
from harness import compare, round_trip, same

import freedive as fd
from freedive import layers

RNG = np.random.default_rng(0)
ELEMENTWISE = ["Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"]
SHAPES = [
    [(3, 4), (3, 4)],
    [(3, 5, 4), (3, 5, 4)],
    [(3, 5, 4), (3, 1, 4)],
    [(3, 5, 1), (3, 1, 4)],
    [(3, 5, 4), (3, 4)],  # fewer axes: aligned after the batch
    [(3, 4), (3, 2, 5, 4)],
]
MASK_CASES = ["both", "first", "second", "none"]


def arrays(shapes):
    return [RNG.normal(size=shape).astype("float32") for shape in shapes]


def masks(case, shapes):
    drawn = [RNG.random(shape[:2]) > 0.4 for shape in shapes]
    return [m if case in ("both", name) else None for m, name in zip(drawn, ("first", "second", "third"), strict=False)]


@pytest.mark.parametrize("name", ELEMENTWISE)
@pytest.mark.parametrize("shapes", SHAPES, ids=str)
def test_elementwise_merges_are_the_peers(name, shapes):
    compare(getattr(layers, name)(), getattr(keras.layers, name)(), arrays(shapes))


@pytest.mark.parametrize("name", [n for n in ELEMENTWISE if n != "Subtract"])
def test_three_inputs_and_one(name):
    for count in (1, 3):
        compare(getattr(layers, name)(), getattr(keras.layers, name)(), arrays([(2, 3)] * count))


@pytest.mark.parametrize("name", ELEMENTWISE)
@pytest.mark.parametrize("case", MASK_CASES)
def test_elementwise_masks_are_the_peers(name, case):
    shapes = [(3, 5, 4), (3, 5, 4)]
    given = masks(case, shapes)
    mine = compare(getattr(layers, name)(), getattr(keras.layers, name)(), arrays(shapes), mask=given)
    assert (mine.mask is not None) == (case == "both")


@pytest.mark.parametrize("name", ["Multiply", "Maximum", "Minimum"])
def test_three_masks(name):
    shapes = [(3, 5, 4)] * 3
    given = [RNG.random((3, 5)) > 0.5 for _ in shapes]
    compare(getattr(layers, name)(), getattr(keras.layers, name)(), arrays(shapes), mask=given)


def test_masks_of_steps_reach_over_all_later_axes():
    x, y = arrays([(2, 3, 4, 5)] * 2)
    first = np.array([[1, 0, 1], [0, 1, 1]], bool)
    merged = layers.Multiply()([x, y], mask=[first, ~first])
    np.testing.assert_allclose(merged, np.where(first[..., None, None], x, y), rtol=1e-6)


@pytest.mark.parametrize(
    ("axis", "shapes"),
    [
        (-1, [(3, 4), (3, 2)]),
        (1, [(3, 4), (3, 2), (3, 1)]),
        (1, [(3, 2, 4), (3, 5, 4)]),
        (-1, [(3, 5, 4), (3, 5, 2)]),
        (2, [(2, 3, 4, 5), (2, 3, 1, 5)]),
        (0, [(2, 3), (4, 3)]),
    ],
)
def test_concatenate_is_the_peers(axis, shapes):
    if axis:
        compare(layers.Concatenate(axis), keras.layers.Concatenate(axis), arrays(shapes))
    given = arrays(shapes)
    np.testing.assert_array_equal(layers.Concatenate(axis)(given), np.concatenate(given, axis))


@pytest.mark.parametrize("case", MASK_CASES)
@pytest.mark.parametrize(("axis", "shapes"), [(-1, [(3, 5, 4), (3, 5, 2)]), (1, [(3, 5, 4), (3, 2, 4)])])
def test_concatenated_masks_are_the_peers(case, axis, shapes):
    mine = compare(layers.Concatenate(axis), keras.layers.Concatenate(axis), arrays(shapes), mask=masks(case, shapes))
    assert (mine.mask is None) == (case == "none")


def test_concatenated_masks_of_steps_with_pictures():
    x, y = arrays([(2, 3, 4, 5)] * 2)
    mask = np.array([[1, 0, 1], [0, 1, 1]], bool)
    made = layers.Concatenate(1).compute_mask([x, y], [mask, None])
    np.testing.assert_array_equal(made, np.concatenate([mask, np.ones_like(mask)], 1))


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize(
    ("axes", "shapes"),
    [
        (1, [(3, 4), (3, 4)]),
        (-1, [(3, 4), (3, 4)]),
        ((2, 1), [(3, 2, 4), (3, 4, 5)]),
        (2, [(3, 2, 4), (3, 5, 4)]),
        ((1, 2), [(3, 4), (3, 5, 4)]),
        ((2, 1), [(3, 5, 4), (3, 4)]),
        ((-1, -2), [(2, 3, 2, 4), (2, 4, 5)]),
        ((1, 3), [(2, 4, 3), (2, 3, 2, 4)]),
    ],
)
def test_dot_is_the_peers(axes, shapes, normalize):
    compare(layers.Dot(axes, normalize), keras.layers.Dot(axes, normalize), arrays(shapes))


def test_cosine_of_zeros_is_zero_with_gradients_of_zero():
    """(The peer's gradients are NaN.)"""
    layer, zeros = layers.Dot(1, normalize=True), np.zeros((2, 3), "float32")
    value, gradients = jax.value_and_grad(lambda x, y: layer([x, y]).sum(), argnums=(0, 1))(zeros, zeros)
    assert value == 0
    same(gradients, (zeros, zeros))


@pytest.mark.parametrize("name", [*ELEMENTWISE, "Concatenate", "Dot"])
def test_functions_are_the_layers(name):
    options = {"axes": 1} if name == "Dot" else {}
    given = arrays([(2, 3), (2, 3)])
    function = getattr(layers, name.lower())
    same(function(given, **options), getattr(keras.layers, name.lower())(given, **options))
    symbol = function([fd.Input((3,)), fd.Input((3,))], **options)
    assert symbol.shape == getattr(layers, name)(**options)([fd.Input((3,)), fd.Input((3,))]).shape
    assert function(given, name="joined", **options).shape


@pytest.mark.parametrize(
    "layer",
    [
        layers.Add(name="sum"),
        layers.Subtract(),
        layers.Multiply(),
        layers.Average(),
        layers.Maximum(),
        layers.Minimum(),
        layers.Concatenate(axis=1),
        layers.Dot(axes=(1, 2), normalize=True),
        layers.Dot(axes=-1),
    ],
    ids=repr,
)
def test_round_trip(layer):
    round_trip(layer)


@pytest.mark.parametrize(
    ("layer", "inputs", "message"),
    [
        (layers.Add(), [(2, 3), (2, 4)], r"Add: .*do not fit.*\(2, 3\), \(2, 4\)"),
        (layers.Add(name="sum"), [(2, 3), (3, 3)], r"sum \(Add\): .*batch sizes.*\(2, 3\), \(3, 3\)"),
        (layers.Add(), (2, 3), r"expected a list of inputs: Add\(\)\(\[a, b\]\)"),
        (layers.Add(), [], "at least one input"),
        (layers.Subtract(), [(2, 3)] * 3, "exactly 2 inputs.*Received: 3"),
        (layers.Concatenate(), [(2, 3, 4), (2, 4, 4)], r"may differ in axis -1 only.*\(2, 3, 4\), \(2, 4, 4\)"),
        (layers.Concatenate(), [(2, 3), (2, 3, 4)], "may differ in axis -1 only"),
        (layers.Concatenate(3), [(2, 3), (2, 3)], "axis 3 does not exist"),
        (layers.Dot(1), [(2, 3), (2, 4)], "axis 1 of the first input has size 3, axis 1 of the second 4"),
        (layers.Dot(0), [(2, 3), (2, 3)], "axis 0 is the batch"),
        (layers.Dot(-2), [(2, 3), (2, 3)], "axis 0 is the batch"),
        (layers.Dot(1), [(2, 3), (3, 3)], "one batch size"),
        (layers.Dot(1), [(2, 3)], "exactly 2 inputs"),
    ],
)
def test_messages(layer, inputs, message):
    given = [np.ones(s) for s in inputs] if isinstance(inputs, list) else np.ones(inputs)
    with pytest.raises(ValueError, match=message):
        layer(given)


def test_symbols_that_do_not_fit_are_shown_without_inner_numbers():
    with pytest.raises(ValueError, match=r"\(None, 3\), \(None, 4\)"):
        layers.add([fd.Input((3,)), fd.Input((4,))])
    with pytest.raises(ValueError, match=r"\(None, None, 3\), \(None, None, 4\)"):
        layers.add([fd.Input((None, 3)), fd.Input((None, 4))])


@pytest.mark.parametrize(("axes", "error"), [((1, 2, 3), ValueError), (1.5, TypeError), ("last", TypeError)])
def test_axes_of_dot(axes, error):
    with pytest.raises(error, match="Dot"):
        layers.Dot(axes)
