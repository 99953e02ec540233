"""Every place of airgap that makes an error, read from the source."""

import ast
import builtins
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from airgap import errors

PACKAGE = Path(errors.__file__).parent
GAP = "…"
"""Stands for what is filled in when the error is made."""
_USAGE = {"UsageError": 2, "BadParameter": 2}


@dataclass(frozen=True, order=True)
class Site:
    """One text of an error: its exit code, its message and its hint, gaps as `GAP`."""

    exit_code: int
    message: str
    hint: str
    place: str


@cache
def sites() -> list[Site]:
    """Return all that have words of their own, sorted."""
    trees = {path: ast.parse(path.read_text()) for path in sorted(PACKAGE.rglob("*.py"))}
    nodes = {path: list(ast.walk(tree)) for path, tree in trees.items()}
    codes = _codes(node for found in nodes.values() for node in found)
    of_files = (_of(path, tree, nodes[path], codes) for path, tree in trees.items())
    return sorted(site for found in of_files for site in found)


def _codes(nodes: Iterable[ast.AST]) -> dict[str, int]:
    """Return the exit code of each class of errors, also of those that rooms derive."""
    known = {n: c.exit_code for n, c in vars(errors).items() if hasattr(c, "exit_code")} | _USAGE
    classes = [n for n in nodes if isinstance(n, ast.ClassDef) and n.name.endswith("Error")]
    for _ in range(3):  # a class may stand before its base
        for node in classes:
            bases = [b.id for b in node.bases if isinstance(b, ast.Name)]
            found = [known[b] for b in bases if b in known]
            if found:
                known.setdefault(node.name, max(found))
    return known


def _of(path: Path, tree: ast.AST, nodes: list[ast.AST], codes: dict[str, int]) -> Iterator[Site]:
    constants = _constants(tree)
    for node in nodes:
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        name = node.func.id if isinstance(node.func, ast.Name) else name
        if name not in codes or hasattr(builtins, name):
            continue
        hint = next((k.value for k in node.keywords if k.arg == "hint"), ast.Constant(""))
        place = f"{path.relative_to(PACKAGE.parent)}:{node.lineno}"
        hints = [text for text in _texts(hint, constants) if text.strip(GAP)] or [""]
        for message in _texts(node.args[0], constants):
            if any(char.isalpha() for char in message):
                yield Site(codes[name], message, "; or ".join(hints), place)


def _constants(tree: ast.AST) -> dict[str, ast.expr]:
    """Return the texts that a module gives names to."""
    return {
        target.id: node.value
        for node in getattr(tree, "body", [])
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and isinstance(node.value, ast.Constant | ast.JoinedStr)
    }


def _texts(node: ast.expr, constants: dict[str, ast.expr]) -> list[str]:
    """Return what an expression may read, with gaps."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr(values=values):
            return _joined(values, constants)
        case ast.FormattedValue(value=ast.IfExp() | ast.Name() as inner):
            return _texts(inner, constants)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _joined([left, right], constants)
        case ast.IfExp(body=body, orelse=other):
            return [*_texts(body, constants), *_texts(other, constants)]
        case ast.Name(id=name) if name in constants:
            return _texts(constants[name], {})
    return [GAP]


def _joined(parts: list[ast.expr], constants: dict[str, ast.expr]) -> list[str]:
    found = [""]
    for part in parts:
        found = [begun + text for begun in found for text in _texts(part, constants)]
    return found
