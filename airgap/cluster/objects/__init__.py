"""Every Kubernetes object that airgap writes.

registry        the registry's own: namespace, volume, Deployment, Service, Secret
configuration   what the registry is told at each of its doors
registry_yaml   the same objects as a file in the bundle
former          that file as releases before wrote it
landed          what is noted of the bundles that landed, and where the registry is
comparison      what landed, compared with what is there
smoke           the pod that is run at the end
labels          the mark that all of them carry
"""
