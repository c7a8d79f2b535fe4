"""The page of a run: what it holds, that it works in a browser, and that text stays text."""

import base64
import html
import itertools
import json
import re
import shutil
import zlib

import pytest
import tomli_w
from browser import browser, chromium
from commands import command, refused

import sgdphys as sp
from sgdphys.analyses.catalogue import figures, statistics
from sgdphys.claims.verdicts import read_verdicts, write_verdicts
from sgdphys.errors import WorkError
from sgdphys.report.captions import how_made
from sgdphys.report.page import write_report
from sgdphys.study.settings import study_from

pytestmark = pytest.mark.thorough(reason="a run with many figures, and a browser")

STUDY = {
    "title": "A <script>alert(1)</script> & study",
    "network": {"layers": [5, 4]},
    "train": {"epochs": 60, "replicas": 6},
    "record": {"weights": "epoch"},
    "analyses": {"information": {}, "learning": {}, "components": {"replicas": 3}},
    "figures": {"formats": ["svg"]},
    "claims": {
        "learns": {
            "says": "It <b>learns</b>", "by": "the test", "statistic": "label_bits_gained",
            "where": {"layer": 3}, "above": 0.0, "null": "0 < 1",
        },
        "lost": {
            "says": "Bits grow", "by": "t", "statistic": "label_bits_gained", "above": 0.0,
            "null": "0", "where": {"layer": 3, "until_updates": 10**9},
        },
    },
}  # fmt: skip
SWEEP = {
    **STUDY, "title": "A sweep", "claims": {}, "train": {"epochs": 30, "replicas": 5},
    "analyses": {"information": {}}, "figures": {"formats": ["svg"]},
    "sweep": {"train.batch_size": [100, 4096]},
}  # fmt: skip


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    one = sp.run(STUDY, folder / "one")
    one.write_figures(["training"], ["pdf"], data=False)  # a single one, since drawing is slow
    return one, sp.run(SWEEP, folder / "sweep")


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A run of few figures, for what is the same with many."""
    study = {**STUDY, "analyses": {"learning": {}}, "claims": {}}
    return sp.run(study, tmp_path_factory.mktemp("report") / "small").folder


@pytest.fixture(scope="module")
def path(runs):
    """The page of the first run."""
    return write_report([runs[0].folder])


@pytest.fixture(scope="module")
def text(path):
    return path.read_text()


@pytest.fixture(scope="module")
def page(path, tmp_path_factory):
    if chromium() is None:
        pytest.skip("no Chromium here (Debian package chromium)")
    with browser(tmp_path_factory.mktemp("chromium")) as opened:
        opened.resize(1280)
        opened.open(path)
        yield opened
        assert opened.faults == []


def test_it_is_one_file_that_asks_for_nothing(text):
    assert not re.findall(r'(?:src|href)="(?!data:|#)', text)
    assert "@import" not in text
    assert "fetch(" not in text
    assert len(text) < 8e6


def test_text_of_a_study_is_text(text):
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; study" in text
    assert "<b>learns" not in text


def everything_in(folder):
    return {str(p): (p.stat().st_mtime_ns, p.stat().st_size) for p in folder.rglob("*")}


@pytest.mark.slow
def test_a_report_of_a_run_without_figures_writes_nothing_into_it(runs, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(runs[0].folder, folder)
    shutil.rmtree(folder / "figures")
    before = everything_in(folder)
    text = write_report([folder], tmp_path / "page.html").read_text()
    assert everything_in(folder) == before
    assert text.count("<figure id=") > 5
    assert [p.name for p in tmp_path.iterdir() if p != folder] == ["page.html"]


def test_dollars_and_brackets_are_literal_and_no_text_stops_a_page(runs, tmp_path):
    folder = tmp_path / "[/x] $5"
    shutil.copytree(runs[0].folder, folder)
    says = r"costs $5 or $6 [/x] [red] 50% $\foo$ {{ 7 * 7 }} %s"
    first, *others = read_verdicts(folder / "verdicts.json")
    write_verdicts([first._replace(says=f"\ud800{says}"), *others], folder / "verdicts.json")
    text = write_report([folder], tmp_path / "page.html").read_text()
    assert text.count("?" + html.escape(says)) >= 2
    assert f"<code>{folder}</code>" in text


def test_a_page_that_cannot_be_written_leaves_no_part_of_one(small, tmp_path):
    (tmp_path / "page.html").mkdir()
    with pytest.raises(WorkError, match=r"page\.html cannot be written"):
        write_report([small], tmp_path / "page.html")
    assert [p.name for p in tmp_path.iterdir()] == ["page.html"]


def test_captions_say_what_differs_between_cases(runs):
    captions = [how_made("diversity", study_from({**STUDY, "sweep": {k: [1, 2]}}, "here"), {})
                for k in ("train.seed", "task.seed", "train.batch_size")]  # fmt: skip
    assert ["seed 1" in c for c in captions] == [False, True, True]
    assert "seed as named" in captions[0]
    assert "batch size as named" in captions[2]


def test_verdicts_come_first_with_rule_null_and_figure(text):
    assert text.index('id="verdicts-heading"') < text.index("<figure")
    assert "Null: 0 &lt; 1." in text
    assert "until_updates is 1e+09" in text
    anchor = re.search(r'href="#([^"]+)" aria-label="Figure for', text).group(1)
    assert f'id="{anchor}"' in text


def test_every_statistic_has_a_figure_that_exists():
    for statistic in statistics().values():
        assert statistic.shown_in
        assert set(statistic.shown_in) <= set(figures())


@pytest.mark.slow(reason="a run of its own: 10 s")
def test_a_page_of_a_regression_speaks_of_no_accuracy(tmp_path):
    study = {
        "task": {"name": "teacher_student", "features": 4, "samples": 40},
        "network": {"layers": [3], "activation": "identity", "bias": False},
        "train": {
            "epochs": 20, "replicas": 3, "loss": "squared_error", "sampling": "full",
            "train_fraction": 0.5, "learning_rate": 0.01,
        },
        "analyses": {"linear": {}, "phases": {}, "learning": {}},
        "figures": {"formats": ["svg"]},
    }  # fmt: skip
    run = sp.run(study, tmp_path)
    assert not (run.folder / "figures" / "test_error.svg").exists()
    text = re.sub(r'"data:[^"]*"', "", write_report([run.folder]).read_text())
    captions = " ".join(re.findall(r"<figcaption.*?</figcaption>", text, re.DOTALL))
    assert "the median network has a training loss of" in captions
    assert "no noise" in captions
    assert not re.search(r"\bnan\b|accuracy", captions.replace("Loss and accuracy of", ""))


def test_captions_hold_numbers_out_of_results(runs, text):
    with runs[0].results as results:
        learning = results["learning"].to_dataset().load()
    reached = int(learning["error_epoch"].notnull().sum())
    assert "Networks: 6, hidden layers 5-4" in text
    assert (f"{reached} of 6 networks reach" if reached else "No network reaches") in text


def test_headings_are_in_order_and_ids_are_one_of_a_kind(page):
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map((h) => +h.tagName[1])")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels))
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((e) => e.id)")
    assert len(ids) == len(set(ids))


def test_everything_that_acts_has_a_name(page):
    nameless = page.evaluate("""
        [...document.querySelectorAll('button, input, select, a, img, [role=img], [role=region]')]
        .filter((e) => !(e.getAttribute('aria-label') || e.alt || e.textContent.trim()))
        .map((e) => e.outerHTML.slice(0, 80))""")
    assert nameless == []


CONTRAST = """
(() => {
  const rgb = (text) => {
    const v = text.match(/[\\d.]+/g).map(Number);
    return v.length > 3 ? v : [...v, 1];
  };
  const linear = (v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = (c) => c.slice(0, 3).map((v) => linear(v / 255))
    .reduce((sum, v, k) => sum + v * [0.2126, 0.7152, 0.0722][k], 0);
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const c = rgb(getComputedStyle(e).backgroundColor);
      if (c[3] > 0.99) return c;
    }
    return [255, 255, 255, 1];
  };
  const poor = [];
  for (const e of document.querySelectorAll('body *')) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || e.closest('script, style, .skip') || !e.getClientRects().length) continue;
    const style = getComputedStyle(e), of = e.closest('svg') ? style.fill : style.color;
    const a = light(rgb(of)), b = light(behind(e));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.push(`${ratio.toFixed(1)} ${e.tagName} ${e.textContent.slice(0, 30)}`);
  }
  return poor;
})()"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out(page, scheme):
    page.prefer(scheme)
    assert page.evaluate(CONTRAST) == []
    page.prefer("light")


@pytest.mark.parametrize("width", [390, 800, 1280])
def test_nothing_is_wider_than_the_window(page, width, tmp_path):
    page.resize(width)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width
    page.picture(tmp_path / "page.png")
    assert (tmp_path / "page.png").stat().st_size > 50_000
    page.resize(1280)


PLANE = "document.querySelector('.player[data-kind=plane]')"


def test_the_plane_starts_at_the_end_and_steps_with_the_keyboard(page):
    assert page.evaluate(f"{PLANE}.querySelector('output').textContent") == "epoch 60"
    page.evaluate(f"{PLANE}.querySelector('input').focus()")
    last = f"[...{PLANE}.querySelectorAll('circle')].at(-1).getAttribute('cx')"
    before = page.evaluate(last)
    for _ in range(8):
        page.press("ArrowLeft")
    assert page.evaluate(f"{PLANE}.querySelector('output').textContent") != "epoch 60"
    assert page.evaluate(last) != before


def test_points_stand_where_the_results_say(page, runs):
    with runs[0].results as results:
        information = results["information"].to_dataset().load()
    page.evaluate(
        f"(() => {{ const s = {PLANE}.querySelector('input'); s.value = 0;"
        " s.dispatchEvent(new Event('input')); })()"
    )
    assert page.evaluate(f"{PLANE}.querySelector('output').textContent") == "epoch 0"
    data = json.loads(page.evaluate("document.getElementById('data').textContent"))["planes"][0]
    drawn = page.evaluate(
        f"[...{PLANE}.querySelectorAll('circle')].map((c) => [+c.getAttribute('cx'),"
        " +c.getAttribute('cy')])"
    )
    first = information.isel(epoch=0).transpose("replica", "layer", ...)
    x = 52 + first["I_XT"].to_numpy().ravel() / data["wide"] * (480 - 52 - 14) * 0.985
    y = 320 - 44 - first["I_TY"].to_numpy().ravel() / (data["top"] * 1.06) * (320 - 44 - 12)
    assert [p[0] for p in drawn] == pytest.approx(x, abs=0.1)
    assert [p[1] for p in drawn] == pytest.approx(y, abs=0.1)


def test_play_plays_and_pauses(page):
    moved = page.evaluate(f"""
        (async () => {{
          const p = {PLANE}, play = p.querySelector('.play'), slider = p.querySelector('input');
          slider.value = 0; slider.dispatchEvent(new Event('input'));
          play.click();
          await new Promise((done) => setTimeout(done, 500));
          const during = [play.textContent, +slider.value];
          play.click();
          const stopped = +slider.value;
          await new Promise((done) => setTimeout(done, 300));
          return [...during, play.textContent, +slider.value - stopped];
        }})()""")
    assert moved[0] == "Pause"
    assert moved[1] >= 2
    assert moved[2:] == ["Play", 0]


def test_hovering_names_layer_and_network(page):
    words = page.evaluate(f"""
        (() => {{
          const svg = {PLANE}.querySelector('svg');
          const box = svg.querySelector('circle').getBoundingClientRect();
          const at = {{ clientX: box.x + 3, clientY: box.y + 3 }};
          svg.dispatchEvent(new PointerEvent('pointermove', at));
          return {PLANE}.querySelector('.tip').textContent;
        }})()""")
    assert re.match(r"layer \d, network \d: I\(X;T\) [\d.]+, I\(T;Y\) [\d.]+ bits", words)


def test_the_cloud_draws_as_many_walks_as_networks(page):
    count = page.evaluate("""
        [...document.querySelectorAll('.player[data-kind=cloud] svg > g')]
        .map((g) => g.querySelectorAll('path').length)""")
    assert count == [3, 3]


def test_tables_sort_by_number(page):
    column = page.evaluate("""
        (() => {
          const table = document.querySelector('table.verdicts');
          table.tHead.rows[0].cells[3].querySelector('button').click();
          return [table.tHead.rows[0].cells[3].getAttribute('aria-sort'),
                  [...table.tBodies[0].rows].map((r) => r.cells[3].dataset.value)];
        })()""")
    assert column[0] == "ascending"
    assert column[1][1] == "nan"


def test_data_and_command_can_be_copied(page):
    text = page.evaluate("""
        (async () => {
          let kept = '';
          navigator.clipboard.writeText = async (t) => { kept = t; };
          document.querySelector('button.csv').click();
          await new Promise((done) => setTimeout(done, 50));
          const data = kept;
          document.querySelector('button.copy').click();
          await new Promise((done) => setTimeout(done, 50));
          return [data, kept, document.getElementById('said').textContent];
        })()""")
    head, first = text[0].splitlines()[:2]
    assert head.startswith("epoch,")
    assert len(first.split(",")) == len(head.split(","))
    assert text[1].startswith("sgdphys figures ")
    assert text[2] == "Command copied"


@pytest.mark.thorough(reason="draws the figures of two runs again: 7 s")
def test_several_runs_stand_side_by_side_on_the_same_axes(runs, tmp_path):
    path = write_report([run.folder for run in runs], tmp_path / "both.html")
    text = path.read_text()
    assert text.count('data-kind="plane"') == 2
    assert 'id="run1-one"' in text
    assert 'id="run2-sweep"' in text
    if chromium() is None:
        pytest.skip("no Chromium here (Debian package chromium)")
    with browser(tmp_path / "chromium") as page:
        page.resize(1280)
        page.open(path)
        ticks = page.evaluate(
            "[...document.querySelectorAll('.player[data-kind=plane] svg')]"
            ".map((s) => [...s.querySelectorAll('text')].map((t) => t.textContent).join())"
        )
        chosen = page.evaluate("""
            (() => {
              const p = document.querySelectorAll('.player[data-kind=plane]')[1];
              const s = p.querySelector('select');
              s.value = 1;
              s.dispatchEvent(new Event('change'));
              return [s.options.length, p.querySelectorAll('circle').length];
            })()""")
        assert page.faults == []
    assert ticks[0] == ticks[1]
    assert chosen == [2, 5 * 3]


@pytest.mark.slow
def test_figures_in_common_are_drawn_on_the_same_axes(runs, tmp_path):
    train, analyses = {"epochs": 120, "replicas": 6}, {"information": {}, "learning": {}}
    longer = sp.run({**STUDY, "train": train, "analyses": analyses}, tmp_path / "longer")
    text = write_report([runs[0].folder, longer.folder], tmp_path / "both.html").read_text()
    section = text[text.index('id="beside-heading"') : text.index('class="chapter"')]
    shown = re.findall(r'<figure id="(run\d)-[^"]*-(\w+)">', section)
    assert ("run1", "training") in shown
    assert [r for r, _ in shown[:2]] == ["run1", "run2"]
    assert {n for r, n in shown if r == "run1"} == {n for r, n in shown if r == "run2"}
    uris = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', section)
    drawn = [base64.b64decode(uri).decode() for uri in uris[:2]]
    # the shorter run has the longer one's decades
    ticks = [set(re.findall(r"<!-- (.*?) -->|>(\d+)</text>", svg)) for svg in drawn]
    assert [any("100" in t for t in found) for found in ticks] == [True, True]
    assert f"({runs[0].folder})" in section  # equal titles are told apart


@pytest.mark.slow
def test_a_page_of_many_studies_has_data_and_planes_too(runs, tmp_path):
    for name, keys in (("one", STUDY), ("sweep", SWEEP)):
        (tmp_path / f"{name}.toml").write_text(tomli_w.dumps(keys))
    parts = {"title": "All", "parts": {"one": "one", "sweep": "sweep"}}
    (tmp_path / "all.toml").write_text(tomli_w.dumps(parts))
    suite = sp.run(tmp_path / "all.toml", tmp_path / "all")
    text = write_report([suite.folder]).read_text()
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL).group(1))
    assert [plane["anchor"] for plane in data["planes"]] == ["one", "sweep"]
    assert len(data["clouds"]) == 1
    csv = {n: zlib.decompress(base64.b64decode(t)).decode() for n, t in data["csv"].items()}
    of_cases = [text for name, text in csv.items() if name.startswith("sweep/")]
    assert of_cases
    assert all(text.startswith("case,") for text in of_cases)
    assert set(re.findall(r'data-csv="([^"]+)"', text)) == set(csv)


def test_figures_and_data_can_be_saved(page, tmp_path):
    page.call("Page.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    figure = "document.querySelector('figure[id$=training]')"
    names = page.evaluate(f"""
        (async () => {{
          const buttons = [...{figure}.querySelectorAll('button.save')];
          for (const button of buttons) {{
            button.click();
            await new Promise((done) => setTimeout(done, 300));
          }}
          return buttons.map((button) => button.dataset.name);
        }})()""")
    starts = {".svg": b"<?xml", ".pdf": b"%PDF", ".csv": b"epoch,"}
    assert [name[-4:] for name in names] == list(starts)
    for name in names:
        assert (tmp_path / name).read_bytes().startswith(starts[name[-4:]])


def test_the_contents_lead_to_every_section_and_figure(text, page):
    assert text.index('class="contents"') < text.index('class="abstract"') < text.index("<figure")
    links = page.evaluate("[...document.querySelectorAll('nav a')].map((a) => a.hash.slice(1))")
    assert len(links) == len(set(links))
    assert set(re.findall(r'<figure id="([^"]+)"', text)) <= set(links)
    missing = page.evaluate(
        "[...document.querySelectorAll('nav a')]"
        ".filter((a) => !document.getElementById(a.hash.slice(1))).length"
    )
    assert missing == 0


def test_print_shows_figures_and_heads_of_tables(page):
    assert page.evaluate("document.querySelectorAll('img[loading=lazy]').length") == 0
    page.call("Emulation.setEmulatedMedia", media="print")
    try:
        heads = page.evaluate(
            "[...document.querySelectorAll('thead button')].map((b) => b.offsetWidth)"
        )
        assert min(heads) > 0
        assert page.evaluate("document.querySelector('.controls').offsetWidth") == 0
    finally:
        page.call("Emulation.setEmulatedMedia", media="")


def test_an_unfinished_run_says_what_is_missing_and_how_to_carry_on(small, tmp_path):
    folder = tmp_path / "broken"
    shutil.copytree(small, folder)
    for name in ("results.nc", "verdicts.json", "report.html"):
        (folder / name).unlink(missing_ok=True)
    paths = sorted((folder / "trajectory").glob("*.nc"))
    for path in paths[len(paths) // 2 :]:
        path.unlink()
    text = write_report([folder]).read_text()
    assert 'class="missing"' in text
    assert f"of 60; carry on with: sgdphys run {folder / 'study.toml'} --out {folder}" in text
    again = command("run", folder / "study.toml", "--out", folder)
    assert again.returncode == 0, again.stderr
    assert 'class="missing"' not in write_report([folder]).read_text()


def test_the_command_writes_and_refuses(small, tmp_path):
    written = command("report", small, "--out", tmp_path / "page.html")
    assert written.returncode == 0, written.stderr
    assert written.stdout.startswith(f"{tmp_path / 'page.html'}, ")
    refused(command("report", tmp_path), 2, "is not the folder of a run")
    nowhere = tmp_path / "no" / "page.html"
    refused(command("report", small, "--out", nowhere), 1, "cannot be written")


def test_a_page_of_an_unfinished_run_claims_nothing(runs, tmp_path):
    """No network diverged, and a case without a folder does not end at epoch 0 of 1."""
    stopped = tmp_path / "stopped"
    shutil.copytree(runs[1].folder, stopped)
    for name in ("results.nc", "results.nc.sha256"):
        (stopped / name).unlink(missing_ok=True)
    shutil.rmtree(stopped / "cases" / "batch_size=4096")
    text = write_report([stopped], tmp_path / "page.html").read_text()
    assert "Case batch_size=4096 has not begun" in text
    assert "diverged" not in text
    assert "in each of 2 cases, which differ in batch size" in text


def test_names_of_folders_are_no_ids_of_the_page(small, tmp_path):
    """A run called data hid the page's own data, and a blank ended an id."""
    for name in ("data", "my run"):
        shutil.copytree(small, tmp_path / name)
        text = write_report([tmp_path / name], tmp_path / "page.html").read_text()
        ids = re.findall(r' id="([^"]*)"', text)
        assert len(ids) == len(set(ids))
        assert not any(" " in one for one in ids)
        command = re.search(r"sgdphys figures ([^<]*) --only training", text)[1]
        assert html.unescape(command) in (str(tmp_path / name), f"'{tmp_path / name}'")
