"""P9: a speech recogniser as a model class of its own, with a training loop of its own.

From article a3: a recurrent layer of 50 and a linear layer on the last step, cross-entropy, Adam 1e-3, 100 epochs. The
article has one number a frame and no data; here are 12 coefficients a frame of real speech, and the speaker is to be
told. Its five steps become two calls, each one compiled program: `fd.gradients` does zero-gradients, forward, loss and
backward (gradients are returned, so there is nothing to zero), `fd.update` the step. Expect about 96% of the test
utterances.
"""

import numpy as np

import freedive as fd
from freedive.datasets import vowels


class SpeechRecogniser(fd.Model):
    """(batch, frames, coefficients) -> logits (batch, classes)."""

    def __init__(self, hidden_size, num_classes):
        super().__init__()
        self.rnn = fd.layers.SimpleRNN(hidden_size, return_sequences=True)
        self.fc = fd.layers.Dense(num_classes)

    def call(self, x):
        steps = self.rnn(x)  # (batch, frames, hidden_size)
        return self.fc(steps[:, -1, :])


def main(epochs=100, batch_size=30, verbose=True):
    """Train; returns (losses by epoch, test loss, accuracy on the test part)."""
    (x_train, y_train), (x_test, y_test) = vowels.load_data()
    model = SpeechRecogniser(hidden_size=50, num_classes=9)
    criterion = fd.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = fd.optimizers.Adam(learning_rate=0.001)
    loss_and_gradients = fd.gradients(lambda x, y: criterion(y, model(x)), model)
    rng, losses = np.random.default_rng(0), []

    for epoch in range(epochs):
        total = 0.0
        for rows in np.split(rng.permutation(len(x_train)), len(x_train) // batch_size):
            loss, gradients = loss_and_gradients(x_train[rows], y_train[rows])
            fd.update(model, optimizer, gradients)
            total += float(loss) * len(rows)
        losses.append(total / len(x_train))
        if verbose and epoch % 10 == 9:
            print(f"Epoch [{epoch + 1}/{epochs}], Loss: {losses[-1]:.4f}")

    logits = model(x_test)  # outside of `gradients` nothing is differentiated
    test_loss = float(criterion(y_test, logits))
    accuracy = float(np.mean(np.argmax(logits, axis=1) == y_test))
    print(f"Test loss: {test_loss:.4f}, accuracy {accuracy:.4f}")
    return losses, test_loss, accuracy


if __name__ == "__main__":
    main()
