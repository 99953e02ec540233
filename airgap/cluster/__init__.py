"""The isolated side: docker, kind, its nodes, Kubernetes, and the registry that runs in it.

parameters   all that the rendered manifests depend on
manifests    the registry's Kubernetes objects
kind         the kind configuration and the kind program
engine       the docker daemon
node         one node of the cluster: something to run commands on
trust        which names the nodes' containerd resolves to the registry
kube         the Kubernetes API
site         a cluster of airgap's that exists, as it is found
host         this host's own trust in the registry
preflight    what would stop a later step, found before anything is changed
command      running a program
"""
