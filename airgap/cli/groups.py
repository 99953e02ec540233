"""Commands listed by the side of the gap on which they are used, in the order of work."""

import ast
import inspect
from collections.abc import Iterable

import click


class Groups(click.Group):
    """A group whose help lists its commands under titles, each in one whole line."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self._titles: dict[str, list[str]] = {}

    def add_group(self, title: str, commands: Iterable[click.Command]) -> None:
        """Add commands under a title."""
        for command in commands:
            command.help = command.help or _from_source(command)
            self.add_command(command)
            self._titles.setdefault(title, []).append(command.name or "")

    def list_commands(self, _context: click.Context) -> list[str]:
        """Return the names in the order of work."""
        return [name for names in self._titles.values() for name in names]

    def format_commands(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each title with its commands."""
        for title, names in self._titles.items():
            with formatter.section(title):
                formatter.write_dl([(name, _summary(self.commands[name])) for name in names])


def _from_source(command: click.Command) -> str:
    """Return a command's docstring, which `python -OO` leaves in its source alone."""
    try:
        source = inspect.getsource(command.callback or type(command))
    except OSError:
        return ""
    # Not ast.parse: since Python 3.14 that drops docstrings, too.
    tree = compile(source, "<source>", "exec", ast.PyCF_ONLY_AST, optimize=0)
    function = next(ast.iter_child_nodes(tree))
    return (isinstance(function, ast.FunctionDef) and ast.get_docstring(function)) or ""


def _summary(command: click.Command) -> str:
    """Return the first sentence of a command's help, whole."""
    return (command.help or "").strip().partition("\n\n")[0].replace("\n", " ").rstrip(".")
