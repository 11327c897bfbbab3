-- Are both reports the same, cell by cell and row by row? ${dir} is our store.
-- The line item id is left out: each side makes it of the same columns in its
-- own way.
SELECT
    (SELECT sum(hash(n, *COLUMNS(* EXCLUDE (n)))::HUGEINT)::VARCHAR FROM (
        SELECT * EXCLUDE (BILLING_PERIOD, identity_line_item_id, filename, file_row_number),
            (regexp_extract(filename, 'cur2-(\d+)', 1)::BIGINT - 1) * 500000 + file_row_number AS n
        FROM read_parquet('${dir}/reports/*/*/cur2/data/*/*.parquet', filename = true, file_row_number = true))) AS ours,
    (SELECT sum(hash(n, *COLUMNS(* EXCLUDE (n)))::HUGEINT)::VARCHAR FROM (
        SELECT * EXCLUDE (identity_line_item_id, filename, file_row_number),
            regexp_extract(filename, 'cur2-(\d+)', 1)::BIGINT * 500000 + file_row_number AS n
        FROM read_parquet('${out}/cur2-*.parquet', filename = true, file_row_number = true))) AS theirs;
