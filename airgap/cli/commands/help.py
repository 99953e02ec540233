"""airgap help: the documentation, where there is no internet."""

import shutil
import sys

import click

from airgap.cli import results

_NARROWEST, _WIDEST = 40, 100


@click.command("help", context_settings={"ignore_unknown_options": True})
@click.argument("topic", required=False)
@click.argument("words", nargs=-1)
@click.option("--man", "as_man", is_flag=True, help="Print a man page: airgap's or a command's.")
@click.pass_context
def help_(context: click.Context, topic: str | None, words: tuple[str, ...], as_man: bool) -> None:
    """Read the documentation, which travels with airgap.

    Without a topic, all of them are listed. `airgap help errors WORDS` finds what an error
    means by a few words of it.

    \b
    Example:
      airgap help unpack
      airgap help errors is not on PATH
      airgap help --man pack > airgap-pack.1
    """
    if as_man:
        _man(context, topic or "", words)
        return
    from airgap.help.pages import index, pages
    from airgap.help.text import render

    known = pages()
    if topic == "errors" and words:
        _show(_found(" ".join(words)))
        return
    if words:
        raise click.UsageError(f"one topic at a time, not {' '.join((topic or '', *words))!r}")
    if topic and topic not in known:
        near = [name for name in known if topic.lower() in name]
        raise click.UsageError(
            f"there is no topic {topic!r}" + (f"; there is {', '.join(near)}" if near else "")
            + " (airgap help lists all)"
        )  # fmt: skip
    text = render((known[topic] if topic else index()).markdown, _width())
    _show(text if topic else f"{text}\nRead one with: airgap help TOPIC\n")


def _man(context: click.Context, command: str, words: tuple[str, ...]) -> None:
    from airgap.cli.man import page

    group = context.find_root().command
    if words or not isinstance(group, click.Group) or command not in ("", *group.commands):
        raise click.UsageError(f"airgap has no command {' '.join((command, *words))!r}")
    results.echo(page(group, command).rstrip("\n"))


def _found(words: str) -> str:
    from airgap.help.pages import pages
    from airgap.help.search import search
    from airgap.help.text import render_passage

    known = pages()
    first = [known[name] for name in ("errors", "troubleshoot", "exit-codes") if name in known]
    found = search(words, [*first, *(page for page in known.values() if page not in first)])
    if not found:
        raise click.UsageError(f"no page has the words {words!r}: try fewer of them")
    width = _width()
    parts = [f"{f.page.topic}: {f.heading}\n{render_passage(f.markdown, width)}" for f in found]
    return "\n".join(parts)


def _width() -> int:
    columns = shutil.get_terminal_size((80, 24)).columns
    return max(_NARROWEST, min(columns, _WIDEST))


def _show(text: str) -> None:
    """Page through it on a terminal; else print it."""
    if sys.stdout is not None and sys.stdout.isatty():
        click.echo_via_pager(text)
    else:
        results.echo(text.rstrip("\n"))
