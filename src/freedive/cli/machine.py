"""Commands that look around: which data sets there are, and whether this machine is ready."""

from __future__ import annotations

from typing import Annotated

import typer

from . import console

Json = Annotated[bool, typer.Option("--json", help="Write JSON, for programs.")]


def datasets(json: Json = False) -> None:
    """List the data sets: what they hold, for what, and whose they are.

    \b
    Examples:
      freedive datasets
      freedive datasets --json
    """
    import dataclasses

    from ..datasets.catalog import CATALOG

    if json:
        console.say_json([dataclasses.asdict(info) for info in CATALOG.values()])
        return
    headers = ("name", "kind", "what", "task", "here", "freedive train", "licence", "source")
    rows = []
    for i in CATALOG.values():
        here, learned = "yes" if i.embedded else "no", i.expect if i.recipe else "no: in Python alone"
        rows.append((i.name, i.kind, i.sizes, i.task, here, learned, i.licence, i.source))
    console.table(headers, rows)
    console.say(
        "\nhere: the data comes with freedive. The others are read from a folder or fetched by their load_data();"
        "\n`freedive train` takes them too, from the cache or their public homes."
        "\nfreedive train: what it reaches on the test rows, and in how many seconds of processor time."
    )


def doctor(json: Json = False) -> None:
    """Say whether this machine is ready: versions, devices, memory, cache, a small compiled run, extras.

    Exit code 1 if the compiled run fails.

    \b
    Examples:
      freedive doctor
      freedive doctor --json
    """
    from .doctor import checked, examine

    found = examine()
    trial = checked()
    if json:
        console.say_json({**found, "trial": trial})
    else:
        for title, facts in found.items():
            console.say(console.paint(title, "1"))
            for name, fact in facts.items():
                console.say(f"  {name:<16} {fact}")
        console.say(console.paint("trial", "1"))
        console.say(f"  {trial['result']}")
    if not trial["ok"]:
        raise typer.Exit(1)
