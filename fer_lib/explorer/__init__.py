"""The explorer: a face, what a spatial transformer makes of it, and sliders to disturb it with."""
