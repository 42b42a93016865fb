"""A network as one HTML file that shows backpropagation step by step, with every number."""
