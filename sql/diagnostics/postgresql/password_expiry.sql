-- name: password_expiry(within: interval = '14 days')
-- Roles that may log in and whose password never expires, or does so within this time.
-- ALTER ROLE ... VALID UNTIL '2027-01-01'. A role that logs in by a certificate or by peer needs none.
-- @requires pg>=13
-- @tags roles
-- @warn rows > 0
SELECT rolname AS role, CASE WHEN coalesce(rolvaliduntil, 'infinity') = 'infinity' THEN 'never'
                             WHEN rolvaliduntil < now() THEN 'expired' ELSE 'soon' END AS expires, rolvaliduntil AS valid_until, rolsuper AS superuser
  FROM pg_roles
 WHERE rolcanlogin AND (coalesce(rolvaliduntil, 'infinity') = 'infinity' OR rolvaliduntil < now() + :within)
 ORDER BY 2, 1;
