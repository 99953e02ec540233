"""signatures: minisign's keys and signatures; knows nothing of bundles."""
