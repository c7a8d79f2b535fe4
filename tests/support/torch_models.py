"""Modules that tests name as a user would."""

import torch


def convolution(inputs, outputs):
    return torch.nn.Sequential(
        torch.nn.Conv2d(inputs[0], 4, 3, padding=1), torch.nn.BatchNorm2d(4), torch.nn.ReLU(),
        torch.nn.Dropout(0.2), torch.nn.Flatten(),
        torch.nn.Linear(4 * inputs[1] * inputs[2], outputs),
    )  # fmt: skip


class Residual(torch.nn.Module):
    def __init__(self, outputs):
        super().__init__()
        self.first = torch.nn.Linear(16, 16)
        self.norm = torch.nn.LayerNorm(16)
        self.attend = torch.nn.MultiheadAttention(4, 2, batch_first=True)
        self.last = torch.nn.Linear(16, outputs)

    def forward(self, x):
        x = x.flatten(1)
        x = x + torch.tanh(self.first(self.norm(x)))
        tokens = x.reshape(-1, 4, 4)
        x = x + self.attend(tokens, tokens, tokens, need_weights=False)[0].flatten(1)
        return self.last(x)


def residual(outputs):
    return Residual(outputs)


def frozen(outputs):
    """Random features: the first layer and a tensor in the middle are not trained."""
    model = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(16, 8), torch.nn.Tanh(), torch.nn.Linear(8, 6),
        torch.nn.Tanh(), torch.nn.Linear(6, outputs),
    )  # fmt: skip
    model[1].requires_grad_(False)
    model[3].bias.requires_grad_(False)
    return model


def untrainable(outputs):
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, outputs)).requires_grad_(
        False
    )


def failing(outputs):
    raise ZeroDivisionError(f"{outputs} outputs")
