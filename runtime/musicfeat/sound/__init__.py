"""Sound files in, samples and windows out."""
