-- name: session_settings
-- Settings that a database or a role gives to its sessions.
-- They override the configuration of the server, and explain why one application behaves differently.
-- @requires pg>=13
-- @tags settings
-- @expect rows >= 0
SELECT coalesce(d.datname, '(all)') AS database, coalesce(r.rolname, '(all)') AS role, split_part(c.text, '=', 1) AS setting,
       substr(c.text, strpos(c.text, '=') + 1) AS value
  FROM pg_db_role_setting AS s
  LEFT JOIN pg_database AS d ON d.oid = s.setdatabase
  LEFT JOIN pg_roles AS r ON r.oid = s.setrole
 CROSS JOIN LATERAL unnest(s.setconfig) AS c (text)
 ORDER BY 1, 2, 3;
