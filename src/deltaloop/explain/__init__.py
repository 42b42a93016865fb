"""What a network does and why: what is wrong with it, and with the data that it learns from."""
