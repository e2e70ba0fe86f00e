"""What the engine knows of other people's models: how they are asked, how they are added, imported and adapted.

`engine.runtime` runs whatever is registered; here it is made fit to be registered.
"""
