"""The lesson on translation: `Translator` with attention, and the same network in PyTorch on the same batches.

Both are told the right words before each one. What is compared is the loss of 1,014 validation captions for each piece,
without smoothing: pieces are the same, so that it means the same.
"""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

Pairs = tuple[list[str], list[str]]
ROWS = 64  # that are answered at once


@dataclasses.dataclass(frozen=True)
class Lesson:
    """English to German, for so many epochs of the first captions; settings are those of `Translator`."""

    epochs: int
    pairs: int = 12_000
    units: int = 256
    libraries: ClassVar[tuple[str, ...]] = ("freedive", "torch")

    def read(self, folder: Path) -> tuple[Pairs, Pairs]:
        """Pairs to learn from, and others."""
        from examples.multi30k import lines

        learned, held = ([lines(folder, f"{part}.{side}") for side in ("en", "de")] for part in ("train", "val"))
        return (learned[0][: self.pairs], learned[1][: self.pairs]), (held[0], held[1])

    def learn(self, data: tuple[Pairs, Pairs], library: str, seed: int, epochs: int | None = None) -> dict[str, float]:
        """The loss of a piece, and how many are said right."""
        from freedive.preprocessing.batches import told_and_asked
        from freedive.tasks import Translator

        learned, held = data
        task = Translator(network="attention", units=self.units, epochs=epochs or self.epochs, seed=seed, verbose=0)
        task.set_params(validation=0.0).prepare(*learned)
        given, asked = told_and_asked(task.encoded(held[0]), task.target.encoded(held[1]))
        began = time.process_time()
        answer = in_freedive(task) if library == "freedive" else in_torch(task, seed)
        parts = [slice(at, at + ROWS) for at in range(0, len(asked), ROWS)]
        found = np.concatenate([judged(answer(*(side[part] for side in given)), asked[part]) for part in parts])
        return {
            "loss": float(found[:, 0].mean()),
            "accuracy": float(found[:, 1].mean()),
            "CPU seconds": time.process_time() - began,
        }


def judged(logits: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """(pieces, 2): the cross-entropy of every piece that is asked for, and whether it is the likeliest.

    >>> judged(np.array([[[0.0, 0.0], [5.0, 9.0]]]), np.array([[1, 0]])).round(2).tolist()
    [[0.69, 0.0]]
    """
    logits, asked = logits[asked != 0].astype(np.float64), asked[asked != 0]
    right = np.take_along_axis(logits, asked[:, None], axis=1)[:, 0]
    top = logits.max(axis=1)
    loss = top + np.log(np.exp(logits - top[:, None]).sum(axis=1)) - right
    return np.stack([loss, logits.argmax(axis=1) == asked], axis=1)


def in_freedive(task: Any) -> Any:
    """Trained: from sources and what is told to logits."""
    task.train()
    return lambda *inputs: task.model.predict(list(inputs), batch_size=ROWS, verbose=0)


def in_torch(task: Any, seed: int) -> Any:
    """The same in PyTorch, with its batches in their order, its rate at every step, and its bound of the gradients."""
    import torch

    from .. import torch_networks
    from ..in_torch import like_keras

    torch.manual_seed(seed)
    sizes = task.reader.vocabulary.size, task.target.vocabulary.size
    module = torch_networks.attentive(*sizes, task.model.units, task.model.dropout).apply(like_keras)
    torch.nn.init.uniform_(module.target.weight, -0.1, 0.1)
    rate, batches = task.descent(len(task.rows.y)).learning_rate, task.batches()
    rule = torch.optim.Adam(module.parameters(), betas=(0.9, 0.98), eps=1e-7, fused=True)
    rates = torch.optim.lr_scheduler.LambdaLR(rule, lambda step: float(rate(step)) / 1e-3)  # 1e-3 is Adam's own
    for epoch in range(task.settings.epochs):
        for inputs, asked in batches(epoch):
            logits = module(*map(torch.from_numpy, inputs))
            loss = torch.nn.functional.cross_entropy(
                *(logits.flatten(0, 1), torch.from_numpy(asked).long().flatten()),
                ignore_index=0,
                label_smoothing=task.smoothing,
            )
            rule.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0)
            rule.step()
            rates.step()
    module.eval()
    with torch.inference_mode():
        return lambda *inputs: module(*map(torch.from_numpy, inputs)).detach().numpy()


LESSONS = {"translation": Lesson(epochs=1)}
