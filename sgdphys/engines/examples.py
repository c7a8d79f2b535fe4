"""Networks that come along for ``network.module``, and examples of how to write one."""

import torch


def convolution(inputs: tuple[int, ...], outputs: int) -> torch.nn.Module:
    """Return a small convolutional network for images.

    Parameters
    ----------
    inputs : (int, int, int)
        Channels, height and width, divisible by 4.
    outputs : int
        Classes.
    """
    channels, height, width = inputs
    return torch.nn.Sequential(
        torch.nn.Conv2d(channels, 6, 3, padding=1),
        torch.nn.Tanh(),
        torch.nn.AvgPool2d(2),
        torch.nn.Conv2d(6, 12, 3, padding=1),
        torch.nn.Tanh(),
        torch.nn.AvgPool2d(2),
        torch.nn.Flatten(),
        torch.nn.Linear(12 * (height // 4) * (width // 4), outputs),
    )
