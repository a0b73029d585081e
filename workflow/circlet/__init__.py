"""Tell circular RNAs from other long non-coding RNAs by sequence."""

__version__ = "0.1.0"
