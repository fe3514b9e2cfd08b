"""Two sounds beside each other."""
