"""Forms of texts, pure: as people write and read them, as PostgreSQL and others write them.

characters                          invisible characters, and texts that look alike
message_parts, tables, sparkline    parts of messages, tables, a line of values
durations, byte_sizes, moments      times and sizes, read and shown
urls, mask                          URLs without their passwords; the mark in place of a secret
json_text, pg_text, array_literals, prometheus    formats
failed_import                       errors of a library that cannot be imported
late_pattern                        regular expressions that cost nothing until they are used
"""
