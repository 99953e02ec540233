"""The registry v2 client (OCI distribution specification 1.1): a stack of httpx transports.

options      what the client needs to know
endpoint     where a registry is
credentials  docker's config.json and its helpers, containers' auth.json
errors       what was answered instead, as a value, and the errors of it
message      requests and answers as the stack hands them on
client       puts the stack together: one registry
retry        the one loop in which requests are sent again
attempts     what bounds it, for one thing and for the host
auth         who asks: challenges, tokens, and where a password may go
redirect     follows where a registry sends its clients, and not everywhere
places       how far inside a network an address is
proxies      which hosts are reached through one
route        which way a request takes, by where it goes
wire         bytes: connections that blobs are read from without a copy
gate         how many connections help
listing      what a registry tells of its content
blob         one blob on its way, taken up where it broke
"""
