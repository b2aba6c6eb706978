"""Every network for tables learns penguins, comes back from its file, and takes rows without categories."""

import numpy as np
import pytest

import freedive as fd
from freedive.networks.tables import NETWORKS
from freedive.preprocessing import TableEncoder


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_learn(name, tmp_path):
    (x, y), (x_test, y_test) = fd.datasets.penguins.load_data()
    encoder = TableEncoder.learned(x)
    fd.set_seed(0)
    model = NETWORKS[name](encoder.width, encoder.sizes, fd.layers.Dense(3, activation="softmax"))
    model.compile(fd.optimizers.AdamW(3e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(encoder.encoded(x), y, epochs=12, verbose=0)
    rows = encoder.encoded(x_test)
    assert model.evaluate(rows, y_test, verbose=0)[1] > 0.95
    model.save(tmp_path / "a.fd")
    again = fd.models.load_model(tmp_path / "a.fd")
    np.testing.assert_array_equal(again.predict(rows, verbose=0), model.predict(rows, verbose=0))


@pytest.mark.parametrize("name", NETWORKS)
def test_numbers_alone(name):
    assert NETWORKS[name](4, head=2).output_shape == (None, 2)
