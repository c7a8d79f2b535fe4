"""The callback with the real library: one row an update, none twice, resumed like unbroken."""

import subprocess
import sys
import warnings
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

import sgdphys as sp
from sgdphys.errors import InputError

pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # of lightning's own about small settings
    pytest.mark.skipif(find_spec("lightning") is None, reason="the extra 'lightning' is missing"),
]


@pytest.fixture(scope="module")
def of():
    """What trains, loaded when the first test is carried out."""
    with warnings.catch_warnings(action="ignore"):
        return import_module("with_lightning")


def test_one_row_an_update_and_resumed_like_unbroken(tmp_path, of):
    """3 batches an epoch, accumulated by twos: steps 0 1 2, then 3 4."""
    of.fit(tmp_path, tmp_path / "whole.nc", 2)
    of.fit(tmp_path, tmp_path / "halves.nc", 1)
    first = sp.open_trajectory(tmp_path / "halves.nc")["weights"].step.to_numpy()
    assert first.tolist() == [0, 1, 2]
    of.fit(tmp_path, tmp_path / "halves.nc", 2, checkpoint=tmp_path / "last.ckpt")
    whole, halves = (
        sp.open_trajectory(tmp_path / n)["weights"].to_dataset().load()
        for n in ("whole.nc", "halves.nc")
    )
    assert halves.step.to_numpy().tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_array_equal(halves.step, whole.step)
    np.testing.assert_allclose(halves.theta, whole.theta, rtol=1e-6)
    assert sp.check(tmp_path / "halves.nc") == []


def test_gradients_are_those_of_the_update(tmp_path, of):
    seen = of.trained(tmp_path / "a.nc", gradients=True)
    found = sp.open_trajectory(tmp_path / "a.nc")["updates"]
    last = found["last_gradient_norm"][1:, 0, 0].to_numpy()
    clipped = np.minimum(seen, 1.0)
    np.testing.assert_allclose(last, clipped, rtol=1e-4)
    np.testing.assert_allclose(found["learning_rate"][1:], 0.1)


def test_a_fit_from_an_earlier_checkpoint_cuts_the_recording_there(tmp_path, of):
    of.trained(tmp_path / "whole.nc")
    path = tmp_path / "more" / "a.nc"
    path.parent.mkdir()
    of.trained(path)
    of.trained(path, checkpoint=path.parent / "ckpt" / "step=6.ckpt")
    whole, again = (
        sp.open_trajectory(p)["weights"].to_dataset().load() for p in (tmp_path / "whole.nc", path)
    )
    assert again.step.to_numpy().tolist() == list(range(11))
    np.testing.assert_array_equal(whole.theta[:7], again.theta[:7])
    assert sp.check(path) == []


def test_a_fit_from_a_checkpoint_without_a_file_begins_at_its_step(tmp_path, of):
    path = tmp_path / "a.nc"
    of.trained(path)
    path.unlink()
    of.trained(path, checkpoint=tmp_path / "ckpt" / "step=6.ckpt")
    assert sp.open_trajectory(path)["weights"].step.to_numpy().tolist() == [6, 7, 8, 9, 10]


def test_one_callback_may_record_several_fits(tmp_path, of):
    from sgdphys.lightning import Record

    callback = Record(tmp_path / "a.nc", every=5)
    for _ in range(3):
        of.trained(tmp_path / "a.nc", callback=callback)
    assert {p.name for p in tmp_path.glob("*.nc")} == {"a.nc", "a-2.nc", "a-3.nc"}


def test_both_optimizers_of_a_module_are_followed(tmp_path, of):
    from sgdphys.lightning import Record

    module = of.Adversarial()
    x = torch.randn(12, 2, generator=torch.Generator().manual_seed(1))
    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x), batch_size=4)
    trainer = of.lightning.Trainer(
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
import with_lightning as of

class Module(of.Module):
    def training_step(self, batch, number):
        if self.trainer.global_step == 8:
            os._exit(1)
        return super().training_step(batch, number)

of.trained(Path(sys.argv[1]), module=Module())
"""


@pytest.mark.slow(reason="starts two processes with lightning: 14 s")
def test_a_fit_that_was_killed_resumes_from_its_checkpoint(tmp_path, of):
    path, support = tmp_path / "a.nc", Path(__file__).parents[1] / "support"
    subprocess.run(
        [sys.executable, "-c", KILLED, str(path), str(support)], check=False, capture_output=True
    )
    assert not path.exists()
    of.trained(path, checkpoint=tmp_path / "ckpt" / "step=6.ckpt")
    assert sp.open_trajectory(path)["weights"].step.to_numpy().tolist() == list(range(11))
    assert sp.check(path) == []


def test_a_later_fit_is_resumed_in_its_own_file(tmp_path, of):
    """The checkpoint of the second fit cut the file of the first, which was complete."""
    from sgdphys.lightning import Record

    callback = Record(tmp_path / "a.nc")
    for _ in range(2):
        of.trained(tmp_path / "a.nc", callback=callback)
    first = sp.open_trajectory(tmp_path / "a.nc")["weights"].theta.load()
    saved = max((tmp_path / "ckpt").glob("step=6*.ckpt"), key=lambda path: path.stat().st_mtime)
    of.trained(
        tmp_path / "a.nc", callback=Record(tmp_path / "a.nc"), checkpoint=saved, max_steps=12
    )
    np.testing.assert_array_equal(sp.open_trajectory(tmp_path / "a.nc")["weights"].theta, first)
    again = sp.open_trajectory(tmp_path / "a-2.nc")["weights"].step.to_numpy()
    assert again.tolist() == list(range(13))


def test_several_callbacks_record_one_fit(tmp_path, of):
    from sgdphys.lightning import Record

    sketch = Record(tmp_path / "sketch.nc", what="sketch", sketch=5)
    of.trained(tmp_path / "a.nc", others=[sketch])
    for name in ("a", "sketch"):
        assert sp.open_trajectory(tmp_path / f"{name}.nc")["weights"].sizes["step"] == 11
