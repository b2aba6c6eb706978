"""Classes written for Keras: what freedive would pass over is refused where it is written."""

import subprocess
import sys

import numpy as np
import pytest

import freedive as fd

x, y = np.ones((6, 4), "float32"), np.arange(6) % 3


def test_a_layer_with_a_method_build_is_refused():
    with pytest.raises(TypeError, match=r"Own\.build: freedive never calls it; .*self\.param"):

        class Own(fd.layers.Layer):
            def build(self, shape):
                self.scale = 3.0


@pytest.mark.parametrize("method", ["train_step", "test_step", "predict_step", "compute_loss", "compute_metrics"])
def test_a_model_with_a_step_of_its_own_is_refused_by_compile(method):
    def call(self, x):
        return self.dense(x)

    own = type("Own", (fd.Model,), {"call": call, method: lambda self, data: data})()
    own.dense = fd.layers.Dense(3)
    assert own(x).shape == (6, 3)  # a loop of one's own may use it
    with pytest.raises(TypeError, match=rf"Own\.{method}: a compiled run never calls it"):
        own.compile("sgd", "mse")


@pytest.mark.parametrize("word", ["add_weight", "metrics", "to_json"])
def test_words_that_are_not_here_are_told_with_what_stands_for_them(word):
    with pytest.raises(AttributeError, match=f"Sequential has no attribute '{word}': "):
        getattr(fd.Sequential(), word)


def test_a_run_without_a_loss_is_refused():
    model = fd.Sequential([fd.layers.Dense(3)])
    model.compile("sgd", metrics=["mae"])
    with pytest.raises(ValueError, match="nothing to minimise"):
        model.fit(x, x[:, :3], verbose=0)


def test_penalties_alone_are_a_loss():
    model = fd.Sequential([fd.layers.Dense(3, kernel_regularizer="l2")])
    model.compile("sgd", metrics=["mae"])
    before = model.fit(x, x[:, :3], epochs=3, verbose=0).history["loss"]
    assert before[0] > before[-1] > 0


def test_a_text_is_no_array():
    with pytest.raises(ValueError, match=r"expected an array\. Received 'abc'"):
        fd.layers.Dense(3)("abc")


def test_a_name_of_two_layers_finds_neither():
    model = fd.Sequential([fd.Input((4,)), fd.layers.Dense(5, name="a"), fd.layers.Dense(3, name="a")])
    with pytest.raises(ValueError, match=r"get_layer\('a'\): several layers have this name"):
        model.get_layer("a")


def test_a_forked_process_does_not_wait_for_ever():
    script = """
import multiprocessing, os
import numpy as np
import freedive as fd

model, x = fd.Sequential([fd.Input((4,)), fd.layers.Dense(3)]), np.ones((8, 4), "float32")
model.predict(x, verbose=0)

def ask():
    try:
        model.predict(x, verbose=0)
    except RuntimeError as error:
        os._exit(7 if "forked" in str(error) else 1)

child = multiprocessing.get_context("fork").Process(target=ask)
child.start()
child.join(60)
print(child.exitcode)
child.kill()
"""
    found = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "7"


def test_a_weight_that_is_assigned_is_the_weight():
    model = fd.Sequential([fd.Input((4,)), fd.layers.Dense(3, name="out")])
    layer = model.layers[0]
    layer.kernel = np.ones((4, 3))
    layer.bias = [1, 2, 3]
    assert model.predict(x, verbose=0)[0].tolist() == [5, 6, 7]
    for wrong in (np.ones((3, 4)), np.full((4, 3), np.nan)):
        with pytest.raises(ValueError, match=r"out\.kernel "):
            layer.kernel = wrong


def test_a_warning_names_the_line_outside():
    model = fd.Sequential([fd.Input((4,)), fd.layers.Dense(3)])
    model.compile("sgd", "mse")
    with pytest.warns(UserWarning, match="all are 0") as told:
        model.fit(x, x[:, :3], sample_weight=np.zeros(6), verbose=0)
    assert all(warning.filename == __file__ for warning in told)


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (lambda: fd.GradientTape, "module 'freedive' has no attribute 'GradientTape': fd.gradients"),
        (lambda: fd.mixed_precision, "compile\\(precision="),
        (lambda: fd.utils.plot_model, "module 'freedive.utils' has no attribute 'plot_model': model.summary"),
        (lambda: fd.models.model_from_json, "fd.Model.from_config"),
        (lambda: fd.metrics.MeanSquaredError().add_weight(), "has no attribute 'add_weight': write sums"),
        (lambda: fd.optimizers.Adam().iterations, "has no attribute 'iterations': an optimizer counts nothing"),
        (lambda: fd.optimizers.Adam().lerning_rate, "Adam has no attribute 'lerning_rate'$"),
        (lambda: fd.models.modle, "module 'freedive.models' has no attribute 'modle'$"),
    ],
)
def test_words_of_keras_that_are_not_here_say_what_is(ask, told):
    with pytest.raises(AttributeError, match=told):
        ask()


def test_a_generator_that_ends_leaves_what_was_learned():
    model = fd.Sequential([fd.Input((4,)), fd.layers.Dense(3)])
    model.compile("sgd", "mse")
    before = model.get_weights()[0]
    with pytest.raises(ValueError, match=r"used up once.*What was learned before stays in the model, and in model\.h"):
        model.fit(((x, x[:, :3]) for _ in range(2)), epochs=2, verbose=0)
    assert len(model.history.history["loss"]) == 1 and (model.get_weights()[0] != before).any()
