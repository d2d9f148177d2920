"""Figures without a study: style, arms side by side, sampling grids."""
