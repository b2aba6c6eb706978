"""Networks for pictures have the weights that were published, take any size, learn, and come back from a file."""

import numpy as np
import pytest

import freedive as fd
from freedive.networks import pictures
from freedive.networks.pictures import NETWORKS

(X, Y), (X_TEST, Y_TEST) = fd.datasets.digits.load_data()

# name, shape, outputs, options, trainable weights as published
PUBLISHED = [
    ("resnet20", (32, 32, 3), 10, {}, 272_474),  # 0.27 million, He et al. 2016, table 6, with 1 x 1 convolutions around
    ("resnet20", (32, 32, 3), 10, {"blocks": 9}, 855_770),  # ResNet-56: 0.85 million
    ("resnet18", (224, 224, 3), 1000, {}, 11_689_512),  # torchvision
    ("resnet18", (32, 32, 3), 10, {}, 11_173_962),  # as it is adapted to CIFAR-10
    ("mobilenet", (224, 224, 3), 1000, {}, 3_504_872),  # 3.4 million, Sandler et al. 2018; torchvision's count
    ("mobilenet", (96, 96, 3), 1000, {"width": 0.35}, 1_677_128),  # Keras' count
    ("vit", (224, 224, 3), 1000, {"units": 192, "blocks": 12}, 5_717_416),  # DeiT-Ti: 5.7 million
]


@pytest.mark.parametrize(("name", "shape", "outputs", "options", "count"), PUBLISHED)
def test_weights_are_as_many_as_published(name, shape, outputs, options, count):
    model = NETWORKS[name](shape, outputs, **options)
    found = sum(weight.size for weight in model.trainable_weights)
    assert found == pytest.approx(count, rel=5e-3 if count % 1000 == 0 else 0)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("shape", [(28, 28), (33, 47, 4), (96, 96, 3)])
def test_any_size_is_taken(name, shape):
    small = {"resnet18": {"filters": 4}, "mobilenet": {"width": 0.1}, "vit": {"units": 8, "blocks": 1}}
    model = NETWORKS[name](shape, outputs=3, **small.get(name, {}))
    assert model.output_shape == (None, 3)
    last = [layer.output.shape for layer in model.layers if len(layer.output.shape) == 4][-1]
    most = 24 if name == "resnet20" else 12  # made for small pictures, it halves their sides twice
    assert name in ("cnn", "vit") or 2 <= min(last[1:3]) <= most


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 64), (4, 4), (6, 6, 3), (8, 8), (9, 9), (64, 3, 3)])
def test_pictures_of_few_pixels_are_taken(name, shape):
    small = {"resnet18": {"filters": 4}, "mobilenet": {"width": 0.1}, "vit": {"units": 8, "blocks": 1}}
    model = NETWORKS[name](shape, outputs=3, **small.get(name, {}))
    assert model.predict(np.zeros((2, *shape)), verbose=0).shape == (2, 3)


LEARNERS = {
    "cnn": {"filters": (8, 16)},
    "deep_cnn": {"filters": 8},
    "resnet20": {"filters": 8, "blocks": 1},
    "resnet18": {"filters": 8, "blocks": 1},
    "mobilenet": {"width": 0.25},
    "vit": {"units": 32, "blocks": 1, "patch": 7},
}


@pytest.mark.parametrize("name", LEARNERS)
def test_networks_learn(name, tmp_path):
    fd.set_seed(0)
    few = Y < 3
    x, y = X[few][:600], Y[few][:600]
    model = NETWORKS[name]((28, 28), 3, "softmax", [fd.layers.Rescaling(1 / 255)], **LEARNERS[name])
    model.compile(fd.optimizers.Adam(3e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=8 if name == "vit" else 4, batch_size=30, verbose=0)
    rows = Y_TEST < 3
    assert model.evaluate(X_TEST[rows], Y_TEST[rows], verbose=0)[1] > 0.8  # a third by chance
    if name in ("mobilenet", "vit"):
        model.save(tmp_path / "a.fd")
        again = fd.models.load_model(tmp_path / "a.fd")
        np.testing.assert_array_equal(again.predict(X_TEST[:9], verbose=0), model.predict(X_TEST[:9], verbose=0))


def test_small_pictures_are_halved_less_often():
    assert [pictures.halvings((side, side), 5) for side in (2, 8, 16, 32, 64, 128, 224)] == [0, 1, 2, 3, 4, 5, 5]
