-- name: privileged_roles
-- Roles that are superusers, may bypass row-level security, create roles or replicate, and members of roles that reach files and programs.
-- Give an application none of these.
-- @requires pg>=13
-- @tags roles
-- @expect rows >= 0
SELECT r.rolname AS role, r.rolcanlogin AS login, r.rolsuper AS superuser, r.rolbypassrls AS bypasses_rls, r.rolcreaterole AS creates_roles,
       r.rolcreatedb AS creates_databases, r.rolreplication AS replicates,
       (SELECT string_agg(g.rolname, ', ' ORDER BY g.rolname) FROM pg_auth_members AS m JOIN pg_roles AS g ON g.oid = m.roleid
         WHERE m.member = r.oid AND g.rolname IN ('pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program',
                                                   'pg_write_all_data', 'pg_read_all_data')) AS member_of
  FROM pg_roles AS r
 WHERE r.rolsuper OR r.rolbypassrls OR r.rolcreaterole OR r.rolreplication
    OR EXISTS (SELECT FROM pg_auth_members AS m JOIN pg_roles AS g ON g.oid = m.roleid
                WHERE m.member = r.oid AND g.rolname IN ('pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program',
                                                          'pg_write_all_data', 'pg_read_all_data'))
 ORDER BY r.rolsuper DESC, 1;
