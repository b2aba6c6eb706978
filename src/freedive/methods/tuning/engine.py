"""Where the trials of a search are trained: here, or by Ray on the processes and machines of a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import numpy as np

from ...config import Configured, PositiveFloat, PositiveInt
from ...errors import installed_by
from ...models.fitting import Options
from .cohort import Builder, Cohort, Rows, groups
from .study import Trial


class Ray(Configured):
    """Trials on the workers of a Ray cluster (`pip install ".[distributed]"`).

    A round of trials is dealt out to the workers; each trains its part as `tune` does here, in groups of equal
    programs, and sends back the trials and the weights of its best one. `build` and the rows travel to them.

    Args:
        workers: how many parts a round is dealt out in.
        address: of a cluster that runs; None: one is started on this machine, and stopped at the end.
        cpus: of each worker.
    """

    workers: PositiveInt = 2
    address: str | None = None
    cpus: PositiveFloat = 1.0

    def train(self, parts: list[Part]) -> Iterator[Found]:
        """What came of each part, as it is done."""
        try:
            import ray
        except ImportError:
            raise ImportError(f"engine='ray' needs Ray: {installed_by('distributed')}") from None
        mine = not ray.is_initialized()
        if mine:
            local = {"num_cpus": max(1, round(self.workers * self.cpus))} if self.address is None else {}
            ray.init(address=self.address, log_to_driver=False, include_dashboard=False, **local)
        try:
            work = ray.remote(num_cpus=self.cpus)(train_part)
            rows = ray.put(parts[0].rows)
            waiting = [work.remote(part._replace(rows=None), rows) for part in parts]
            while waiting:
                done, waiting = ray.wait(waiting)
                yield from ray.get(done)
        finally:
            if mine:
                ray.shutdown()


class Part(NamedTuple):
    """Trials for one worker, and all that it needs to train them."""

    build: Any
    names: list[str]
    seed: int
    asked: list[tuple[int, dict[str, Any]]]  # number and parameters
    rows: Any
    options: Options
    monitor: str
    sign: int


class Found(NamedTuple):
    """Trials that a worker has trained; of the best of them its number, and its weights."""

    trials: list[Trial]
    best: int
    weights: list[np.ndarray]


def train_part(part: Part, rows: Any) -> Found:
    """Train trials to their end, in the process of a worker."""
    builder, rows = Builder(part.build, part.names, part.seed), Rows(*rows)
    ended: list[Trial] = []
    best, weights = None, []
    for group in groups([builder(number, parameters, rows) for number, parameters in part.asked]):
        cohort = Cohort(group, rows, part.options, part.monitor, part.sign)
        place = int(cohort.train(part.options.epochs).argmax())
        trials = [cohort.trial(i, "done") for i in range(cohort.size)]
        ended += trials
        if best is None or trials[place].worth > best.worth:
            best, weights = trials[place], cohort.model(place, builder).get_weights()
    assert best is not None
    return Found(ended, best.number, weights)


def dealt(missing: list[Any], workers: int) -> list[list[Any]]:
    """Trials in as many parts as there are workers, none of them empty.

    >>> dealt([1, 2, 3, 4, 5], 2)
    [[1, 2, 3], [4, 5]]
    """
    cuts = np.array_split(np.arange(len(missing)), min(workers, len(missing)))
    return [[missing[i] for i in places] for places in cuts]


def read_engine(given: Any) -> Ray | None:
    """None, "ray", or a `Ray`."""
    if given is None or isinstance(given, Ray):
        return given
    if given == "ray":
        return Ray()
    raise ValueError("expected None, 'ray', or methods.Ray(workers, address, cpus)")


def on_host(rows: Rows) -> tuple[Any, ...]:
    """Rows as plain numpy arrays, which travel."""
    return jax.tree.map(np.asarray, tuple(rows))
