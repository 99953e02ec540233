"""auth: answers a registry's challenges.

Follows RFC 7235 for challenges and the distribution project's token authentication. Some
registries challenge at ``/v2/`` alone and answer what they hide with 401, 403 or 404: where
credentials are known, they are asked there, once.
"""

import threading
from collections.abc import Callable

import httpx

from airgap.errors import InputError
from airgap.registry import message
from airgap.registry.auth.challenge import Challenge, basic
from airgap.registry.auth.tokens import NotGivenError, Tokens
from airgap.registry.credentials import Credential
from airgap.registry.endpoint import same_origin

_HIDING = (401, 403, 404, 405)
_MOST_SCOPES = 8
"""How many resources one token is asked for at the most."""


class Auth(httpx.BaseTransport):
    """Sends requests with what the registry asks for. What a token server refuses is the answer.

    Args:
        below: sends them as they are.
        base: returns the registry's URL: requests to other origins get nothing.
        credential: looks up what is known for one of its repositories; None asks as anybody.
        tokens: fetches and keeps them.
    """

    def __init__(
        self,
        below: httpx.BaseTransport,
        base: Callable[[], httpx.URL],
        credential: Callable[[str], Credential | None],
        tokens: Tokens,
    ) -> None:
        self._below, self._base = below, base
        self._credential, self._tokens = credential, tokens
        self._challenge: Challenge | None = None
        self._door = threading.Lock()
        self._door_was_asked = False
        self._wider: dict[str, str] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; where the registry asks for something else, once more."""
        if not same_origin(request.url, self._base()):
            return self._below.handle_request(request)
        try:
            sent = self._authorise(request)
            response = self._below.handle_request(request)
            if self._is_worth_another(request, response, sent):
                message.discard(response)
                self._authorise(request, refused=sent)
                response = self._below.handle_request(request)
        except NotGivenError as refused:
            return refused.response
        return response

    def _authorise(self, request: httpx.Request, refused: str = "") -> str:
        """Set a request's header; returns it, empty where there is none."""
        header, challenge = "", self._challenge
        if challenge and challenge.scheme == "basic":
            header = basic(self._credential(message.repository(request))) or ""
        elif challenge:
            own = request.extensions.get("scope", "")
            scope = self._wider.get(own, own)
            token = refused.removeprefix("Bearer ") if refused.startswith("Bearer ") else ""
            header = f"Bearer {self._tokens.get(challenge, scope, self._base(), token)}"
        request.headers.pop("Authorization", None)
        if header:
            request.headers["Authorization"] = header
        return header

    def _is_worth_another(
        self, request: httpx.Request, response: httpx.Response, sent: str
    ) -> bool:
        """Take a refusal; tells whether another try may be answered otherwise."""
        if response.status_code not in _HIDING or message.party(response) != "registry":
            return False
        repository = message.repository(request)
        challenge = Challenge.of(response.headers) if response.status_code == 401 else None
        if challenge is None:
            return not sent and self._challenge is None and self._asks_at_the_door(repository)
        if challenge.scheme == "basic" and basic(self._credential(repository)) in (None, sent):
            return False
        self._challenge = challenge
        self._widen(request.extensions.get("scope", ""), challenge.scope)
        return True

    def _widen(self, own: str, asked: str) -> None:
        """Ask from now on also for what the registry wants besides what we ask for.

        A proxy may know a repository by another name than the one in the request's path.
        """
        held = self._wider.get(own, own)
        lacking = [one for one in asked.split() if not _covers(held, one)]
        if own and lacking and len(held.split()) + len(lacking) <= _MOST_SCOPES:
            self._wider[own] = " ".join([held, *lacking])

    def _asks_at_the_door(self, repository: str) -> bool:
        """Ask ``/v2/`` what to show, where there is something to show."""
        with self._door:
            if not self._door_was_asked and self._is_known(repository):
                request = message.request("GET", self._base().join("/v2/"), {})
                response = self._below.handle_request(request)
                message.discard(response)
                if response.status_code == 401:
                    self._challenge = Challenge.of(response.headers)
                self._door_was_asked = True
            return self._challenge is not None

    def _is_known(self, repository: str) -> bool:
        try:
            return self._credential(repository) is not None
        except InputError:
            return False  # nobody asked for it: whoever needs it will be told


def _covers(scope: str, wanted: str) -> bool:
    """Tell whether a scope has what one resource of another asks for."""
    resource, _, actions = wanted.rpartition(":")
    held = [one.rpartition(":") for one in scope.split()]
    return any(
        name == resource and set(actions.split(",")) <= set(has.split(",")) for name, _, has in held
    )
