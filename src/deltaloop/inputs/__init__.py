"""The door: what comes in, arguments, arrays and files, is checked and told what it lacks."""
