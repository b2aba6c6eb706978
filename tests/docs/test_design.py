"""The page about the design: the floors that it shows are those that the test of the floors enforces."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_floors_are_those_of_the_house():
    tree = ast.parse((ROOT / "tests/test_floors.py").read_text())
    values = [n.value for n in tree.body if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "FLOORS"]
    enforced = ast.literal_eval(values[0])
    lines = re.findall(r"^\| (\d+) \| ((?:`\w+`(?:, )?)+) \|", (ROOT / "docs/design.md").read_text("utf-8"), re.M)
    shown = {name: int(floor) for floor, names in lines for name in re.findall(r"`(\w+)`", names)}
    shown["__init__"] = shown.pop("freedive")
    assert shown == enforced
