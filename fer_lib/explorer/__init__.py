"""A face to turn: the player in a browser, and the explorer around it in JupyterLab."""
