"""The subcubic family: bounds in balls for any witness, and the float search that finds one."""
