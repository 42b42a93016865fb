"""The version, which the build reads here and any module may import."""

__version__ = "0.1.0"
