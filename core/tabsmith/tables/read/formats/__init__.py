"""The file formats that tabsmith reads: one file for each, and `registry`, where a format is added."""
