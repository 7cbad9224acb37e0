BEGIN TRANSACTION;
CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num));
INSERT INTO "alembic_version" VALUES('0002');
CREATE TABLE checks (
	run VARCHAR(32) NOT NULL, 
	place INTEGER NOT NULL, 
	checked TEXT NOT NULL, 
	target TEXT NOT NULL, 
	params VARCHAR(32) NOT NULL, 
	at VARCHAR(40) NOT NULL, 
	name TEXT NOT NULL, 
	file TEXT, 
	line INTEGER NOT NULL, 
	verdict VARCHAR(8) NOT NULL, 
	expected TEXT NOT NULL, 
	message TEXT NOT NULL, 
	value TEXT, 
	rows BIGINT, 
	sqlstate VARCHAR(64), 
	description TEXT NOT NULL, 
	owner TEXT NOT NULL, 
	tags TEXT NOT NULL, 
	began_s FLOAT NOT NULL, 
	elapsed_s FLOAT NOT NULL, 
	lane INTEGER NOT NULL, 
	PRIMARY KEY (run, place)
);
CREATE TABLE done_ranges (
	run VARCHAR(32) NOT NULL, 
	part INTEGER NOT NULL, 
	first BIGINT NOT NULL, 
	last BIGINT NOT NULL, 
	PRIMARY KEY (run, part, first)
)
 WITHOUT ROWID

;
CREATE TABLE failures (
	run VARCHAR(32) NOT NULL, 
	part INTEGER NOT NULL, 
	n BIGINT NOT NULL, 
	source TEXT NOT NULL, 
	outcome VARCHAR(16) NOT NULL, 
	sqlstate VARCHAR(64), 
	message TEXT NOT NULL, 
	attempts INTEGER NOT NULL, 
	PRIMARY KEY (run, part, n)
)
 WITHOUT ROWID

;
INSERT INTO "failures" VALUES('ngq9s8s3r5',1,1,'ids.csv:2','rolled_back','SQLITE_CONSTRAINT_CHECK','',1);
CREATE TABLE parts (
	run VARCHAR(32) NOT NULL, 
	part INTEGER NOT NULL, 
	"query" TEXT NOT NULL, 
	target TEXT NOT NULL, 
	source_n BIGINT, 
	source_offset BIGINT, 
	source_line BIGINT, 
	source_digest TEXT, 
	PRIMARY KEY (run, part)
);
INSERT INTO "parts" VALUES('ngq9s8s3r5',1,'add','sqlite:///app.db',NULL,NULL,NULL,NULL);
CREATE TABLE positions (
	run VARCHAR(32) NOT NULL, 
	part INTEGER NOT NULL, 
	path TEXT NOT NULL, 
	"offset" BIGINT NOT NULL, 
	PRIMARY KEY (run, part, path)
);
INSERT INTO "positions" VALUES('ngq9s8s3r5',0,'{folder}/f.jsonl',206);
CREATE TABLE runs (
	run VARCHAR(32) NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	mode VARCHAR(32) NOT NULL, 
	name TEXT NOT NULL, 
	targets TEXT NOT NULL, 
	request TEXT NOT NULL, 
	fingerprint TEXT NOT NULL, 
	owner TEXT NOT NULL, 
	started_at VARCHAR(40) NOT NULL, 
	ended_at VARCHAR(40), 
	exit_code INTEGER, 
	retry_of VARCHAR(32), 
	elapsed_s FLOAT NOT NULL, 
	ok BIGINT NOT NULL, 
	failed BIGINT NOT NULL, 
	unknown BIGINT NOT NULL, 
	skipped BIGINT NOT NULL, 
	retried BIGINT NOT NULL, 
	changed BIGINT NOT NULL, 
	unanswered BIGINT NOT NULL, 
	heartbeat_s FLOAT NOT NULL, 
	PRIMARY KEY (run)
);
INSERT INTO "runs" VALUES('ngq9s8s3r5','stopped','write','add','["sqlite:///app.db"]','{"version": 1, "folder": "{folder}", "run": {"queries": [{"name": "add", "sql": "update t set n = n + 1 where id = :id", "parameters": [{"name": "id", "kind": "value", "type": "bigint", "default": null, "has_default": false, "secret": false}], "placeholders": [{"name": "id", "kind": "value", "start": 34, "end": 37, "negated": false}], "escapes": [], "where": 23, "file": "q.sql", "line": 4, "description": "", "statement": "write", "mode": "write", "unbounded": false, "verb": "UPDATE", "meant": null, "counted": true, "timeout_s": 5.0, "no_timeout": false, "lock_timeout_s": null, "retries": null, "idempotent": null, "transaction": true, "batch": null, "tags": [], "schema": null, "metadata": {"mode": ["write"], "timeout": ["5s"]}}], "targets": [{"url": "sqlite:///app.db", "name": "", "password": null, "protected": false, "concurrency": null, "tags": [], "expect": {}, "schema": null, "guard": ""}], "params": ["ids.csv"], "constants": {}, "params_format": null, "params_target": null, "grid": false, "null": null, "ignore_extra_columns": false, "concurrency": 1, "schemas": [], "targets_sql": null, "targets_from": null, "concurrency_given": true, "confirmed": [], "per_target": null, "connect_timeout_s": 10.0, "canaries": [], "max_failed_targets": null, "timeout_s": 30.0, "timeout_given": false, "lock_timeout_s": 2.0, "lock_timeout_given": false, "deadline_s": null, "retries": 5, "retries_given": false, "outage_s": 300.0, "batch": null, "batch_given": false, "write": true, "allow": [], "ledger": "", "idempotent": false, "marker_table": null, "keep_markers": false, "retry_unknown": false, "expect_rows": null, "max_affected": null, "map": null, "map_timeout_s": null, "map_timeout_given": false, "output": null, "format": null, "include": [], "unordered": false, "failures": "f.jsonl", "reports": [], "fail_fast": true, "max_failures": null, "name": null, "tags": ["nightly"]}, "tables": [["\"bulkq_runs\"", "\"bulkq_markers\""]]}','{"queries": {"q.sql:add": "d4dd114496b0635fb7949248b5947370"}, "sources": {"ids.csv": "15:a135dcce577fe18f6eeaf9976fbc645d"}, "targets": ["{identity}"]}','vm:24680:1465193.c31b3f6e-73e2.4026531836:b0568374b606be4d','2026-11-29T04:16:42.487+00:00','2026-11-29T04:16:42.506+00:00',5,NULL,3.99743800153373740613e-03,0,1,0,5,0,0,0,1.7959258025067739487e+09);
CREATE TABLE spools (
	run VARCHAR(32) NOT NULL, 
	place INTEGER NOT NULL, 
	path TEXT NOT NULL, 
	PRIMARY KEY (run, place)
);
CREATE INDEX runs_started_at ON runs (started_at);
CREATE INDEX checks_by_name ON checks (checked, at);
COMMIT;
