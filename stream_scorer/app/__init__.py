"""The composition root: everything is constructed here, and handed in."""
