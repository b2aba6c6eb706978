"""P3: a convolutional network reads handwritten digits: 32 filters, pool, 64 filters, pool, Flatten, Dense(10).

From article a0. Expect about 97.5% of the test digits after 10 epochs on the 10,000 embedded pictures.
"""

from freedive.datasets import digits
from freedive.layers import Conv2D, Dense, Flatten, MaxPooling2D
from freedive.models import Sequential


def main(epochs=10, samples=None, verbose=1):
    """Train; returns the accuracy on the test part."""
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    x_train = x_train[:samples, ..., None].astype("float32") / 255  # (n, 28, 28, 1)
    x_test = x_test[..., None].astype("float32") / 255

    model = Sequential()
    model.add(Conv2D(32, (3, 3), activation="relu", input_shape=(28, 28, 1)))
    model.add(MaxPooling2D((2, 2)))
    model.add(Conv2D(64, (3, 3), activation="relu"))
    model.add(MaxPooling2D((2, 2)))
    model.add(Flatten())
    model.add(Dense(10, activation="softmax"))
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x_train, y_train[:samples], epochs=epochs, batch_size=32, verbose=verbose)

    loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
    print(f"test loss {loss:.4f}, accuracy {accuracy:.4f}")
    return accuracy


if __name__ == "__main__":
    main()
