"""route: which way a request takes, by where it goes: direct or through a proxy, verified or not.

Redirects and token servers lead to other hosts than the registry, so each request is judged by
its own host: what was allowed for one host is allowed for no other.
"""

import ssl
import threading

import httpx

from airgap.errors import InputError
from airgap.files import inputs
from airgap.registry import message, places
from airgap.registry.options import Options
from airgap.registry.proxies import proxy_for
from airgap.registry.retry import is_bad_certificate
from airgap.registry.wire.proxy import Proxy
from airgap.registry.wire.transport import DirectTransport

_CA = "--ca takes a PEM file with one or more certificates"


class Route(httpx.BaseTransport):
    """Sends each request by the transport for its host.

    Raises:
        InputError: a CA file cannot be read, or a proxy is of a kind that is not spoken.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._lock = threading.Lock()
        self._stopped = False
        self._contexts: dict[bool, ssl.SSLContext] = {}
        self._transports: dict[tuple[bool, Proxy | None], DirectTransport] = {}
        self._transport(insecure=False, proxy=None)  # a CA file that cannot be read is told at once

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request."""
        url = request.url
        insecure = is_insecure(self._options, url.host, url.port)
        proxy = proxy_for(self._options.proxies, url.host, url.scheme, url.port)
        return self._transport(insecure=insecure, proxy=proxy).handle_request(request)

    def resolve(self, host: str) -> list[str]:
        """Return the addresses of a name; none where a proxy looks it up."""
        return [] if proxy_for(self._options.proxies, host, "https") else places.resolve(host)

    def base_of(self, address: str, host: str) -> str:
        """Return a registry's URL: https, or http where that is allowed: docker's insecure."""
        secure, plain = f"https://{address}", f"http://{address}"
        if not (host in self._options.insecure or places.is_loopback(httpx.URL(secure).host)):
            return secure
        try:
            self._probe(secure)
        except httpx.HTTPError as error:
            if is_bad_certificate(error):
                return secure  # it does speak https: the real request will say what is wrong
        else:
            return secure
        try:
            # A server that expects TLS answers 400 to plain http.
            return secure if self._probe(plain) == 400 else plain
        except httpx.HTTPError:
            return secure

    def _probe(self, base: str) -> int:
        response = self.handle_request(message.request("GET", httpx.URL(f"{base}/v2/"), {}))
        message.discard(response)
        return response.status_code

    def close(self) -> None:
        """Close all connections."""
        for transport in self._transports.values():
            transport.close()

    def stop(self) -> None:
        """Break all connections, those to come as well, so that who waits for one is woken."""
        with self._lock:
            self._stopped = True
            transports = list(self._transports.values())
        for transport in transports:
            transport.stop()

    def _transport(self, *, insecure: bool, proxy: Proxy | None) -> DirectTransport:
        with self._lock:
            key = insecure, proxy
            if key not in self._transports:
                made = DirectTransport(
                    self._tls(insecure=insecure),
                    self._options.idle,
                    proxy=proxy,
                    proxy_tls=self._tls(insecure=False) if proxy else None,
                )
                if self._stopped:
                    made.stop()
                self._transports[key] = made
            return self._transports[key]

    def _tls(self, *, insecure: bool) -> ssl.SSLContext:
        """Return the TLS settings, made once: to read a system's CAs takes 40 ms."""
        if insecure not in self._contexts:
            self._contexts[insecure] = tls_context(self._options, insecure=insecure)
        return self._contexts[insecure]


def is_insecure(options: Options, host: str, port: int | None) -> bool:
    """Tell whether plain http or unverified TLS is allowed with a host."""
    name = f"[{host}]" if ":" in host else host
    return bool({name, f"{name}:{port or 443}", f"{name}:{port or 80}"} & options.insecure)


def tls_context(options: Options, *, insecure: bool) -> ssl.SSLContext:
    """Return the TLS settings: the system's CAs and those of the options.

    Raises:
        InputError: a CA file cannot be read.
    """
    context = ssl.create_default_context()
    # Python 3.13 asks of every CA what RFC 5280 asks of those who issue them. Many organisations'
    # CAs lack a key usage, and docker, curl and older Pythons take them: what --ca names must not
    # hold on one Python and fail on another.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if insecure:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    for path in options.ca_files:
        try:
            context.load_verify_locations(cafile=str(path))
        except ssl.SSLError as error:
            raise InputError(f"cannot read the CA {path}: it is no PEM file", hint=_CA) from error
        except OSError as error:
            raise inputs.unreadable(error, path, _CA) from error
    if options.ca_pem:
        context.load_verify_locations(cadata=options.ca_pem.decode("ascii"))
    return context
