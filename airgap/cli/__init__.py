"""The command line: parse, call, print, exit. The only reader of the environment.

commands     one module for each command
app          the group of commands, and the one place where errors are caught
groups       commands listed by side, in the order of work
failure      what a person and a program are told of an error
results      what goes to stdout: the one place through which it passes
options      options that several commands share
environment  what is read from the environment
content      a bundle, or a layout, that a command is given
places       places on this machine that have images, as options name them
packed       what pack has to say
ask          questions to a person

Results go to stdout, everything else to stderr. What a use case needs is imported when it is
called, so that ``--help`` stays quick.
"""

from airgap.cli.app import main

__all__ = ["main"]
