"""What folders hold, for tests that compare them."""

import xarray as xr


def contents(folder):
    """Bytes of every file, by its path in the folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def arrays(folder):
    """Every array of a run, by file, group and name; verdicts and studies as they are written."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.name in ("study.toml", "verdicts.json"):
            found[name] = path.read_text()
        elif path.suffix == ".nc":
            with xr.open_datatree(path) as tree:
                for node in tree.subtree:
                    for variable, data in node.to_dataset().load().variables.items():
                        found[f"{name}{node.path}/{variable}"] = data
    return found


def same(first, second):
    assert first.keys() == second.keys()
    for name, one in first.items():
        assert one == second[name] if isinstance(one, str) else one.identical(second[name]), name
