"""How the commands speak, those of networks and those of benchmarks."""
