"""What ships beside the code: the starter model, translations, icons."""
