"""Man pages, written from the commands themselves."""

import re
from collections.abc import Iterator

import click

from airgap import __version__

_CODES = (
    (0, "done"), (1, "a fault in airgap itself"), (2, "wrong usage"), (3, "bad input"),
    (4, "a signature or key is not valid"), (5, "the network or a registry failed"),
    (6, "this host lacks something"), (7, "the cluster failed"), (8, "another run is at work"),
    (9, "what was looked for is not there"),
)  # fmt: skip
_NO_EXAMPLE = ("", "\b", "Example:")


def name_of(command: str) -> str:
    """Return what a command's page is called; the empty one is airgap's own."""
    return f"airgap-{command}" if command else "airgap"


def page(group: click.Group, command: str = "") -> str:
    """Return the man page of a command, or of airgap itself, as troff with the macros of man(7).

    Args:
        group: airgap.
        command: one of its commands; empty for airgap itself.
    """
    context = click.Context(group, info_name="airgap")
    one = group.commands[command] if command else group
    own = click.Context(one, info_name=command, parent=context) if command else context
    summary, paragraphs, examples = _parts(one)
    lines = [
        f'.TH "{name_of(command).upper()}" 1 "" "airgap {__version__}" "airgap"',
        ".SH NAME",
        f"{_text(name_of(command))} \\- {_text(summary[:1].lower() + summary[1:])}",
        ".SH SYNOPSIS",
        f"\\fB{_text(own.command_path)}\\fR {_text(' '.join(one.collect_usage_pieces(own)))}",
        ".SH DESCRIPTION",
        *(line for text in (f"{summary}.", *paragraphs) for line in (".PP", _text(text))),
        *(_commands(group) if not command else ()),
        ".SH OPTIONS",
        *_options(one, own),
        ".SH EXIT STATUS",
        *_codes(),
        *(() if not examples else (".SH EXAMPLES", ".nf", *map(_text, examples), ".fi")),
        ".SH SEE ALSO",
        *_see_also(group, command),
    ]
    return "\n".join(lines) + "\n"


def _parts(command: click.Command) -> tuple[str, list[str], list[str]]:
    """Return a command's first sentence, its other paragraphs, and its examples."""
    texts = (command.help or "").strip().split("\n\n")
    examples = [text for text in texts if "\b" in text]
    plain = [" ".join(text.split()) for text in texts if "\b" not in text]
    lines = [
        line.strip() for text in examples for line in text.partition("Example:")[2].split("\n")
    ]
    return plain[0].rstrip("."), plain[1:], [line for line in lines if line]


def _commands(group: click.Group) -> Iterator[str]:
    for name in group.list_commands(click.Context(group)):
        yield ".TP"
        yield f"\\fB{_text(name_of(name))}\\fR(1)"
        yield _text(_parts(group.commands[name])[0])


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record and isinstance(parameter, click.Option):
            yield ".TP"
            yield f"\\fB{_text(record[0])}\\fR"
            yield _text(" ".join(record[1].split()))


def _codes() -> Iterator[str]:
    for code, meaning in _CODES:
        yield from (".TP", f"\\fB{code}\\fR", _text(meaning))
    yield ".PP"
    yield _text("128 and the number of a signal: it ended the run.")


def _see_also(group: click.Group, command: str) -> Iterator[str]:
    others = [name for name in ("", *group.list_commands(click.Context(group))) if name != command]
    yield ", ".join(f"\\fB{_text(name_of(name))}\\fR(1)" for name in others)
    yield ".PP"
    yield _text("airgap help lists the whole documentation, airgap help TOPIC shows a page of it.")


def _text(text: str) -> str:
    """Write a text so that troff takes none of it for its own."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("`", "\\`")
    escaped = escaped.replace("'", "\\(aq").replace("^", "\\(ha").replace("~", "\\(ti")
    return re.sub(r"^(?=[.])", r"\\&", escaped)
