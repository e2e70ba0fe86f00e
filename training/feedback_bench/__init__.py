"""What learning from corrections is worth, measured: a new site before and after, and what to label next.

People are simulated, everything else is the product: its database, its snapshots, its fine-tuning, its gate.
"""
