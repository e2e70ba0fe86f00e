"""The panels round the viewer: they show the model's state and send intents."""
