# shellcheck shell=bash disable=SC2034  # used by whoever sources this
# Versions that fit together: Kubernetes 1.34 is the last minor whose kubelet runs on cgroup v1
# without further settings, and kind 0.32 reads the configuration of containerd 2.2.
kind_version=0.32.0
kubernetes_version=1.34.4
containerd_version=2.2.9
distribution_version=3.1.1
pause_image=registry.k8s.io/pause:3.10.1
debian=bookworm
node_reference=kindest/node:v$kubernetes_version

