"""What every other folder stands on: errors, validation, seeds, whole files, locks, folders, processes, progress."""
