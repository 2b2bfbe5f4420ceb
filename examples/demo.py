"""`make demo`: two registers, one list of applicants, and not a record that leaves its register.

Starts a comparator and two provider nodes as real processes on free loopback ports, enrols, publishes,
applies, grants, compares, shows the results, verifies the receipts, shows what misuse leads to, and stops
everything that it started.
"""

import argparse
import csv
import itertools
import json
import shlex
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

from examples.deployment import ANY_PORT, EXAMPLES, CommandFailed, Deployment
from examples.people import check_character

CONSUMER = "civil-affairs"
AUDITOR = "audit-office"
REGISTERS = (
    # node, department, its title, resource, its file, the source, the checks asked
    (
        "vehicles-1",
        "traffic-police",
        "公安交管 Traffic police",
        "vehicle-owners",
        "vehicles",
        ("name", "plate"),
    ),
    ("deaths-1", "health-commission", "卫生健康 Health commission", "deaths", "deaths", ("name",)),
)
SHOWN_LINES = 12
FINDINGS = 11
"""Lines at the end of a profile that say what to put right."""


class Story:
    """Tells what happens while it happens."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment

    def chapter(self, text: str) -> None:
        """Begins a part."""
        print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n{text}", flush=True)

    def does(self, party: str, *command: str, show: bool = True, last: int = 0) -> str:
        """Runs a command as that party and shows it, with its output or the last lines of it."""
        print(f"  {party} $ {shlex.join(command)}", flush=True)
        printed = self._deployment.run(party, *command)
        if show:
            print("".join(f"      {line}\n" for line in printed.splitlines()[-last:]), end="", flush=True)
        return printed

    def fails(self, party: str, *command: str) -> None:
        """Runs a command as that party that has to be refused, and shows what it says."""
        print(f"  {party} $ {shlex.join(command)}", flush=True)
        done = self._deployment.attempt(party, *command)
        if not done.returncode:
            raise CommandFailed(f"{' '.join(command)} was not refused")
        print("".join(f"      {line}\n" for line in done.stderr.splitlines()), end="", flush=True)

    def starts(self, party: str, *command: str) -> None:
        """Starts a server as that party."""
        print(f"  {party} $ {shlex.join(command)} &", flush=True)
        print(f"      {self._deployment.start(party, *command)}", flush=True)


def platform(story: Story) -> None:
    """The sharing platform comes up and invites everyone."""
    story.chapter("1. The platform: a comparator with its own CA, and invitations for three departments")
    story.does("comparator", "comparator", "init", "--data", "comparator",
               "--listen", ANY_PORT, "--enrolment-listen", ANY_PORT, show=False)  # fmt: skip
    story.starts("comparator", "comparator", "serve")
    invitation = "comparator", "comparator", "invite"
    story.does(*invitation, "department", CONSUMER, "--title", "民政 Civil affairs",
               "-o", f"{CONSUMER}.invitation", show=False)  # fmt: skip
    for node, department, title, *_ in REGISTERS:
        story.does(*invitation, "department", department, "--title", title,
                   "-o", f"{department}.invitation", show=False)  # fmt: skip
        story.does(*invitation, "node", node, "--department", department,
                   "-o", f"{node}.invitation", show=False)  # fmt: skip


def providers(story: Story, deployment: Deployment) -> None:
    """Each provider sets up its node, looks at its data, builds its index and publishes."""
    story.chapter(
        "2. Two providers: each profiles its own register and builds an index from it, on its own node"
    )
    for node, department, _, resource, file, _ in REGISTERS:
        story.does(node, "provider-node", "init", "--id", node, "--department", department,
                   "--dir", node, "--listen", ANY_PORT, show=False)  # fmt: skip
        deployment.place(node, EXAMPLES / "resources" / f"{file}.toml", EXAMPLES / f"{file}.csv")
        story.does(node, "provider-node", "enrol", f"{node}.invitation", show=False)
        story.starts(node, "provider-node", "serve")
        story.does(node, "provider-node", "profile", resource, last=FINDINGS)
        story.does(node, "provider-node", "build", resource)
        story.does(node, "provider-node", "publish", resource)
        story.does(node, "provider-node", "status")


def access(story: Story) -> None:
    """The consumer applies, each provider grants."""
    story.chapter("3. Access: the consumer applies, each provider's node signs a grant")
    story.does(CONSUMER, "stayput", "enrol", f"{CONSUMER}.invitation")
    story.does(CONSUMER, "stayput", "catalogue")
    for node, _, _, resource, _, checks in REGISTERS:
        story.does(CONSUMER, "stayput", "apply", "--resource", resource, "--key", "resident_id",
                   *asked(checks), "--purpose", "最低生活保障家庭经济状况核对",
                   "--matter", "最低生活保障审核确认", "--legal-basis", "社会救助暂行办法",
                   "--agreement", "安协〔2026〕7号")  # fmt: skip
        waiting = story.does(node, "provider-node", "applications", "--json", show=False)
        (application,) = json.loads(waiting)["applications"]
        story.does(node, "provider-node", "approve", application["id"])


def comparison(story: Story, deployment: Deployment) -> None:
    """The list is compared against both registers."""
    story.chapter("4. Comparison: outcomes come straight from each provider's node, sealed end to end")
    shutil.copy(EXAMPLES / "applicants.csv", deployment.directory)
    for _, _, _, resource, file, checks in REGISTERS:
        output = f"against-{file}.csv"
        story.does(CONSUMER, "stayput", "compare", "applicants.csv", "--resource", resource,
                   "--key", "resident_id", *asked(checks), "--operator", "demo",
                   *columns(file), "-o", output)  # fmt: skip
        show_file(deployment.directory / output)
        check_outcomes(deployment.directory / output, resource)


def discretion(story: Story, deployment: Deployment) -> None:
    """The same list without telling a provider whom it is about, and then for nothing but totals."""
    story.chapter(
        "5. Discretion: a provider that does not learn whom the list is about; then nothing but totals"
    )
    (counted, _, _, owners, _, _), (silent, _, _, deaths, _, checks) = REGISTERS
    for node, resource, terms in (
        (silent, deaths, (*asked(checks), "--mode", "oblivious")),
        (counted, owners, ("--check", "name", "--granularity", "count")),
    ):
        story.does(CONSUMER, "stayput", "apply", "--resource", resource, "--key", "resident_id", *terms,
                   "--purpose", "疑似违规领取线索核查", "--matter", "社会救助专项检查",
                   "--legal-basis", "社会救助暂行办法", "--agreement", "安协〔2026〕7号",
                   show=False)  # fmt: skip
        newest_first = story.does(node, "provider-node", "applications", "--json", show=False)
        application = json.loads(newest_first)["applications"][0]
        story.does(node, "provider-node", "approve", application["id"], show=False)
    compare = "stayput", "compare", "applicants.csv", "--key", "resident_id", "--operator", "demo"
    story.does(CONSUMER, *compare, "--resource", deaths, *asked(checks), "--mode", "oblivious",
               "-o", "obliviously.csv")  # fmt: skip
    check_outcomes(deployment.directory / "obliviously.csv", deaths)
    story.does(CONSUMER, *compare, "--resource", owners, "--check", "name", "--column", "name=姓名",
               "--count-only", "-o", "totals.csv")  # fmt: skip
    story.does(silent, "provider-node", "log", "search")


def evidence(story: Story, deployment: Deployment) -> None:
    """Receipts verify, the platform has them, and an auditor proves one without the platform."""
    story.chapter("6. Evidence: receipts signed by the nodes; the platform holds who, what, why and how many")
    for _, _, _, _, file, _ in REGISTERS:
        story.does(CONSUMER, "stayput", "receipt", "verify", f"against-{file}.csv.receipt.json", last=1)
    story.does("comparator", "comparator", "receipts")
    story.does("comparator", "comparator", "invite", "department", AUDITOR, "--title", "审计 Audit office",
               "--role", "auditor", "-o", f"{AUDITOR}.invitation", show=False)  # fmt: skip
    story.does(AUDITOR, "stayput", "enrol", f"{AUDITOR}.invitation", show=False)
    status = json.loads(story.does("comparator", "comparator", "status", "--json", show=False))
    story.does(AUDITOR, "stayput", "trust", "add-log", status["log_key"], show=False)
    story.does(AUDITOR, "stayput", "trust", "fetch", show=False)
    story.does(AUDITOR, "stayput", "witness")
    found = json.loads(story.does(AUDITOR, "stayput", "audit", "search", "--receipts", "--json", show=False))
    story.does(AUDITOR, "stayput", "audit", "export", str(found[0]["place"]), "-o", "evidence", show=False)
    (bundle,) = (deployment.directory / "evidence").iterdir()
    story.does(AUDITOR, "stayput", "verify", f"evidence/{bundle.name}")


def misuse(story: Story, deployment: Deployment) -> None:
    """Somebody walks through the numbers; the node suspends the grant, and everybody sees why."""
    story.chapter("7. Misuse: somebody at the consumer walks through the numbers of one county, day by day")
    held = json.loads(story.does(CONSUMER, "stayput", "grants", "--json", show=False))
    # Grants come newest first, and that for vehicle owners was the first of all.
    grant = held[-1]["id"]
    # Few applicants own a vehicle, so the sample's own grant does not look at how many are not found.
    story.does("vehicles-1", "provider-node", "limits", grant, "--miss-ratio", "0.5", show=False)
    walk_through_the_numbers(deployment.directory / "walk.csv")
    story.fails(CONSUMER, "stayput", "compare", "walk.csv", "--resource", "vehicle-owners",
                "--key", "resident_id", "--operator", "demo", "-o", "walked.csv")  # fmt: skip
    story.does("vehicles-1", "provider-node", "grants")
    story.does(CONSUMER, "stayput", "grants")
    story.does("comparator", "comparator", "revoke", grant, "--reason", "违规遍历证件号码")
    story.does("comparator", "comparator", "events", "--limit", "5")


def walk_through_the_numbers(path: Path) -> None:
    """A list of every number of one county on some days."""
    seventeen = (f"110105194912{day:02}{sequence:03}" for day in range(1, 4) for sequence in range(1, 1_000))
    lines = (number + check_character(number) for number in seventeen)
    path.write_text("\n".join(["身份证号", *lines]) + "\n", "utf-8")


def asked(checks: tuple[str, ...]) -> Iterator[str]:
    """Options for the checks."""
    return itertools.chain.from_iterable(("--check", check) for check in checks)


def columns(file: str) -> tuple[str, ...]:
    """Where the list calls a field otherwise than the register does."""
    return ("--column", "name=姓名") if file == "vehicles" else ()


def show_file(path: Path) -> None:
    """One line of an output file for each way in which a line can come out."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file)
    kinds = {tuple(row[header.index("outcome") :]): row for row in reversed(rows)}
    frequency = Counter(tuple(row[header.index("outcome") :]) for row in rows)
    print(f"      {path.name}, one line of each kind, the most frequent first:")
    for row in [header, *(kinds[kind] for kind, _ in frequency.most_common(SHOWN_LINES))]:
        print("        " + " | ".join(row))


def check_outcomes(path: Path, resource: str) -> None:
    """Tells whether the outcomes are those that the samples were made for."""
    planted = json.loads((EXAMPLES / "expected.json").read_text("utf-8"))["resources"][resource]
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    expected = {"outcome": planted["key"]["resident_id"]}
    expected |= {f"outcome_{check}": counts for check, counts in planted["checks"].items()}
    for column, counts in expected.items():
        if Counter(row[column] for row in rows) != Counter(counts):
            raise CommandFailed(f"{path.name}: {column} is not as examples/expected.json says")
    print(f"      all {len(rows)} lines came out as examples/expected.json, made with the samples, says")


@contextmanager
def place(*, keep: bool) -> Iterator[Path]:
    """A new directory for everything, removed at the end unless it is to be kept."""
    directory = Path(tempfile.mkdtemp(prefix="stayput-demo-"))
    try:
        yield directory
    finally:
        if not keep:
            shutil.rmtree(directory)


def tell_how_to_go_on(deployment: Deployment) -> None:
    """What to type next, and how to end it."""
    consumer, first = deployment.settings(CONSUMER), REGISTERS[0][0]
    pids = " ".join(str(process.pid) for process in deployment.running.values())
    print("\nEverything is still running. Try:")
    print(f"  cd {deployment.directory} && . {Path(sys.executable).parent / 'activate'}")
    print(f"  export STAYPUT_HOME={consumer['STAYPUT_HOME']}")
    print(f"  export STAYPUT_COMPARATOR_CONFIG={consumer['STAYPUT_COMPARATOR_CONFIG']}")
    print(f"  export STAYPUT_NODE_CONFIG={deployment.settings(first)['STAYPUT_NODE_CONFIG']}")
    print("  stayput describe vehicle-owners")
    print("  provider-node status")
    print("  comparator receipts")
    print(f"Stop it with: kill {pids} && rm -r {deployment.directory}")


def main() -> int:
    """Tells the story; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave everything running")
    keep: bool = parser.parse_args().keep
    started = monotonic()
    with place(keep=keep) as directory:
        deployment = Deployment(directory)
        try:
            story = Story(deployment)
            platform(story)
            providers(story, deployment)
            access(story)
            comparison(story, deployment)
            discretion(story, deployment)
            evidence(story, deployment)
            misuse(story, deployment)
            print(f"\nDone in {monotonic() - started:.0f} s. No record of either register left its node.")
            if keep:
                tell_how_to_go_on(deployment)
                return 0
        except CommandFailed as failure:
            print(f"\nthe demonstration failed: {failure}", file=sys.stderr)
            keep = False
            return 1
        finally:
            if not keep:
                deployment.__exit__()
    return 0


if __name__ == "__main__":
    sys.exit(main())
