"""Looking at a lake before training: tables of its manifest, figures of them, one page."""
