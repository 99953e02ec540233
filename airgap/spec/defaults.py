"""What is carried for a cluster where nothing else is said."""

# kind names its node image itself (pkg/apis/config/defaults).
KIND_VERSION = "v0.32.0"
NODE_IMAGE = (
    "docker.io/kindest/node:v1.36.1"
    "@sha256:3489c7674813ba5d8b1a9977baea8a6e553784dab7b84759d1014dbd78f7ebd5"
)
REGISTRY_IMAGE = (
    "docker.io/library/registry:3.1.1"
    "@sha256:1be55279f18a2fe1a74edf2664cac61c1bea305b7b4642dab412e7affdcb3e33"
)
