"""The house has floors: a module imports only from floors below its own, or from its own package."""

import ast
from pathlib import Path

import pytest

import freedive

HOUSE = Path(freedive.__file__).parent

# The floor of each package or module, by its first name under freedive. Within a package everything may be imported.
FLOORS = {
    "errors": 0,
    "config": 1,
    "numerics": 2, "files": 2, "data": 3, "preprocessing": 4,
    "activations": 4, "initializers": 4, "regularizers": 4, "constraints": 4, "datasets": 5, "ops": 5,
    "core": 6,
    "utils": 7, "losses": 7, "optimizers": 7, "layers": 7,
    "metrics": 8,
    "train": 9,
    "models": 10, "callbacks": 10,
    "methods": 11, "generative": 11, "networks": 11, "report": 11,
    "tasks": 12, "federated": 12, "plots": 12,
    "cli": 13, "__main__": 14, "__init__": 14, "_bench": 14,
}  # fmt: skip

FILES = sorted(HOUSE.rglob("*.py"))


def imported(path: Path) -> set[str]:
    """The first names under freedive that a file imports, wherever in it the import stands; typing-only ones apart."""
    package = ["freedive", *path.relative_to(HOUSE).parts[:-1]]
    names: set[str] = set()

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            return
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            target = [*base, *(node.module.split(".") if node.module else [])]
            found = [target] if len(target) > 1 else [[*target, alias.name] for alias in node.names]
            names.update(t[1] for t in found if t[0] == "freedive" and len(t) > 1)
        elif isinstance(node, ast.Import):
            parts = [alias.name.split(".") for alias in node.names]
            names.update(p[1] for p in parts if p[0] == "freedive" and len(p) > 1)
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(path.read_text()))
    return names


@pytest.mark.parametrize("path", FILES, ids=[str(p.relative_to(HOUSE)) for p in FILES])
def test_imports_go_downwards(path):
    own = path.relative_to(HOUSE).parts[0].removesuffix(".py")
    assert own in FLOORS, f"{own} has no floor yet: give it one in this test, and in docs/design.md"
    for name in imported(path) - {own}:
        known = name in FLOORS
        assert not known or FLOORS[name] < FLOORS[own], (
            f"{path.name} (floor {FLOORS[own]}) imports {name} (floor {FLOORS[name]})"
        )
