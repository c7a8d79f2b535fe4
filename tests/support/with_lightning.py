"""Training with Lightning, for tests that import this when they need it: it takes seconds."""

import lightning
import torch

from sgdphys.lightning import Record


class Module(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layer = torch.nn.Linear(2, 1)

    def training_step(self, batch, _):
        return self.layer(batch[0]).square().mean()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


class Adversarial(lightning.LightningModule):
    """Two optimizers, each stepped by hand."""

    def __init__(self):
        super().__init__()
        self.automatic_optimization = False
        self.one, self.two = torch.nn.Linear(2, 1), torch.nn.Linear(2, 1)

    def training_step(self, batch, _):
        for layer, optimizer in zip((self.one, self.two), self.optimizers(), strict=True):
            optimizer.zero_grad()
            self.manual_backward(layer(batch[0]).square().mean())
            optimizer.step()

    def configure_optimizers(self):
        return [torch.optim.SGD(m.parameters(), lr=0.1) for m in (self.one, self.two)]


def fit(folder, path, epochs, checkpoint=None):
    x = torch.randn(12, 2, generator=torch.Generator().manual_seed(1))
    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x), batch_size=4)
    trainer = lightning.Trainer(
        max_epochs=epochs, accumulate_grad_batches=2, callbacks=[Record(path)], logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
        accelerator="cpu", default_root_dir=folder,
    )  # fmt: skip
    trainer.fit(Module(), data, ckpt_path=checkpoint)
    trainer.save_checkpoint(folder / "last.ckpt")


def trained(
    path, *, max_steps=10, checkpoint=None, module=None, callback=None, others=(), **options
):
    """Train with a checkpoint every three steps; the gradients' norms that Lightning saw."""
    seen = []

    class Norms(lightning.Callback):
        def on_before_optimizer_step(self, trainer, pl_module, optimizer):
            grads = [p.grad for p in pl_module.parameters()]
            seen.append(torch.cat([g.reshape(-1) for g in grads]).norm().item())

    norms, saved = Norms(), lightning.pytorch.callbacks.ModelCheckpoint(
        dirpath=path.parent / "ckpt", filename="{step}", every_n_train_steps=3, save_top_k=-1
    )  # fmt: skip
    x = torch.randn(40, 2, generator=torch.Generator().manual_seed(1))
    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x), batch_size=4)
    trainer = lightning.Trainer(
        max_steps=max_steps, callbacks=[callback or Record(path, **options), *others, norms, saved],
        logger=False, enable_progress_bar=False, enable_model_summary=False, accelerator="cpu",
        default_root_dir=path.parent, gradient_clip_val=1.0,
    )  # fmt: skip
    trainer.fit(module or Module(), data, ckpt_path=checkpoint)
    return seen
