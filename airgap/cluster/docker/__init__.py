"""docker on this host: its daemon, and the containers that are nodes.

endpoint   which daemon the docker program would use
engine     that daemon, through the docker package
node       one node of a cluster: something to run commands on
"""
