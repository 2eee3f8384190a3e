"""A variational autoencoder, and the layer that draws its noise."""

import torch
from torch import Tensor, nn

from lthlib.models.layers import glorot


class VAE(nn.Module):
    """A variational autoencoder (Kingma & Welling 2014, arXiv 1312.6114): images [B, ...] of `pixels` numbers
    from 0 to 1 each -> [B, pixels + 2 * codes]: a logit for every pixel, then the means of the code, then the
    logarithms of its variances.

    A hidden layer of `hidden` units with ReLU on each side. In training the picture is made from a code drawn
    with these means and variances (the reparametrisation, section 2.4); in evaluation, from the means.
    Objective `autoencoder` goes with it.
    """

    def __init__(self, pixels: int, hidden: int = 64, codes: int = 8):
        super().__init__()
        self.encoder, self.code = nn.Linear(pixels, hidden), nn.Linear(hidden, 2 * codes)
        self.decoder, self.output = nn.Linear(codes, hidden), nn.Linear(hidden, pixels)
        self.noise = Noise()
        self.apply(glorot)

    def forward(self, images: Tensor) -> Tensor:
        mean, log_variance = self.code(torch.relu(self.encoder(images.flatten(1)))).chunk(2, dim=1)
        code = mean + (log_variance / 2).exp() * self.noise(mean)
        return torch.cat([self.draw(code), mean, log_variance], dim=1)

    def draw(self, codes: Tensor) -> Tensor:
        """Logits of pictures [B, pixels] for codes [B, codes], such as draws from a standard normal distribution."""
        return self.output(torch.relu(self.decoder(codes)))


class Noise(nn.Module):
    """Standard normal numbers of the shape of x in training, zeros in evaluation.

    Use it wherever a network of yours draws noise: the engine puts in its place one whose draws depend on the
    ticket's seed alone (`draws.Noise`), so that tickets trained together end as they do alone.
    """

    def forward(self, x: Tensor) -> Tensor:
        return torch.randn_like(x) if self.training else torch.zeros_like(x)
