"""The physics of a CT: beam, detector, reconstruction."""
