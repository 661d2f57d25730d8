"""What axe-core, the page's own width and its words say of a page, at every size of a screen."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Page, Response
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map

from tests.browser.screens import SCREENS

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
_RUN = """(tags) => axe
  .run(document, { runOnly: tags, resultTypes: ["violations"], preload: false })
  .then(({ violations }) => violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, any }) => [id, target.join(" "), any[0]?.message].join(" · "))))"""
# What sticks out, by its name, as the width alone helps nobody.
_WIDER = """() => {
  const wide = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= wide) return "";
  const isCut = (one) => one !== document.body
    && (getComputedStyle(one).overflowX !== "visible" || isCut(one.parentElement));
  const out = [...document.body.querySelectorAll("*")].find((one) =>
    one.getBoundingClientRect().right > wide + 1 && !isCut(one.parentElement));
  const name = out ? `${out.localName}.${out.className?.baseVal ?? out.className}` : "?";
  return `sideways · ${document.documentElement.scrollWidth} px · ${name}`;
}"""
# What a program says where a word is missing, as it is read or read aloud.
_RAW = r"""() => {
  const said = [document.body.innerText, ...[...document.querySelectorAll(
    "[value], [aria-label], [placeholder], [alt], [title]")].flatMap((one) =>
    ["value", "aria-label", "placeholder", "alt", "title"].map((name) => one.getAttribute(name)))];
  const raw = /%\(\w+\)|\{[{%]|\[object|Invalid Date|\b(None|NaN|undefined|null)\b/;
  return said.filter((words) => raw.test(words ?? "")).map((words) =>
    `raw · ${words.slice(Math.max(words.search(raw) - 40, 0), words.search(raw) + 40)}`);
}"""
_COLOURS = ("light", "dark")
_SIZES = {name: screen["viewport"] for name, screen in SCREENS.items()}

Look = tuple[dict[str, int], str]


class Eye:
    """Looks at pages and keeps what it finds, by page, size and colours.

    `thorough` is every size, light and dark: what `make soak` has time for. Else a page is seen
    twice: at its own size, and at the size most unlike it, where a layout that breaks has broken;
    one light, the other dark, and the other way round at the next page. `pages` are the routes
    that `visited` names.
    """

    def __init__(self, pages: Map | None = None, *, thorough: bool = False) -> None:
        self.found: dict[str, list[str]] = {}
        self.visited: set[str] = set()
        self.looks = self.pages = 0
        self.thorough = thorough
        self._adapter = (pages or Map()).bind("")
        self._shown: dict[Page, list[str]] = {}

    def over(self, page: Page) -> None:
        """Note which route each page of `page` comes from."""
        page.on("response", lambda response: self._note(page, response))

    def look(self, page: Page, name: str) -> None:
        """Look at the page as it stands; it is left at its own size, light."""
        own = page.viewport_size
        assert own
        self.pages += 1
        if not page.evaluate("() => 'axe' in window"):
            page.evaluate(AXE.read_text() + "; 0")
        self.visited.update(self._shown.get(page, ()))
        for size, colours in self._looks(own):
            page.set_viewport_size(size)  # type: ignore[arg-type]
            page.emulate_media(color_scheme=colours, reduced_motion="reduce")  # type: ignore[arg-type]
            seen: list[str] = page.evaluate(_RUN, TAGS)
            seen += filter(None, [page.evaluate(_WIDER)])
            seen += page.evaluate(_RAW)
            self.looks += 1
            if seen:
                self.found[f"{name}, {size['width']}×{size['height']}, {colours}"] = seen
        page.set_viewport_size(own)
        page.emulate_media(color_scheme="light")

    def _looks(self, own: dict[str, int]) -> Iterator[Look]:
        if self.thorough:
            yield from ((size, colours) for size in _SIZES.values() for colours in _COLOURS)
            return
        unlike = _SIZES["lobby" if own == _SIZES["phone"] else "phone"]
        first = self.pages % 2
        yield own, _COLOURS[first]
        yield unlike, _COLOURS[1 - first]

    def _note(self, page: Page, response: Response) -> None:
        """A page's own address, and the part of it that was fetched last."""
        request = response.request
        if "text/html" not in response.headers.get("content-type", ""):
            return
        try:
            endpoint, _ = self._adapter.match(urlsplit(request.url).path, method=request.method)
        except HTTPException:
            return
        whole = self._shown.get(page, [])[:1]
        self._shown[page] = [endpoint] if request.is_navigation_request() else [*whole, endpoint]
