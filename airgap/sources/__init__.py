"""Where images come from besides registries: OCI image layouts on disk."""
