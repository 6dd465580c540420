"""The web UI as a new user meets it: a real browser, one real server for all, a small simulated catalogue."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.installation import ROOT, Place, make_place

CHROMIUM = Path("/usr/bin/chromium")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"needs a browser: {CHROMIUM} is missing (Debian: chromium)"),
]
LONG = 120_000  # ms: a slow machine that others use too
CATALOG = """
title: Simulated two-choice decisions
citation: "Ratcliff and McKoon 2008, Neural Computation 20:873"
licence: CC0-1.0
modality: spikes
simulator: drift_diffusion
parameters: {n_trials: 60, n_units: 12}
task:
  label: choice
  align: stimulus
  window: [0.2, 0.5]
  bin_width: 0.05
  folds: {schemes: [blocked, shuffled], n_folds: 5, gap: 1}
sessions:
  clicked: {parameters: {seed: 1}}
  typed: {parameters: {seed: 2}}
"""


@dataclass(frozen=True)
class Site:
    """A running web UI and a page of a browser that looks at it."""

    place: Place
    server: subprocess.Popen
    port: int
    page: object

    def open(self, path: str) -> None:
        self.page.goto(f"http://127.0.0.1:{self.port}/{path}")

    def shown(self, text: str | re.Pattern, exact: bool = True):
        """The first visible element with this text, once it is there."""
        found = self.page.get_by_text(text, exact=exact).filter(visible=True).first
        found.wait_for()
        return found

    def select(self, selection: str) -> None:
        """In the asset graph, narrow the view to some assets."""
        self.open("asset-groups")
        self.shown("tensors")
        self.page.locator(".CodeMirror").first.click()
        self.page.keyboard.type(selection)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url("**/asset-groups~**")

    def materialize(self, selection: str, session: str) -> str:
        """Select assets, press Materialize, tick a session, launch, watch the run; how it ended."""
        self.select(selection)
        self.page.get_by_role("button", name="Materialize").first.click()
        self.shown("Select a partition", exact=False).click()
        self.shown(session).click()
        self.page.keyboard.press("Escape")
        self.page.get_by_role("button", name="Launch 1 run").click()
        self.page.get_by_role("link", name="View", exact=True).click()
        return self.run_ended()

    def choose_partition(self, launchpad, session: str) -> bool:
        """Type a session and click on it in the list, which closes again while the launchpad is still loading."""
        field = launchpad.get_by_placeholder("Partition")
        field.fill("")
        field.fill(session)
        self.page.wait_for_timeout(1000)
        offered = self.page.get_by_text(session, exact=True).filter(visible=True)
        if offered.count() == 0:
            return False
        offered.first.click()
        return True

    def run_ended(self) -> str:
        """On the page of a run: wait for its end, say which."""
        self.page.wait_for_url("**/runs/*")
        return self.shown(re.compile("^(Success|Failure)$")).inner_text()

    def metadata(self, asset: str, session: str) -> dict[str, str]:
        """What the page of an asset's partition lists of its newest materialization."""
        self.open(f"assets/{asset}?view=partitions&partition={session}")
        self.shown("fingerprint")
        rows = self.page.get_by_role("row").filter(visible=True).all()
        cells = [row.get_by_role("cell").all_inner_texts() for row in rows]
        return {row[0]: row[1].strip() for row in cells if len(row) > 1}

    def stale_status(self, session: str) -> dict[str, str]:
        """Dagster's own opinion of every asset, from the interface that its pages ask."""
        query = '{assetNodes {assetKey {path} staleStatus(partition: "%s")}}' % session  # noqa: UP031 (braces)
        url = f"http://127.0.0.1:{self.port}/graphql"
        answer = self.page.request.post(url, data={"query": query}).json()
        return {"/".join(node["assetKey"]["path"]): node["staleStatus"] for node in answer["data"]["assetNodes"]}


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[Site]:
    from playwright.sync_api import sync_playwright

    place = make_place(tmp_path_factory.mktemp("ui"), **{"sim-tiny": CATALOG})
    port = free_port()
    server = start(place, port)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.set_default_timeout(LONG)
            until(lambda: answers(port), "the web UI to answer", server, 300)
            yield Site(place, server, port, page)
            browser.close()
    finally:
        if processes_of(server.pid):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def start(place: Place, port: int) -> subprocess.Popen:
    """`neuropipe ui`, as a shell starts it in the background: with Ctrl-C ignored; in a process group of its own."""
    command = f"trap '' INT; exec '{sys.executable}' -m neuropipe ui --port {port}"
    with (place.root / "server.log").open("w") as log:
        return subprocess.Popen(
            ["/bin/sh", "-c", command], cwd=place.root, env=place.environment, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port: int) -> bool:
    try:
        return urllib.request.urlopen(f"http://127.0.0.1:{port}/server_info", timeout=10).status == 200
    except OSError:
        return False


def until(condition: Callable[[], bool], what: str, server: subprocess.Popen, seconds: float = LONG / 1000) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s for {what}; server's exit code: {server.poll()}"
        time.sleep(0.2)


def processes_of(group: int) -> list[int]:
    """Processes of a group that have not ended."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, its_group = status.read_text().rpartition(")")[2].split()[:3]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(its_group) == group and state != "Z":
            found.append(int(status.parent.name))
    return found


def listening_addresses(group: int) -> set[str]:
    """Hexadecimal addresses on which a process group accepts TCP connections, from the kernel's own table."""
    sockets = set()
    for process in processes_of(group):
        for descriptor in Path(f"/proc/{process}/fd").glob("*"):
            try:
                sockets.add(str(descriptor.readlink()))
            except FileNotFoundError:
                continue
    rows = [line.split() for table in ("tcp", "tcp6") for line in Path(f"/proc/net/{table}").read_text().splitlines()]
    listening = "0A"
    return {row[1].split(":")[0] for row in rows if row[3] == listening and f"socket:[{row[9]}]" in sockets}


def test_the_graph_is_the_pipeline_and_nothing_covers_it(site):
    site.open("asset-groups")
    for group in ("signals", "tensors", "decoding", "results"):
        site.shown(group)
    assert site.page.get_by_role("dialog").count() == 0
    assert "telemetry" not in site.page.inner_text("body").lower()


def test_an_asset_says_what_it_is(site):
    site.open("assets/binned")
    site.shown("Spike counts, or events of imaged ROIs, in bins: (trial, bin, unit)", exact=False)
    site.shown("neuropipe show binned --session KEY")
    site.shown("tensors")
    site.shown("zarr")
    site.shown("Compute details").click()
    version = site.shown("Code version").locator("xpath=..").inner_text()
    assert re.search(r"\b[0-9a-f]{16}\b", version)
    site.open("assets/binned?view=partitions")
    for session in ("clicked", "typed"):
        site.shown(f"sim-tiny.{session}")


def test_jobs_and_the_schedule_which_is_off(site):
    site.open("jobs")
    site.shown("default")
    site.open("automation")
    site.shown("weekly_refresh")
    assert not site.page.locator("input[type=checkbox]").last.is_checked()


def test_materializing_with_the_mouse(site):
    session = "sim-tiny.clicked"
    assert site.materialize('+key:"evaluation/decoder/rate_logistic"', session) == "Success"
    binned = site.metadata("binned", session)
    assert (binned["cache"], binned["cache_reason"]) == ("miss", "never made")
    assert (binned["trials"], binned["bins"], binned["units"]) == ("60", "6", "12")
    assert int(binned["classes (-1)"]) + int(binned["classes (1)"]) == 60
    see_plot(site, "raster_and_psth")
    evaluation = site.metadata("evaluation/decoder/rate_logistic", session)
    assert 0.5 < float(evaluation["accuracy (blocked)"]) <= 1
    see_plot(site, "scores")
    site.open("assets/binned?view=checks")
    site.shown("sums").click()
    site.shown("What is in the bins adds up to the spikes, or events, that fall into the windows.")
    site.shown("Passed")
    assert site.page.get_by_text("Succeeded", exact=True).filter(visible=True).count() == 2


def see_plot(site: Site, name: str) -> None:
    """Click on a plot among the metadata: it must be drawn, not blocked or broken."""
    row = site.page.get_by_role("row").filter(has_text=f"plot_{name}")
    row.get_by_text("Show Markdown", exact=False).click()
    picture = site.page.get_by_role("dialog").locator("img")
    picture.wait_for()
    assert picture.get_attribute("alt") == name
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") == 900
    site.page.get_by_role("button", name="Close").click()


def test_the_launchpad_makes_a_variant_reuses_the_rest_and_says_why_a_decoder_fails(site):
    session, decoder = "sim-tiny.clicked", "decoder/rate_logistic"
    site.select(f'+key:"{decoder}"')
    site.page.get_by_role("button", name="Materialize").first.locator("xpath=following::button[1]").click()
    site.shown("Open launchpad").click()
    launchpad = site.page.get_by_role("dialog").filter(has_text="Launchpad")
    until(lambda: site.choose_partition(launchpad, session), "the launchpad to offer the session", site.server)
    launchpad.locator(".CodeMirror").first.click()
    site.page.keyboard.press("Control+A")
    site.page.keyboard.insert_text(
        "ops: {binned: {config: {bin_width: 0.1}}, decoder__rate_logistic: {config: {n_inner_folds: 1}}}"
    )
    launchpad.get_by_text("No errors").wait_for()
    launchpad.get_by_role("button").filter(has_text="Materialize").click()
    assert site.run_ended() == "Failure"
    site.shown("'n_inner_folds' parameter of RateLogistic must be an int in the range [2, inf)", exact=False)
    recording = site.metadata("recording", session)
    assert (recording["cache"], recording["cache_reason"]) == ("hit", "fingerprint match")
    assert "variant" not in recording
    binned = site.metadata("binned", session)
    assert (binned["cache"], binned["bins"]) == ("miss", "3")
    assert (binned["variant"], binned["cache_reason"]) == ("binned.bin_width=0.1", "changed: config.bin_width")
    site.open(f"assets/{decoder}?view=partitions&partition={session}")
    site.shown("failed, and did not materialize this asset", exact=False)


def other_home(site: Site) -> Path:
    """A DAGSTER_HOME that is not the server's."""
    home = site.place.root / "other-home"
    home.mkdir(exist_ok=True)
    shutil.copy(ROOT / "dagster.yaml", home)
    return home


def test_what_the_command_line_finds_in_the_store_is_fresh_in_the_ui(site):
    session, assets = "sim-tiny.typed", ("recording", "activity", "binned", "folds")
    elsewhere = site.place.neuropipe("run", "folds", "--session", session, DAGSTER_HOME=str(other_home(site)))
    assert elsewhere.returncode == 0, elsewhere.stderr
    assert {site.stale_status(session)[asset] for asset in assets} == {"MISSING"}
    here = site.place.neuropipe("run", "folds", "--session", session)
    assert "3 hit, 0 run, 0 failed" in here.stdout + here.stderr
    assert {site.stale_status(session)[asset] for asset in assets} == {"FRESH"}
    binned = site.metadata("binned", session)
    assert (binned["cache"], binned["cache_reason"]) == ("hit", "planned hit")
    site.open("assets/folds?view=checks")
    site.shown("Passed")


def test_a_port_that_is_taken_is_refused_in_a_sentence(site):
    second = site.place.neuropipe("ui", "--port", str(site.port))
    assert second.returncode == 2
    assert second.stderr.startswith(f"neuropipe: can't listen on port {site.port} (")


def test_the_ui_speaks_to_this_machine_only_and_stops_when_told(site):
    assert listening_addresses(site.server.pid) == {"0100007F"}, "127.0.0.1, as the kernel writes it"
    assert len(processes_of(site.server.pid)) > 3, "web server, daemon, code servers"
    site.server.send_signal(signal.SIGINT)
    until(lambda: not processes_of(site.server.pid), "the server and its children to stop", site.server)
