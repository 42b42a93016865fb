"""Single faults planted in the kernels, one at a time: does a test notice? See run.py."""
