"""The callback with the real library: one row an update, none twice, resumed like unbroken."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import sgdphys as sp
from sgdphys.errors import InputError

lightning = pytest.importorskip("lightning", reason="the extra 'lightning' is not installed")
pytestmark = pytest.mark.filterwarnings("ignore")  # of lightning's own about small settings


class Module(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layer = torch.nn.Linear(2, 1)

    def training_step(self, batch, _):
        return self.layer(batch[0]).square().mean()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


def fit(folder, path, epochs, checkpoint=None):
    from sgdphys.lightning import Record

    x = torch.randn(12, 2, generator=torch.Generator().manual_seed(1))
    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x), batch_size=4)
    trainer = lightning.Trainer(
        max_epochs=epochs, accumulate_grad_batches=2, callbacks=[Record(path)], logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
        accelerator="cpu", default_root_dir=folder,
    )  # fmt: skip
    trainer.fit(Module(), data, ckpt_path=checkpoint)
    trainer.save_checkpoint(folder / "last.ckpt")


def test_one_row_an_update_and_resumed_like_unbroken(tmp_path):
    """3 batches an epoch, accumulated by twos: steps 0 1 2, then 3 4."""
    fit(tmp_path, tmp_path / "whole.nc", 2)
    fit(tmp_path, tmp_path / "halves.nc", 1)
    first = sp.open_trajectory(tmp_path / "halves.nc")["weights"].step.to_numpy()
    assert first.tolist() == [0, 1, 2]
    fit(tmp_path, tmp_path / "halves.nc", 2, checkpoint=tmp_path / "last.ckpt")
    whole, halves = (
        sp.open_trajectory(tmp_path / n)["weights"].to_dataset().load()
        for n in ("whole.nc", "halves.nc")
    )
    assert halves.step.to_numpy().tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_array_equal(halves.step, whole.step)
    np.testing.assert_allclose(halves.theta, whole.theta, rtol=1e-6)
    assert sp.check(tmp_path / "halves.nc") == []


def trained(path, *, max_steps=10, checkpoint=None, module=None, callback=None, **options):
    """Train with a checkpoint every three steps; the gradients' norms that Lightning saw."""
    from sgdphys.lightning import Record

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
        max_steps=max_steps, callbacks=[callback or Record(path, **options), norms, saved],
        logger=False, enable_progress_bar=False, enable_model_summary=False, accelerator="cpu",
        default_root_dir=path.parent, gradient_clip_val=1.0,
    )  # fmt: skip
    trainer.fit(module or Module(), data, ckpt_path=checkpoint)
    return seen


def test_gradients_are_those_of_the_update(tmp_path):
    seen = trained(tmp_path / "a.nc", gradients=True)
    found = sp.open_trajectory(tmp_path / "a.nc")["updates"]
    last = found["last_gradient_norm"][1:, 0, 0].to_numpy()
    clipped = np.minimum(seen, 1.0)
    np.testing.assert_allclose(last, clipped, rtol=1e-4)
    np.testing.assert_allclose(found["learning_rate"][1:], 0.1)


def test_a_fit_from_an_earlier_checkpoint_cuts_the_recording_there(tmp_path):
    trained(tmp_path / "whole.nc")
    path = tmp_path / "more" / "a.nc"
    path.parent.mkdir()
    trained(path)
    trained(path, checkpoint=path.parent / "ckpt" / "step=6.ckpt")
    whole, again = (
        sp.open_trajectory(p)["weights"].to_dataset().load() for p in (tmp_path / "whole.nc", path)
    )
    assert again.step.to_numpy().tolist() == list(range(11))
    np.testing.assert_array_equal(whole.theta[:7], again.theta[:7])
    assert sp.check(path) == []


def test_a_fit_from_a_checkpoint_without_a_file_begins_at_its_step(tmp_path):
    path = tmp_path / "a.nc"
    trained(path)
    path.unlink()
    trained(path, checkpoint=tmp_path / "ckpt" / "step=6.ckpt")
    assert sp.open_trajectory(path)["weights"].step.to_numpy().tolist() == [6, 7, 8, 9, 10]


def test_one_callback_may_record_several_fits(tmp_path):
    from sgdphys.lightning import Record

    callback = Record(tmp_path / "a.nc", every=5)
    for _ in range(3):
        trained(tmp_path / "a.nc", callback=callback)
    assert {p.name for p in tmp_path.glob("*.nc")} == {"a.nc", "a-2.nc", "a-3.nc"}


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


def test_both_optimizers_of_a_module_are_followed(tmp_path):
    from sgdphys.lightning import Record

    module = Adversarial()
    x = torch.randn(12, 2, generator=torch.Generator().manual_seed(1))
    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x), batch_size=4)
    trainer = lightning.Trainer(
        max_epochs=1, callbacks=[Record(tmp_path / "a.nc")], logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
        accelerator="cpu", default_root_dir=tmp_path,
    )  # fmt: skip
    trainer.fit(module, data)
    theta = sp.open_trajectory(tmp_path / "a.nc")["weights"].theta
    assert theta.step.to_numpy().tolist() == [0, 1, 2, 3]
    last = torch.cat([p.detach().reshape(-1) for p in module.parameters()])
    np.testing.assert_array_equal(theta[-1, 0], last)


def test_misspelt_options_are_refused_at_once(tmp_path):
    from sgdphys.lightning import Record

    with pytest.raises(InputError, match="evry"):
        Record(tmp_path / "a.nc", evry=3)


KILLED = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from tests.trajectory import test_lightning as of

class Module(of.Module):
    def training_step(self, batch, number):
        if self.trainer.global_step == 8:
            os._exit(1)
        return super().training_step(batch, number)

of.trained(Path(sys.argv[1]), module=Module())
"""


@pytest.mark.slow(reason="starts two processes with lightning: 14 s")
def test_a_fit_that_was_killed_resumes_from_its_checkpoint(tmp_path):
    path, here = tmp_path / "a.nc", Path(__file__).parents[2]
    subprocess.run(
        [sys.executable, "-c", KILLED, str(path), str(here)], check=False, capture_output=True
    )
    assert not path.exists()
    trained(path, checkpoint=tmp_path / "ckpt" / "step=6.ckpt")
    assert sp.open_trajectory(path)["weights"].step.to_numpy().tolist() == list(range(11))
    assert sp.check(path) == []
