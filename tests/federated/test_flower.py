"""Flower: a server and three clients in processes of their own learn one model; one of them is killed on the way."""

import os
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

pytest.importorskip("flwr", reason="Flower is an extra: pip install '.[federated]'")

COMMON = """
import sys
import numpy as np
import freedive as fd
from freedive.federated import flower

(x, y), (x_test, y_test) = fd.datasets.digits.load_data()
x, x_test = (a[:, ::2, ::2].reshape(len(a), -1).astype("float32") / 255 for a in (x, x_test))
fd.set_seed(0)
model = fd.Sequential([fd.Input((196,)), fd.layers.Dense(32, "relu"), fd.layers.Dense(10, "softmax")])
model.compile(fd.optimizers.SGD(0.1), "sparse_categorical_crossentropy", metrics=["accuracy"])
"""
SERVER = (
    COMMON
    + """
history = flower.server(model, 6, clients=3, address=sys.argv[1], validation_data=(x_test, y_test))
for (number, loss), (_, accuracy) in zip(history.losses_centralized, history.metrics_centralized["accuracy"]):
    print("round", number, loss, accuracy)
print("evaluated", model.evaluate(x_test, y_test, verbose=0)[1])
"""
)
CLIENT = (
    COMMON
    + """
part = slice(int(sys.argv[2]) * 1000, int(sys.argv[2]) * 1000 + 1000)
flower.client(model, x[part], y[part], epochs=2).start(sys.argv[1])
"""
)


@pytest.mark.long
def test_a_client_that_is_killed_does_not_stop_the_others():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    settings = os.environ | {"FLWR_TELEMETRY_ENABLED": "0"}

    def run(code, *words):
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        return subprocess.Popen([sys.executable, "-c", code, address, *words], env=settings, text=True, **pipes)

    server = run(SERVER)
    clients = [run(CLIENT, str(i)) for i in range(3)]
    told: list[str] = []
    deadline = time.monotonic() + 500
    for line in server.stdout:
        told.append(line)
        if "[ROUND 2]" in line:
            clients[2].kill()
        assert time.monotonic() < deadline, "".join(told)
    assert server.wait(60) == 0, "".join(told)
    for process in clients[:2]:
        process.communicate(timeout=120)
        assert process.returncode == 0
    clients[2].wait(60)
    rounds = [line.split() for line in told if line.startswith("round")]
    accuracies = np.array([float(words[3]) for words in rounds])
    assert len(rounds) == 7 and accuracies[-1] > 0.75 > accuracies[0], accuracies  # before the first round, and six
    assert float(told[-1].split()[1]) == pytest.approx(accuracies[-1], abs=1e-6)
