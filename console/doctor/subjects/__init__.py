"""One module for each subject; every function in it that is marked with `checking.check` is run."""
