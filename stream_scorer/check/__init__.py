"""Everything that can be wrong before traffic: pure judgements of what others have looked up."""
