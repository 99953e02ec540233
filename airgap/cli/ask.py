"""Questions to a person; where nobody can answer, the option that answers is named."""

import sys

import click


def confirm(question: str) -> None:
    """Ask for a yes.

    Raises:
        click.Abort: the answer is no.
        click.UsageError: there is nobody to ask.
    """
    need_terminal(f"{question.rstrip('?')}: there is no terminal to ask at; --yes does it")
    click.confirm(question, abort=True, err=True)


def password(prompt: str, otherwise: str) -> str:
    """Ask for a password, unseen.

    Raises:
        click.Abort: the question was broken off.
        click.UsageError: there is nobody to ask; says ``otherwise``.
    """
    need_terminal(otherwise)
    found: str = click.prompt(prompt, hide_input=True, err=True)
    return found


def need_terminal(otherwise: str) -> None:
    """Refuse to ask where nobody can answer.

    Raises:
        click.UsageError: says what to do instead.
    """
    if sys.stdin is None or not sys.stdin.isatty():
        raise click.UsageError(otherwise)
