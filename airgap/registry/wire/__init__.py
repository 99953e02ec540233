"""HTTP/1.1 on the wire, as httpx transports: sockets, TLS, proxies, and a pool of connections.

httpx reads bodies in pieces of at most 64 KiB, each a new object that passes several layers; at
a gigabyte a second that costs more than the network. Here a response carries a `Body` whose
``readinto`` fills the caller's own buffer. Nothing blocks but `Line.wait`, which looks at the
clock and at who ends the run.
"""
