"""The window: shows, draws, asks. Never computes a prompt, touches SQL or imports torch."""
