"""What ships beside the code: the starter model, the label ontology and label sets, translations, icons."""
