"""Results of PyTorch for every activation, loss and optimiser, and the script that writes them."""
