-- Ingest in DuckDB: read the delivered usage with exact types, keep the first
-- record of every id, tell duplicates from conflicts, write what is accepted.
-- ${source} is the reader of the format.

SET threads = ${threads};
SET preserve_insertion_order = true;
SET TimeZone = 'UTC';
SET temp_directory = '${out}';

CREATE TABLE usage AS
SELECT *, hash(source, record_id) AS id FROM ${source};

-- rowid is the order of delivery.
CREATE TABLE again AS
SELECT place, content = first_content AS duplicate FROM (
    SELECT place, row_number() OVER w AS nth, content, first_value(content) OVER w AS first_content FROM (
        SELECT source, record_id, rowid AS place, hash(usage_account_id, service_code, usage_type, operation, region_code, availability_zone,
            resource_id, usage_start, usage_end, usage_amount, unit, tags) AS content
        FROM usage WHERE id IN (SELECT id FROM usage GROUP BY id HAVING count(*) > 1))
    WINDOW w AS (PARTITION BY source, record_id ORDER BY place))
WHERE nth > 1;

COPY (SELECT * EXCLUDE (id) FROM usage WHERE rowid NOT IN (SELECT place FROM again))
TO '${out}/accepted.parquet' (FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE 131072);

SELECT (SELECT count(*) FROM usage) - (SELECT count(*) FROM again) AS "Accepted",
    (SELECT count(*) FROM again WHERE duplicate) AS "Duplicate", (SELECT count(*) FROM again WHERE NOT duplicate) AS "Conflict";
