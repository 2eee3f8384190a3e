"""Results on disk: the store of your own, and the shipped atlas."""
