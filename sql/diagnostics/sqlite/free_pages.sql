-- name: free_pages(percent: real = 25, at_least: integer = 10485760)
-- A file of which more than so many percent are free pages.
-- VACUUM gives them back: bulkq maintain vacuum. It needs twice the room while it works.
-- @requires sqlite>=3.16
-- @tags bloat
-- @warn rows > 0
SELECT f.freelist_count AS free_pages, f.freelist_count * s.page_size AS free_bytes,
       round(100.0 * f.freelist_count / c.page_count, 1) AS percent_free
  FROM pragma_page_count AS c, pragma_page_size AS s, pragma_freelist_count AS f
 WHERE 100.0 * f.freelist_count / max(c.page_count, 1) >= CAST(:percent AS real) AND f.freelist_count * s.page_size >= CAST(:at_least AS integer);
