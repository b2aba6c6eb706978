"""Models that learn what data look like, and make more of them."""

from .autoencoder import Autoencoder
from .gan import GAN
from .vae import VAE

__all__ = ["GAN", "VAE", "Autoencoder"]
