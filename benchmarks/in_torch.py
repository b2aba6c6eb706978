"""PyTorch as its experts write it: tensors on the device, a shuffled index, fused Adam, no loader between.

Networks give logits. First values are drawn from Keras' distributions, so that all peers start alike.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from . import torch_networks
from .workloads import Workload

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
if DEVICE == "cuda":
    torch.set_float32_matmul_precision("high")  # TF32, which JAX and TensorFlow use there unless told otherwise


class Session:
    """A module and the usual loop around it."""

    def __init__(self, workload: Workload, data: dict[str, np.ndarray], peer: Any, seed: int):
        torch.manual_seed(seed)
        self.workload = workload
        self.x = [torch.from_numpy(data[name]).to(DEVICE) for name in ("x", "x2") if name in data]
        y = torch.from_numpy(data["y"]).to(DEVICE)
        self.y = y.long() if "categorical" in workload.loss else y
        module = getattr(torch_networks, workload.network)(**workload.sizes)
        module.apply(like_keras)
        self.module = module.to(DEVICE)
        rule = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}[workload.optimizer]
        self.optimizer = rule(self.module.parameters(), lr=workload.rate, fused=True)
        self.forward = torch.compile(self.module, dynamic=False) if peer.compiled else self.module

    def train(self, epochs: int) -> float:
        """The mean loss of the last of so many epochs."""
        self.module.train()
        for _ in range(epochs):
            total = correct = torch.zeros((), device=DEVICE)
            for rows in torch.randperm(len(self.y), device=DEVICE).split(self.workload.batch):
                y = self.y[rows]
                outputs = self.forward(*(x[rows] for x in self.x))
                loss = criterion(self.workload.loss, outputs, y)
                self.optimizer.zero_grad(set_to_none=True)
                loss.backward()
                self.optimizer.step()
                total = total + loss.detach() * len(rows)
                if self.workload.accuracy:
                    correct = correct + hits(outputs.detach(), y)
            total, correct = float(total), float(correct)
        return total / len(self.y)

    def predict(self, x: Any) -> np.ndarray:
        """The outputs, as numpy arrays."""
        self.module.eval()
        with torch.inference_mode():
            parts = torch.from_numpy(x).to(DEVICE).split(256)
            return torch.cat([self.forward(part) for part in parts]).cpu().numpy()

    call = predict

    def evaluate(self) -> tuple[float, float | None]:
        """(loss, accuracy) on the data."""
        self.module.eval()
        total = correct = torch.zeros((), device=DEVICE)
        with torch.inference_mode():
            for rows in torch.arange(len(self.y), device=DEVICE).split(256):
                y = self.y[rows]
                outputs = self.forward(*(x[rows] for x in self.x))
                total = total + criterion(self.workload.loss, outputs, y) * len(rows)
                correct = correct + hits(outputs, y)
        accuracy = float(correct) / len(self.y) if self.workload.accuracy else None
        return float(total) / len(self.y), accuracy


def criterion(name: str, outputs: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The loss of logits, by Keras' name."""
    if name == "mse":
        return nn.functional.mse_loss(outputs, y)
    if name == "binary_crossentropy":
        return nn.functional.binary_cross_entropy_with_logits(outputs, y)
    return nn.functional.cross_entropy(outputs.flatten(0, -2), y.flatten())


def hits(outputs: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """How many rows are right; of a row of several answers, the part that is."""
    right = (outputs > 0) == (y > 0.5) if outputs.shape[-1] == 1 else outputs.argmax(-1) == y
    return right.float().flatten(1).mean(1).sum() if right.ndim > 1 else right.sum()


def like_keras(module: nn.Module) -> None:
    """First values from the distributions that Keras draws them from."""
    if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Embedding):
        nn.init.uniform_(module.weight, -0.05, 0.05)
    elif isinstance(module, nn.MultiheadAttention):
        with torch.no_grad():
            for kernel in module.in_proj_weight.chunk(3):  # of queries, keys and values, each a kernel in Keras
                nn.init.xavier_uniform_(kernel)
    elif isinstance(module, nn.RNNBase | nn.RNNCellBase):
        for name, value in module.named_parameters():
            recurrent_like_keras(name, value, gates=value.shape[0] // module.hidden_size)


def recurrent_like_keras(name: str, value: torch.Tensor, gates: int) -> None:
    """Glorot for inputs (all gates are one kernel), orthogonal for the state, one for the forget gates' bias."""
    with torch.no_grad():
        if name.startswith("weight_ih"):
            nn.init.xavier_uniform_(value)
        elif name.startswith("weight_hh"):
            nn.init.orthogonal_(value)
        else:
            value.zero_()
            if gates == 4 and name.startswith("bias_ih"):
                value[len(value) // 4 : len(value) // 2] = 1.0


class Adversaries:
    """P11: two modules that learn in turns."""

    def __init__(self, workload: Workload, data: dict[str, np.ndarray], peer: Any, seed: int):
        torch.manual_seed(seed)
        self.workload, self.x = workload, torch.from_numpy(data["x"]).to(DEVICE).permute(0, 3, 1, 2)
        both = torch_networks.adversaries(**workload.sizes).apply(like_keras).to(DEVICE)
        modules = both.generator, both.discriminator
        self.rules = [torch.optim.Adam(m.parameters(), workload.rate, (0.5, 0.999), fused=True) for m in modules]
        self.modules, self.discriminator = modules, both.discriminator
        self.make, self.tell = (torch.compile(m, dynamic=False) for m in modules) if peer.compiled else modules
        ones = torch.ones(workload.batch, 1, device=DEVICE)
        self.ones, self.answers = ones, torch.cat([ones, 0 * ones])

    def noise(self) -> torch.Tensor:
        return torch.randn(self.workload.batch, self.workload.sizes["noise"], device=DEVICE)

    def step(self, which: int, inputs: torch.Tensor, answers: torch.Tensor) -> torch.Tensor:
        """One of the two learns from what the discriminator says."""
        loss = criterion(self.workload.loss, self.tell(inputs), answers)
        self.rules[which].zero_grad(set_to_none=True)
        loss.backward()
        self.rules[which].step()
        return loss.detach()

    def train(self, epochs: int) -> float:
        """The discriminator's last loss."""
        told = self.ones
        for _ in range(epochs):
            for rows in torch.randperm(len(self.x), device=DEVICE).split(self.workload.batch):
                with torch.no_grad():
                    made = self.make(self.noise())
                told = self.step(1, torch.cat([self.x[rows], made]), self.answers)
                self.discriminator.requires_grad_(False)
                self.step(0, self.make(self.noise()), self.ones)
                self.discriminator.requires_grad_(True)
        return float(told)

    def evaluate(self) -> tuple[float, float | None]:
        """(loss of the discriminator, None) on the first pictures and as many made ones."""
        for module in self.modules:
            module.eval()
        with torch.inference_mode():
            both = torch.cat([self.x[: self.workload.batch], self.make(self.noise())])
            return float(criterion(self.workload.loss, self.tell(both), self.answers)), None
