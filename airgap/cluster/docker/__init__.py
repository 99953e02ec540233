"""docker on this host: its daemon, and the containers that are nodes.

endpoint         which daemon the docker program would use
engine           that daemon, through the docker package
translation      what that package raises, as errors that say what to do
registry_login   the docker program's login at the registry
node             one node of a cluster: something to run commands on
"""
