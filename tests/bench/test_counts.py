"""The guard that compares counts with budgets can fail."""

import counts

# Two functions of the server, one of the allocator: 7 + 5 instructions of their own, and what they call.
PROFILE = """version: 1
creator: callgrind
positions: line
events: Ir

ob=(1) /opt/authflowd
fl=(1) ???
fn=(1) authflow::RecordStep()
0 7
cob=(2) /usr/lib/libtcmalloc_minimal.so.4
cfn=(2) operator new(unsigned long)
calls=3 0
0 90
cob=(1)
cfn=(3) authflow::newcomer()
calls=2 0
0 5

fn=(3)
+1 5

ob=(2)
fn=(2)
0 60
cfn=(4) tc_malloc
calls=3 0
0 30

fn=(4)
0 30
"""


def test_instructions_are_counted_where_they_happen_and_allocations_where_they_are_asked_for():
    assert counts.read_profile(PROFILE) == (7 + 5 + 60 + 30, 3)


def test_five_percent_are_allowed_and_more_is_found():
    budgets = {"RecordStep, instructions": 1000, "RecordStep, allocations": 100}
    assert counts.above({"RecordStep, instructions": 1050, "RecordStep, allocations": 90}, budgets) == []
    assert counts.above({"RecordStep, instructions": 1051, "RecordStep, allocations": 100}, budgets) == [
        "RecordStep, instructions: 1,051, more than 5 % above the budget of 1,000"
    ]


def test_what_has_no_budget_is_found():
    assert counts.above({"StartFlow, instructions": 1}, {}) != []
