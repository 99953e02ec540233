"""The registry v2 client (OCI distribution specification 1.1).

options      what the client needs to know
errors       what was answered instead, as a value, and the errors of it
wire         bytes: connections that blobs are read from without a copy
route        which way a request takes, by where it goes
retry        when to try again, and how long to wait
gate         how many connections help
auth         challenges and tokens
credentials  docker's config.json and its helpers
client       one registry: requests to it, authorised and tried again
"""
