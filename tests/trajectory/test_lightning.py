"""The callback with the real library: one row an update, none twice, resumed like unbroken."""

import numpy as np
import pytest
import torch

import sgdphys as sp

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
