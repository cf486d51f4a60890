"""lib_html.py: checks of the HTML report in a browser, for html.sh.

    lib_html.py DIRECTORY [NAME]

DIRECTORY holds run.html (several processes and kinds), large.html (2,000 connections drawn) and clean.html. Each
function below whose name begins with `check_` is a test; it fails by an AssertionError.
"""

import re
import sys
import time
import traceback

from lib_browser import Browser

SHOWN = "[...document.querySelectorAll('article.incident')].filter(a => !a.hidden).length"


class Page:
    """A report in the browser, loaded afresh."""

    def __init__(self, browser, path):
        self.browser = browser
        browser.call("Emulation.setEmulatedMedia", features=[])
        browser.allow_scripts(True)
        browser.window(1280, 900)
        browser.call("Page.navigate", url="about:blank")
        browser.open(path)
        self.run("localStorage.clear()")
        browser.open(path)

    def run(self, expression):
        return self.browser.run(expression)

    def choose(self, select, value):
        """Chooses an option as a person does: the page hears of it."""
        self.run(f"""(() => {{ const s = document.getElementById('filter-{select}'); s.value = {value!r};
            s.dispatchEvent(new Event('change', {{bubbles: true}})); }})()""")

    def options(self, select):
        return self.run(f"[...document.getElementById('filter-{select}').options].map(o => o.value).filter(Boolean)")

    def shown(self):
        return self.run(SHOWN)

    def settle(self):
        self.run("new Promise(resolve => setTimeout(resolve, 250))")


def check_silent(browser, directory):
    """Nothing on the console, and nothing asked for but the page itself."""
    for name in ("run", "large", "clean"):
        page = Page(browser, f"{directory}/{name}.html")
        page.settle()
        assert browser.messages == [], f"{name}: {browser.messages}"
        assert [url for url in browser.requests if not url.endswith(f"/{name}.html")] == [], browser.requests


def check_policy(browser, directory):
    """What is not ours may neither run nor load."""
    page = Page(browser, f"{directory}/run.html")
    page.run("""(() => {
        const script = document.createElement('script');
        script.textContent = 'window.broken = 1';
        document.body.append(script);
        const image = new Image();
        image.src = 'file:///etc/hostname.png';
        document.body.append(image);
        const button = document.createElement('div');
        button.innerHTML = '<b onclick="window.broken = 2" style="color: red">x</b>';
        document.body.append(button);
        button.firstChild.click();
    })()""")
    page.settle()
    assert page.run("window.broken") is None
    assert len([text for text in browser.messages if "Content Security Policy" in text]) >= 3, browser.messages


def check_links(browser, directory):
    """Every link leads to something in the page."""
    for name in ("run", "large"):
        page = Page(browser, f"{directory}/{name}.html")
        dead = page.run("""[...document.querySelectorAll('a')].map(a => a.getAttribute('href'))
            .filter(href => !href.startsWith('#') || !document.getElementById(href.slice(1)))""")
        assert dead == [], dead
        twice = page.run("""(() => { const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
            return ids.filter((id, i) => ids.indexOf(id) !== i); })()""")
        assert twice == [], twice
    page = Page(browser, f"{directory}/run.html")
    page.run("document.querySelector('table.worst a').click()")
    assert page.run("location.hash") == "#incident-1"


def check_filters(browser, directory):
    page = Page(browser, f"{directory}/run.html")
    everything = page.shown()
    assert everything >= 4, everything
    for select in ("severity", "kind", "process"):
        values = page.options(select)
        assert len(values) >= 2, f"{select}: {values}"
        counts = []
        for value in values:
            page.choose(select, value)
            counts.append(page.shown())
            wrong = page.run(f"""[...document.querySelectorAll('article.incident')].filter(a => !a.hidden &&
                !a.dataset.{select}.split('\\n').includes({value!r})).length""")
            assert wrong == 0, f"{select} {value} shows others"
        assert all(0 < count < everything for count in counts), f"{select}: {counts}"
        page.choose(select, "")
    assert page.shown() == everything


def check_filter_text(browser, directory):
    page = Page(browser, f"{directory}/run.html")
    everything = page.shown()
    page.run("document.getElementById('filter-text').focus()")
    browser.call("Input.insertText", text="WRITE_HERE repeat.c")
    page.settle()
    matching = page.run("""[...document.querySelectorAll('article.incident')].map(a => a.textContent.toLowerCase())
        .filter(t => t.includes('write_here') && t.includes('repeat.c')).length""")
    assert 0 < matching < everything and page.shown() == matching, f"{page.shown()}, not {matching}"
    count = page.run("document.getElementById('filter-count').textContent")
    assert count == f"{matching} of {everything} are shown.", count
    browser.call("Input.insertText", text=" no such thing")
    page.settle()
    assert page.shown() == 0
    page.run("document.querySelector('#filters button').click()")
    page.settle()
    assert page.shown() == everything


def check_filter_gives_way(browser, directory):
    """A link to an incident that is filtered away shows it."""
    page = Page(browser, f"{directory}/run.html")
    page.run("document.getElementById('filter-text').focus()")
    browser.call("Input.insertText", text="write_here")
    page.settle()
    hidden = page.run("[...document.querySelectorAll('article.incident')].find(a => a.hidden).id")
    page.run(f"document.querySelector('table.worst a[href=\"#{hidden}\"]').click()")
    page.settle()
    assert page.run(f"document.getElementById('{hidden}').hidden") is False


def check_overview_follows_process(browser, directory):
    page = Page(browser, f"{directory}/run.html")
    process = page.options("process")[0]
    page.choose("process", process)
    faded = page.run("[...document.querySelectorAll('.overview .process.faded')].map(g => g.dataset.process)")
    assert faded and process not in faded, faded


def background(page):
    return page.run("getComputedStyle(document.body).backgroundColor")


def check_colours(browser, directory):
    """As the system has them, until somebody chooses; what was chosen stays."""
    path = f"{directory}/run.html"
    page = Page(browser, path)
    light = background(page)
    browser.prefer(prefers_color_scheme="dark")
    dark = background(page)
    assert dark != light
    page.run("document.getElementById('theme').click()")
    assert background(page) == light
    browser.open(path)
    assert background(page) == light
    page.run("document.getElementById('theme').click()")
    browser.prefer(prefers_color_scheme="light")
    assert background(page) == dark
    page.run("localStorage.clear()")


CONTRAST = """(() => {
    function parse(colour) { return colour.match(/[\\d.]+/g).map(Number); }
    function light(rgb) {
        const part = rgb.slice(0, 3).map(v => v / 255)
            .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * part[0] + 0.7152 * part[1] + 0.0722 * part[2];
    }
    function behind(element) {
        for (let e = element; e; e = e.parentElement) {
            const colour = parse(getComputedStyle(e).backgroundColor);
            if (colour.length < 4 || colour[3] > 0.5) return colour;
        }
        return [255, 255, 255];
    }
    const poor = new Set();
    for (const element of document.querySelectorAll('body *')) {
        if (![...element.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
        if (!element.checkVisibility()) continue;
        const style = getComputedStyle(element);
        const inSvg = element.closest('svg');
        const row = inSvg && element.closest('.now');
        const band = row ? getComputedStyle(row.querySelector('.band')).fill : '';
        const a = light(parse(inSvg ? style.fill : style.color)) + 0.05;
        const b = light(band ? parse(band) : behind(inSvg ? inSvg.parentElement : element)) + 0.05;
        const ratio = Math.max(a, b) / Math.min(a, b);
        if (ratio < 4.5) poor.add(`${element.tagName}.${element.getAttribute('class')} ${ratio.toFixed(2)}`);
    }
    return [...poor];
})()"""


def check_contrast(browser, directory):
    """All text can be read: at least 4.5 to 1 (WCAG 2, AA)."""
    page = Page(browser, f"{directory}/run.html")
    page.run("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    for scheme in ("light", "dark"):
        browser.prefer(prefers_color_scheme=scheme)
        poor = page.run(CONTRAST)
        assert poor == [], f"{scheme}: {poor}"


def check_keyboard(browser, directory):
    """The skip link comes first; from there on everything that can be used is reached and can be seen to be."""
    page = Page(browser, f"{directory}/run.html")
    reached = []
    unseen = []
    for _ in range(400):
        browser.press("Tab", 9)
        here = page.run("""(() => { const e = document.activeElement; if (!e || e === document.body) return null;
            const s = getComputedStyle(e); const dot = e.querySelector('.dot');
            return [e.id || e.className.baseVal || e.className || e.tagName, s.outlineStyle !== 'none' ||
                (dot && getComputedStyle(dot).strokeWidth === '3px')]; })()""")
        if here is None:
            break
        reached.append(here[0])
        if not here[1]:
            unseen.append(here[0])
    assert reached[0] == "skip", reached[:3]
    for wanted in ("theme", "filter-kind", "filter-text", "SUMMARY", "scroll overview"):
        assert any(wanted in name for name in reached), f"{wanted} is not reached: {reached}"
    assert unseen == [], f"focus is not seen on {unseen}"
    # What is folded opens by the keyboard.
    page.run("document.querySelector('details.moments > summary').focus()")
    browser.press("Enter", 13, "\r")
    assert page.run("document.querySelector('details.moments').open")


def check_names(browser, directory):
    """Whoever listens to the page hears what everything is: no control without a name, headings in order."""
    page = Page(browser, f"{directory}/run.html")
    browser.call("Accessibility.enable")
    nodes = browser.call("Accessibility.getFullAXTree")["nodes"]
    nameless = [node["role"]["value"] for node in nodes
                if not node.get("ignored") and node["role"]["value"] in
                ("button", "link", "combobox", "searchbox", "textbox", "article", "image", "form", "search", "region")
                and not node.get("name", {}).get("value", "").strip()]
    browser.call("Accessibility.disable")
    assert nameless == [], nameless
    levels = page.run("[...document.querySelectorAll('h1,h2,h3,h4')].map(h => Number(h.tagName[1]))")
    assert levels[0] == 1 and levels.count(1) == 1, levels
    assert all(b - a <= 1 for a, b in zip(levels, levels[1:])), levels
    assert page.run("document.documentElement.lang") == "en"


def check_without_script(browser, directory):
    """All is there without a script; what would need one is not shown."""
    page = Page(browser, f"{directory}/run.html")
    with_script = page.run("document.querySelectorAll('article.incident').length")
    browser.allow_scripts(False)
    browser.open(f"{directory}/run.html")
    root = browser.call("DOM.getDocument")["root"]["nodeId"]

    def count(selector):
        return len(browser.call("DOM.querySelectorAll", nodeId=root, selector=selector)["nodeIds"])

    assert count("article.incident") == with_script
    assert count("article.incident[hidden]") == 0
    assert count("#filters[hidden]") == 1 and count("#theme[hidden]") == 1
    assert count("svg.timeline .row") > with_script
    assert count(".overview rect") > 5
    browser.allow_scripts(True)


def check_narrow(browser, directory):
    """On a telephone nothing sticks out: what is wider scrolls in a place of its own."""
    page = Page(browser, f"{directory}/run.html")
    browser.window(360, 740)
    assert page.run("document.documentElement.scrollWidth") <= 360
    page.run("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    assert page.run("document.documentElement.scrollWidth") <= 360


def check_source(browser, directory):
    """The line of the write is shown among its neighbours."""
    page = Page(browser, f"{directory}/run.html")
    lines = page.run("[...document.querySelectorAll('.stack.main .source .it')].map(line => line.textContent)")
    assert any(re.match(r"\d+\t.*(write|send)\(", line) for line in lines), lines


def check_large(browser, directory):
    """2,000 connections: loaded, scrolled through and filtered without a long pause."""
    page = Page(browser, f"{directory}/large.html")
    assert page.run("document.querySelectorAll('.overview rect').length") == 2000
    begin = time.monotonic()
    page.run("""new Promise(resolve => {
        document.documentElement.style.scrollBehavior = 'auto';
        let y = 0;
        function step() {
            scrollTo(0, y);
            y += 1500;
            if (y < document.documentElement.scrollHeight) requestAnimationFrame(step); else resolve();
        }
        step();
    })""")
    browser.call("Input.insertText", text="x")
    longest = page.run("""(() => { const text = document.getElementById('filter-text'); const t = performance.now();
        text.value = 'handle_request'; text.form.requestSubmit(); document.body.offsetHeight;
        return performance.now() - t; })()""")
    # Far above what it takes, as the machine may be busy; a page that grew by a square would not pass.
    assert time.monotonic() - begin < 30
    assert longest < 3000, f"a filter takes {longest:.0f} ms"


def check_clean(browser, directory):
    page = Page(browser, f"{directory}/clean.html")
    assert page.run("document.querySelector('h1').textContent") == "No incidents"
    assert page.run("document.querySelector('.verdict').classList.contains('clean')")


def main():
    directory, wanted = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""
    failed = False
    with Browser() as browser:
        for function, check in list(globals().items()):
            name = function.removeprefix("check_")
            if name == function or wanted not in f"html/{name}":
                continue
            try:
                check(browser, directory)
                print(f"ok {name}")
            except (AssertionError, RuntimeError) as error:
                failed = True
                where = traceback.extract_tb(error.__traceback__)
                line = next((frame.lineno for frame in reversed(where) if frame.filename == __file__), 0)
                print(f"FAIL {name}: line {line}: {error or 'not so'}".replace("\n", " | "))
    return failed


if __name__ == "__main__":
    sys.exit(main())
