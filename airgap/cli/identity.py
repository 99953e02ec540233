"""Who a server is once it listens: it needs no more than to read its file, which is open."""

import os
import pwd
from dataclasses import dataclass
from typing import Self

from airgap.errors import InputError, ResourceError


@dataclass(frozen=True, slots=True)
class User:
    """A user of this host."""

    name: str
    uid: int
    gid: int

    @classmethod
    def named(cls, text: str) -> Self:
        """Find a user by name or number.

        Raises:
            InputError: there is none.
        """
        try:
            found = pwd.getpwuid(int(text)) if text.isdecimal() else pwd.getpwnam(text)
        except (KeyError, ValueError, OverflowError) as error:
            hint = "name one that getent passwd lists, such as nobody"
            raise InputError(f"there is no user {text!r} on this host", hint=hint) from error
        return cls(found.pw_name, found.pw_uid, found.pw_gid)

    def become(self) -> None:
        """Be that user from now on, with that user's groups, in all threads.

        Raises:
            ResourceError: this process may not.
        """
        try:
            os.initgroups(self.name, self.gid)
            os.setgid(self.gid)
            os.setuid(self.uid)
        except PermissionError as error:
            raise ResourceError(
                f"cannot become {self.name}: {error.strerror}",
                hint="only root can; leave --user out, or run it as that user",
            ) from error
