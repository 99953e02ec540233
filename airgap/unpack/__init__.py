"""unpack: from a bundle file to a cluster whose registry serves what was inside.

unpack     the story, step by step
options    how to unpack
provenance who made a bundle, and whether a cluster takes it
host       what this host has to offer: parameters, kind, room, a kubeconfig
ahead      the blobs, proved while that takes its time
cluster    the cluster: found, taken over, made, removed again
registry   the registry in it: its image, certificate, objects, the images
room       the store, as large as it may be
repair     what landed before and is not there any more
landed     what is noted at the end, and the pod that proves it
receipt    what unpack did
steps      how far it came
"""
