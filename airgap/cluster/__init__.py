"""The isolated side: docker, kind, its nodes, Kubernetes, and the registry that runs in it.

ports        what is needed of docker, kind and Kubernetes, and how it is come by
parameters   all that the rendered manifests depend on
objects/     every Kubernetes object that airgap writes
docker/      the docker daemon, and the containers that are nodes
kind         the kind configuration and the kind program
kube/        the Kubernetes API, and what is waited for
mark         how a node shows that airgap made it
store        the registry's content as it lies on its node's disk
site         a cluster as it is found
turn         one run at a time for a cluster
mirrors      what containerd on the nodes is told: which names the registry serves
host_trust   what docker on this host is told
kubeconfig   the cluster's entries in the user's kubeconfig
doors/       where the registry is read, and where it is written
reach        whether this host reaches a server of the cluster's
checks       what would come into the way, found before anything is changed
command      running a program
workspace    a private folder for one run
"""
