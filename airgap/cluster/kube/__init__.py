"""The Kubernetes API of a cluster: who may reach it, what it is asked, what is waited for.

access   how a cluster's API is reached, out of its admin.conf
api      the API, through the kubernetes package
ready    waiting until nodes, claims and Deployments are ready
smoke    one pod from the registry on each node
"""
