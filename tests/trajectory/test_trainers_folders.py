"""Folders as trainers leave them, imported as they are."""

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import sgdphys as sp
from sgdphys.errors import InputError

pytestmark = pytest.mark.filterwarnings("ignore")  # of the libraries' own


def net():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))


def trained(save, steps=6, every=2):
    """A plain loop that calls save(step, model, optimizer); weights by step."""
    model = net()
    optimizer = torch.optim.Adam(model.parameters(), 0.1)
    kept = {}
    for step in range(1, steps + 1):
        optimizer.zero_grad()
        model(torch.ones(2, 3)).square().mean().backward()
        optimizer.step()
        if step % every == 0:
            save(step, model, optimizer)
            kept[step] = torch.cat([p.detach().flatten() for p in model.parameters()]).numpy()
    return kept


def imported(folder, kept, clock="updates", **options):
    tree = sp.read_checkpoints(folder, **options)
    assert tree["weights"].step.to_numpy().tolist() == list(kept)
    assert tree.attrs["clock"] == clock
    weights = tree["weights"].theta.isel(replica=0).to_numpy()
    np.testing.assert_array_equal(weights, np.stack(list(kept.values())))
    return tree


PLAIN = {
    "state_dict": lambda s, m, o: m.state_dict(),
    "model": lambda s, m, o: {"model": m.state_dict(), "optimizer": o.state_dict(), "step": s},
    "loss": lambda s, m, o: {"net": m.state_dict(), "loss": torch.tensor(0.1), "step": s},
    "imagenet": lambda s, m, o: {"epoch": s, "arch": "resnet18", "state_dict": m.state_dict(),
                                 "best_acc1": torch.tensor(0.5), "optimizer": o.state_dict()},
    "timm": lambda s, m, o: {"epoch": s, "state_dict": m.state_dict(), "version": 2,
                             "state_dict_ema": m.state_dict(), "metric": np.float64(0.3)},
    "mmengine": lambda s, m, o: {"meta": {"iter": s}, "state_dict": m.state_dict(),
                                 "message_hub": {"log": {}}},
    "detectron": lambda s, m, o: {"model": m.state_dict(), "iteration": s, "scheduler": {}},
    "fairseq": lambda s, m, o: {"model": m.state_dict(), "args": None,
                                "optimizer_history": [{"num_updates": s}]},
    "nanogpt": lambda s, m, o: {"model": m.state_dict(), "optimizer": o.state_dict(),
                                "iter_num": s, "config": {"n_layer": 2}},
    "data_parallel": lambda s, m, o: {f"module.{n}": t for n, t in m.state_dict().items()},
    "compiled": lambda s, m, o: {f"_orig_mod.{n}": t for n, t in m.state_dict().items()},
    "diffusers": lambda s, m, o: {"params": m.state_dict(), "lr": torch.tensor(0.1)},
    "ignite": lambda s, m, o: {"model": m.state_dict(), "trainer": {"iteration": s},
                               "optimizer": o.state_dict()},
}  # fmt: skip


@pytest.mark.parametrize("kind", PLAIN)
def test_plain_loops(tmp_path, kind):
    suffix = ".pth.tar" if kind == "imagenet" else ".pt"
    name = "checkpoint_{}" if kind == "imagenet" else "step_{}"
    kept = trained(lambda s, m, o: torch.save(
        PLAIN[kind](s, m, o), tmp_path / (name.format(s) + suffix)))  # fmt: skip
    imported(tmp_path, kept)


def test_last_and_best_are_copies_or_refused(tmp_path):
    kept = trained(lambda s, m, o: torch.save(m.state_dict(), tmp_path / f"step{s}.pt"))
    shutil.copy(tmp_path / "step6.pt", tmp_path / "last.pt")
    shutil.copy(tmp_path / "step4.pt", tmp_path / "best.pt")
    said = []
    imported(tmp_path, kept, tell=said.append)
    assert sum("equal to" in line for line in said) == 2
    torch.save(net().state_dict(), tmp_path / "best.pt")
    with pytest.raises(InputError, match=r"best\.pt has no step"):
        sp.read_checkpoints(tmp_path)


def test_arrays_a_step_as_of_jax(tmp_path):
    kept = trained(lambda s, m, o: np.savez(
        tmp_path / f"params_{s}.npz",
        **{f"params/{n}": t.numpy() for n, t in m.state_dict().items()}))  # fmt: skip
    imported(tmp_path, kept, "checkpoints")


def test_epochs_of_a_loop(tmp_path):
    kept = trained(lambda s, m, o: torch.save(m.state_dict(), tmp_path / f"net_epoch_{s}.pth"))
    tree = imported(tmp_path, kept, "epochs")
    fitted = sp.dynamics.fit_wiener(tree["weights"].theta)
    assert fitted["drift"].attrs["units"] == "weight/epoch"


def shards(folder, state):
    """Two shards and their index, as Hugging Face writes them."""
    folder.mkdir()
    names = list(state)
    files = {n: f"model-{1 + (k > 1):05d}-of-00002.safetensors" for k, n in enumerate(names)}
    for file in set(files.values()):
        save_file({n: state[n].clone() for n in names if files[n] == file}, folder / file)
    index = {"metadata": {}, "weight_map": files}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def test_shards(tmp_path):
    kept = trained(lambda s, m, o: shards(tmp_path / f"checkpoint-{s}", m.state_dict()))
    imported(tmp_path, kept)
    imported(str(tmp_path / "checkpoint-*"), kept)
    with pytest.raises(InputError, match="one of 2 shards"):
        sp.read_checkpoints(str(tmp_path / "checkpoint-*" / "model-00001-of-00002.safetensors"))
    (tmp_path / "checkpoint-2" / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(InputError, match="is not there"):
        sp.read_checkpoints(tmp_path)


def test_the_trainer_of_hugging_face(tmp_path):
    transformers = pytest.importorskip("transformers", reason="transformers is missing")
    pytest.importorskip("accelerate", reason="accelerate is missing")

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(3, 1)

        def forward(self, x, labels):
            return {"loss": (self.layer(x) - labels).square().mean()}

    data = [{"x": torch.ones(3), "labels": torch.ones(1)}] * 8
    arguments = transformers.TrainingArguments(
        output_dir=str(tmp_path), max_steps=6, save_steps=2, per_device_train_batch_size=2,
        use_cpu=True, report_to=[], disable_tqdm=True,
    )  # fmt: skip
    trainer = transformers.Trainer(model=Net(), args=arguments, train_dataset=data)
    trainer.train()
    kept = {}
    for step in (2, 4, 6):
        state = load_file(tmp_path / f"checkpoint-{step}" / "model.safetensors")
        kept[step] = torch.cat([state["layer.weight"][0], state["layer.bias"]]).numpy()
    said = []
    imported(tmp_path, kept, tell=said.append)
    assert any("passed over" in line and "optimizer.pt" in line for line in said)
    imported(tmp_path / "checkpoint-4", {4: kept[4]})
    trainer.save_model()  # a further copy above the others
    imported(tmp_path, kept)


def test_accelerate_and_its_folders(tmp_path):
    accelerate = pytest.importorskip("accelerate", reason="accelerate is missing")
    accelerator = accelerate.Accelerator(cpu=True)
    made = accelerator.prepare(net())
    kept = {}
    for step in (1, 2):
        accelerator.save_state(str(tmp_path / f"step_{step}"))
        kept[step] = torch.cat([p.detach().flatten() for p in made.parameters()]).numpy()
        with torch.no_grad():
            for p in made.parameters():
                p += 1
    imported(tmp_path, kept)
    for step in (1, 2):  # its own numbers count saves, not steps
        (tmp_path / f"step_{step}").rename(tmp_path / f"checkpoint_{step}")
    imported(tmp_path, kept, "checkpoints")


def test_adapters_of_peft(tmp_path):
    peft = pytest.importorskip("peft", reason="peft is missing")
    model = peft.get_peft_model(net(), peft.LoraConfig(target_modules=["0"], r=2))
    for step in (10, 20):
        model.save_pretrained(str(tmp_path / f"checkpoint-{step}"))
    found = sp.read_checkpoints(tmp_path)["weights"]
    assert found.step.to_numpy().tolist() == [10, 20]
    assert all("lora" in n for n in found.parameter_name.to_numpy())


@pytest.mark.parametrize("options", [
    {"save_top_k": -1, "every_n_train_steps": 2},
    {"save_top_k": -1, "every_n_train_steps": 2, "save_last": True},
    {"save_top_k": -1, "every_n_train_steps": 2, "save_last": "link"},
    {"save_top_k": -1, "every_n_train_steps": 2, "filename": "{epoch}-{step}-{loss:.2f}"},
    {"save_top_k": -1, "every_n_train_steps": 2, "filename": "{epoch}-{loss:.3f}"},
    {"save_top_k": -1, "every_n_train_steps": 2, "filename": "same"},
])  # fmt: skip
def test_lightning(tmp_path, options):
    lightning = pytest.importorskip("lightning", reason="lightning is missing")
    kept = {}

    class Module(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.net = net()

        def training_step(self, batch, index):
            loss = self.net(batch).square().mean()
            self.log("loss", loss)
            return loss

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), 0.1)

        def on_train_batch_end(self, *_):
            if self.global_step % 2 == 0:
                flat = [p.detach().flatten() for p in self.parameters()]
                kept[self.global_step] = torch.cat(flat).numpy()

    saving = lightning.pytorch.callbacks.ModelCheckpoint(dirpath=tmp_path / "c", **options)
    lightning.Trainer(
        max_epochs=2, accelerator="cpu", callbacks=[saving], logger=False,
        enable_progress_bar=False, enable_model_summary=False, default_root_dir=tmp_path,
    ).fit(Module(), torch.utils.data.DataLoader(torch.ones(8, 3), batch_size=2))  # fmt: skip
    saved = {torch.load(p, weights_only=False)["global_step"] for p in tmp_path.glob("c/*.ckpt")}
    tree = imported(tmp_path / "c", {step: kept[step] for step in sorted(saved)})
    assert set(tree["weights"].layer_name.to_numpy()) == {"net.0", "net.2"}
