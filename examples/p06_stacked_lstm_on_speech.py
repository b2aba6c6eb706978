"""P6: two LSTM layers of 128, the first handing on all its steps, hear which of nine speakers says a vowel.

From article a4, with categorical cross-entropy. `Masking` lets the layers skip the missing frames of short
utterances. Expect about 91% of the test utterances.
"""

from freedive.datasets import vowels
from freedive.layers import LSTM, Dense, Masking
from freedive.models import Sequential
from freedive.utils import to_categorical


def main(epochs=30, units=128, verbose=1):
    """Train; returns the accuracy on the test part."""
    (x_train, y_train), (x_test, y_test) = vowels.load_data()
    num_classes = len(vowels.class_names)

    model = Sequential()
    model.add(Masking(mask_value=0.0, input_shape=x_train.shape[1:]))
    model.add(LSTM(units, return_sequences=True))
    model.add(LSTM(units))
    model.add(Dense(num_classes, activation="softmax"))
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    model.fit(x_train, to_categorical(y_train), epochs=epochs, batch_size=32, verbose=verbose)

    loss, accuracy = model.evaluate(x_test, to_categorical(y_test), verbose=0)
    print(f"test loss {loss:.4f}, accuracy {accuracy:.4f}; guessing would give {1 / num_classes:.2f}")
    return accuracy


if __name__ == "__main__":
    main()
