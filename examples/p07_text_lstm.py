"""P7: words as vectors, an LSTM of 32 over them, one sigmoid: does a sentence praise the film?

From article a0: Embedding(input_length=...), binary cross-entropy, 10,605 rated sentences of film reviews. Expect
about 77% of the test sentences; a bag of words with ridge regression has 79%.
"""

from freedive.datasets import reviews
from freedive.layers import LSTM, Dense, Embedding
from freedive.models import Sequential
from freedive.preprocessing.sequence import pad_sequences
from freedive.preprocessing.text import Tokenizer

VOCAB_SIZE = 5000
MAX_LENGTH = 30


def main(epochs=4, samples=None, verbose=1):
    """Train; returns the accuracy on the test part."""
    (train_texts, y_train), (test_texts, y_test) = reviews.load_data()
    train_texts, y_train = train_texts[:samples], y_train[:samples]
    tokenizer = Tokenizer(num_words=VOCAB_SIZE)
    tokenizer.fit_on_texts(train_texts)
    x_train = pad_sequences(tokenizer.texts_to_sequences(train_texts), maxlen=MAX_LENGTH)
    x_test = pad_sequences(tokenizer.texts_to_sequences(test_texts), maxlen=MAX_LENGTH)

    model = Sequential()
    model.add(Embedding(VOCAB_SIZE, 32, input_length=MAX_LENGTH))
    model.add(LSTM(32))
    model.add(Dense(1, activation="sigmoid"))
    model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    model.fit(x_train, y_train, epochs=epochs, batch_size=32, verbose=verbose)

    loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
    print(f"test loss {loss:.4f}, accuracy {accuracy:.4f}")
    return accuracy


if __name__ == "__main__":
    main()
