"""The registry's doors: an open one that only reads, and one that takes content, with a password.

door     what the two are
login    what it takes to write
deploy   the registry's objects put into a cluster, and waited for
"""
