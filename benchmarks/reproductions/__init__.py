"""Figures of the literature, reproduced."""
