"""P8: sentiment of film reviews from raw sentences: Tokenizer, pad_sequences, Embedding, LSTM with dropout, sigmoid.

From article a3. Dropout of 0.2 on the inputs and on the recurrent connections keeps the LSTM of 128 from learning the
8,000 sentences by heart. Expect about 78% of the test sentences, and sensible scores for sentences of your own.
"""

from freedive.datasets import reviews
from freedive.layers import LSTM, Dense, Embedding
from freedive.models import Sequential
from freedive.preprocessing.sequence import pad_sequences
from freedive.preprocessing.text import Tokenizer

MAX_FEATURES = 5000
MAXLEN = 30


def main(epochs=3, samples=None, units=128, verbose=1):
    """Train; returns the accuracy on the test part."""
    (train_texts, y_train), (test_texts, y_test) = reviews.load_data()
    train_texts, y_train = train_texts[:samples], y_train[:samples]
    tokenizer = Tokenizer(num_words=MAX_FEATURES)
    tokenizer.fit_on_texts(train_texts)

    def encode(texts):  # -> (sentences, MAXLEN) of word numbers
        return pad_sequences(tokenizer.texts_to_sequences(texts), maxlen=MAXLEN)

    model = Sequential()
    model.add(Embedding(MAX_FEATURES, 128))
    model.add(LSTM(units, dropout=0.2, recurrent_dropout=0.2))
    model.add(Dense(1, activation="sigmoid"))
    model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
    model.fit(
        encode(train_texts), y_train, batch_size=32, epochs=epochs,
        validation_data=(encode(test_texts), y_test), verbose=verbose,
    )  # fmt: skip

    score, accuracy = model.evaluate(encode(test_texts), y_test, batch_size=32, verbose=0)
    print(f"test score {score:.4f}, accuracy {accuracy:.4f}")
    for text in ("a moving and beautiful film", "dull, long and a waste of time"):
        print(f"{model.predict(encode([text]), verbose=0)[0, 0]:.2f}  {text}")
    return accuracy


if __name__ == "__main__":
    main()
