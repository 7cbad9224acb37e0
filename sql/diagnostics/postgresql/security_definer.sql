-- name: security_definer
-- Functions that run with the rights of their owner and set no search_path.
-- A caller can make them use objects of its own. ALTER FUNCTION ... SET search_path = ...
-- @requires pg>=13
-- @tags roles
-- @warn rows > 0
SELECT p.oid::regprocedure::text AS function, pg_get_userbyid(p.proowner) AS owner,
       EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a WHERE a.grantee = 0) AS public_may_call
  FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
 WHERE p.prosecdef AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND n.nspname !~ '^pg_temp'
   AND NOT EXISTS (SELECT FROM unnest(p.proconfig) AS c (text) WHERE c.text LIKE 'search_path=%')
   AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = p.oid AND d.deptype = 'e')
 ORDER BY 1;
