"""Texts of the command line: the progress of a run, its status, plans, lists of the ledger. Reports are in `bulkq.reports`.

progress, progress_bar, progress_text        while a run works, on stderr
watch, watch_page, watch_history             the page of `--watch`
status_text, one_line_status, metrics_file   a status: of `bulkq ctl`, of SIGUSR1, for Prometheus
listed_run, run_group_text, check_history    runs of the ledger
run_plan_text, check_plan_text, backfill_plan_text, maintenance_plan_text    the plan of a command
shared_plan_lines                            lines of all plans
rehearsal_text                               what a rehearsal has found
server_finding_text, diag_question_list      what a server rejects; ready questions
"""
