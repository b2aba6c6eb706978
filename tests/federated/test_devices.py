"""Clients over devices: the numbers of clients on one, within rounding; in a process that has two devices."""

import os
import subprocess
import sys

import numpy as np

PROGRAM = """
import sys
import numpy as np
import jax
import freedive as fd
from freedive.core.variables import gather
from freedive.federated import ClientPrivacy, Failures, evaluate, partition, simulate

assert jax.device_count() == int(sys.argv[1])
x = np.random.default_rng(0).normal(size=(203, 5)).astype("float32")
y = (x[:, 0] > 0).astype("int32") + (x[:, 1] > 0)
clients = partition(x, y, 7, by="dirichlet", alpha=0.3)
private = ClientPrivacy(noise_multiplier=1e-3, clip_norm=5.0)
found = []
for how in ({"failures": Failures(0.3, 0.3)}, {"fraction": 0.4}, {"fraction": 0.5, "privacy": private}):
    fd.set_seed(3)
    model = fd.Sequential([fd.layers.Dense(8, "relu"), fd.layers.Dropout(0.2), fd.layers.Dense(3, "softmax")])
    model.compile(fd.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    fit = {"batch_size": 16, "validation_data": (x[:50], y[:50]), "seed": 1, "verbose": 0}
    told = simulate(model, clients, 3, local_epochs=2, **how, **fit).history
    assert not any(value.committed for value in jax.tree.leaves(gather(model).params))
    simulate(model, clients, 1, **how, **fit)  # goes on from there
    found += [*model.get_weights(), told["val_loss"], told["loss_clients"][-1], evaluate(model, clients)["loss"]]
np.savez(sys.argv[2], *found)
"""


def test_clients_over_devices_learn_what_they_learn_on_one(tmp_path):
    found = []
    for count in (1, 2):
        file = tmp_path / f"{count}.npz"
        flags = {"XLA_FLAGS": f"--xla_force_host_platform_device_count={count}", "JAX_PLATFORMS": "cpu"}
        told = [sys.executable, "-c", PROGRAM, str(count), str(file)]
        ran = subprocess.run(told, env=os.environ | flags, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr
        with np.load(file) as table:
            found.append(dict(table))
    assert len(found[0]) == 21
    for name, values in found[0].items():
        np.testing.assert_allclose(found[1][name], values, rtol=1e-4, atol=1e-6, err_msg=name)
