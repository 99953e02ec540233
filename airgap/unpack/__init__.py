"""unpack: from a bundle file to a cluster whose registry serves what was inside."""
