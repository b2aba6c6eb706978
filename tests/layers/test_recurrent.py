"""SimpleRNN, LSTM, GRU and RNN against the peer's, with masks, states and both directions of time."""

import keras
import numpy as np
import pytest
from harness import compare

import freedive as fd
from freedive import layers

RNG = np.random.default_rng(0)
ROWS = [  # layer, arguments, (batch, time, features)
    ("SimpleRNN", {"units": 4}, (3, 6, 2)),
    ("SimpleRNN", {"units": 1, "use_bias": False, "return_sequences": True}, (1, 1, 1)),
    ("SimpleRNN", {"units": 3, "activation": "relu", "go_backwards": True, "return_state": True}, (2, 5, 4)),
    ("SimpleRNN", {"units": 3, "return_sequences": True, "go_backwards": True, "unroll": True}, (2, 4, 3)),
    ("SimpleRNN", {"units": 2, "kernel_regularizer": "l2", "recurrent_regularizer": "l1"}, (2, 3, 3)),
    ("LSTM", {"units": 4}, (3, 6, 2)),
    ("LSTM", {"units": 1, "return_sequences": True, "return_state": True}, (1, 1, 1)),
    ("LSTM", {"units": 3, "use_bias": False, "go_backwards": True, "return_sequences": True}, (2, 5, 4)),
    ("LSTM", {"units": 3, "activation": "relu", "recurrent_activation": "hard_sigmoid"}, (2, 4, 3)),
    ("LSTM", {"units": 5, "unit_forget_bias": False, "return_state": True, "unroll": True}, (2, 3, 3)),
    ("LSTM", {"units": 2, "bias_regularizer": "l2", "activity_regularizer": "l2"}, (2, 3, 3)),
    ("GRU", {"units": 4}, (3, 6, 2)),
    ("GRU", {"units": 1, "return_sequences": True, "return_state": True}, (1, 1, 1)),
    ("GRU", {"units": 3, "use_bias": False, "go_backwards": True, "return_sequences": True}, (2, 5, 4)),
    ("GRU", {"units": 3, "activation": "relu", "recurrent_activation": "hard_sigmoid"}, (2, 4, 3)),
    ("GRU", {"units": 5, "reset_after": False, "return_state": True}, (2, 3, 3)),
    ("GRU", {"units": 2, "reset_after": False, "use_bias": False, "go_backwards": True}, (2, 4, 3)),
]
KINDS = {"SimpleRNN": 1, "LSTM": 2, "GRU": 1}  # states
MASKS = {"left": [0, 0, 1, 1], "right": [1, 1, 1, 0], "middle": [1, 0, 0, 1], "all": [0, 0, 0, 0]}


def draw(*shape):
    return RNG.normal(size=shape).astype("float32")


def pair(kind, **arguments):
    return getattr(layers, kind)(**arguments), getattr(keras.layers, kind)(**arguments)


def mask_of(which):
    """The first sample has all its steps."""
    return np.array([[1, 1, 1, 1], MASKS[which]], bool)


@pytest.mark.parametrize(("kind", "arguments", "shape"), ROWS)
def test_the_peers_numbers(kind, arguments, shape):
    compare(*pair(kind, **arguments), draw(*shape))


@pytest.mark.parametrize("which", MASKS)
@pytest.mark.parametrize("kind", KINDS)
def test_masked_steps_keep_the_state_and_repeat_the_output(kind, which):
    ours, theirs = pair(kind, units=3, return_sequences=True, return_state=True)
    compare(ours, theirs, draw(2, 4, 2), mask=mask_of(which))


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        ("LSTM", {"go_backwards": True, "return_state": True}),
        ("GRU", {"go_backwards": True, "return_sequences": True}),
        ("GRU", {"reset_after": False}),
        ("SimpleRNN", {"unroll": True}),
        ("LSTM", {"return_sequences": True, "zero_output_for_mask": True}),
    ],
)
def test_masks_with_other_options(kind, arguments):
    same_mask = not arguments.get(
        "go_backwards"
    )  # the peer hands on a mask in the order of time for outputs against it
    compare(*pair(kind, units=3, **arguments), draw(2, 4, 2), mask=mask_of("left"), output_mask=same_mask)


def test_the_mask_of_outputs_against_time_is_turned_with_them():
    mask = mask_of("left")
    made = compare(*pair("GRU", units=2, go_backwards=True, return_sequences=True), draw(2, 4, 2), mask=mask,
                   output_mask=False)  # fmt: skip
    np.testing.assert_array_equal(made.mask, mask[:, ::-1])


@pytest.mark.parametrize("which", [None, "left", "all"])
@pytest.mark.parametrize("kind", KINDS)
def test_initial_states(kind, which):
    states = [draw(2, 3) for _ in range(KINDS[kind])]
    ours, theirs = pair(kind, units=3, return_sequences=True, return_state=True)
    given = {} if which is None else {"mask": mask_of(which)}  # outright: the peer loses a mask that travels here
    compare(ours, theirs, draw(2, 4, 2), call_kwargs={"initial_state": states} | given, output_mask=False)


def test_a_mask_travels_into_a_layer_with_initial_states():
    x, h = draw(2, 4, 2), draw(2, 3)
    x[1, 2:] = 0
    layer = layers.GRU(3, return_sequences=True)
    inputs, state = fd.Input((4, 2)), fd.Input((3,))
    model = fd.Model([inputs, state], layer(layers.Masking()(inputs), initial_state=[state]))
    y = model.predict([x, h], verbose=0)
    np.testing.assert_array_equal(y[1, 2:], np.stack([y[1, 1]] * 2))


def test_states_come_in_any_of_the_forms():
    layer, x, h, c = layers.LSTM(3), draw(2, 4, 2), draw(2, 3), draw(2, 3)
    expected = layer(x, initial_state=[h, c])
    for y in (layer(x, initial_state=(h, c)), layer(x, [h, c]), layer([x, h, c])):
        np.testing.assert_array_equal(y, expected)
    gru = layers.GRU(3)
    np.testing.assert_array_equal(gru(x, initial_state=h), gru(x, initial_state=[h]))


def test_a_sequence_in_two_parts_is_the_whole():
    layer, x = layers.LSTM(3, return_sequences=True, return_state=True), draw(2, 6, 2)
    whole, *end = layer(x)
    first, *middle = layer(x[:, :4])
    second, *last = layer(x[:, 4:], initial_state=middle)
    np.testing.assert_allclose(np.concatenate([first, second], 1), whole, atol=1e-6)
    np.testing.assert_allclose(last, end, atol=1e-6)


# cells ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", KINDS)
def test_a_cell_is_one_step(kind):
    ours, theirs = pair(kind + "Cell", units=3)
    compare(ours, theirs, draw(2, 4), call_kwargs={"states": [draw(2, 3) for _ in range(KINDS[kind])]})


@pytest.mark.parametrize("kind", KINDS)
def test_a_cell_over_time_is_its_layer(kind):
    x = draw(2, 4, 3)
    layer, cell = getattr(layers, kind)(3), layers.RNN(getattr(layers, kind + "Cell")(3))
    layer(x), cell(x)
    cell.set_weights(layer.get_weights())
    np.testing.assert_array_equal(cell(x), layer(x))


@pytest.mark.parametrize(
    ("cells", "options"),
    [
        (["LSTMCell", "GRUCell", "LSTMCell"], {}),
        (["GRUCell", "GRUCell"], {"return_sequences": True}),
        (["LSTMCell", "SimpleRNNCell"], {"return_state": True}),
        (["LSTMCell", "LSTMCell"], {"return_sequences": True, "return_state": True, "go_backwards": True}),
        (["SimpleRNNCell", "GRUCell"], {"zero_output_for_mask": True, "return_sequences": True}),
    ],
)
@pytest.mark.parametrize("which", [None, "right"])
def test_stacked_cells(cells, options, which):
    ours, theirs = ([getattr(side, kind)(3) for kind in cells] for side in (layers, keras.layers))
    ours, theirs = layers.RNN(ours, **options), keras.layers.RNN(theirs, **options)
    mask = None if which is None else mask_of(which)
    compare(ours, theirs, draw(2, 4, 2), mask=mask, output_mask=not options.get("go_backwards"))


class Decay(layers.Layer):
    """A cell as people write them, with an output that is not its state."""

    units: int

    @property
    def state_size(self):
        return self.units

    def call(self, inputs, states):
        kernel = self.param("kernel", (inputs.shape[-1], self.units))
        state = 0.5 * states[0] + inputs @ kernel
        return state.sum(-1, keepdims=True), [state]


def test_a_cell_of_ones_own():
    x, mask = draw(2, 4, 3), mask_of("middle")
    layer = layers.RNN(Decay(2), return_sequences=True, return_state=True)
    outputs, state = layer(x, mask=mask)
    kernel, expected, now = layer.get_weights()[0], np.zeros((2, 4, 1)), np.zeros((2, 2))
    for t in range(4):
        new = 0.5 * now + x[:, t] @ kernel
        now = np.where(mask[:, t, None], new, now)
        expected[:, t] = np.where(mask[:, t, None], new.sum(-1, keepdims=True), expected[:, max(t - 1, 0)])
    np.testing.assert_allclose(outputs, expected, atol=1e-5)
    np.testing.assert_allclose(state, now, atol=1e-5)
    assert [name for _, _, name in layer._weights()] == ["kernel"]


class Inner(layers.Layer):
    """A cell with a layer in it."""

    units: int
    activity_regularizer_inside: str | None = None

    def __post_init__(self):
        super().__post_init__()
        self.state_size = self.units
        self.dense = layers.Dense(self.units, "tanh", activity_regularizer=self.activity_regularizer_inside)

    def call(self, inputs, states):
        state = self.dense(np.float32(0.5) * states[0] + inputs)
        return state, [state]


def test_a_layer_in_a_cell():
    model = fd.Sequential([layers.RNN(Inner(3)), layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = draw(8, 4, 3), draw(8, 1)
    losses = model.fit(x, y, epochs=5, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    assert model.inspect(x)
    with pytest.raises(ValueError, match=r"penalises its activity inside a raw jax\.lax\.scan"):
        layers.RNN(Inner(3, "l2"))(x)
