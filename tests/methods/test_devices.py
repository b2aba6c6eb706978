"""Members over devices: the numbers of those that are batched, within rounding; in a process that has two devices."""

import os
import subprocess
import sys

PROGRAM = """
import numpy as np
import jax
import freedive as fd
from freedive.methods.population import Population, Replicated
from freedive.models import fitting
from freedive.train.members import Members

x = np.random.default_rng(0).normal(size=(203, 5)).astype("float32")
y = (x[:, 0] > 0).astype("int32") + (x[:, 1] > 0)


def learned(way, n=4, **how):
    fd.set_seed(3)
    layers = fd.layers
    hidden = [layers.Dense(8, "relu"), layers.BatchNormalization(), layers.Dropout(0.2)]
    model = fd.Sequential([*hidden, layers.Dense(3, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    population = Population(model, n)
    options = fitting.Options(epochs=3, verbose=0, seed=5, validation_data=(x[:50] + 0.01, y[:50]))
    return population, fitting.fit(population, x, y, options, Replicated(way=way, **how))


assert jax.device_count() == 2
assert Members(4).devices == 2 and Members(3).devices == 1
for how in ({}, {"orders": True, "bootstrap": True}):
    (one, told), (two, spread) = learned("batched", **how), learned("over devices", **how)
    assert str(spread.run.members) == "4 members over 2 devices", spread.run
    for a, b in zip(one.get_weights(), two.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(told.history["val_loss_members"], spread.history["val_loss_members"], rtol=1e-5)
    assert all(len(value.devices()) == 1 for value in jax.tree.leaves(two._training.slots))
    two.keep([0, 2, 3])
    assert np.isfinite(fitting.fit(two, x, y, fitting.Options(verbose=0), Replicated()).history["loss"]).all()
print("alike")
"""


def test_members_over_devices_are_those_that_are_batched():
    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=2", "JAX_PLATFORMS": "cpu"}
    ran = subprocess.run([sys.executable, "-c", PROGRAM], env=os.environ | flags, capture_output=True, text=True)
    assert ran.returncode == 0 and ran.stdout.endswith("alike\n"), ran.stderr
