"""What every other folder stands on: errors, validation, seeds, whole files, folders, processes, progress."""
