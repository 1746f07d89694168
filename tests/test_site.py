"""The web page, opened from disk in a real browser."""

import dataclasses
import json
import re
import shutil
from pathlib import Path

import pytest

from benchmark.core.markdown import number, with_interval
from benchmark.core.workspace import Workspace
from benchmark.evaluation.evaluate import evaluate
from benchmark.leaderboard.rank import rank
from benchmark.leaderboard.site import SHIPPED, write_assets
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
    folder = tmp_path_factory.mktemp("pages")
    workspace = Workspace(data=None, networks=None, cache=folder / "cache", results=folder / "results")
    shutil.copytree(tiny_workspace.results / "tiny" / "outcomes", workspace.results / "tiny" / "outcomes")
    suite = dataclasses.replace(tiny.suite, redistributable=True)
    truth = dataclasses.replace(tiny, indexed=dataclasses.replace(tiny.indexed, suite=suite))
    for name in ("chance", "jpeg_quality", "ssim", "energy"):
        for labels in ("combined", "zoo:resnet"):
            evaluate(name, truth.suite, labels=labels, workspace=workspace, truth=truth)
    card = workspace.results / "tiny" / "cards" / "combined" / "chance.json"
    known = json.loads(card.read_text())
    about = {"authors": [HOSTILE], "licence": HOSTILE, "trained_on": HOSTILE, "paper": HOSTILE}
    known["provenance"] |= {"submission": about, "notes": [{HOSTILE: HOSTILE}]}
    write_edited(card, **known)
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
    return page.locator(f"{table} tbody tr > :nth-child({place})").all_inner_texts()


def test_every_page_opens_and_its_links_lead_somewhere(workspace, visit):
    """No page complains or asks any address; each of its links and pictures is a file beside it."""
    assert len(pages(workspace)) == 2 + 4
    for address in pages(workspace):
        page = visit(address)
        assert page.title().endswith("· utilbench")
        links = page.eval_on_selector_all("a[href]", "some => some.map(one => one.href)")
        for link in links:
            assert Path(link.split("#")[0].removeprefix("file://")).is_file(), link
        assert page.eval_on_selector_all("img", "some => some.every(one => one.complete && one.naturalWidth > 0)")
        assert page.locator(".plot svg.main-svg").count() >= page.locator(".plot").count()


def test_numbers_are_the_scorecards(workspace, visit):
    """What the boards show is what the cards hold, for every predictor and label set."""
    page = visit("tiny/index.html")
    page.locator("summary").click()
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
    page = visit("index.html")
    page.get_by_label("Search").first.fill("ssim")
    assert [name.strip() for name in column(page, "table[id='board-tiny-combined']", "predictor")] == ["ssim"]


def test_a_name_leads_to_the_predictors_page(workspace, visit):
    """From the index over the board to a predictor, whose page shows its card's values."""
    page = visit("index.html")
    page.get_by_role("link", name="jpeg_quality", exact=True).first.click()
    page.wait_for_selector("body[data-ready=yes]")
    assert page.get_by_role("heading", level=1).inner_text() == "jpeg_quality"
    card = cards(workspace)["jpeg_quality"]
    row = page.get_by_role("row", name=re.compile("^auroc ")).inner_text()
    auroc = card["metrics"]["auroc"]
    assert with_interval(auroc["value"], auroc["low"], auroc["high"]) in row


def test_hostile_texts_are_shown_as_text(workspace, visit):
    """HTML, quotes, emoji and 300 characters in a card become no markup, run nothing, and stand there to be read."""
    for address in ("index.html", "tiny/index.html", "tiny/predictors/chance.html"):
        page = visit(address)
        assert page.evaluate("window.hacked") is None
        assert page.locator("img[src=x]").count() == 0
        assert HOSTILE.split()[0] in page.inner_text("main")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 768, 1600])
def test_pages_fit_their_window(workspace, visit, width, scheme):
    """On a phone, a tablet and a desk, by day and by night, nothing is wider than the window, and text is legible."""
    for address in ("index.html", "tiny/index.html", "tiny/predictors/ssim.html"):
        page = visit(address, width, scheme=scheme)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
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


def test_who_listens_is_told_what_is_there(workspace, visit):
    """Tables have captions and heads, pictures and plots a description, and the page a language."""
    page = visit("tiny/index.html")
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.locator("table:not(:has(caption))").count() == 0
    assert page.locator("th:not([scope])").count() == 0
    assert page.locator("img:not([alt]), img[alt='']").count() == 0
    assert page.locator(".plot:not([aria-label])").count() == 0
    assert page.locator("h1").count() == 1


def test_images_are_shown_only_where_they_may_be(workspace, tmp_path):
    """Samples stand on the page of a suite that is redistributable, and on no other."""
    assert "What is useful to a machine" in (workspace.results / "tiny" / "index.html").read_text()
    other = dataclasses.replace(workspace, results=tmp_path / "results")
    shutil.copytree(workspace.results, other.results)
    file = other.results / "tiny" / "suite.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"redistributable": False}))
    rank([], other)
    text = (other.results / "tiny" / "index.html").read_text()
    assert "What is useful to a machine" not in text
    assert "data:image" not in text


def test_a_quick_look_says_that_it_is_one(workspace, tmp_path):
    """Index and page of a limited suite say that they are not comparable; those of a whole one do not."""
    told = "A quick look at about 7 sources"
    assert told not in (workspace.results / "index.html").read_text()
    other = dataclasses.replace(workspace, results=tmp_path / "results")
    shutil.copytree(workspace.results / "tiny", other.results / "tiny-limit7")
    file = other.results / "tiny-limit7" / "suite.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"limit": 7}))
    (file.parent / "sources.parquet").unlink()  # whose fingerprint is that of the whole suite
    rank([], other)
    for page in ("index.html", "tiny-limit7/index.html"):
        assert told in (other.results / page).read_text()


@pytest.mark.parametrize("template", sorted(path.name for path in SHIPPED.glob("*.html")))
def test_no_template_inserts_a_text_with_spaces_at_its_ends(template):
    """Inserted texts lose the spaces at their ends, so that a template's own words stand in it as they are."""
    inserted = re.findall(r'{{\s*"([^"]*)"', (SHIPPED / template).read_text())
    assert inserted == [text.strip() for text in inserted]


def test_scripts_are_written_once(workspace):
    """The shared scripts are not written again where they are the same."""
    path = workspace.results / "assets" / "plotly.min.js"
    before = path.stat().st_mtime_ns
    write_assets(workspace.results)
    assert path.stat().st_mtime_ns == before
