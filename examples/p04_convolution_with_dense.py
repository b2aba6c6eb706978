"""P4: the network of P3 with a dense layer of 64 before its output, in the functional words `layers` and `models`.

From articles a3 and a4; it is also what `freedive train digits` builds on. Expect about 97.6% of the test digits.
"""

from freedive import layers, models
from freedive.datasets import digits
from freedive.utils import to_categorical


def main(epochs=10, samples=None, verbose=1):
    """Train; returns the accuracy on the test part."""
    (train_images, train_labels), (test_images, test_labels) = digits.load_data()
    train_images = train_images[:samples].reshape((-1, 28, 28, 1)).astype("float32") / 255
    test_images = test_images.reshape((-1, 28, 28, 1)).astype("float32") / 255
    train_labels = to_categorical(train_labels[:samples])  # (n, 10): one column a digit
    test_labels = to_categorical(test_labels)

    model = models.Sequential()
    model.add(layers.Conv2D(32, (3, 3), activation="relu", input_shape=(28, 28, 1)))
    model.add(layers.MaxPooling2D((2, 2)))
    model.add(layers.Conv2D(64, (3, 3), activation="relu"))
    model.add(layers.MaxPooling2D((2, 2)))
    model.add(layers.Flatten())
    model.add(layers.Dense(64, activation="relu"))
    model.add(layers.Dense(10, activation="softmax"))
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    model.fit(train_images, train_labels, epochs=epochs, batch_size=32, validation_split=0.1, verbose=verbose)

    test_loss, test_acc = model.evaluate(test_images, test_labels, verbose=0)
    print(f"Test accuracy: {test_acc:.4f}")
    return test_acc


if __name__ == "__main__":
    main()
