"""The page as people see it: in Chromium, with servers that do something meanwhile."""

import hashlib
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
from unit.held_card import HeldCard
from unit.serving.conftest import CLIENTS, KEYS, Digits, Server, headers, keep, listening

from tf2c.errors import DeviceError
from tf2c.orchestration.cards import DeviceCard, Image, Scores
from tf2c.runtime.simulator import Simulator
from tf2c.serving import page as serving_page
from tf2c.serving.service import Service
from tf2c.serving.tenants import Access, Caller

pytest.importorskip("selenium", reason="`pip install 'tf2c[dev]'`")

from selenium import webdriver
from selenium.common.exceptions import TimeoutException
from selenium.webdriver.chrome.service import Service as Driver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

pytestmark = pytest.mark.xdist_group("page")  # one browser is enough

QUIET = (
    "headless",
    "no-sandbox",  # which root does not get
    "disable-gpu",
    "disable-dev-shm-usage",
    # It is to reach nothing but the servers of these tests.
    "disable-quic",
    "no-first-run",
    "disable-background-networking",
    "disable-component-update",
    "disable-sync",
)

TABLE = """
const table = document.getElementById(arguments[0]).closest("table");
return [...table.rows].filter(row => row.checkVisibility())
  .map(row => [...row.cells].map(cell => cell.innerText));
"""

Log = list[dict[str, Any]]

Browser = Any  # a `webdriver.Chrome`, whose types are incomplete


def program(name: str) -> str:
    """Return the path of a program of Chromium's; skip where there is none."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"`{name}` is not installed; `make browser` installs it on Debian")
    return path


class Page:
    """What somebody sees."""

    def __init__(self, browser: Browser, server: Server) -> None:
        self.browser = browser
        browser.get(f"http://{server.address('http')}/")

    def script(self, text: str, *arguments: Any) -> Any:
        return self.browser.execute_script(text, *arguments)

    def text(self, name: str) -> str:
        """Return what is visible of an element."""
        return self.browser.find_element(By.ID, name).text

    def table(self, name: str) -> dict[str, dict[str, str]]:
        """Return what is visible of a table, by the names of its rows and columns."""
        heading, *rows = self.script(TABLE, name)
        return {row[0]: dict(zip(heading, row, strict=True)) for row in rows}

    def until(self, is_so: Callable[[], bool]) -> None:
        """Wait until something is to be seen."""

        def shown(browser: Browser) -> bool:
            return is_so()

        try:
            WebDriverWait(self.browser, 60, poll_frequency=0.1).until(shown)
        except TimeoutException as error:
            found = self.browser.find_element(By.TAG_NAME, "body").text
            raise AssertionError(f"the page shows:\n{found}") from error

    def until_live(self) -> None:
        self.until(lambda: self.text("state") == "live")

    def enter(self, key: str) -> None:
        """Answer the question for a key."""
        self.until(self.asks)
        field = self.browser.find_element(By.ID, "key")
        field.clear()
        field.send_keys(key)
        field.submit()

    def asks(self) -> bool:
        """Whether a key is asked for, and nothing else is to be seen."""
        shown = self.browser.find_element(By.ID, "numbers").is_displayed()
        return self.browser.find_element(By.ID, "key").is_displayed() and not shown

    def looks_old(self) -> bool:
        """Whether numbers are to be seen, but pale."""
        main = self.browser.find_element(By.ID, "numbers")
        return main.is_displayed() and float(main.value_of_css_property("opacity")) < 0.5

    def complaints(self) -> Log:
        """Return what has come into the console since the last time."""
        log: Log = self.browser.get_log("browser")
        return [each for each in log if each["level"] in ("WARNING", "SEVERE")]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    options = webdriver.ChromeOptions()
    options.binary_location = program("chromium")
    profile = f"user-data-dir={tmp_path_factory.mktemp('profile')}"
    for each in (*QUIET, profile):
        options.add_argument(f"--{each}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    # With both paths given, Selenium looks for nothing and downloads nothing.
    with webdriver.Chrome(options, Driver(program("chromedriver"))) as found:
        yield found


@pytest.fixture
def look(browser: Browser) -> Iterator[Callable[[Server], Page]]:
    """Opens a server's page; afterwards, nothing of the page itself may have gone wrong.

    Chromium notes every refused or failed request, too, whoever catches it.
    """
    (first,) = browser.window_handles
    browser.switch_to.new_window("tab")
    opened: list[Page] = []

    def opening(server: Server) -> Page:
        opened.append(Page(browser, server))
        return opened[-1]

    yield opening
    complaints = [each for page in opened for each in page.complaints()]
    browser.close()
    browser.switch_to.window(first)
    assert not [each for each in complaints if each["source"] != "network"]


def infer(server: Server, digits: Digits, count: int, **options: Any) -> None:
    """Wait for results."""
    client: Any = CLIENTS["http"].InferenceServerClient(server.address("http"))
    client.infer("digits", [tensor("http", digits, count)], **options)
    client.close()


def tensor(protocol: str, digits: Digits, count: int) -> Any:
    images = digits.images[:count]
    found: Any = CLIENTS[protocol].InferInput("input", list(images.shape), "FP32")
    found.set_data_from_numpy(images)
    return found


def test_numbers_change_by_themselves(
    look: Callable[[Server], Page], open_server: Server, digits: Digits
) -> None:
    page = look(open_server)
    page.until_live()
    assert not page.browser.find_element(By.ID, "key").is_displayed()
    (tenant,), (network,) = page.table("tenants").values(), page.table("networks").values()
    assert (tenant["tenant"], network["network"], network["is"]) == ("default", "digits", "loaded")
    page.script("window.mark = 'the same document'")

    infer(open_server, digits, 8)

    def images(table: str, name: str) -> int:
        return int(page.table(table)[name]["images"].replace(",", ""))

    page.until(lambda: images("networks", "digits") == int(network["images"]) + 8)
    assert images("tenants", "default") == int(tenant["images"]) + 8
    assert any(int(card["batches"]) > 0 for card in page.table("cards").values())
    assert page.text("rate")
    assert page.script("return window.mark") == "the same document"
    assert page.complaints() == []


def test_it_shows_who_works_and_who_waits_until_the_server_has_ended(
    look: Callable[[Server], Page], digits: Digits
) -> None:
    card, answers = HeldCard(), Queue[Any]()
    with listening(Service({"digits": digits.network}, [card], Access())) as server:
        page = look(server)
        page.until_live()
        assert page.table("cards")["simulator 0"]["does"] == "idle"
        assert page.text("busy") == "0 of 1"
        client: Any = CLIENTS["grpc"].InferenceServerClient(server.address("grpc"))
        for count in (1, 4):
            client.async_infer("digits", [tensor("grpc", digits, count)], partial(keep, answers, 0))
            if count == 1:
                page.until(lambda: page.text("busy") == "1 of 1")
        page.until(lambda: page.text("waiting") == "4")
        (row,) = page.table("cards").values()
        assert (row["does"], row["network"], row["failures"]) == ("works", "digits", "0")
        assert page.table("tenants")["default"]["waiting"] == "4"

        server.stop()
        page.until(lambda: page.text("state") == "ending: the server takes no more requests")
        assert not page.looks_old()
        assert page.text("waiting") == "4"
        card.may_end.set()
    assert all(error is None for _, _, error in (answers.get(timeout=60) for _ in range(2)))
    page.until(lambda: page.text("state").startswith("the server has ended; these numbers are of"))
    page.until(page.looks_old)
    assert not page.text("uptime")


def test_it_shows_what_is_lost(look: Callable[[Server], Page], digits: Digits) -> None:
    may_restart = threading.Event()

    class LostCard(DeviceCard):
        fails = True

        def run(self, images: Sequence[Image]) -> Sequence[Scores]:
            if self.fails:
                self.fails = False
                raise DeviceError("the card is gone")
            return super().run(images)

        def restart(self) -> None:
            assert may_restart.wait(120)
            super().restart()

    card, answers = LostCard(lambda _: Simulator()), Queue[Any]()
    with listening(Service({"digits": digits.network}, [card], Access())) as server:
        page = look(server)
        page.until_live()
        assert page.table("networks")["digits"]["ms / image"] == "2"  # as stated
        client: Any = CLIENTS["grpc"].InferenceServerClient(server.address("grpc"))
        client.async_infer("digits", [tensor("grpc", digits, 1)], partial(keep, answers, 0))
        page.until(lambda: page.table("cards")["simulator 0"]["does"] == "lost")
        assert page.table("cards")["simulator 0"]["failures"] == "1"
        may_restart.set()
        page.until(lambda: page.table("cards")["simulator 0"]["does"] == "idle")
        assert answers.get(timeout=60)[2] is None
        page.until(lambda: page.table("networks")["digits"]["ms / image"] != "2")  # measured


def test_only_the_operators_key_opens_it(
    look: Callable[[Server], Page], keyed_server: Server, digits: Digits
) -> None:
    infer(keyed_server, digits, 2, headers=headers("bob"))
    page = look(keyed_server)
    page.until(page.asks)
    assert not page.text("refusal")
    for key, refusal in (
        ("wrong", "nobody has this key"),
        (KEYS["alice"], "this is a tenant's key, not the operator's"),
        ("wrong again", "nobody has this key"),
    ):
        page.enter(key)
        page.until(lambda refusal=refusal: page.text("refusal") == refusal)
        assert page.asks()
        page.browser.refresh()  # what was refused is not kept
        page.until(page.asks)
        assert not page.text("refusal")

    page.enter(KEYS["operator"])
    page.until_live()
    assert not page.browser.find_element(By.ID, "key").is_displayed()
    tenants, networks = page.table("tenants"), page.table("networks")
    assert {name: (row["weight"], row["images"]) for name, row in tenants.items()} == {
        "alice": ("3", "0"),
        "bob": ("1", "2"),
        "operator": ("1", "0"),
    }
    assert {name: row["images"] for name, row in networks.items()} == {"digits": "2", "secret": "0"}
    page.browser.refresh()
    page.until_live()
    assert {each["source"] for each in page.complaints()} == {"network"}


def test_keys_may_have_any_letters(look: Callable[[Server], Page], digits: Digits) -> None:
    key = "clé ✓"
    access = Access({hashlib.sha256(key.encode()).hexdigest(): Caller("x", is_operator=True)})
    card = DeviceCard(lambda _: Simulator())
    with listening(Service({"digits": digits.network}, [card], access)) as server:
        page = look(server)
        page.enter("clé")
        page.until(lambda: page.text("refusal") == "nobody has this key")
        page.enter(f" {key} ")
        page.until_live()


def test_names_are_text(look: Callable[[Server], Page], digits: Digits, tmp_path: Path) -> None:
    """Networks are called as their files; tenants can be so by a program only."""
    network, tenant = "<b>x", "<img src=x onerror=document.title='y'>"
    shutil.copytree(digits.artifact.path, tmp_path / f"{network}.tf2c")
    operator = Caller(tenant, is_operator=True)
    access = Access({hashlib.sha256(b"key").hexdigest(): operator})
    card = DeviceCard(lambda _: Simulator())
    with listening(Service({"digits": digits.network}, [card], access, tmp_path)) as server:
        page = look(server)
        page.enter("key")
        page.until_live()
        assert [*page.table("tenants")] == [tenant]
        assert [*page.table("networks")] == ["digits"]
        server.service.load(operator, network)
        page.until(lambda: page.table("networks").get(network, {}).get("is") == "loaded")
        assert page.browser.find_elements(By.CSS_SELECTOR, "main b, main img") == []
        assert page.browser.title == "tf2c"
        infer(server, digits, 1, headers={"authorization": "Bearer key"})
        server.service.unload(operator, "digits")
        # What it has done is still true.
        page.until(lambda: page.table("networks")["digits"]["is"] == "unloaded")
        page.until(lambda: page.table("networks")["digits"]["images"] == "1")


def hang(may_end: threading.Event) -> Any:
    assert may_end.wait(120)
    return {}


def fail(may_end: threading.Event) -> Any:
    raise RuntimeError


def say_something_else(may_end: threading.Event) -> Any:
    return {"is_ready": True, "seconds": 1}


@pytest.mark.parametrize(
    ("does", "state"),
    [
        (hang, "the server does not answer"),
        (fail, "the server answers with error 500"),
        (say_something_else, "this page is not this server's: reload it"),
    ],
)
def test_old_numbers_look_old(
    look: Callable[[Server], Page],
    open_server: Server,
    monkeypatch: pytest.MonkeyPatch,
    does: Callable[[threading.Event], Any],
    state: str,
) -> None:
    page = look(open_server)
    page.until_live()
    assert not page.looks_old()
    may_end = threading.Event()

    def status(service: Service, operator: Caller) -> Any:
        return does(may_end)

    monkeypatch.setattr(serving_page, "status", status)
    try:
        page.until(lambda: page.text("state").startswith(f"{state}; these numbers are of"))
        page.until(page.looks_old)
    finally:
        monkeypatch.undo()
        may_end.set()
    page.until_live()
    page.until(lambda: not page.looks_old())
    found = {each["source"] for each in page.complaints()}
    assert found <= {"network", "console-api" if does is say_something_else else "network"}


def test_it_runs_nothing_but_its_own_script(
    look: Callable[[Server], Page], open_server: Server
) -> None:
    page = look(open_server)
    page.until_live()
    page.script(
        """
        const script = document.createElement("script");
        script.textContent = "document.title = 'injected'";
        document.body.append(script);
        """
    )
    assert page.browser.title == "tf2c"
    (complaint,) = page.complaints()
    assert "violates the following Content Security Policy" in complaint["message"]


def test_it_fits_phones_and_nights(look: Callable[[Server], Page], open_server: Server) -> None:
    page = look(open_server)
    page.until_live()
    grounds: set[str] = set()
    for width, scheme in ((1200, "light"), (360, "dark")):
        screen = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
        medium = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        page.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        page.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", medium)
        assert page.script("return document.documentElement.scrollWidth") == width
        body = page.browser.find_element(By.TAG_NAME, "body")
        grounds.add(body.value_of_css_property("background-color"))
    assert len(grounds) == 2
