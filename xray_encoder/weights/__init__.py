"""Weight of a container from the grey levels of a vendor picture: `model`, `bins`, `rivals`, `evaluate`."""
