"""upkeep: what a cluster needs after it was made.

status     how it is
up         bring it back
trust      let docker on this host use its registry
teardown   remove what airgap made
"""
