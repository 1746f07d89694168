"""The web page, opened from disk in a real browser."""

import dataclasses
import json
import re
import shutil
from pathlib import Path
from urllib.parse import unquote

import polars as pl
import pytest
from axe_playwright_python.sync_playwright import Axe

from benchmark.core.markdown import number, with_interval
from benchmark.evaluation.evaluate import evaluate
from benchmark.evaluation.measure_table import describe
from benchmark.leaderboard.rank import rank
from benchmark.leaderboard.site.front_page import PAPER
from benchmark.leaderboard.site.pages import TEMPLATES, write_assets
from benchmark.plugins.datasets.class_names import dataset_class_names
from benchmark.suites.loading import load_suite
from tests.conftest import evaluated_with_images
from tests.edited import write_edited

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
HOSTILE = "\"'><script>window.hacked=1</script><img src=x onerror='window.hacked=1'>& 🦊 " + "x" * 300


@pytest.fixture(scope="module")
def workspace(tiny, tiny_workspace, tmp_path_factory):
    """Folders with pages of the small suite, whose images may be shown, and of a submission with hostile texts."""
    names = ("chance", "jpeg_quality", "ssim", "energy", "condition")
    folder = tmp_path_factory.mktemp("pages")
    workspace = evaluated_with_images(tiny, tiny_workspace, folder, names, ("combined", "zoo:resnet"))
    card = workspace.results / "tiny" / "cards" / "combined" / "chance.json"
    known = json.loads(card.read_text())
    about = {"authors": [HOSTILE], "licence": HOSTILE, "trained_on": HOSTILE, "paper": HOSTILE}
    known["provenance"] |= {"submission": about, "notes": [{HOSTILE: HOSTILE}]}
    write_edited(card, **known)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("benchmark.evaluation.card_parts.ENOUGH_ROWS", 1)
        patch.setattr("benchmark.leaderboard.chart_parts.COLOURED", 3)
        rank([], workspace)
    return workspace


@pytest.fixture(scope="module")
def chromium():
    """A headless browser."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if not found:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is installed (`make browser` installs Debian's)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(OPTIONS))
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium, workspace):
    """Opens a page below the results; afterwards, nothing may have been complained of or asked of any address."""
    complaints, contexts = [], []

    def told(message):
        if message.type in ("error", "warning"):
            complaints.append(message.text)

    def asked(request):
        if not request.url.startswith(("file:", "data:", "blob:")):
            complaints.append(f"asked {request.url}")

    def go(address, width=1280, scripts=True, scheme="light"):
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, java_script_enabled=scripts, color_scheme=scheme
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", told)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", asked)
        page.on("requestfailed", lambda request: complaints.append(f"failed {request.url}"))
        page.goto((workspace.results / address).as_uri())
        if scripts:
            page.wait_for_selector("body[data-ready=yes]")
        return page

    yield go
    for context in contexts:
        context.close()
    assert complaints == []


def pages(workspace):
    """All pages, by their address below the results."""
    return [str(path.relative_to(workspace.results)) for path in sorted(workspace.results.rglob("*.html"))]


def cards(workspace, labels="combined"):
    """The scorecards of a label set by predictor."""
    files = (workspace.results / "tiny" / "cards" / labels).glob("*.json")
    return {card["predictor"]: card for card in (json.loads(path.read_text()) for path in files)}


def column(page, table, head):
    """The cells of a board's column, by the words of its head."""
    heads = page.locator(f"{table} thead th").all_inner_texts()
    place = next(number for number, text in enumerate(heads, start=1) if text.strip().startswith(head))
    texts = page.locator(f"{table} tbody tr > :nth-child({place})").all_inner_texts()
    return [text.strip().removesuffix(" §") for text in texts]


def test_every_page_opens_and_its_links_lead_somewhere(workspace, visit):
    """No page complains or asks any address; each of its links and pictures is a file beside it."""
    assert len(pages(workspace)) == 2 + 5
    for address in pages(workspace):
        page = visit(address)
        assert page.title().endswith("· utilbench")
        links = page.eval_on_selector_all("a[href]", "some => some.map(one => one.href)")
        for link in links:
            if link != PAPER:
                assert Path(unquote(link.split("#")[0].removeprefix("file://"))).is_file(), link
        assert page.eval_on_selector_all("img", "some => some.every(one => one.complete && one.naturalWidth > 0)")
        assert page.locator(".plot svg.main-svg").count() >= page.locator(".plot").count()


def test_numbers_are_the_scorecards(workspace, visit):
    """What the boards show is what the cards hold, for every predictor and label set."""
    page = visit("tiny/index.html")
    page.locator("summary", has_text="single networks").click()
    for box in page.locator(".all-columns").all():
        box.check()
    for labels, folder in (("combined", "combined"), ("zoo:resnet", "zoo-resnet")):
        table = f"table[id='board-{labels}']"
        names = [name.strip() for name in column(page, table, "predictor")]
        known = cards(workspace, folder)
        assert sorted(names) == sorted(known)
        for head, group, key in (
            ("AUROC", "metrics", "auroc"),
            ("overlap", "metrics", "overlap"),
            ("gain", "gains", "area"),
        ):
            for name, shown in zip(names, column(page, table, head), strict=True):
                shown = shown.split(" ")[0]
                assert shown == number(known[name][group][key]["value"], decimals=len(shown.partition(".")[2]))


def test_a_click_sorts_by_number(workspace, visit):
    """Clicking a head sorts by the column's numbers, and once more the other way round."""
    page = visit("tiny/index.html")
    page.get_by_label("all columns").first.check()
    table = "table[id='board-combined']"
    head = page.locator(f"{table} thead th", has_text="overlap")
    for order in ("ascending", "descending"):
        head.click()
        page.wait_for_selector(f"{table} thead th[aria-sort={order}]")
        shown = [float(cell) for cell in column(page, table, "overlap")]
        assert shown == sorted(shown, reverse=order == "descending")
    assert len(set(shown)) > 1


def test_searching_leaves_what_matches(workspace, visit):
    """Typing a name leaves its row."""
    page = visit("tiny/index.html")
    page.get_by_label("Search").first.fill("ssim")
    assert [name.strip() for name in column(page, "table[id='board-combined']", "predictor")] == ["ssim"]


def test_a_name_leads_to_the_predictors_page(workspace, visit):
    """From the index over the board to a predictor, whose page shows its card's values."""
    page = visit("index.html")
    page.get_by_role("link", name="tiny", exact=True).first.click()
    page.wait_for_selector("body[data-ready=yes]")
    page.get_by_role("link", name="jpeg_quality", exact=True).first.click()
    page.wait_for_selector("body[data-ready=yes]")
    assert page.get_by_role("heading", level=1).inner_text() == "jpeg_quality"
    card = cards(workspace)["jpeg_quality"]
    row = page.get_by_role("row", name=re.compile("^AUROC ")).inner_text()
    auroc = card["metrics"]["auroc"]
    assert with_interval(auroc["value"], auroc["low"], auroc["high"]) in row


def test_hostile_texts_are_shown_as_text(workspace, visit):
    """HTML, quotes, emoji and 300 characters in a card become no markup, run nothing, and stand there to be read."""
    for address in ("index.html", "tiny/index.html", "tiny/predictors/chance.html"):
        page = visit(address)
        assert page.evaluate("window.hacked") is None
        assert page.locator("img[src=x]").count() == 0
        if address != "index.html":
            assert HOSTILE.split()[0] in page.locator("main").text_content()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_their_window(workspace, visit, scheme):
    """On a phone, a tablet and a desk, by day and by night, nothing is wider than the window, and text is legible."""
    for address in ("index.html", "tiny/index.html", "tiny/predictors/ssim.html"):
        page = visit(address, 360, scheme=scheme)
        for width in (360, 768, 1400, 360):
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_function("document.documentElement.scrollWidth <= innerWidth", timeout=5000)
        for place in ("h1", ".board td", ".board th a", "caption", "figcaption"):
            if page.locator(place).count():
                assert contrast(page, place) >= 4.5, place


def test_long_addresses_of_authors_stay_in_their_cards(visit):
    """The address of a photograph, which has no space in it, is broken where its card ends."""
    page = visit("tiny/index.html")
    page.eval_on_selector(".samples li p", "one => one.append('https://example.org/' + 'photograph'.repeat(40))")
    assert page.eval_on_selector(".samples li", "one => one.scrollWidth <= one.clientWidth")


def contrast(page, place):
    """Contrast of an element's text to what lies behind it (WCAG 2), 1 to 21."""
    return page.eval_on_selector(
        place,
        """one => {
          const numbers = (text) => text.match(/[\\d.]+/g).map(Number);
          let behind = one;
          while (behind && (numbers(getComputedStyle(behind).backgroundColor)[3] ?? 1) === 0) behind = behind.parentElement;
          const light = (text) => {
            const linear = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
            const [r, g, b] = numbers(text).map((c) => linear(c / 255));
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
          };
          const white = "rgb(255, 255, 255)";
          const pair = [light(getComputedStyle(one).color), light(behind ? getComputedStyle(behind).backgroundColor : white)];
          return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
        }""",
    )


def test_pages_are_read_without_scripts(workspace, visit):
    """Without scripts the boards, pictures and links are there."""
    page = visit("tiny/index.html", scripts=False)
    assert {name.strip() for name in column(page, "table[id='board-combined']", "predictor")} == set(cards(workspace))
    assert page.locator("img").count() >= 5
    page.locator(".all-columns").first.check()
    assert page.locator("th.extra").first.is_visible()


def test_who_listens_is_told_what_is_there(workspace, visit):
    """Tables have captions and heads, pictures and plots a description, and the page a language."""
    page = visit("tiny/index.html")
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.locator("table:not(:has(caption))").count() == 0
    assert page.locator("th:not([scope])").count() == 0
    assert page.locator("img:not([alt]), img[alt='']").count() == 0
    assert page.locator(".plot:not([aria-label])").count() == 0
    assert page.locator("h1").count() == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("address", ["index.html", "tiny/index.html", "tiny/predictors/ssim.html"])
def test_axe_finds_nothing_serious(visit, address, scheme):
    """The accessibility checker axe-core has no serious or critical finding on a page, by day and by night."""
    page = visit(address, scheme=scheme)
    page.eval_on_selector_all("details", "all => all.forEach(details => details.open = true)")
    violations = Axe().run(page, options={"preload": False}).response["violations"]
    serious = [
        (violation["id"], violation["nodes"][0]["html"])
        for violation in violations
        if violation["impact"] in ("serious", "critical")
    ]
    assert serious == []


def test_on_a_phone_rank_name_and_score_are_visible(visit):
    """At 360 px the first three columns lie in the window, and the first two stay where a reader scrolls sideways."""
    page = visit("tiny/index.html", 360)
    page.get_by_label("all columns").first.check()
    cells = "#board-combined tbody tr:first-child > *"
    right = page.eval_on_selector_all(cells, "all => all.slice(0, 3).map(cell => cell.getBoundingClientRect().right)")
    assert max(right) <= 360
    left = "all => all.slice(0, 2).map(cell => cell.getBoundingClientRect().left)"
    before = page.eval_on_selector_all(cells, left)
    page.eval_on_selector(".board-box .wide", "region => region.scrollLeft = 400")
    assert page.eval_on_selector(".board-box .wide", "region => region.scrollLeft") == 400
    assert page.eval_on_selector_all(cells, left) == pytest.approx(before, abs=1)


def test_a_board_fits_a_desk_and_explains_its_columns(visit):
    """At 1400 px nothing of the short board is cut off, and each head has a definition, a direction and a range."""
    page = visit("tiny/index.html", 1400)
    assert page.eval_on_selector(".board-box .wide", "region => region.scrollWidth <= region.clientWidth")
    heads = page.locator("#board-combined thead th:visible")
    assert [text.split(" ")[0].strip() for text in heads.all_inner_texts()][:4] == [
        "rank",
        "predictor",
        "AUROC",
        "over",
    ]
    for head in heads.all()[2:]:
        assert len(head.get_attribute("title")) > 30
    described = describe("overlap")
    assert page.locator("th.extra", has_text="overlap").first.get_attribute("title") == described.tooltip
    assert described.tooltip.endswith("Lower is better; 0 to 1.")


def test_all_is_reached_by_the_keyboard(visit):
    """With the tab key alone one gets to the toggle of the columns, and the space key shows them."""
    page = visit("tiny/index.html")
    assert not page.locator("th.extra").first.is_visible()
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.className") == "all-columns":
            break
    page.keyboard.press("Space")
    assert page.locator("th.extra").first.is_visible()


def test_a_command_is_copied(visit):
    """The button beside a command puts it onto the clipboard, or selects it where the browser forbids that."""
    page = visit("tiny/predictors/ssim.html")
    page.locator(".copy").first.click()
    page.wait_for_function("document.querySelector('.copy').textContent !== 'Copy'")
    selected = page.evaluate("getSelection().toString()")
    assert selected in ("", "utilbench run ssim -s tiny")
    assert page.locator(".copy").first.inner_text() == ("Ctrl+C" if selected else "Copied")


def test_bars_are_the_intervals(workspace, visit):
    """A bar's ends are those of the card's interval, on a scale from .4 to 1."""
    page = visit("tiny/index.html")
    names = [name.strip() for name in column(page, "#board-combined", "predictor")]
    for name, bar in zip(names, page.locator("#board-combined .bar .interval").all(), strict=True):
        auroc = cards(workspace)[name]["metrics"]["auroc"]
        ends = [min(1, max(0.4, auroc[end])) for end in ("low", "high")]
        shown = [0.4 + 0.6 * float(bar.get_attribute(end)) / 100 for end in ("x1", "x2")]
        assert shown == pytest.approx(ends, abs=0.001)


def test_a_ladder_is_what_networks_answered(tiny, workspace, visit):
    """Answers, bytes and labels of a ladder are those that were recorded for its photograph, level by level."""
    page = visit("tiny/index.html")
    table = page.locator(".ladder").first
    codec, source = table.locator("caption").inner_text().rstrip(".").split(": ")
    levels = [int(text) for text in table.locator("thead th").all_inner_texts()[2:]]
    assert levels == sorted(levels, reverse=True)
    rows = {
        row.locator("th").inner_text().split("\n")[0]: row.locator("td").all_inner_texts()
        for row in table.locator("tbody tr").all()
    }
    images = tiny.outcomes["images"]
    for level, size in zip(levels, rows["bytes"][1:], strict=True):
        assert (
            8 * int(size.replace(",", "")) == images.row(by_predicate=row_of(source, codec, level), named=True)["bits"]
        )
    for name in ("zoo:densenet", "zoo:resnet", "zoo:resnext"):
        tops = [
            tiny.outcomes[name].row(by_predicate=row_of(source, kind, level), named=True)["top"]
            for kind, level in [("pristine", -1), *((codec, level) for level in levels)]
        ]
        names = dataset_class_names("glyphs", 11)
        assert rows[name] == [f"{names[top]} {'✓' if top == tops[0] else '✗'}" for top in tops]


def row_of(source, distortion, level):
    """The condition of one image's row."""
    return (pl.col("source") == source) & (pl.col("distortion") == distortion) & (pl.col("level") == level)


def test_a_line_in_the_background_comes_forward(visit):
    """A grey line takes its own colour while it is pointed at, and is grey again afterwards."""
    page = visit("tiny/index.html")
    colour = """() => {
      const plot = document.querySelector(".plotly-graph-div");
      const index = plot.data.findIndex((trace) => trace.meta && !trace.fill);
      return [index, plot.data[index].line.color, plot.data[index].meta];
    }"""
    index, grey, own = page.evaluate(colour)
    point_at(page, index)
    assert page.evaluate(colour)[1] == own[0] != grey
    point_at(page, index, event="plotly_unhover")
    assert page.evaluate(colour)[1] == grey


def test_the_interval_of_a_line_grows_dark(visit):
    """The interval behind the line that is pointed at, and no other, is dark as long as it is."""
    page = visit("tiny/index.html")
    bands = """() => document.querySelector(".plotly-graph-div").data
      .map((trace, index) => [index, trace.fill ? "band" : "line", trace.name, trace.opacity])"""
    faint = {name: opacity for _, kind, name, opacity in page.evaluate(bands) if kind == "band"}
    name = next(iter(faint))
    index = next(index for index, kind, other, _ in page.evaluate(bands) if (kind, other) == ("line", name))
    point_at(page, index)
    dark = {name: opacity for _, kind, name, opacity in page.evaluate(bands) if kind == "band"}
    assert dark[name] > faint[name]
    assert {other: dark[other] for other in dark if other != name} == {
        other: faint[other] for other in faint if other != name
    }
    point_at(page, index, event="plotly_unhover")
    assert {name: opacity for _, kind, name, opacity in page.evaluate(bands) if kind == "band"} == faint


def point_at(page, index, event="plotly_hover"):
    """Do as a mouse over a line of the page's first plot, or one that leaves it."""
    plot = "document.querySelector('.plotly-graph-div')"
    page.evaluate(f"{plot}.emit('{event}', {{ points: [{{ curveNumber: {index}, data: {plot}.data[{index}] }}] }})")


def test_images_are_shown_only_where_they_may_be(workspace, tmp_path):
    """Samples stand on the page of a suite that is redistributable, and on no other."""
    assert "Where does it stop being useful?" in (workspace.results / "tiny" / "index.html").read_text()
    other = dataclasses.replace(workspace, results=tmp_path / "results")
    shutil.copytree(workspace.results, other.results)
    file = other.results / "tiny" / "suite.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"redistributable": False}))
    rank([], other)
    text = (other.results / "tiny" / "index.html").read_text()
    assert "Where does it stop being useful?" not in text
    assert "data:image" not in text


def test_a_twin_shows_the_images_of_the_suite_that_it_shares_outcomes_with(workspace, tiny_file, tmp_path):
    """The pages of a twin show bytes and answers that another suite recorded, and labels of its own."""
    results = tmp_path / "results"
    shutil.copytree(workspace.results / "tiny" / "outcomes", results / "tiny" / "outcomes")
    (tmp_path / "tiny.toml").write_text("redistributable = true\n" + tiny_file.read_text())
    twin = tmp_path / "loose.toml"
    twin.write_text('twin_of = "tiny"\nname = "loose"\n[labels]\nhigh = 0.7\nlow = 0.3\n')
    other = dataclasses.replace(workspace, results=results)
    evaluate("ssim", load_suite(str(twin)), workspace=other)
    assert not (results / "loose" / "outcomes").exists()
    rank(["loose"], other)
    ladders = [
        re.search(r'<table class="ladder">.*?</table>', (folder / "index.html").read_text(), re.DOTALL)[0]
        for folder in (workspace.results / "tiny", results / "loose")
    ]
    rows = [re.findall(r"<tr>(.*?)</tr>", ladder, re.DOTALL) for ladder in ladders]
    assert all("data:image" in ladder for ladder in ladders)
    assert [row for row in rows[0] if "combined label" not in row] == [
        row for row in rows[1] if "combined label" not in row
    ]


def test_a_quick_look_says_that_it_is_one(workspace, tmp_path):
    """Index and page of a limited suite say that they are not comparable; those of a whole one do not."""
    told = "A quick look at about 7 sources"
    assert told not in (workspace.results / "index.html").read_text()
    other = dataclasses.replace(workspace, results=tmp_path / "results")
    shutil.copytree(workspace.results / "tiny", other.results / "tiny-limit7")
    file = other.results / "tiny-limit7" / "suite.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"limit": 7, "redistributable": False}))
    (file.parent / "sources.parquet").unlink()  # whose fingerprint is that of the whole suite
    rank([], other)
    for page in ("index.html", "tiny-limit7/index.html"):
        assert told in (other.results / page).read_text()


@pytest.mark.parametrize("template", sorted(path.name for path in TEMPLATES.glob("*.html")))
def test_no_template_inserts_a_text_with_spaces_at_its_ends(template):
    """Inserted texts lose the spaces at their ends, so that a template's own words stand in it as they are."""
    inserted = re.findall(r'{{\s*"([^"]*)"', (TEMPLATES / template).read_text())
    assert inserted == [text.strip() for text in inserted]


def test_scripts_are_written_once(workspace):
    """The shared scripts are not written again where they are the same."""
    path = workspace.results / "assets" / "plotly.min.js"
    before = path.stat().st_mtime_ns
    write_assets(workspace.results)
    assert path.stat().st_mtime_ns == before
