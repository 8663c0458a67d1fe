"""The live page in the browser: Mesa's controls around a society that can be looked into."""
