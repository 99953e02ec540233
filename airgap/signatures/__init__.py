"""Signatures in minisign's format: keys, signatures, and what they prove."""
