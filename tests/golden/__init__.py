"""Results of PyTorch in float64, and the script that writes them."""
