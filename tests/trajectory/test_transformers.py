"""The callback with the real library, and optimizers as accelerate wraps them."""

import numpy as np
import pytest
import torch

import sgdphys as sp

transformers = pytest.importorskip("transformers", reason="the extra 'transformers' is missing")
accelerate = pytest.importorskip("accelerate", reason="the extra 'transformers' is missing")
pytestmark = pytest.mark.filterwarnings("ignore")  # of the libraries' own


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layer = torch.nn.Linear(3, 1)

    def forward(self, x, labels):
        return {"loss": (self.layer(x) - labels).square().mean()}


def data():
    generator = torch.Generator().manual_seed(1)
    return [{"x": torch.randn(3, generator=generator), "labels": torch.ones(1)} for _ in range(32)]


def trained(folder, path, *, steps, checkpoint=None, **options):
    from sgdphys.transformers import Record

    arguments = transformers.TrainingArguments(
        output_dir=str(folder), max_steps=steps, per_device_train_batch_size=2,
        gradient_accumulation_steps=2, save_steps=3, logging_steps=1, learning_rate=0.01,
        use_cpu=True, report_to=[], disable_tqdm=True,
    )  # fmt: skip
    trainer = transformers.Trainer(
        model=Net(), args=arguments, train_dataset=data(), callbacks=[Record(path, **options)]
    )
    trainer.train(resume_from_checkpoint=checkpoint)
    return trainer.model


def test_one_row_an_update(tmp_path):
    model = trained(tmp_path / "out", tmp_path / "a.nc", steps=7, gradients=True)
    tree = sp.open_trajectory(tmp_path / "a.nc")
    assert tree["weights"].step.to_numpy().tolist() == list(range(8))
    last = torch.cat([p.detach().reshape(-1) for p in model.parameters()])
    np.testing.assert_array_equal(tree["weights"].theta[-1, 0], last)
    assert tree["scalars"].step.to_numpy().tolist() == list(range(1, 8))
    assert np.isfinite(tree["updates"].last_gradient_norm[1:]).all()
    assert sp.check(tmp_path / "a.nc") == []


def test_training_that_resumes_cuts_the_recording(tmp_path):
    trained(tmp_path / "out", tmp_path / "a.nc", steps=8)
    trained(tmp_path / "out", tmp_path / "a.nc", steps=10,
            checkpoint=str(tmp_path / "out" / "checkpoint-6"))  # fmt: skip
    steps = sp.open_trajectory(tmp_path / "a.nc")["weights"].step.to_numpy()
    assert steps.tolist() == list(range(11))
    assert sp.check(tmp_path / "a.nc") == []


def test_optimizers_that_accelerate_wraps(tmp_path):
    accelerator = accelerate.Accelerator(cpu=True)
    model = Net()
    model, optimizer = accelerator.prepare(model, torch.optim.AdamW(model.parameters(), lr=0.1))
    with sp.record(model, tmp_path / "a.nc", optimizer=optimizer):
        for item in data()[:4]:
            optimizer.zero_grad()
            accelerator.backward(model(item["x"], item["labels"])["loss"])
            optimizer.step()
    theta = sp.open_trajectory(tmp_path / "a.nc")["weights"].theta
    assert theta.step.to_numpy().tolist() == [0, 1, 2, 3, 4]
    last = torch.cat([p.detach().reshape(-1) for p in model.parameters()])
    np.testing.assert_array_equal(theta[-1, 0], last)


@pytest.mark.parametrize("logging", [1, 100])
def test_training_that_broke_resumes_from_its_checkpoint(tmp_path, logging):
    from sgdphys.transformers import Record

    class Broken(transformers.TrainerCallback):
        def on_step_end(self, args, state, control, **kwargs):
            if state.global_step == 5:
                raise RuntimeError("the training broke")

    def trainer(*more):
        arguments = transformers.TrainingArguments(
            output_dir=str(tmp_path / "out"), max_steps=7, per_device_train_batch_size=2,
            save_steps=3, logging_steps=logging, use_cpu=True, report_to=[], disable_tqdm=True,
        )  # fmt: skip
        return transformers.Trainer(
            model=Net(), args=arguments, train_dataset=data(),
            callbacks=[Record(tmp_path / "a.nc", every=4), *more],
        )  # fmt: skip

    first = trainer(Broken())
    with pytest.raises(RuntimeError, match="the training broke"):
        first.train()
    crashed = sp.open_trajectory(tmp_path / "a.nc")  # as a kill would leave it
    assert crashed["weights"].step.to_numpy().tolist() == [0]
    trainer().train(resume_from_checkpoint=True)
    steps = sp.open_trajectory(tmp_path / "a.nc")["weights"].step.to_numpy().tolist()
    assert steps == [0, 3, 4]
    assert sp.check(tmp_path / "a.nc") == []


def test_updates_that_a_scaler_skips_are_counted_by_the_trainer_alone(tmp_path):
    """Its checkpoint 6 is that of 4 updates; it was looked for at step 6."""
    from types import SimpleNamespace

    from sgdphys.transformers import Record

    def train(record, steps, skipped, model, optimizer, first=0):
        state = SimpleNamespace(is_world_process_zero=True, global_step=first)
        record.on_train_begin(None, state, None, model=model, optimizer=optimizer)
        for step in range(first + 1, steps + 1):
            model(**data_of(step))["loss"].backward()
            if step not in skipped:
                optimizer.step()
            optimizer.zero_grad()
            state.global_step = step
            if step == 6:
                record.on_save(None, state, None)
                saved = {n: v.clone() for n, v in model.state_dict().items()}
        record.on_train_end(None, state, None)
        return saved if first < 6 else None

    def data_of(step):
        item = data()[step]
        return {"x": item["x"], "labels": item["labels"]}

    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    saved = train(Record(tmp_path / "a.nc"), 9, {1, 2}, model, optimizer)
    assert sp.open_trajectory(tmp_path / "a.nc")["weights"].step.values[-1] == 7
    again = Net()
    again.load_state_dict(saved)
    optimizer = torch.optim.SGD(again.parameters(), lr=0.01)
    train(Record(tmp_path / "a.nc"), 10, set(), again, optimizer, first=6)
    assert sp.open_trajectory(tmp_path / "a.nc")["weights"].step.values.tolist() == list(range(9))
    assert sp.check(tmp_path / "a.nc") == []
