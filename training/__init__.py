"""PyTorch: builds instruction data, trains, scores, exports GGUF.

Imports `engine`, never `desktop` or Qt; the window starts it as a child process.
"""
