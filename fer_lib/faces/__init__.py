"""Faces as people have them: found, cropped, judged, drawn upon; trained networks as files for other programs."""
