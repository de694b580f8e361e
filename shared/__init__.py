"""What ships besides the doors: nouns (`model`), rules, ports, use cases (`work`), adapters and the composition root."""
