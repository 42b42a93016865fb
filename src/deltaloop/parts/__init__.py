"""What a network is made of: layers, functions, parameters, scaling and the optimiser."""
