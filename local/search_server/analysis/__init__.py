"""Text analysis: analyzers, stemming, and the boundaries of words and sentences."""
