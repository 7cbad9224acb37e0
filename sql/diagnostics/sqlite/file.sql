-- name: file
-- The database file: size, free pages, journal, encoding, version.
-- Many free pages: see free_pages. A journal_mode other than wal lets a writer stop all readers.
-- @requires sqlite>=3.16
-- @tags sizes
-- @expect rows = 1
SELECT c.page_count * s.page_size AS bytes, c.page_count AS pages, s.page_size, f.freelist_count AS free_pages,
       round(100.0 * f.freelist_count / max(c.page_count, 1), 1) AS percent_free, j.journal_mode, e.encoding,
       u.user_version, a.application_id, sqlite_version() AS library
  FROM pragma_page_count AS c, pragma_page_size AS s, pragma_freelist_count AS f, pragma_journal_mode AS j, pragma_encoding AS e,
       pragma_user_version AS u, pragma_application_id AS a;
