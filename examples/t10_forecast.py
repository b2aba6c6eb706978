"""T10: ETTh1, seven hourly readings of a transformer station, 96 hours ahead: the standard split, DLinear.

Twelve months of 30 days to learn from, four to choose the epoch by, four to test; standardised by the first. Expect
a mean squared error of about 0.37 (0.375 in the paper). With PyTorch installed, `--peer` trains the same network there.

    python examples/t10_forecast.py ETTh1.csv [--seed 1] [--peer]
"""

import argparse
import time

import numpy as np

import freedive as fd
from freedive.data import open_table

MONTH = 30 * 24
TRAIN, VALIDATION, TEST = 12 * MONTH, 16 * MONTH, 20 * MONTH


def main(table, horizon=96, length=336, months=MONTH, verbose=0, **options):
    """Train; returns (mean squared error, mean absolute error) on the test months, and the task."""
    train, validation, test = (part * months // MONTH for part in (TRAIN, VALIDATION, TEST))
    began = time.perf_counter()
    task = fd.Forecaster(horizon, length=length, validation=1 - train / validation, verbose=verbose, **options)
    task.fit(rows(table, 0, validation))
    result = task.evaluate(rows(table, validation - length, test))
    print(f"mse {result['mse']:.4f}, mae {result['mae']:.4f}, {time.perf_counter() - began:.0f} s")
    return result["mse"], result["mae"], task


def rows(table, start, stop):
    """Some rows of a table."""
    return {name: column[start:stop] for name, column in table.items()}


def peer(task, table, epochs=9):
    """The mean squared error of the same network with the same settings in PyTorch."""
    import torch

    torch.manual_seed(0)
    length, horizon = task.reader.length, task.horizon
    kernel = torch.tensor(np.array(fd.layers.MovingAverage(25)(np.eye(length, dtype="float32")[None]))[0])
    smooth, rest = torch.nn.Linear(length, horizon), torch.nn.Linear(length, horizon)
    parts = [task.pairs(rows(table, *ends)) for ends in ((0, TRAIN), (VALIDATION - length, TEST))]
    (x, y), (x_test, y_test) = [[torch.tensor(np.ascontiguousarray(array)) for array in part] for part in parts]

    def network(window):  # (batch, length, variables) -> (batch, horizon, variables)
        last = window[:, -1:]
        trend = torch.einsum("ts,bsv->bvt", kernel, window - last)
        return (smooth(trend) + rest((window - last).transpose(1, 2) - trend)).transpose(1, 2) + last

    optimizer = torch.optim.Adam([*smooth.parameters(), *rest.parameters()], lr=5e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * -(-len(x) // 32))
    for _ in range(epochs):
        for batch in torch.randperm(len(x)).split(32):
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(network(x[batch]), y[batch]).backward()
            optimizer.step()
            schedule.step()
    with torch.no_grad():
        return float(torch.nn.functional.mse_loss(network(x_test), y_test))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("table", help="the file ETTh1.csv")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--peer", action="store_true", help="train the same network in PyTorch too")
    asked = parser.parse_args()
    columns = open_table(asked.table).columns
    _, _, fitted = main(columns, verbose="auto", seed=asked.seed)
    if asked.peer:
        began = time.perf_counter()
        print(f"PyTorch: mse {peer(fitted, columns):.4f}, {time.perf_counter() - began:.0f} s")
