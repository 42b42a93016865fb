"""Mutants that no test can tell from the original, and why."""

EQUIVALENT: dict[tuple[str, str, str, str, int], str] = {}
