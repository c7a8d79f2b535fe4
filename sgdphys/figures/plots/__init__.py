"""One figure function per file, named as the function whose result it draws."""
