-- name: settings
-- Settings of the file and of the library that matter for safety and speed.
-- journal_mode wal lets readers work beside a writer; auto_vacuum cannot be changed without VACUUM.
-- @requires sqlite>=3.16
-- @tags settings
-- @expect rows >= 0
SELECT 'journal_mode' AS setting, journal_mode AS value FROM pragma_journal_mode
UNION ALL SELECT 'auto_vacuum', CASE auto_vacuum WHEN 0 THEN 'none' WHEN 1 THEN 'full' ELSE 'incremental' END FROM pragma_auto_vacuum
UNION ALL SELECT 'encoding', encoding FROM pragma_encoding
UNION ALL SELECT 'page_size', page_size FROM pragma_page_size
UNION ALL SELECT 'compile option', compile_options FROM pragma_compile_options
          WHERE compile_options LIKE 'ENABLE%' OR compile_options LIKE 'OMIT%' OR compile_options LIKE 'THREADSAFE%' OR compile_options LIKE 'MAX%';
