"""`--report html`: one file that needs nothing else.

page          the document, put together
heading       what it came to, in a sentence and in numbers
check_cards   what did not pass, each with its rows and its history; what passed, in a table
charts        SVG: lanes over time, verdicts of earlier runs, shares
timeline      SVG: rate, size, connections and throttles over time
matrix        checks against targets
run_sections  the tables of `bulkq run`
maintenance_objects, workers    objects of `bulkq maintain`; workers of a cluster
style         the style sheet
history_text  moments and the history of a check, in words

There is no script, and the policy in the head forbids every request. Filters are radio buttons that the style sheet reads.
"""

from __future__ import annotations

from bulkq.reports.html.page import html_report

__all__ = ["html_report"]
