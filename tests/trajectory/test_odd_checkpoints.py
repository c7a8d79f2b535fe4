"""Odd, damaged and hostile checkpoints: read rightly, or refused in one sentence."""

import argparse
import copy
import json
import os
import pathlib
import pickle
import socket
import struct
import zipfile

import numpy as np
import pytest
import torch
import xarray as xr
from safetensors.torch import save_file

import sgdphys as sp
from sgdphys.errors import InputError
from sgdphys.fitting.fits import fit_file


def weights(k):
    return {"l.weight": torch.full((2, 2), k / 10), "l.bias": torch.zeros(2)}


def save(folder, names, content=lambda k: weights(k + 1)):
    for k, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".safetensors":
            save_file(content(k), path)
        elif path.suffix == ".npz":
            np.savez(path, **{n: v.numpy() for n, v in content(k).items()})
        else:
            torch.save(content(k), path)


NAMES = [
    (["epoch=0-step=100-val_loss=0.91.ckpt", "epoch=1-step=200-val_loss=0.52.ckpt",
      "epoch=2-step=300-val_loss=0.37.ckpt"], [100, 200, 300], "updates"),
    (["epoch=0-val_acc=0.51.ckpt", "epoch=1-val_acc=0.62.ckpt", "epoch=2-val_acc=0.77.ckpt"],
     [0, 1, 2], "epochs"),
    (["model_epoch10_acc91.pt", "model_epoch30_acc92.pt", "model_epoch20_acc93.pt"],
     [10, 30, 20], "epochs"),
    (["ep1-loss2.3021.pt", "ep2-loss1.1010.pt", "ep3-loss0.9876.pt"], [1, 2, 3], "epochs"),
    (["ckpt_10_20240101.pt", "ckpt_20_20240102.pt", "ckpt_30_20240103.pt"], [10, 20, 30],
     "updates"),
    (["step100_lr3e-1.pt", "step200_lr3e-2.pt", "step300_lr3e-3.pt"], [100, 200, 300], "updates"),
    (["epoch=0-step=100.ckpt", "epoch=1-step=200.ckpt", "epoch=2-step=300-v1.ckpt"],
     [100, 200, 300], "updates"),
    (["step0_resnet18.pt", "step5_resnet18.pt"], [0, 5], "updates"),
    (["resnet18_1.pt", "resnet18_2.pt", "resnet18_10.pt"], [1, 2, 10], "checkpoints"),
    (["step1e3.pt", "step2e3.pt"], [1000, 2000], "updates"),
    (["step_1k.pt", "step_1.5k.pt", "step_1M.pt"], [1000, 1500, 1_000_000], "updates"),
    (["model_500_steps.pt", "model_1000_steps.pt"], [500, 1000], "updates"),
    (["ckpt_1_of_3.pt", "ckpt_2_of_3.pt", "ckpt_3_of_3.pt"], [1, 2, 3], "updates"),
    (["iter_5.pth", "iter_10.pth"], [5, 10], "updates"),
    (["step=5/model.pt", "step=50/model.pt"], [5, 50], "updates"),
    (["checkpoint-9/w.npz", "checkpoint-10/w.npz"], [9, 10], "updates"),
    (["a1.pth.tar", "a2.pth.tar"], [1, 2], "checkpoints"),
    (["run_2024-05-01_10-00-05.pt", "run_2024-05-01_11-00-01.pt"], "no step in its name", None),
    (["model_20240101.pt", "model_20240102.pt"], "no step in its name", None),
    (["seed1.pt", "seed2.pt"], "different runs", None),
    (["run1/step1.pt", "run2/step2.pt"], "several runs", None),
    (["a_1_7.pt", "a_2_9.pt"], "any of 1, 7", None),
    (["step_1_000.pt", "step_2_000.pt"], "certainty", None),
    (["step_1,000.pt", "step_20,000.pt", "step_3,000,000.pt"], [1000, 20000, 3000000], "updates"),
    (["1,000_steps.pt", "20,000_steps.pt"], [1000, 20000], "updates"),
    (["model_1,000.pt", "model_20,000.pt"], [1000, 20000], "checkpoints"),
    (["epoch_1,500.pt", "epoch_2.pt"], [1500, 2], "epochs"),
    (["step_5,loss=0,123.pt", "step_7,loss=0,122.pt"], [5, 7], "updates"),
    (["step_1,00.pt", "step_2,00.pt"], "certainty", None),
    (["step 1 000.pt", "step 2 000.pt"], "certainty", None),
    (["1_000_steps.pt", "2_000_steps.pt"], "certainty", None),
    (["epoch_1.pt", "epoch_3.pt", "step_50.pt"], "counts epochs and 'step_50' steps", None),
    (["epoch_1/w.pt", "step_50/w.pt"], "counts epochs and 'step_50' steps", None),
    (["step=-5.pt", "step=-4.pt"], "certainty", None),
    (["step0.5.pt", "step0.7.pt"], "certainty", None),
    ([f"step{2**63}.pt", "step1.pt"], r"2\*\*63", None),
    (["step1.pt", "b_step1.pt"], "are both of step 1", None),
    (["step1.pt", "best.pt"], "no step in its name", None),
    (["x.pt", "y.pt"], "no step in its name", None),
    (["model-00001-of-00002.safetensors"], "one of 2 shards", None),
]  # fmt: skip


@pytest.mark.parametrize(("names", "expected", "clock"), NAMES, ids=lambda v: str(v)[:40])
def test_names(tmp_path, names, expected, clock):
    save(tmp_path, names)
    if clock is None:
        with pytest.raises(InputError, match=expected):
            sp.read_checkpoints(tmp_path)
        return
    found = sp.read_checkpoints(tmp_path, out=tmp_path / "o.nc")
    order = np.argsort(expected)
    assert found["weights"].step.to_numpy().tolist() == sorted(expected)
    assert (found.attrs["clock"], found["weights"].step.attrs["units"]) == (clock, clock)
    first = found["weights"].theta[:, 0, 0].to_numpy()
    np.testing.assert_allclose(first, (order + 1) / 10, rtol=1e-6)
    assert sp.check(tmp_path / "o.nc") == []


INSIDE = [
    (lambda k: {"net": weights(k), "loss": torch.tensor(0.5 / k), "epoch": k}, 6, "epochs"),
    *[(lambda k, n=n: {n: weights(k), "loss": torch.tensor(1.0 / k)}, 6, "checkpoints")
      for n in ("network", "weights", "params", "model_state", "model_dict", "ema", "student",
                "encoder", "generator", "network_weights", "state")],
    (lambda k: {"generator": weights(k), "discriminator": weights(k), "step": 7 * k}, 12,
     "updates"),
    (lambda k: {"state_dict": {"encoder": weights(k), "decoder": weights(k)}}, 12, "checkpoints"),
    (lambda k: {"model": {"name": "resnet"}, "state": weights(k)}, 6, "checkpoints"),
    (lambda k: {"model": weights(k), "global_step": np.int64(k), "best": np.float64(0.9)}, 6,
     "updates"),
    (lambda k: {"model": weights(k), "iteration": torch.tensor(k)}, 6, "updates"),
    (lambda k: {"module._orig_mod." + n: t for n, t in weights(k).items()}, 6, "checkpoints"),
    (lambda k: {**weights(k), "loss": torch.tensor(0.1)}, 6, "checkpoints"),
    (lambda k: {"w": torch.full((2,), k / 10, dtype=torch.cfloat)}, 4, "checkpoints"),
    (lambda k: {"w": torch.full((2,), k / 10).double(), "e": torch.zeros(0, 3)}, 2, "checkpoints"),
    (lambda k: {"w": torch.full((2,), k / 10), "history": np.zeros(3)}, 2, "checkpoints"),
    (lambda k: {"model": weights(k), "ema": weights(9)}, 6, "checkpoints"),
    (lambda k: {"params": {"dense": {"kernel": torch.full((2,), k / 10)}}}, 2, "checkpoints"),
    (lambda k: {"params": [torch.full((2,), k / 10), torch.zeros(1)]}, 3, "checkpoints"),
    (lambda k: {"loss": torch.tensor(1.0)}, "holds no weights", None),
    (lambda k: {"loss": torch.tensor([1.0, 2.0]), "acc": torch.tensor([0.1, 0.2])},
     "holds no weights", None),
    (lambda k: {"results": {"train_loss": torch.ones(2), "val_acc": torch.ones(2)}},
     "holds no weights", None),
    (lambda k: {"results": {"loss": torch.ones(2)}, "net": weights(k)}, 6, "checkpoints"),
    (lambda k: {"w": torch.full((2,), k / 10), "train_loss": torch.ones(3)}, 2, "checkpoints"),
    (lambda k: {"w": torch.full((2,), k / 10), "log_std": torch.ones(3)}, 5, "checkpoints"),
    (lambda k: {"net": weights(k), "extra": torch.zeros(4)}, "say which are the weights", None),
    (lambda k: [1, 2], "not weights by name", None),
    (lambda k: {"w": torch.arange(3)}, "holds no weights", None),
    (lambda k: {"w": torch.eye(3).to_sparse()}, "a sparse tensor", None),
    (lambda k: {"w": torch.zeros(3, device="meta")}, "meta device", None),
    (lambda k: {"w": torch.zeros(1).expand(10**13)}, "declares", None),
    (lambda k: {"w": torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8)},
     "a quantised tensor", None),
    (lambda k: {"model": weights(k), "step": float("nan")}, "steps are whole", None),
    (lambda k: {"model": weights(k), "step": -k}, "steps are numbers from 0", None),
    (lambda k: {"model": weights(k), "step": 2**64 + k}, "steps are numbers from 0", None),
    (lambda k: {"model": weights(k), "a": argparse.Namespace(x=1)},
     "argparse.Namespace; it is not unpickled", None),
    (lambda k: {"state": {0: {"exp_avg": torch.ones(3)}}, "param_groups": []}, "holds no weights",
     None),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore")  # of torch about types it gives up
@pytest.mark.parametrize(("content", "expected", "clock"), INSIDE)
def test_contents(tmp_path, content, expected, clock):
    save(tmp_path, ["a1.pt", "a2.pt", "a3.pt"], lambda k: content(k + 1))
    if clock is None:
        with pytest.raises(InputError, match=expected) as error:
            sp.read_checkpoints(tmp_path)
        assert "\x1b" not in str(error.value)
        return
    found = sp.read_checkpoints(tmp_path)
    assert found["weights"].sizes["parameter"] == expected
    assert found.attrs["clock"] == clock
    np.testing.assert_allclose(found["weights"].theta[:, 0, 0], [0.1, 0.2, 0.3], rtol=1e-6)


def pipe(path):
    os.mkfifo(path)


def bound_socket(path):
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(os.path.relpath(path))


def bomb(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file, file.open("w.npy", "w") as w:
        np.lib.format.write_array_header_1_0(
            w, {"descr": "<f4", "fortran_order": False, "shape": (10**8,)}
        )
        for _ in range(400):
            w.write(bytes(10**6))


def lying_header(path):
    with zipfile.ZipFile(path, "w") as file, file.open("w.npy", "w") as w:
        np.lib.format.write_array_header_1_0(
            w, {"descr": "<f4", "fortran_order": False, "shape": (10**12,)}
        )


def flipped(path):
    torch.save({"w": torch.ones(1000)}, path)
    data = bytearray(path.read_bytes())
    at = data.find(struct.pack("<f", 1.0) * 20)
    data[at + 8] ^= 1
    path.write_bytes(data)


def flipped_npz(path):
    np.savez(path, w=np.ones(1000, np.float32), step=1)
    data = bytearray(path.read_bytes())
    data[data.find(struct.pack("<f", 1.0) * 20) + 8] ^= 1
    path.write_bytes(data)


def cut(path):
    torch.save({"w": torch.ones(1000)}, path)
    path.write_bytes(path.read_bytes()[:-2000])


def safe_header(header, data=b"\0" * 8):
    def write(path):
        text = json.dumps(header).encode()
        path.write_bytes(struct.pack("<Q", len(text)) + text + data)

    return write


FILES = [
    ("step1.pt", pipe, "holds no checkpoint"),
    ("step1.ckpt", bound_socket, "holds no checkpoint"),
    ("step1.npz", bomb, "declares"),
    ("step1.npz", lying_header, "not complete"),
    ("step1.pt", flipped, "checksum"),
    ("step1.npz", flipped_npz, "damaged"),
    ("step1.pt", cut, "damaged"),
    ("step1.npz", lambda p: p.write_bytes(b"no zip"), "not a valid .npz"),
    ("step1.npz", lambda p: (np.save("a", np.ones(3)), os.replace("a.npy", p)), "not a valid .npz"),
    ("step1.npz", lambda p: p.write_bytes(b""), "is empty|not a valid"),
    ("step1.pt", lambda p: p.write_bytes(b""), "is empty"),
    ("step1.pt", lambda p: p.write_bytes(b"\x80\x05garbage"), "damaged"),
    ("step1.pt", lambda p: p.write_bytes(pickle.dumps({"a": 1}, 4)), "not weights|damaged|no weig"),
    ("step1.npz", lambda p: np.savez(p, w=np.array([{}], object)), "nothing is unpickled"),
    ("step1.npz", lambda p: np.savez(p, w=np.array(["a"]), step=1), "no weights|no array"),
    ("step1.safetensors", lambda p: p.write_bytes(struct.pack("<Q", 2**62) + b"{}"), "not a valid"),
    ("step1.safetensors", lambda p: p.write_bytes(b"abc"), "not a valid"),
    ("step1.safetensors", safe_header(
        {"w": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 8]}}), "not a valid"),
    ("step1.safetensors", safe_header(
        {"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 80]}}), "not a valid"),
    ("step1.safetensors", safe_header({}, b""), "holds no weights"),
    ("model.safetensors.index.json", lambda p: p.write_text("{"), "no index"),
    ("model.safetensors.index.json", lambda p: p.write_text(
        '{"weight_map": {"a": "../../b.safetensors"}}'), "outside its folder"),
    ("model.safetensors.index.json", lambda p: p.write_text(
        '{"weight_map": {"a": "b.safetensors"}}'), "not there"),
    ("trajectory.nc", lambda p: p.write_bytes(b"CDF\1"), "damaged"),
    ("a.npy", lambda p: p.write_bytes(b"\x93NUMPY"), "cannot be read"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "write", "words"), FILES)
def test_files(tmp_path, name, write, words, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / name)
    with pytest.raises((InputError, sp.errors.WorkError), match=words) as error:
        sp.read_checkpoints(tmp_path)
    assert len(str(error.value).splitlines()) == 1


def test_narrow_numbers_are_exact(tmp_path):
    """Every number of 8 and many of 16 bits, compared with PyTorch's own widening."""
    every = torch.arange(256).to(torch.uint8)
    tensors = {
        "a.bf16": torch.randn(99).to(torch.bfloat16), "a.half": torch.randn(9).half(),
        "a.e4m3": every.view(torch.float8_e4m3fn), "a.e5m2": every.clone().view(torch.float8_e5m2),
    }  # fmt: skip
    save_file(tensors, tmp_path / "step1.safetensors")
    torch.save(tensors, tmp_path / "step1.pt")
    for path in tmp_path.iterdir():
        found = sp.read_checkpoints(path)["weights"]
        for name, tensor in tensors.items():
            mine = found.theta[0, 0, (found.parameter_name == name).to_numpy()]
            np.testing.assert_array_equal(mine, tensor.float().numpy())


def test_classes_can_be_allowed(tmp_path):
    kept = {"model": weights(1), "a": argparse.Namespace(x=1), "p": pathlib.PurePosixPath("a")}
    torch.save(kept, tmp_path / "step1.pt")
    with pytest.raises(InputError, match=r"argparse\.Namespace"):
        sp.read_checkpoints(tmp_path)
    allowed = ["argparse.Namespace", f"{pathlib.PurePosixPath.__module__}.PurePosixPath"]
    assert sp.read_checkpoints(tmp_path, allow=allowed)["weights"].sizes["parameter"] == 6
    with pytest.raises(InputError, match="there is no class"):
        sp.read_checkpoints(tmp_path, allow=["no.such.Class"])
    with pytest.raises(InputError, match="is no class"):
        sp.read_checkpoints(tmp_path, allow=["os.system"])


def test_steps_key_and_pattern(tmp_path):
    save(tmp_path, ["a_x1_y7.pt", "a_x2_y9.pt"],
    lambda k: {"a": {"net": weights(k + 1)}, "b": weights(9), "t": torch.ones(3)})  # fmt: skip
    found = sp.read_checkpoints(tmp_path, steps=[5, 6], key="a.net")
    assert found["weights"].step.to_numpy().tolist() == [5, 6]
    assert found["weights"].sizes["parameter"] == 6
    found = sp.read_checkpoints(tmp_path, pattern="*_y{step}.pt", key="b")
    assert found["weights"].step.to_numpy().tolist() == [7, 9]
    with pytest.raises(InputError, match="has no key 'c'"):
        sp.read_checkpoints(tmp_path, steps=[5, 6], key="c")
    with pytest.raises(InputError, match="matches none"):
        sp.read_checkpoints(tmp_path, pattern="b*", key="b")
    for wrong in ([1], [1, 1], [1, -1], [1, 2.5], [1, 2**63]):
        with pytest.raises(InputError, match=r"step"):
            sp.read_checkpoints(tmp_path, steps=wrong, key="a.net")


def test_thousands_in_a_pattern(tmp_path):
    save(tmp_path, ["a_1,000_b.pt", "a_20,000_b.pt"])
    for pattern in ("a_{step}*", "*_{step}_b.pt"):
        found = sp.read_checkpoints(tmp_path, pattern=pattern)
        assert found["weights"].step.to_numpy().tolist() == [1000, 20000]


@pytest.mark.parametrize("steps", [3, np.int64(3), np.array(3), "3"])
def test_steps_are_a_list(tmp_path, steps):
    save(tmp_path, ["a.npz"])
    with pytest.raises(InputError, match=r"steps is .*; it is a list"):
        sp.read_checkpoints(tmp_path, steps=steps)


def test_contradictions_are_refused(tmp_path):
    save(tmp_path, ["step100.pt", "step200.pt"], lambda k: {"model": weights(k), "step": 5 + k})
    with pytest.raises(InputError, match="step 5 inside and 100 in its name"):
        sp.read_checkpoints(tmp_path)


def test_state_dicts_in_memory():
    model = torch.nn.Linear(2, 1)
    with pytest.raises(InputError, match="same tensors in memory"):
        sp.read_checkpoints([model.state_dict(), model.state_dict()])
    copies = [copy.deepcopy(model.state_dict()) for _ in range(2)]
    found = sp.read_checkpoints(copies, steps=[1, 4])
    assert found["weights"].step.to_numpy().tolist() == [1, 4]


def test_order_of_layers_and_running_statistics(tmp_path):
    """A file that keeps no order: 2 before 10, weight before bias; gathered with one that does."""
    layers = [torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
              for _ in range(6)]  # fmt: skip
    model = torch.nn.Sequential(*[m for pair in layers for m in pair])
    save_file(model.state_dict(), tmp_path / "step1.safetensors")
    torch.save(model.state_dict(), tmp_path / "step1.pt")
    trees = [sp.read_checkpoints(p, out=tmp_path / f"{p.suffix[1:]}.nc")
             for p in (tmp_path / "step1.safetensors", tmp_path / "step1.pt")]  # fmt: skip
    for tree in trees:
        names = dict.fromkeys(tree["weights"].layer_name.to_numpy().tolist())
        assert list(names) == [str(k) for k in range(12)]
        assert int((tree["weights"].kind == "buffer").sum()) == 24
    first = dict.fromkeys(trees[0]["weights"].parameter_name.to_numpy().tolist())
    assert list(first)[:2] == ["0.weight", "0.bias"]
    both = sp.gather([tmp_path / "pt.nc", tmp_path / "safetensors.nc"])["weights"]
    np.testing.assert_array_equal(both.theta[:, 0], both.theta[:, 1])


def test_axes_of_arrays(tmp_path):
    x = np.random.default_rng(0).standard_normal((2, 6, 3))
    time = np.arange(6) * 10
    sp_read = sp.read_checkpoints
    data = xr.Dataset({"w": (("replica", "step", "p"), x), "loss": ("step", x[0, :, 0])},
                      {"step": time})  # fmt: skip
    data.to_netcdf(tmp_path / "a.nc")
    found = sp_read(tmp_path / "a.nc")["weights"]
    np.testing.assert_array_equal(found.theta, x.transpose(1, 0, 2))
    assert found.step.to_numpy().tolist() == time.tolist()
    data.rename(step="n", replica="m").to_netcdf(tmp_path / "b.nc")
    with pytest.raises(InputError, match="--time NAME"):
        sp_read(tmp_path / "b.nc")
    found = sp_read(tmp_path / "b.nc", time="n", over="m")["weights"]
    np.testing.assert_array_equal(found.theta, x.transpose(1, 0, 2))
    np.savez(tmp_path / "c.npz", w=x, t=time * 0.5 + 0.25)
    found = sp_read(tmp_path / "c.npz", over=0)
    np.testing.assert_array_equal(found["weights"].theta, x.transpose(1, 0, 2))
    np.testing.assert_array_equal(found["weights"].time, time * 0.5 + 0.25)
    np.savez(tmp_path / "d.npz", w=x)
    with pytest.raises(InputError, match="--time 0"):
        sp_read(tmp_path / "d.npz")
    assert sp_read(tmp_path / "d.npz", time=1)["weights"].theta.shape == (6, 1, 6)
    np.save(tmp_path / "e.npy", x[0])
    assert sp_read(tmp_path / "e.npy").attrs["clock"] == "checkpoints"
    np.savez(tmp_path / "f.npz", w=x[0], step=np.array([0, 1, 2, 3, 4, 2**63], np.uint64))
    with pytest.raises(InputError, match=r"2\*\*63"):
        sp_read(tmp_path / "f.npz")


def test_running_statistics_are_not_fitted(tmp_path):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    for k in range(12):
        model(torch.randn(8, 2) + k)
        torch.save(model.state_dict(), tmp_path / f"step{k}.pt")
    sp.read_checkpoints(tmp_path, out=tmp_path / "a.nc")
    fitted = fit_file(tmp_path / "a.nc")
    assert fitted.results.sizes["parameter"] == 10
    assert any("4 entries of running statistics" in note for note in fitted.notes)


def test_recordings_of_one_clock_are_gathered(tmp_path):
    save(tmp_path / "a", ["epoch1.pt", "epoch2.pt"])
    save(tmp_path / "b", ["step1.pt", "step2.pt"])
    for name in ("a", "b"):
        sp.read_checkpoints(tmp_path / name, out=tmp_path / f"{name}.nc")
    with pytest.raises(InputError, match="are updates and those of"):
        sp.gather([tmp_path / "a.nc", tmp_path / "b.nc"])
    both = sp.gather([tmp_path / "a.nc", tmp_path / "a.nc"], tmp_path / "c.nc")
    assert both["weights"].step.attrs["units"] == "epochs"
    assert sp.open_trajectory(tmp_path / "c.nc")["weights"].step.attrs["units"] == "epochs"


class WithScalar(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(2, 2)
        self.log_sigma = torch.nn.Parameter(torch.zeros(()))


@pytest.mark.parametrize("wrap", [lambda s: s, lambda s: {"state_dict": s}, lambda s: {"net": s}])
def test_a_trained_scalar_is_a_weight_whatever_it_is_called(tmp_path, wrap):
    """A log_sigma was taken for a log, and dropped without a word."""
    torch.save(wrap(WithScalar().state_dict()), tmp_path / "step1.pt")
    assert sp.read_checkpoints(tmp_path)["weights"].sizes["parameter"] == 7


def test_measured_numbers_inside_a_wrapper_are_told(tmp_path):
    state = torch.nn.Linear(2, 2).state_dict() | {"train_loss": torch.zeros(())}
    torch.save({"state_dict": state}, tmp_path / "step1.pt")
    told = []
    tree = sp.read_checkpoints(tmp_path, tell=told.append)
    assert tree["weights"].sizes["parameter"] == 6
    assert any("state_dict.train_loss" in sentence for sentence in told)


def test_a_model_of_single_weights_in_a_wrapper(tmp_path):
    torch.save({"state_dict": torch.nn.Linear(1, 1).state_dict()}, tmp_path / "step3.pt")
    assert sp.read_checkpoints(tmp_path)["weights"].sizes["parameter"] == 2


def test_a_copy_in_another_format_is_passed_over(tmp_path):
    """A file of safetensors sorts its tensors: the rows differ, the weights do not."""
    state = {"out.weight": torch.arange(4.0), "body.weight": torch.arange(3.0) + 10}
    torch.save(state, tmp_path / "step6.pt")
    save_file(state, tmp_path / "step6.safetensors")
    told = []
    assert sp.read_checkpoints(tmp_path, tell=told.append)["weights"].sizes["step"] == 1
    assert any("passed over" in sentence for sentence in told)
