"""Records -> frames -> comparison. Import the modules `load`, `compare`, `export`, `legacy`; pandas comes with the first."""
