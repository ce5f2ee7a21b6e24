"""What the console promises in figures, measured: `make bench`."""
