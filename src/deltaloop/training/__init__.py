"""How a network learns: the loop over epochs, what ends it, and what it reports."""
