from concurrent.futures import ThreadPoolExecutor

import pytest

from instructsam_ros.errors import BudgetError, ConfigError
from instructsam_ros.models.vlm.budget import Budget, Spending
from instructsam_ros.yaml_config import build


def test_calls_are_counted_and_end():
    spending = Spending(Budget(calls=2))
    spending.begin_call()
    spending.begin_call()
    with pytest.raises(BudgetError, match="all 2 calls"):
        spending.begin_call()
    assert spending.calls == 2


def test_tokens_end_the_next_call():
    spending = Spending(Budget(tokens=100))
    spending.add_tokens(60)
    spending.begin_call()
    assert spending.tokens_left == 40
    spending.add_tokens(60)
    assert spending.tokens_left == 0
    with pytest.raises(BudgetError, match="all 100 tokens"):
        spending.begin_call()


def test_no_time_is_a_used_up_budget():
    with pytest.raises(BudgetError, match="all 0 s"):
        Spending(Budget(seconds=0)).begin_call()


def test_threads_never_get_more_calls_than_there_are():
    spending = Spending(Budget(calls=50))

    def begin(_):
        try:
            spending.begin_call()
        except BudgetError:
            return 0
        return 1

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(begin, range(200))) == 50


@pytest.mark.parametrize(
    "settings", [{"calls": 0}, {"tokens": 0}, {"seconds": -1}, {"calls": 1.5}, {"cals": 2}]
)
def test_unusable_budgets_are_refused(settings):
    with pytest.raises(ConfigError):
        build(Budget, settings)
