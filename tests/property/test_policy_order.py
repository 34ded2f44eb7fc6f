"""A tenant's requests for several networks: first in, first out where nobody may overtake."""

from typing import ClassVar

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from property.policies import Clinging
from property.policy_machines import SETTINGS, PolicyMachine

from tf2c.orchestration.policy import Dispatch, Policy


class StrictMachine(PolicyMachine):
    """With a lead of 0, which leaves no room for affinity and priorities."""

    lead: ClassVar[int] = 0

    def take(self, found: Dispatch, begin: int) -> None:
        waiting = self.ranks.keys() - set(found.requests)
        assert not any(self.is_later(each, other) for each in found.requests for other in waiting)
        super().take(found, begin)


def test_without_a_lead_a_tenants_requests_are_first_in_first_out() -> None:
    run_state_machine_as_test(StrictMachine, settings=SETTINGS)


class ClingingMachine(StrictMachine):
    """Beside a policy that lets requests overtake others after all."""

    policy_class: ClassVar[type[Policy]] = Clinging


def test_a_policy_that_lets_them_overtake_is_found() -> None:
    unshrunk = settings(SETTINGS, phases=[Phase.generate], report_multiple_bugs=False)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(ClingingMachine, settings=unshrunk)
