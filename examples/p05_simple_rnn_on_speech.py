"""P5: a simple recurrent layer of 32 with ReLU hears which of nine speakers says a vowel.

From article a0, whose shape is (timesteps, input_dim): here up to 29 frames of 12 coefficients, real speech. Shorter
utterances have zeros before their first frame. Expect about 85% of the test utterances.
"""

from freedive.datasets import vowels
from freedive.layers import Dense, SimpleRNN
from freedive.models import Sequential


def main(epochs=60, verbose=0):
    """Train; returns the accuracy on the test part."""
    (x_train, y_train), (x_test, y_test) = vowels.load_data()
    timesteps, input_dim = x_train.shape[1:]
    num_classes = len(vowels.class_names)

    model = Sequential()
    model.add(SimpleRNN(32, activation="relu", input_shape=(timesteps, input_dim)))
    model.add(Dense(num_classes, activation="softmax"))
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x_train, y_train, epochs=epochs, batch_size=32, verbose=verbose)

    loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
    print(f"test loss {loss:.4f}, accuracy {accuracy:.4f}; guessing would give {1 / num_classes:.2f}")
    return accuracy


if __name__ == "__main__":
    main()
