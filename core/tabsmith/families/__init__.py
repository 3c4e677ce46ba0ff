"""The model families: one file each with everything tabsmith knows about it; `registry` lists them."""
