"""What the app costs: storage transactions and ARM calls by count, the engine's speed and a cold start as ratios, all in one run."""
