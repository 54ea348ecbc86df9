"""Encoders of the paper and its comparisons that no shipped model uses: kept to read official weights and to compare with."""
