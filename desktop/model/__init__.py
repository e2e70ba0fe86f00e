"""What is open, selected, asked and undone: Qt objects with signals, no widgets."""
