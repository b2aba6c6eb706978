"""How fast this machine multiplies matrices, measured in the same run as all else, and what a row asks of it.

`python -m benchmarks.rate jax P4 data.npz` measures with a library, and counts the products of a row from the network
written in JAX by hand. A process of its own does it, so that nothing of it stays on a device. Prints JSON.
"""

from __future__ import annotations

import json
import math
import sys
import time
from typing import Any

import numpy as np

from .measure import MARK
from .workloads import WORKLOADS, Workload

SIZE, TIMES = 2048, 12


def facts(library: str, row: str = "", data: str = "") -> dict[str, Any]:
    """The rate with a library; with jax also the work of a row and the devices; with torch its threads."""
    found: dict[str, Any] = {"rate": measure(library)}
    if library == "torch":
        import torch

        return found | {"threads": torch.get_num_threads()}
    import jax

    with np.load(data) as file:
        arrays = {name: file[name] for name in file.files}
    devices = [device.device_kind for device in jax.devices()]
    return found | {"work": work(WORKLOADS[row], arrays), "devices": devices}


def measure(library: str) -> float:
    """Floating-point operations a second of the fastest of some products of float32 matrices of 2048 x 2048."""
    if library == "jax":
        import jax
        import jax.numpy as jnp

        a = jnp.ones((SIZE, SIZE), jnp.float32)
        multiply = jax.jit(lambda: a @ a)

        def product() -> None:
            multiply().block_until_ready()
    else:
        import torch

        device = "cuda" if torch.cuda.is_available() else "cpu"
        b = torch.ones(SIZE, SIZE, device=device)

        def product() -> None:
            (b @ b)[0, 0].item()

    product()
    least = math.inf
    for _ in range(TIMES):
        began = time.perf_counter()
        product()
        least = min(least, time.perf_counter() - began)
    return 2 * SIZE**3 / least


def work(workload: Workload, arrays: dict[str, Any]) -> float:
    """Floating-point operations of the products in a step, or a call, of a row: forward, and backward in training."""
    from . import in_jax, peers

    session = getattr(in_jax, workload.session)(workload, arrays, peers.PEERS["jax-hand"], 0)
    return operations(session.traced())


def operations(program: Any) -> float:
    """Those of matrix products and convolutions in a jaxpr; what stands in a scan counts as often as it turns."""
    total = 0.0
    for equation in program.eqns:
        name, parameters = equation.primitive.name, equation.params
        if name == "dot_general":
            (contracted, _), _ = parameters["dimension_numbers"]
            shape = equation.invars[0].aval.shape
            total += 2 * math.prod(equation.outvars[0].aval.shape) * math.prod(shape[d] for d in contracted)
        elif name == "conv_general_dilated":
            total += convolution(equation)
        turns = parameters.get("length", 1) if name == "scan" else 1
        total += turns * sum(operations(inner) for inner in programs_in(parameters))
    return total


def convolution(equation: Any) -> float:
    """Every output sees every input channel at every place of the window; zeros put between inputs are no work."""
    parameters, kernel = equation.params, equation.invars[1].aval.shape
    _, inputs, *window = parameters["dimension_numbers"].rhs_spec
    places = math.prod(kernel[d] for d in window) * kernel[inputs]
    return 2 * math.prod(equation.outvars[0].aval.shape) * places / math.prod(parameters["lhs_dilation"])


def programs_in(parameters: dict[str, Any]) -> list[Any]:
    """The jaxprs that an equation calls."""
    found = []
    for value in parameters.values():
        for one in value if isinstance(value, (tuple, list)) else (value,):
            one = getattr(one, "jaxpr", one)
            found += [one] if hasattr(one, "eqns") else []
    return found


if __name__ == "__main__":
    print(MARK + json.dumps(facts(*sys.argv[1:])))
