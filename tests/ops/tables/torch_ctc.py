"""Makes torch_ctc.npz: losses and gradients of torch.nn.functional.ctc_loss, in float64.

pip install torch && python tests/ops/tables/torch_ctc.py
"""

import json
from pathlib import Path

import numpy as np

BATCH, FRAMES, CLASSES, LABELS = 10, 24, 6, 8


def problem():
    """Logits, labels, lengths: repeated labels, none at all, as many as frames, too many, one frame."""
    rng = np.random.default_rng(0)
    logits = 2 * rng.normal(size=(BATCH, FRAMES, CLASSES)).astype("float32")
    labels = rng.integers(1, CLASSES, (BATCH, LABELS))
    labels[1], labels[2, :4], labels[3, :4] = 2, [1, 1, 2, 2], [1, 2, 3, 4]
    label_lengths = np.array([8, 8, 4, 4, 0, 1, 3, 5, 2, 0])
    lengths = np.array([24, 24, 6, 4, 24, 1, 2, 17, 9, 1])
    return logits, labels, label_lengths, lengths


def main():
    import torch

    logits, labels, label_lengths, lengths = problem()
    x = torch.tensor(logits, dtype=torch.float64, requires_grad=True)
    others = [torch.tensor(a) for a in (labels, lengths, label_lengths)]
    values = [
        torch.nn.functional.ctc_loss(x.log_softmax(-1).transpose(0, 1), *others, reduction="none", zero_infinity=zero)
        for zero in (False, True)
    ]
    (values[1] * torch.arange(1, BATCH + 1)).sum().backward()
    about = json.dumps({"torch": torch.__version__})
    found = {"loss": values[0].detach(), "zero": values[1].detach(), "gradient": x.grad}
    np.savez_compressed(Path(__file__).with_name("torch_ctc.npz"), about=about, **found)


if __name__ == "__main__":
    main()
