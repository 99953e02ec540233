"""airgap: carry container images across an air gap, in one file."""

__version__ = "0.1.0"
