"""Every command of the example in docs/audit.md is run, after those of the tutorial on which it builds."""

from tests.docs.test_tutorial import _BLOCK, _COMMAND, ROOT, TUTORIAL, Terminal, terminal  # noqa: F401 (a fixture)

AUDIT = (ROOT / "docs" / "audit.md").read_text(encoding="utf-8")


def _commands(document: str) -> list[str]:
    return [line for block in _BLOCK.findall(document) for line in _COMMAND.findall(block)]


def test_the_worked_example_runs(terminal: Terminal) -> None:  # noqa: F811
    for command in _commands(TUTORIAL):
        if command.endswith(" &"):
            terminal.serve(command.removesuffix(" &"))
        else:
            terminal.run(command)
    printed = {command: terminal.run(command) for command in _commands(AUDIT)}
    assert len(printed) > 12
    (verified,) = (text for command, text in printed.items() if command.startswith("stayput verify "))
    assert "vehicles-1" in verified
    (chain,) = (text for command, text in printed.items() if "log verify" in command)
    assert chain.endswith("the chain is whole\n")
    (reconciled,) = (text for command, text in printed.items() if "log reconcile" in command)
    assert reconciled.endswith("differences: 0\n")
