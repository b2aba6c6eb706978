"""NaN and infinity are caught at the step that makes them, wherever in it; the state before it is kept to the bit."""

import jax.numpy as jnp
import numpy as np
import pytest

import freedive as fd
from freedive.train import execute, guard

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4)).astype(np.float32)
Y = X[:, :1] - X[:, 1:2]
STEPS = 8  # an epoch, of batches of 8 and a last one of 4
NEVER = 1e6

WHAT = {  # where a number breaks -> how the step is described
    "forward": r"the output of bomb \(Bomb\)",
    "backward": r"the gradient that bomb \(Bomb\) hands back to dense \(Dense\)",
    "gradient": r"the gradient of bomb/kernel",
    "loss": r"the loss",
    "state": r"the state bomb/largest",
    "weight": r"the weight bomb/kernel after the update",
    "optimizer": r"the optimizer's velocity/bomb/kernel",
}


class Bomb(fd.layers.Layer):
    """Goes off at one step."""

    where: str
    at: float

    def call(self, x):
        step = self.variable("step", (), "zeros")
        kernel = self.param("kernel", (4,), "ones")
        largest = self.variable("largest", (4,), "zeros")
        now = step == self.hyper("at")
        self.update(step=step + 1)
        factor = {"weight": 1e38, "optimizer": 1e25}.get(self.where, 0.0)
        y = x * jnp.where(now, 1 + factor * (kernel - 1), kernel)  # at the ones only the slope is large
        if self.where == "forward":
            y = y + jnp.where(now, jnp.nan, 0.0)
        if self.where == "backward":
            y = y + 0 * jnp.sqrt(jnp.where(now, 0.0, 1.0) * x * x)  # the slope of a root at 0
        if self.where == "gradient":
            y = y + 0 * jnp.sqrt(jnp.where(now, 0.0, 1.0) * kernel**2)
        if self.where == "loss":
            self.add_loss(jnp.where(now, jnp.inf, 0.0))
        if self.where == "state":
            self.update(largest=jnp.where(now, jnp.inf, largest))
        return y


def bombed(where, at, policy="stop", optimizer=None):
    fd.set_seed(3)
    bomb = Bomb(where, at)
    model = fd.Sequential([fd.Input((4,)), fd.layers.Dense(4), bomb, fd.layers.Dropout(0.1), fd.layers.Dense(1)])
    model.compile(optimizer or fd.optimizers.Adam(0.01), "mse", on_nonfinite=policy)
    return model


def fitted(model, **options):
    return model.fit(X, Y, **({"batch_size": 8, "epochs": 3, "verbose": 0, "seed": 5} | options))


def finite(model):
    return all(np.isfinite(w).all() for w in model.get_weights())


class Recorder(fd.callbacks.Callback):
    """The weights before every step."""

    def on_train_begin(self, logs=None):
        self.before = []

    def on_train_batch_begin(self, batch, logs=None):
        self.before.append(self.model.get_weights())


@pytest.mark.parametrize("where", ["forward", "backward", "gradient", "loss", "state"])
def test_caught_at_the_very_step_with_the_weights_from_before_it(where, monkeypatch):
    recorder = Recorder()
    fitted(bombed(where, NEVER), callbacks=[recorder])
    for at, target in ((0, 10.0), (3, 10.0), (STEPS - 1, 1e-4), (STEPS, 10.0), (13, 1e-9), (3 * STEPS - 1, 10.0)):
        monkeypatch.setattr(execute, "TARGET", target)
        model = bombed(where, at)
        with pytest.warns(RuntimeWarning, match=WHAT[where] + " is NaN or infinite"):
            history = fitted(model)
        (failure,) = history.nonfinite
        assert (failure.epoch, failure.batch) == divmod(at, STEPS)
        assert model._training.step == at
        for mine, kept in zip(model.get_weights(), recorder.before[at], strict=True):
            np.testing.assert_array_equal(mine, kept)
        assert history.epoch == list(range(at // STEPS + 1))
        assert np.isfinite(history.history["loss"][-1]) == (where not in ("forward", "loss"))


@pytest.mark.parametrize("where", ["weight", "optimizer"])
def test_what_only_the_update_breaks_is_named_too(where):
    optimizer = {"weight": fd.optimizers.SGD(1e3), "optimizer": fd.optimizers.Adam(1e-30)}[where]
    model = bombed(where, 0, optimizer=optimizer)
    with pytest.warns(RuntimeWarning, match=WHAT[where]):
        fitted(model)
    assert finite(model)


@pytest.mark.parametrize("how", ["blocks", "batches", "a callback a batch", "assigned weights"])
def test_however_batches_come(how):
    class Assign(fd.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.set_weights(self.model.get_weights())

    class Batches:
        def __len__(self):
            return 15

        def __getitem__(self, i):
            return X[4 * i : 4 * i + 4], Y[4 * i : 4 * i + 4]

    calls = {"a callback a batch": [Recorder()], "assigned weights": [Assign()], "batches": [Recorder()]}.get(how)
    model, stream = bombed("forward", 17), how in ("blocks", "batches")
    with pytest.warns(RuntimeWarning, match="epoch 2, batch 3: the output of bomb"):
        if stream:
            model.fit(Batches(), epochs=3, verbose=0, callbacks=calls)
        else:
            fitted(model, batch_size=4, callbacks=calls)
    assert finite(model) and model._training.step == 17


def test_a_stream_goes_on_behind_a_batch_that_is_skipped():
    x = np.concatenate([X, X])
    bad = x.copy()
    bad[40:44] = 3e38  # in the range of float32, not so its square
    y = np.concatenate([Y, Y])
    model = bombed("forward", NEVER, "skip")
    with pytest.warns(RuntimeWarning, match=r"epoch 1, batch 11.*left out"):
        history = model.fit([(bad[i : i + 4], y[i : i + 4]) for i in range(0, 120, 4)], epochs=1, verbose=0)
    assert finite(model) and np.isfinite(history.history["loss"]).all()
    assert model._training.step == 29


def test_skipping_leaves_single_batches_out_and_counts_them():
    bad = X.copy()
    bad[[11, 40]] = 3e38
    model = bombed("forward", NEVER, "skip")
    with pytest.warns(RuntimeWarning, match="left out"):
        history = model.fit(bad, Y, batch_size=8, epochs=4, shuffle=False, verbose=0, validation_data=(X, Y))
    assert [(f.epoch, f.batch) for f in history.nonfinite] == [(e, b) for e in range(4) for b in (1, 5)]
    assert np.isfinite(history.history["loss"]).all() and len(history.history["val_loss"]) == 4
    assert model._training.step == 4 * (STEPS - 2)


def test_an_epoch_of_which_nothing_is_left_is_no_result():
    model = bombed("forward", 0, "skip")
    with pytest.warns(RuntimeWarning, match="no batch of the epoch is left"):
        history = model.fit(X[:16], Y[:16], batch_size=8, epochs=3, verbose=0)
    assert len(history.history["loss"]) == 1 and not np.isfinite(history.history["loss"][0]) and finite(model)


def test_rolling_back_begins_the_epoch_anew_behind_the_batch():
    bad = X.copy()
    bad[20] = 3e38
    recorder, model = Recorder(), bombed("forward", NEVER, "rollback")
    first = model.get_weights()
    with pytest.warns(RuntimeWarning, match="batch 3: .*from the beginning of the epoch"):
        history = model.fit(bad, Y, batch_size=8, epochs=1, shuffle=False, verbose=0)
    other = bombed("forward", NEVER)
    assert all(np.array_equal(a, b) for a, b in zip(first, other.get_weights(), strict=True))
    other.fit(bad[24:], Y[24:], batch_size=8, epochs=1, shuffle=False, verbose=0, callbacks=[recorder])
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)
    assert model._training.step == 5 and np.isfinite(history.history["loss"]).all()


@pytest.mark.parametrize("policy", ["skip", "rollback"])
def test_what_fails_again_and_again_ends_training(policy):
    model = bombed("forward", 0, policy)  # skipping does not defuse it: the state is as it was
    with pytest.warns(RuntimeWarning):
        history = fitted(model, epochs=100)
    assert len(history.nonfinite) <= guard.IN_A_ROW and "Training stops" in history.nonfinite[-1].done
    assert finite(model)


def test_keep_is_what_keras_does():
    model = bombed("forward", 3, "keep")
    history = fitted(model)
    assert not finite(model) and len(history.epoch) == 3 and history.nonfinite == []


def test_a_value_that_was_infinite_from_the_beginning_is_none_of_ours():
    class Least(fd.layers.Layer):
        def call(self, x):
            least = self.variable("least", (), fd.initializers.Constant(np.inf))
            self.update(least=jnp.where(x.shape[0] > 100, 0.0, least))
            return x

    model = fd.Sequential([fd.Input((4,)), Least(), fd.layers.Dense(1)])
    model.compile("sgd", "mse")
    assert fitted(model).nonfinite == []


def test_one_batch_by_hand():
    model = bombed("forward", 0)
    before = model.get_weights()
    with pytest.warns(RuntimeWarning, match=r"train_on_batch: the output of bomb \(Bomb\)"):
        assert np.isnan(model.train_on_batch(X, Y))
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_policy_is_checked_and_saved(tmp_path):
    with pytest.raises(ValueError, match="expected one of 'stop', 'skip', 'rollback', 'keep'"):
        bombed("forward", 0, "panic")
    model = fd.Sequential([fd.Input((4,)), fd.layers.Dense(1)])
    model.compile("sgd", "mse", on_nonfinite="skip")
    model.save(tmp_path / "m.safetensors")
    assert fd.models.load_model(tmp_path / "m.safetensors")._training.on_nonfinite == "skip"


@pytest.mark.parametrize("bootstrap", [True, False])
def test_a_member_that_fails_stops_and_the_others_go_on(bootstrap):
    fd.set_seed(3)
    model = fd.Sequential([fd.Input((4,)), fd.layers.Dense(8, "relu"), fd.layers.Dense(1)])
    model.compile(fd.optimizers.SGD(0.01), "mse")
    ensemble = fd.Ensemble(model, 3, bootstrap=bootstrap)
    ensemble.build((None, 4))
    kernel = np.array(ensemble.member(1).get_weights()[0])
    weights = ensemble.get_weights()
    weights[0][1] = 1e30  # what it computes is finite, the square of its error is not
    ensemble.set_weights(weights)
    with pytest.warns(RuntimeWarning, match=r"in member 1, the loss is NaN or infinite.*the others go on"):
        history = ensemble.fit(X, Y, batch_size=8, epochs=2, verbose=0)
    assert [(f.epoch, f.batch) for f in history.nonfinite] == [(0, 0)]
    assert kernel.shape == (4, 8) and np.all(ensemble.member(1).get_weights()[0] == np.float32(1e30))
    assert np.isfinite(ensemble.get_weights()[0]).all()
    assert ensemble.member(0)._training.step == 2 * STEPS
