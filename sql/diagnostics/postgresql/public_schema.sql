-- name: public_schema
-- Schemas in which every role may create objects.
-- An object there can take the place of one that others call. REVOKE CREATE ON SCHEMA ... FROM PUBLIC.
-- @requires pg>=13
-- @tags roles
-- @warn rows > 0
SELECT n.nspname AS schema, pg_get_userbyid(n.nspowner) AS owner
  FROM pg_namespace AS n
 WHERE EXISTS (SELECT FROM aclexplode(n.nspacl) AS a WHERE a.grantee = 0 AND a.privilege_type = 'CREATE')
 ORDER BY 1;
