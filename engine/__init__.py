"""Netloom's engine: graph specs, their check, compilation, training and export. Knows nothing of Qt."""
