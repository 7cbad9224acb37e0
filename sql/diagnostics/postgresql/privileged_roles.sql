-- name: privileged_roles
-- Roles that are superusers, may bypass row-level security, create roles or replicate, and members of such roles, or of roles that reach files and programs.
-- Give an application none of these.
-- @requires pg>=13
-- @tags roles
-- @expect rows >= 0
SELECT r.rolname AS role, r.rolcanlogin AS login, r.rolsuper AS superuser, r.rolbypassrls AS bypasses_rls, r.rolcreaterole AS creates_roles,
       r.rolcreatedb AS creates_databases, r.rolreplication AS replicates, g.member_of
  FROM pg_roles AS r
 CROSS JOIN LATERAL (
       SELECT string_agg(o.rolname, ', ' ORDER BY o.rolname) AS member_of FROM pg_roles AS o
        WHERE NOT r.rolsuper AND o.oid <> r.oid AND pg_has_role(r.oid, o.oid, 'MEMBER')
          AND (o.rolsuper OR o.rolbypassrls OR o.rolcreaterole OR o.rolreplication
               OR o.rolname IN ('pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program', 'pg_write_all_data', 'pg_read_all_data'))) AS g
 WHERE r.rolsuper OR r.rolbypassrls OR r.rolcreaterole OR r.rolreplication OR g.member_of IS NOT NULL
 ORDER BY r.rolsuper DESC, 1;
