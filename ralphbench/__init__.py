"""ralphbench: which model, local or cloud, or which mix, can really do your coding work on your hardware."""

__version__ = "0.1.0"
