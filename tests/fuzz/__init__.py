"""Hostile calls of the public doors, every one a function of (seed, number): see run.py."""
