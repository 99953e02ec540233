"""The bench: measures airgap against its peers. Start it with scripts/bench."""
