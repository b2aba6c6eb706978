"""Models that learn what data look like, and make more of them."""

from .autoencoder import Autoencoder
from .vae import VAE

__all__ = ["VAE", "Autoencoder"]
