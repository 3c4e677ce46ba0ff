"""The model families: one file for each, with everything that tabsmith knows about it. `registry` lists them."""
