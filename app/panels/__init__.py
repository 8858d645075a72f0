"""The panels around the canvas; each takes the Document and knows no other panel."""
