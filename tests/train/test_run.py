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
    def given(epoch, steps):  # three and one of 5 rows; where an epoch is shorter, that one is filled up
        starts = [0, 15, 30, 45] if steps == 4 else [(0, 15, 30, 35)[(3 * epoch + i) % 4] for i in range(3)]
        return [(X[at : at + 15], Y[at : at + 15]) for at in starts]

    for first, second in ((4, 3), (3, 4)):
        classifier().fit(X, Y, 15, epochs=3, shuffle=False, steps_per_epoch=first, verbose=0)
        found = classifier().fit(X, Y, 15, epochs=3, shuffle=False, steps_per_epoch=second, verbose=0)
        expected = classifier().fit(lambda epoch, second=second: given(epoch, second), epochs=3, verbose=0)
        np.testing.assert_allclose(found.history["loss"], expected.history["loss"], rtol=1e-6)


def targets_seen(source, epochs=4, **given):
    """What every epoch is asked for: the batch i of the source is of targets i, and the network says 0."""
    model = fd.Sequential([fd.layers.Dense(1, kernel_initializer="zeros")])
    model.compile(fd.optimizers.SGD(0.0), "mae")
    return model.fit(source, epochs=epochs, verbose=0, **given).history["loss"]


class Numbered(fd.utils.PyDataset):
    asked = ()

    def __len__(self):
        return 10

    def __getitem__(self, batch):
        self.asked = (*self.asked, batch)
        return np.zeros((2, 1)), np.full((2, 1), float(batch))


def test_short_epochs_go_on_where_the_one_before_ended():
    loader = [(np.zeros((2, 1)), np.full((2, 1), float(i))) for i in range(10)]
    expected = [1.0, 4.0, 7.0, (9 + 0 + 1) / 3, 3.0]
    assert targets_seen(loader, 5, steps_per_epoch=3) == pytest.approx(expected)
    assert targets_seen(Numbered(), 5, steps_per_epoch=3, shuffle=False) == pytest.approx(expected)
    assert targets_seen(loader, 2, steps_per_epoch=20) == pytest.approx([4.5, 4.5])
    x, y = np.zeros((20, 1)), np.repeat(np.arange(10.0), 2)
    model = fd.Sequential([fd.layers.Dense(1, kernel_initializer="zeros")])
    model.compile(fd.optimizers.SGD(0.0), "mae")
    found = model.fit(x, y, batch_size=2, shuffle=False, epochs=5, steps_per_epoch=3, verbose=0).history["loss"]
    assert found == pytest.approx(expected)


def test_batches_asked_for_by_number_have_an_order_of_their_own_in_every_epoch():
    source = Numbered()
    assert targets_seen(source, 3, seed=1) == pytest.approx([4.5] * 3)
    epochs = [source.asked[at : at + 10] for at in (0, 10, 20)]
    assert len(set(epochs)) == 3 and all(sorted(epoch) == list(range(10)) for epoch in epochs)
    again = Numbered()
    targets_seen(again, 3, seed=1)
    assert again.asked == source.asked
    plain = Numbered()
    targets_seen(plain, 2, shuffle=False)
    assert plain.asked == (*range(10), *range(10))


@pytest.mark.parametrize("steps", [None, 3])
@pytest.mark.parametrize("source", [Numbered, lambda: [Numbered()[i] for i in range(10)]])
def test_a_stream_goes_on_from_a_checkpoint_with_the_same_batches(steps, source, tmp_path):
    class Stop(fd.callbacks.Callback):
        def on_epoch_end(self, epoch, logs):
            if epoch == 3:
                raise RuntimeError("killed")

    def seen(epochs, *callbacks):
        model = fd.Sequential([fd.layers.Dense(1, kernel_initializer="zeros")])
        model.compile(fd.optimizers.SGD(0.1), "mae")
        options = {"steps_per_epoch": steps, "seed": 5, "verbose": 0, "callbacks": callbacks}
        return model.fit(source(), epochs=epochs, resume=tmp_path / "kept" if callbacks else None, **options).history

    whole = seen(6)["loss"]
    with pytest.raises(RuntimeError, match="killed"):
        seen(6, Stop())
    assert seen(6, fd.callbacks.Callback())["loss"] == whole


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
    got = stream.fit(Batches(), epochs=3, shuffle=False, validation_data=(X, Y), verbose=0).history
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


def test_what_is_compiled_on_the_way_is_counted():
    """Batches of a shape that did not come before compile once, and are told apart from the steps."""
    model = fd.Sequential(
        [fd.Input((None,), dtype="int32"), fd.layers.Embedding(5, 4), fd.layers.LSTM(3), fd.layers.Dense(1)]
    )
    model.compile("sgd", "mse")
    batches = [(np.ones((2, length), np.int32), np.ones((2, 1), np.float32)) for length in (3, 7)]
    seen = []

    class Compiling(fd.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append(self.run.compiling)

        def on_run_begin(self, run, callbacks):
            self.run = run

    model.fit(batches, epochs=3, verbose=0, callbacks=[Compiling()])
    assert 0 < seen[0] == seen[1] == seen[2]
