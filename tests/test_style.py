"""The house rules that a machine can check: format, lint, types, the arrows between the rooms, sizes."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("units", "registry", "engine", "agent", "fleetd", "fleetctl", "fleetlab")
BIN = Path(sys.executable).parent

MODULE_LINES = 300
FUNCTION_LINES = 40
LONGER_WITH_REASON: dict[str, str] = {}
"""`path` or `path::function` -> why it may be longer."""


@pytest.mark.parametrize(
    "command",
    ["ruff check", "ruff format --check", "lint-imports --no-cache", "mypy"],
)
def test_the_tools_find_nothing(command: str) -> None:
    tool, *words = command.split()
    # mypy finds the rooms by the paths in its settings; the colour codes would only hide what it says.
    done = subprocess.run(
        [BIN / tool, *words], cwd=ROOT, capture_output=True, text=True, env={**os.environ, "NO_COLOR": "1"}
    )
    assert done.returncode == 0, done.stdout + done.stderr


def modules() -> Iterator[Path]:
    for room in (*ROOMS, "tests", "script", "bench"):
        yield from sorted((ROOT / room).rglob("*.py"))


def test_no_module_is_longer_than_one_can_hold_in_ones_head() -> None:
    long = {
        name: lines
        for path in modules()
        if (lines := path.read_text().count("\n")) > MODULE_LINES
        and (name := str(path.relative_to(ROOT))) not in LONGER_WITH_REASON
    }
    assert long == {}


def test_no_function_is_longer_than_a_screen() -> None:
    long = {}
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or 0) - node.lineno + 1
                name = f"{path.relative_to(ROOT)}::{node.name}"
                if lines > FUNCTION_LINES and name not in LONGER_WITH_REASON:
                    long[name] = lines
    assert long == {}


def test_every_public_thing_of_a_room_says_what_it_is() -> None:
    silent = []
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            tree = ast.parse(path.read_text())
            silent += [f"{path.relative_to(ROOT)}:{line}" for line in undocumented(tree)]
    assert silent == []


def undocumented(tree: ast.Module) -> Iterator[int]:
    """Lines of public modules, classes and functions (methods too) without a docstring."""
    if tree.body and ast.get_docstring(tree) is None:
        yield 1
    for node in tree.body:
        yield from undocumented_definition(node)


def is_described_elsewhere(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """An overload is described by what implements it, a setter by its property."""
    return any(ast.unparse(one).endswith(("overload", ".setter")) for one in node.decorator_list)


def undocumented_definition(node: ast.stmt) -> Iterator[int]:
    if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return
    if node.name.startswith("_") or is_described_elsewhere(node):
        return
    if ast.get_docstring(node) is None:
        yield node.lineno
    if isinstance(node, ast.ClassDef) and not (ast.get_docstring(node) or "").startswith("See `"):
        # A class that begins so keeps an interface, which says what each verb means.
        for child in node.body:
            yield from undocumented_definition(child)
