"""The slice on screen, what is drawn over it, and the tools: one gesture a file."""
