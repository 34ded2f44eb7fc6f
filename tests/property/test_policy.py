"""The policy keeps its promises; and each of them is tested by a policy that breaks it."""

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from property.policies import (
    Absent,
    Blind,
    Charging,
    Displacing,
    Duplicating,
    Fickle,
    Forgetful,
    Greedy,
    Hasty,
    Hesitant,
    Idling,
    Impatient,
    Indulgent,
    LastInFirstOut,
    Lazy,
    Losing,
    Nostalgic,
    Overdue,
    Overfull,
    Patient,
    Restless,
    Rushing,
    Sparing,
    Stubborn,
    Tardy,
)
from property.policy_machines import (
    SETTINGS,
    CloseMachine,
    DeepMachine,
    PolicyMachine,
    WholeMachine,
)

from tf2c.orchestration.policy import Policy


@pytest.mark.parametrize("machine", [WholeMachine, DeepMachine, CloseMachine])
def test_the_policy_keeps_its_promises(machine: type[PolicyMachine]) -> None:
    run_state_machine_as_test(machine, settings=SETTINGS)


MUTANTS = {
    WholeMachine: (
        Losing,
        Duplicating,
        LastInFirstOut,
        Lazy,
        Restless,
        Greedy,
        Impatient,
        Tardy,
        Fickle,
        Charging,
        Indulgent,
        Forgetful,
    ),
    DeepMachine: (Overfull, Hasty, Absent, Blind),
    CloseMachine: (
        Displacing,
        Sparing,
        Nostalgic,
        Hesitant,
        Patient,
        Overdue,
        Idling,
        Stubborn,
        Rushing,
    ),
}
"""By the machine that finds them soonest."""


@pytest.mark.parametrize(
    ("machine_class", "mutant"),
    [(machine, mutant) for machine, mutants in MUTANTS.items() for mutant in mutants],
    ids=lambda each: each.__name__,
)
def test_a_policy_that_breaks_a_promise_is_found(
    machine_class: type[PolicyMachine], mutant: type[Policy]
) -> None:
    machine = type("MutantMachine", (machine_class,), {"policy_class": mutant})
    unshrunk = settings(SETTINGS, phases=[Phase.generate], report_multiple_bugs=False)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(machine, settings=unshrunk)
