"""Netloom's window. It never imports torch: torch works in child processes."""
