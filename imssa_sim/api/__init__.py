"""What `imssa_sim` offers in Python; import it from `imssa_sim` itself."""
