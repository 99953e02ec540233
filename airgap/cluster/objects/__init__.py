"""Every Kubernetes object that airgap writes.

registry   the registry's own: namespace, volume, configuration, Deployment, Service, Secret
landed     what is noted of the bundles that landed, and where the registry is
smoke      the pod that is run at the end
labels     the mark that all of them carry
"""
