"""A loop of one's own, recorded with two more lines, and fitted: ``python studies/your_model.py``.

Three small networks learn the same random teacher with plain PyTorch; their trajectories are
gathered as replicas and read as a diffusion.
"""

from pathlib import Path

import torch

import sgdphys as sp

STEPS, BATCH, RATE = 6000, 16, 0.05


def train(seed: int, path: Path, teacher: torch.nn.Module) -> None:
    """Train one network on its own stream of batches, recording every update."""
    torch.manual_seed(seed)
    model = torch.nn.Sequential(torch.nn.Linear(8, 6), torch.nn.Tanh(), torch.nn.Linear(6, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    with sp.record(model, path, optimizer=optimizer) as recording:  # the first line
        for _ in range(STEPS):
            x = torch.randn(BATCH, 8)
            loss = (model(x) - teacher(x) - 0.3 * torch.randn(BATCH, 1)).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            recording.step(loss=loss)  # the second, for the loss beside it


def main() -> None:
    """Record, gather, fit."""
    folder = Path("runs/your_model")
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"seed{seed}.nc" for seed in range(3)]
    torch.manual_seed(0)
    teacher = torch.nn.Linear(8, 1, bias=False).requires_grad_(False)  # the same for all replicas
    for seed, path in enumerate(paths):
        path.unlink(missing_ok=True)
        train(seed, path, teacher)
    (folder / "all.nc").unlink(missing_ok=True)
    weights = sp.gather(paths, folder / "all.nc")["weights"]
    late = weights.theta.isel(step=slice(STEPS // 2, None))
    fitted = sp.dynamics.fit_ou(late.isel(parameter=(late.layer == 2).values))
    for parameter in range(3):
        one = fitted.isel(parameter=parameter, replica=0)
        print(
            f"weight {parameter} of the second layer: D = {float(one.diffusion):.2e} "
            f"[{float(one.diffusion_low):.2e}, {float(one.diffusion_high):.2e}] a step, "
            f"relaxation time {float(one.relaxation_time):.0f} steps"
        )
    print(f"sgdphys fit {folder / 'all.nc'}")


if __name__ == "__main__":
    main()
