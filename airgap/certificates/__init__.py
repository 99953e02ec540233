"""certificates: made for one registry, and proved before they are used (RFC 5280)."""
