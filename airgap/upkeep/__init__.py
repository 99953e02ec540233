"""upkeep: what a cluster needs after it was made: status, up, trust, teardown."""
