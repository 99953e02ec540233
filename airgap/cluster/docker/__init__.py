"""docker or podman on this host, and the containers that are nodes.

provider         which of the two, and what differs in words
connect          to the one that kind would use
podman           what differs in deeds
service          podman's API while a run lasts
endpoint         which daemon the docker program would use
engine           that daemon, through the docker package
exports          what it has, as a source of images
translation      what that package raises, as errors that say what to do
registry_login   the docker program's login at the registry
node             one node of a cluster: something to run commands on
"""
