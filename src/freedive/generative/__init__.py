"""Models that learn what data look like, and make more of them."""

from .autoencoder import Autoencoder
from .diffusion import Diffusion
from .frechet import FrechetScore, frechet_distance
from .gan import GAN
from .translation import ImageToImage
from .vae import VAE

__all__ = ["GAN", "VAE", "Autoencoder", "Diffusion", "FrechetScore", "ImageToImage", "frechet_distance"]
