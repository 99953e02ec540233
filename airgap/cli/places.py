"""places: places on this machine that have images, as options name them."""

from pathlib import Path
from typing import Any

import click

from airgap.errors import InputError


class _Reuse(click.Path):
    """A bundle by its file's name, or another place as image lists name it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from airgap.spec.image_list import place_of

        try:
            place = place_of(str(value))
        except InputError as error:
            self.fail(error.message, param, ctx)
        if place is None:
            return super().convert(value, param, ctx)
        if place.transport == "docker-daemon":
            self.fail("a daemon has nothing at hand: name a bundle, a layout or an archive")
        return place


REUSE = _Reuse(dir_okay=False, readable=False, path_type=Path)
