"""What decoders that are neural networks share: base classes, features, layers, initialisation, training, devices."""
