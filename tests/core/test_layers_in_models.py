"""Layers in models: paths, sharing, freezing, masks, state, and what is refused."""

import jax
import numpy as np
import pytest

import freedive as fd
from freedive.core.forward import apply
from freedive.core.paths import paths
from freedive.core.variables import gather
from freedive.layers import Dense, Layer

X = np.random.default_rng(0).normal(size=(12, 4)).astype(np.float32)


class Scale(Layer):
    """A layer of one's own."""

    factor: float = 2.0

    def call(self, x):
        return x * self.factor * self.param("scale", (x.shape[-1],), "ones")


class Counter(Layer):
    """Counts its training calls."""

    def call(self, x):
        count = self.variable("count", ())
        if self.training:
            self.update(count=count + 1)
        return x + 0 * count


class Net(fd.Model):
    """A model by subclassing, with layers in a list."""

    def __init__(self, units=5):
        self.first = Dense(units, "relu")
        self.rest = [Dense(4), Dense(3)]

    def call(self, x):
        x = self.first(x)
        for layer in self.rest:
            x = layer(x)
        return x


def test_paths_follow_where_layers_stand():
    model = fd.Sequential([Dense(2), Dense(2), fd.Sequential([Dense(1)]), Dense(3, name="out")])
    assert list(paths(model).values()) == ["", "dense", "dense_1", "sequential", "sequential/dense", "out"]
    assert list(paths(Net()).values()) == ["", "first", "rest/0", "rest/1"]


def test_two_equal_models_have_equal_names():
    assert [l.name for l in fd.Sequential([Dense(2), Dense(2)]).layers] == ["dense", "dense_1"]
    assert [l.name for l in fd.Sequential([Dense(2), Dense(2)]).layers] == ["dense", "dense_1"]


def test_a_shared_layer_has_one_set_of_weights():
    x, layer = fd.Input((4,)), Dense(4)
    model = fd.Model(x, layer(layer(x)))
    assert len(model.get_weights()) == 2
    kernel, bias = model.get_weights()
    np.testing.assert_allclose(model.predict(X), (X @ kernel + bias) @ kernel + bias, rtol=2e-5, atol=2e-5)


def test_feature_extractor_shares_weights():
    model = fd.Sequential([fd.Input((4,)), Dense(5, "tanh", name="features"), Dense(2)])
    extractor = fd.Model(model.inputs, model.get_layer("features").output)
    model.compile("sgd", "mse")
    model.fit(X, np.ones((12, 2)), verbose=0)
    kernel, bias = model.get_layer("features").get_weights()
    np.testing.assert_allclose(extractor.predict(X), np.tanh(X @ kernel + bias), rtol=1e-5, atol=1e-6)


def test_generator_and_discriminator_stack():
    generator = fd.Sequential([fd.Input((4,)), Dense(4)])
    discriminator = fd.Sequential([fd.Input((4,)), Dense(1, "sigmoid")])
    discriminator.compile("sgd", "binary_crossentropy")
    discriminator.trainable = False
    gan = fd.Sequential([generator, discriminator])
    gan.compile("sgd", "binary_crossentropy")
    before = discriminator.get_weights()
    gan.train_on_batch(X, np.ones((12, 1)))
    assert all(np.array_equal(a, b) for a, b in zip(before, discriminator.get_weights(), strict=True))
    with pytest.warns(UserWarning, match="trainable"):
        discriminator.train_on_batch(X, np.ones((12, 1)))
    assert not np.array_equal(before[0], discriminator.get_weights()[0])
    g = generator.get_weights()
    gan.train_on_batch(X, np.ones((12, 1)))
    assert not np.array_equal(g[0], generator.get_weights()[0])


def test_frozen_base_with_new_head():
    base = fd.Sequential([fd.Input((4,)), Dense(5, "relu")])
    base.trainable = False
    x = fd.Input((4,))
    model = fd.Model(x, Dense(1)(base(x)))
    model.compile("adam", "mse")
    frozen = base.get_weights()
    head = model.layers[-1].get_weights()
    model.fit(X, X[:, :1], epochs=3, verbose=0)
    assert np.array_equal(frozen[0], base.get_weights()[0])
    assert not np.array_equal(head[0], model.layers[-1].get_weights()[0])
    assert len(model.trainable_weights) == 2


@pytest.mark.parametrize(
    "made",
    [
        lambda **o: fd.layers.TimeDistributed(Dense(3), **o),
        lambda **o: fd.layers.TransformerEncoder(4, 2, **o),
        lambda **o: fd.Sequential([fd.Input((5, 4)), Dense(3)], **o),
    ],
    ids=["a wrapper", "a block", "a model"],
)
def test_what_a_new_layer_is_told_holds_for_those_inside_it(made):
    frozen = fd.Sequential([fd.Input((5, 4)), made(trainable=False), fd.layers.Flatten(), Dense(1)])
    frozen.compile("adam", "mse")
    assert len(frozen.trainable_weights) == 2
    again = fd.Sequential.from_config(frozen.get_config())
    assert len(again.trainable_weights) == 2
    slow = made(learning_rate_factor=0.1)
    assert {layer.learning_rate_factor for layer in paths(slow)} == {0.1}


class Masked(Layer):
    """Gives a mask to one of two layers that read the same array."""

    def __init__(self, inner):
        self.inner, self.pool = inner, fd.layers.GlobalAveragePooling1D()

    def call(self, x, mask=None):
        self.inner(x, mask=np.array([[True, False, False]]))
        return self.pool(x)


@pytest.mark.parametrize("inner", [lambda: fd.layers.LSTM(2), lambda: fd.Sequential([fd.layers.LSTM(2)])])
def test_a_mask_given_to_one_call_is_no_other_layers(inner):
    x, travels = X.reshape(1, 3, 16), np.array([[True, True, False]])
    np.testing.assert_allclose(Masked(inner())(x), x.mean(1), rtol=1e-5)
    np.testing.assert_allclose(Masked(inner())(x, mask=travels), x[:, :2].mean(1), rtol=1e-5)


def test_trainable_is_true_or_false():
    with pytest.raises(TypeError, match="expected True or False"):
        Dense(1).trainable = "False"


def test_state_is_written_in_training_only():
    model = fd.Sequential([fd.Input((4,)), Counter(), Dense(1)])
    model.compile("sgd", "mse")
    model.fit(X, X[:, :1], batch_size=4, epochs=2, verbose=0)
    assert float(model.layers[0].count) == 6
    model.predict(X)
    model.evaluate(X, X[:, :1], verbose=0)
    assert float(model.layers[0].count) == 6


def test_own_layer_trains_saves_and_clones(tmp_path):
    model = fd.Sequential([fd.Input((4,)), Scale(3.0), Dense(1)])
    model.compile("sgd", "mse")
    model.fit(X, X[:, :1], verbose=0)
    model.save(tmp_path / "m.safetensors")
    loaded = fd.models.load_model(tmp_path / "m.safetensors", custom_objects=[Scale])
    assert loaded.layers[0].factor == 3.0
    assert np.array_equal(loaded.predict(X), model.predict(X))
    with pytest.raises(fd.ModelFileError, match="unknown layer 'Scale'"):
        fd.models.load_model(tmp_path / "m.safetensors")


def test_subclassed_model_round_trip(tmp_path):
    model = Net(7)
    model.compile("adam", "mse")
    model.fit(X, X[:, :3], verbose=0)
    model.save(tmp_path / "m.safetensors")
    loaded = fd.models.load_model(tmp_path / "m.safetensors", custom_objects={"Net": Net})
    assert loaded.first.units == 7
    assert np.array_equal(loaded.predict(X), model.predict(X))


def test_pure_apply_equals_the_call():
    model = fd.Sequential([fd.Input((4,)), Dense(3, "relu"), Dense(2)])
    model.build()
    outputs = jax.jit(lambda v, x: apply(model, v, x)[0])(gather(model), X)
    np.testing.assert_allclose(outputs, model(X), rtol=1e-6, atol=1e-6)


def test_first_values_are_a_function_of_the_seed():
    fd.set_seed(3)
    a, b = (fd.Sequential([fd.Input((4,)), Dense(3)]).get_weights()[0] for _ in range(2))
    fd.set_seed(3)
    c = fd.Sequential([fd.Input((4,)), Dense(3)]).get_weights()[0]
    assert not np.array_equal(a, b)
    assert np.array_equal(a, c)


REFUSED = {
    "a layer made inside a call": (
        lambda: type("Bad", (Layer,), {"call": lambda self, x: Dense(3)(x)})()(X),
        "was made inside the call",
    ),
    "an unknown argument": (lambda: Dense(3, activaton="relu"), "Did you mean 'activation'"),
    "units below one": (lambda: Dense(0), r"Dense\(units=0\): expected more than 0"),
    "units that are no whole number": (lambda: Dense(3.5), "expected a whole number"),
    "an unknown activation": (lambda: Dense(3, "rellu"), "Did you mean 'relu'"),
    "other features than built for": (
        lambda: fd.Sequential([fd.Input((5,)), Dense(2)]).predict(X),
        r"expected shape \(None, 5\). Received: \(None, 4\)",
    ),
    "predicting before there are weights": (
        lambda: fd.Sequential([Dense(2)]).predict(X),
        "the model has no weights yet",
    ),
    "other features than the input declares": (
        lambda: fd.Sequential([fd.Input((5,)), Dense(2)])(X),
        r"expected shape \(None, 5\). Received: \(None, 4\)",
    ),
    "a symbol in numpy": (lambda: np.asarray(fd.Input((3,))), "data to come"),
    "an output that needs another input": (
        lambda: fd.Model(fd.Input((2,)), Dense(1)(fd.Input((2,), name="other"))),
        "depend on the input 'other'",
    ),
    "a second Input in a Sequential": (lambda: fd.Sequential([Dense(1), fd.Input((2,))]), "an Input comes first"),
    "an unknown layer name": (lambda: fd.Sequential([Dense(1)]).get_layer("dens"), "Did you mean 'dense'"),
    "weights of another shape": (
        lambda: fd.Sequential([fd.Input((4,)), Dense(1)]).set_weights([np.zeros((3, 1)), np.zeros(1)]),
        r"array 0 \(dense/kernel\) has shape \(3, 1\), expected \(4, 1\)",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    act, message = REFUSED[name]
    with pytest.raises((ValueError, TypeError), match=message):
        act()


def test_wrong_feature_count_names_layer_and_shapes():
    layer = Dense(2, name="first")
    layer(X)
    with pytest.raises(ValueError, match=r"first \(Dense\): its kernel has shape \(4, 2\).*of shape \(12, 5\)"):
        layer(np.ones((12, 5)))


def test_leaking_state_out_of_a_raw_transformation_is_refused():
    class Leaky(Layer):
        def __init__(self):
            self.inner = Counter()

        def call(self, x):
            return jax.lax.scan(lambda c, _: (self.inner(c), None), x, None, length=3)[0]

    with pytest.raises(ValueError, match=r"inside a raw jax\.lax\.scan"):
        Leaky()(X, training=True)


def test_structure_tells_different_things_apart():
    from freedive.core.structure import structure

    class Hidden(Layer):
        def __init__(self, f):
            self._f = f

        def call(self, x):
            return x * self._f

    class Loss(fd.losses.Loss):
        def __init__(self, scale):
            super().__init__()
            self.scale = scale

        def call(self, y_true, y_pred):
            return self.scale * abs(y_true - y_pred)[..., 0]

    assert structure(Hidden(2)) != structure(Hidden(5))
    assert structure(Loss(1)) != structure(Loss(5))
    assert structure(Hidden(2)) == structure(Hidden(2))
    np.testing.assert_allclose(Hidden(5)(X), 5 * X, rtol=1e-6)
    table = np.zeros(5000)
    before = structure([table])
    table += 1
    assert structure([table]) != before


def test_strengths_are_inputs_and_change_without_compiling():
    from freedive.core.structure import structure

    def model(strength):
        layers = [fd.Input((4,)), Dense(2, kernel_regularizer=fd.regularizers.L2(strength), kernel_initializer="ones")]
        made = fd.Sequential(layers)
        made.compile(fd.optimizers.SGD(0.0), "mse")
        return made

    weak, strong = model(0.1), model(10.0)
    assert structure(weak) == structure(strong)
    data = (X, X[:, :2])
    plain = model(1e-30).evaluate(*data, verbose=0)
    assert weak.evaluate(*data, verbose=0) == pytest.approx(plain + 0.1 * 8, rel=1e-5)
    assert strong.evaluate(*data, verbose=0) == pytest.approx(plain + 10 * 8, rel=1e-5)


def test_activity_penalties_of_a_layer_called_twice_add_up():
    layer = Dense(4, kernel_initializer="identity", activity_regularizer=fd.regularizers.L1(1.0))
    x = fd.Input((4,))
    model = fd.Model(x, layer(layer(x)))
    model.compile("sgd", "mse")
    target = model.predict(X)
    assert model.evaluate(X, target, verbose=0) == pytest.approx(2 * np.abs(X).sum() / len(X), rel=1e-5)


def test_methods_added_to_a_model_leave_its_arguments_alone():
    class Plus(fd.Model):
        def extra(self):
            return 1

    x = fd.Input((4,))
    assert Plus(x, Dense(1)(x)).predict(X).shape == (12, 1)


def test_first_values_do_not_depend_on_who_looks_first():
    def made():
        fd.set_seed(5)
        return fd.Sequential([fd.Input((4,)), Dense(3), Dense(2)])

    a, b = made(), made()
    b.layers[1].get_weights()
    for one, other in zip(a.get_weights(), b.get_weights(), strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("shape, expected", [((None, 8), (None, None, 8)), ((10, 8), (None, 5, 8))])
def test_unknown_sizes_stay_unknown(shape, expected):
    assert fd.Input(shape)[:, ::2].shape == expected


def test_a_weight_of_unknown_size_is_refused():
    x = fd.Input((None, 3))
    flat = fd.layers.Flatten()(x)
    assert flat.shape == (None, None)
    with pytest.raises(ValueError, match="depends on a size that is not known"):
        Dense(2)(flat)


def test_units_that_look_like_a_batch():
    x = fd.Input((4,))
    assert Dense(3)(Dense(7919)(x)).shape == (None, 3)


def test_layers_kept_as_private_attributes_are_found():
    class Private(fd.Model):
        def __init__(self):
            self._inner = Dense(2)

        def call(self, x):
            return self._inner(x)

    assert len(Private()(X).shape) == 2


def test_two_layers_at_one_place_are_refused():
    class Clash(fd.Model):
        def __init__(self):
            x = fd.Input((4,))
            super().__init__(x, Dense(2, name="dense")(x))
            self.dense = Dense(3)

    with pytest.raises(ValueError, match="both stand at 'dense'"):
        Clash().predict(X)


def test_models_are_freed():
    import gc
    import weakref

    model = fd.Sequential([fd.Input((4,)), Dense(2)])
    model.compile("sgd", "mse")
    model.fit(X, X[:, :2], verbose=0)
    step = fd.gradients(lambda x, model=model: model(x).sum(), model)
    step(X)
    gone = weakref.ref(model)
    del model, step
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("entry", [(), ((28, 28),)])
def test_a_layer_that_cannot_stand_there_is_not_added(entry):
    model = fd.Sequential([fd.Input(*entry)] if entry else [])
    given = {} if entry else {"input_shape": (28, 28)}
    with pytest.raises(ValueError, match="Add the channel axis"):
        model.add(fd.layers.Conv2D(3, 3, **given))
    model.add(fd.layers.Flatten(**given))
    model.add(Dense(3))
    assert model.output_shape == (None, 3) and [layer.name for layer in model.layers] == ["flatten", "dense"]
