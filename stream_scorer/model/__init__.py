"""The model: its session, its contract, and the way from columns to tensors and back."""
