"""What goes out and comes in: files of networks, C headers; files whole or not at all."""
