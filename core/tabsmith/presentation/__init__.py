"""Labels, glyphs, tones and sentences of everything a person reads. Knows no terminal; only surfaces import it."""
