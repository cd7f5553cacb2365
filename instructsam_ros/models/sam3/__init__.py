"""SAM 3 (Meta): everything in an image that a noun phrase names."""
