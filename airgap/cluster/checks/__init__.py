"""What would come into the way of a run, found before anything is changed, all at once.

finding       one such thing, with its remedy
preflight     room, ports, limits of the kernel
surroundings  docker's kind, proxies, the clock
"""
