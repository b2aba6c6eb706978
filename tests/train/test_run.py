"""The run as one compiled program: few dispatches, one compilation, and bits that no chunk length changes."""

import contextlib
import warnings

import jax
import numpy as np
import pytest

import freedive as fd
from freedive.train import execute
from freedive.train.checkpoint import restore, snapshot
from freedive.train.streams import Stream

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 4)).astype(np.float32)
Y = RNG.integers(0, 3, 50)


def classifier(**options):
    fd.set_seed(1)
    model = fd.Sequential([fd.Input((4,)), fd.layers.Dense(8, "relu"), fd.layers.Dense(3, "softmax")])
    model.compile(**{"optimizer": "adam", "loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]} | options)
    return model


@contextlib.contextmanager
def compilations():
    """Counts what XLA compiles meanwhile."""
    found = []

    def listen(event, duration, **_):
        if event == "/jax/core/compile/backend_compile_duration":
            found.append(duration)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield found
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a.get_weights(), b.get_weights(), strict=True))


def test_a_thousand_epochs_take_few_dispatches():
    x = RNG.random((100, 1), np.float32)
    model = fd.Sequential([fd.layers.Dense(1, input_shape=(1,)), fd.layers.Dense(1), fd.layers.Dense(1)])
    model.compile("sgd", "mse")
    history = model.fit(x, x**2, epochs=1000, verbose=0)
    assert len(history.history["loss"]) == 1000
    assert history.run.dispatches <= 30


def test_lines_with_and_without_the_short_batch_are_two_programs():
    batches = [(X[at : at + 15], Y[at : at + 15]) for at in range(0, 50, 15)]  # three, and one of 5 rows
    for first, second in ((4, 3), (3, 4)):
        classifier().fit(X, Y, 15, epochs=3, shuffle=False, steps_per_epoch=first, verbose=0)
        found = classifier().fit(X, Y, 15, epochs=3, shuffle=False, steps_per_epoch=second, verbose=0)
        expected = classifier().fit(batches[:second], epochs=3, verbose=0)
        np.testing.assert_allclose(found.history["loss"], expected.history["loss"], rtol=1e-6)


def test_an_equal_model_compiles_nothing():
    classifier().fit(X, Y, epochs=2, verbose=0)
    second = classifier()
    second.optimizer.learning_rate = 0.02
    with compilations() as found:
        second.fit(X, Y, epochs=3, verbose=0)
        second.fit(X, Y, epochs=2, verbose=0)
    assert found == []


def test_another_model_does_compile():
    classifier().fit(X, Y, verbose=0)
    other = fd.Sequential([fd.Input((4,)), fd.layers.Dense(9, "relu"), fd.layers.Dense(3, "softmax")])
    other.compile("adam", "sparse_categorical_crossentropy")
    with compilations() as found:
        other.fit(X, Y, verbose=0)
    assert found


@pytest.mark.parametrize("target", [1e-9, 1e-4, 10.0])
def test_chunk_length_changes_no_bit(target, monkeypatch):
    plain = classifier()
    expected = plain.fit(X, Y, epochs=4, batch_size=7, validation_data=(X[:20], Y[:20]), verbose=0).history
    monkeypatch.setattr(execute, "TARGET", target)
    other = classifier()
    got = other.fit(X, Y, epochs=4, batch_size=7, validation_data=(X[:20], Y[:20]), verbose=0).history
    assert got == expected
    assert same(plain, other)


def test_batch_callbacks_change_no_bit():
    class Watch(fd.callbacks.Callback):
        seen = []

        def on_train_batch_end(self, batch, logs=None):
            self.seen.append((batch, logs["loss"]))

    plain, watched = classifier(), classifier()
    plain.fit(X, Y, epochs=2, batch_size=16, verbose=0)
    watched.fit(X, Y, epochs=2, batch_size=16, verbose=0, callbacks=[Watch()])
    assert [batch for batch, _ in Watch.seen] == [0, 1, 2, 3] * 2
    assert same(plain, watched)


def test_last_short_batch_has_its_true_size():
    model = classifier(optimizer=fd.optimizers.SGD(0.5))
    weights = [w.copy() for w in model.get_weights()]
    model.fit(X[:10], Y[:10], batch_size=7, shuffle=False, verbose=0)
    step = classifier(optimizer=fd.optimizers.SGD(0.5))
    step.set_weights(weights)
    for part in (slice(0, 7), slice(7, 10)):
        step.train_on_batch(X[part], Y[part])
    for a, b in zip(model.get_weights(), step.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


@pytest.mark.parametrize("batch_size", [1, 7, 25, 49, 50, 64])
def test_evaluation_does_not_depend_on_the_batch_size(batch_size):
    model = classifier()
    expected = model.evaluate(X, Y, batch_size=50, return_dict=True)
    got = model.evaluate(X, Y, batch_size=batch_size, return_dict=True)
    assert got == pytest.approx(expected, rel=1e-6)


def test_a_stream_gives_the_bits_of_arrays():
    class Batches:
        def __len__(self):
            return 4

        def __getitem__(self, i):
            return X[i * 13 : (i + 1) * 13], Y[i * 13 : (i + 1) * 13]

    arrays, stream = classifier(), classifier()
    expected = arrays.fit(X, Y, batch_size=13, epochs=3, shuffle=False, validation_data=(X, Y), verbose=0).history
    got = stream.fit(Batches(), epochs=3, validation_data=(X, Y), verbose=0).history
    assert got == expected
    assert same(arrays, stream)


def test_what_goes_wrong_in_a_stream_names_the_batch():
    def source():
        yield X[:5], Y[:5]
        yield X[5:10], Y[5:10]
        raise OSError("disk gone")

    with pytest.raises(OSError, match="disk gone") as raised:
        classifier().fit(source, verbose=0)
    assert "batch 2" in raised.value.__notes__[0]


def test_a_used_up_iterator_says_what_to_do():
    with pytest.raises(ValueError, match="give steps_per_epoch, or something that can be iterated over again"):
        classifier().fit(iter([(X, Y)]), epochs=2, verbose=0)


def test_endless_generators_take_steps_per_epoch():
    def endless():
        while True:
            yield X[:10], Y[:10]

    model = classifier()
    assert model.fit(endless(), steps_per_epoch=3, epochs=2, verbose=0).epoch == [0, 1]
    assert model._training.step == 6


@pytest.mark.parametrize("stop", [1, 3, 4, 6])
def test_a_run_goes_on_from_a_checkpoint_with_the_same_bits(stop, tmp_path):
    class Cut(fd.callbacks.Callback):
        edge = "batch"

        def on_edge(self, run):
            if run.epoch * 4 + run.at == stop:
                snapshot(run).write(tmp_path / "c.safetensors")

    class Resume(fd.callbacks.Callback):
        def on_run_begin(self, run, callbacks):
            assert restore(tmp_path / "c.safetensors", run) == []

    model = classifier()
    history = model.fit(X, Y, batch_size=16, epochs=2, verbose=0, callbacks=[Cut()], seed=4)
    resumed = classifier()
    resumed.optimizer.learning_rate = 0.5
    rest = resumed.fit(X, Y, batch_size=16, epochs=2, verbose=0, callbacks=[Resume()], seed=9)
    assert same(model, resumed)
    assert rest.history["loss"][-1] == history.history["loss"][-1]
    assert resumed.optimizer.learning_rate == pytest.approx(0.001)


def test_stream_threads_end():
    import threading

    stream = Stream(lambda: iter([(X, Y)] * 50), where="x")
    blocks = stream.blocks(1)
    next(blocks)
    blocks.close()
    assert not [t for t in threading.enumerate() if t.name == "freedive-stream"]


def test_callbacks_see_weights_and_may_change_them():
    class Prune(fd.callbacks.Callback):
        kept = []

        def on_epoch_begin(self, epoch, logs=None):
            self.kept.append(self.model.weights[0])

        def on_epoch_end(self, epoch, logs=None):
            weights = self.model.get_weights()
            self.model.set_weights([np.zeros_like(weights[0]), *weights[1:]])

    model = classifier(optimizer=fd.optimizers.SGD(0.0))
    model.fit(X, Y, epochs=2, verbose=0, callbacks=[Prune()])
    assert not model.get_weights()[0].any()
    assert [bool(np.asarray(w).any()) for w in Prune.kept] == [True, False]


def test_ema_takes_the_place_of_the_weights_at_the_end():
    model = classifier(optimizer=fd.optimizers.SGD(0.5, use_ema=True, ema_momentum=0.9))
    model.fit(X, Y, epochs=2, verbose=0)
    average = model._training.slots["average"]["dense"]["kernel"]
    assert np.array_equal(model.get_weights()[0], average)


@pytest.mark.parametrize("case", ["no epoch", "no update", "not finite"])
def test_ema_leaves_the_weights_where_nothing_was_learned(case):
    steps = 10**6 if case == "no update" else None
    model = classifier(optimizer=fd.optimizers.SGD(0.5, use_ema=True, gradient_accumulation_steps=steps))
    if case == "not finite":
        model.compile(model.optimizer, lambda y, p: p / np.float32(0))
    before = model.get_weights()
    with warnings.catch_warnings(action="ignore"):
        model.fit(X, Y, epochs=1, initial_epoch=int(case == "no epoch"), verbose=0)
    assert all(map(np.array_equal, model.get_weights(), before))


class Counted(fd.layers.Layer):
    traces = 0

    def call(self, x):
        Counted.traces += 1
        return x * self.param("scale", (x.shape[-1],), "ones")


@pytest.mark.parametrize(("rows", "expected"), [(32, 2), (33, 3)])
def test_a_step_is_traced_once(rows, expected):
    """The shapes of the sums, and the program, come from one trace: of full batches, of a short one, of validation."""
    x = np.linspace(0, 1, 3 * rows, dtype="float32").reshape(rows, 3)
    model = fd.Sequential([fd.Input((3,)), Counted(), fd.layers.Dense(1)])
    model.compile("sgd", "mse")
    before = Counted.traces
    model.fit(
        x, x.sum(1), batch_size=8, validation_data=(x[:16] + 1, x[:16].sum(1)), validation_batch_size=8, verbose=0
    )
    assert Counted.traces - before == expected
