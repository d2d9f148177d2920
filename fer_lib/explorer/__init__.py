"""The explorer: faces of any data set before the player, in JupyterLab."""
