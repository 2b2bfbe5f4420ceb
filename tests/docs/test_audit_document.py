"""Every command of the example in docs/audit.md is run, after those of the tutorial on which it builds."""

from tests.docs.terminal import Terminal, commands_of


def test_the_worked_example_runs(after_tutorial: Terminal) -> None:
    printed = after_tutorial.follow(commands_of("audit.md"))
    assert len(printed) > 12
    (verified,) = (text for command, text in printed.items() if command.startswith("stayput verify "))
    assert "vehicles-1" in verified
    (chain,) = (text for command, text in printed.items() if "log verify" in command)
    assert chain.endswith("the chain is whole\n")
    (reconciled,) = (text for command, text in printed.items() if "log reconcile" in command)
    assert reconciled.endswith("differences: 0\n")
