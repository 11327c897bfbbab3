-- The whole job in DuckDB: delivered usage in, Cost and Usage Report 2.0 out.
-- ${dir}, ${out}, ${format} and ${threads} are filled in by duck. Statements end
-- with a semicolon at the end of a line. Whoever can make it faster: the rows,
-- their order and the exact totals of the last statement must stay.

SET threads = ${threads};
-- Rows are delivered in an order that decides between conflicts, and the report has one.
SET preserve_insertion_order = true;
SET enable_progress_bar = false;
SET TimeZone = 'UTC';
SET temp_directory = '${out}';

-- 1. The price list: one row per price, tiers with their bounds.
CREATE TABLE prices AS
SELECT SKU AS sku, serviceCode AS service_code,
    usageType AS usage_type, operation, "Region Code" AS region, Unit AS unit, TermType AS term, RateCode AS rate_code,
    PriceDescription AS description, PricePerUnit::DECIMAL(18, 10) AS rate, Location AS location, "Location Type" AS location_type,
    "Instance Type" AS instance_type, "Storage Class" AS storage_class,
    StartingRange::DECIMAL(18, 6) AS tier_begin,
    CASE WHEN EndingRange = 'Inf' THEN '999999999999' ELSE EndingRange END::DECIMAL(18, 6) AS tier_end,
    row_number() OVER (PARTITION BY SKU ORDER BY StartingRange::BIGINT)::INTEGER - 1 AS tier,
    count(*) OVER (PARTITION BY SKU) > 1 AS tiered
FROM read_csv('${dir}/prices.csv', all_varchar = true, header = true);

-- 2. The usage, reduced to numbers in one scan. key stands for everything that a
-- record says beside id, time and amount, id for its identity: 64-bit hashes.
-- That two of the few keys collide is left to chance, in favour of DuckDB.
CREATE TABLE usage AS
SELECT hash(source, usage_account_id, service_code, usage_type, operation, resource_id, region_code, availability_zone, unit, tags) AS key,
    hash(source, record_id) AS id, file_index * 4294967296 + file_row_number AS place,
    (epoch_ms(usage_start) // 3600000)::INTEGER AS hour, usage_amount AS amount
FROM read_parquet('${dir}/usage-${format}/*.parquet', file_row_number = true);

-- 3. The dictionary behind the keys, from the first record of each, numbered in
-- the order of the report, with its price.
CREATE TABLE dims AS
SELECT d.*, a.account_name, p.sku, p.tiered,
    map_from_entries(list_transform(map_entries(tags), lambda e: {'key': 'user_' || replace(e.key, '-', '_'), 'value': e.value})) AS resource_tags
FROM (SELECT u.*, f.key, row_number() OVER (ORDER BY usage_account_id, service_code, usage_type, operation, resource_id, region_code, availability_zone, tags, unit)::INTEGER AS dim,
          dense_rank() OVER (ORDER BY usage_account_id, service_code, usage_type, operation, resource_id)::INTEGER AS head
      FROM (SELECT source, usage_account_id, service_code, usage_type, operation, resource_id, region_code, availability_zone, unit, tags,
                file_index * 4294967296 + file_row_number AS place
            FROM read_parquet('${dir}/usage-${format}/*.parquet', file_row_number = true)) u
      JOIN (SELECT key, min(place) AS place FROM usage GROUP BY key) f USING (place)) d
LEFT JOIN read_csv('${dir}/accounts.csv', all_varchar = true, header = true) a ON a.account_id = d.usage_account_id
LEFT JOIN prices p ON p.service_code = d.service_code AND p.usage_type = d.usage_type AND p.operation = d.operation
    AND p.region = d.region_code AND p.unit = d.unit AND p.tier = 0;

-- 4. Ids that came more than once: candidates by hash, then by the id itself.
-- The first record stays; a later one is a duplicate when all of it is the same.
CREATE TABLE again AS
SELECT place, content = first_content AS duplicate FROM (
    SELECT place, row_number() OVER w AS nth, content, first_value(content) OVER w AS first_content FROM (
        SELECT r.source, r.record_id, place, (c.key, r.usage_start, r.usage_end, r.usage_amount) AS content
        FROM (SELECT source, record_id, usage_start, usage_end, usage_amount, file_index * 4294967296 + file_row_number AS place
              FROM read_parquet('${dir}/usage-${format}/*.parquet', file_row_number = true)) r
        JOIN (SELECT place, key FROM usage WHERE id IN (SELECT id FROM usage GROUP BY id HAVING count(*) > 1)) c USING (place))
    WINDOW w AS (PARTITION BY source, record_id ORDER BY place))
WHERE nth > 1;

-- 5. Usage summed by line.
CREATE TABLE lines AS
SELECT d.dim, u.hour, u.amount, d.sku, d.tiered
FROM (SELECT key, hour, sum(amount)::DECIMAL(18, 6) AS amount FROM usage WHERE place NOT IN (SELECT place FROM again) GROUP BY key, hour) u
JOIN dims d USING (key);

DROP TABLE usage;

-- 6. Tiers count over the organization, hour by hour and in the order of the
-- report inside an hour; the line that crosses a bound is split.
CREATE TABLE portions AS
SELECT l.dim, l.hour, l.sku, p.tier, p.rate, least(l.upto, p.tier_end) - greatest(l.upto - l.amount, p.tier_begin) AS amount
FROM (SELECT *, sum(amount) OVER (PARTITION BY sku ORDER BY hour, dim)::DECIMAL(18, 6) AS upto FROM lines WHERE tiered) l
JOIN prices p ON p.sku = l.sku AND l.upto > p.tier_begin AND l.upto - l.amount < p.tier_end;

-- 7. The average rate of a tiered SKU: the cost of its units over their number,
-- rounded once. Division of decimals is a double in DuckDB, so it is done in whole
-- numbers: cost has 16 decimals, 10 more than units, and a rate has 10.
CREATE TABLE rates AS
WITH units AS (
    SELECT sku, rate, sum(amount)::DECIMAL(18, 6) AS amount FROM portions GROUP BY sku, rate),
sums AS (
    SELECT sku, sum(rate::DECIMAL(20, 10) * amount)::DECIMAL(38, 16) AS cost, sum(amount)::DECIMAL(38, 6) AS amount FROM units GROUP BY sku),
whole AS (
    SELECT sku, (cost::VARCHAR).replace('.', '')::HUGEINT AS n, (amount::VARCHAR).replace('.', '')::HUGEINT AS d FROM sums),
blended AS (
    SELECT sku, ((2 * n + d) // (2 * d))::DECIMAL(18, 0) AS words FROM whole)
SELECT p.*, coalesce((b.words * 0.0000000001)::DECIMAL(18, 10), p.rate) AS blended_rate FROM prices p LEFT JOIN blended b USING (sku);

-- 8. All texts of a charge, once per entry of the dictionary and tier.
CREATE TABLE texts AS
SELECT d.dim * 64 + p.tier AS code, d.head, d.dim, p.tier, p.rate, p.blended_rate,
    d.usage_account_id, d.account_name, d.service_code, d.usage_type, d.operation, d.resource_id, d.availability_zone, d.resource_tags,
    p.sku, p.description, p.term, p.unit, p.region, p.location, p.location_type, p.instance_type, p.rate_code,
    p.rate::VARCHAR AS rate_text, p.blended_rate::VARCHAR AS blended_rate_text,
    (('0x' || substr(sha256(p.rate_code), 1, 15))::UBIGINT)::VARCHAR AS rate_id, MAP {'storage_class': p.storage_class} AS product,
    substr(sha256(concat_ws('|', d.usage_account_id, d.service_code, d.usage_type, d.operation, d.resource_id, d.region_code,
        d.availability_zone, d.unit, d.tags::VARCHAR, p.rate_code)), 1, 52) AS line_item_id
FROM dims d JOIN rates p USING (sku);

-- 9. Charges, in the order of the report.
CREATE TABLE charges AS
SELECT c.code, c.hour, c.amount, round(t.rate * c.amount, 10)::DECIMAL(18, 10) AS unblended,
    round(t.blended_rate * c.amount, 10)::DECIMAL(18, 10) AS blended
FROM (SELECT dim * 64 AS code, hour, amount FROM lines WHERE NOT tiered
      UNION ALL SELECT dim * 64 + tier, hour, amount FROM portions) c
JOIN texts t USING (code)
ORDER BY t.head, c.hour, c.code;

CREATE TABLE hours AS
SELECT hour, make_timestamp(hour * 3600000000)::TIMESTAMP_MS AS usage_start, make_timestamp((hour + 1) * 3600000000)::TIMESTAMP_MS AS usage_end,
    strftime(make_timestamp(hour * 3600000000), '%Y-%m-%dT%H:%M:%SZ') || '/' || strftime(make_timestamp((hour + 1) * 3600000000), '%Y-%m-%dT%H:%M:%SZ') AS time_interval
FROM (SELECT DISTINCT hour::BIGINT AS hour FROM charges);

-- 10. The report: 131 columns, in files of as many rows as ours. A join of
-- DuckDB keeps the order of its rows on one thread only. So each file is written
-- by one thread, and ${threads} files at a time: a statement with ${chunk} is run
-- for each number below the chunks of the statement before it, on as many
-- connections as there are threads. Sorting the joined rows once more on all
-- threads took 1.5 times the CPU and two to three times the memory.
SET threads = 1;
SET disabled_optimizers = 'join_order,build_side_probe_side';
SELECT (count(*) + 499999) // 500000 AS chunks FROM charges;

COPY (
SELECT
    'Anniversary' AS bill_bill_type,
    'Bench Cloud Inc.' AS bill_billing_entity,
    TIMESTAMP_MS '2026-11-01' AS bill_billing_period_end_date,
    TIMESTAMP_MS '2026-10-01' AS bill_billing_period_start_date,
    NULL::VARCHAR AS bill_invoice_id,
    'Bench Cloud Inc.' AS bill_invoicing_entity,
    '100000000000' AS bill_payer_account_id,
    'Bench Payer' AS bill_payer_account_name,
    NULL::VARCHAR AS capacity_reservation_capacity_reservation_arn,
    NULL::VARCHAR AS capacity_reservation_capacity_reservation_status,
    NULL::VARCHAR AS capacity_reservation_capacity_reservation_type,
    MAP {}::MAP(VARCHAR, VARCHAR) AS cost_category,
    MAP {}::MAP(VARCHAR, DOUBLE) AS discount,
    NULL::DOUBLE AS discount_bundled_discount,
    NULL::DOUBLE AS discount_total_discount,
    line_item_id AS identity_line_item_id,
    time_interval AS identity_time_interval,
    availability_zone AS line_item_availability_zone,
    blended AS line_item_blended_cost,
    blended_rate_text AS line_item_blended_rate,
    'USD' AS line_item_currency_code,
    NULL::VARCHAR AS line_item_iam_principal,
    'Bench Cloud Inc.' AS line_item_legal_entity,
    description AS line_item_line_item_description,
    'Usage' AS line_item_line_item_type,
    NULL::DOUBLE AS line_item_net_unblended_cost,
    NULL::VARCHAR AS line_item_net_unblended_rate,
    NULL::DOUBLE AS line_item_normalization_factor,
    NULL::DOUBLE AS line_item_normalized_usage_amount,
    operation AS line_item_operation,
    service_code AS line_item_product_code,
    resource_id AS line_item_resource_id,
    NULL::VARCHAR AS line_item_tax_type,
    unblended AS line_item_unblended_cost,
    rate_text AS line_item_unblended_rate,
    usage_account_id AS line_item_usage_account_id,
    account_name AS line_item_usage_account_name,
    amount AS line_item_usage_amount,
    usage_end AS line_item_usage_end_date,
    usage_start AS line_item_usage_start_date,
    usage_type AS line_item_usage_type,
    NULL::VARCHAR AS line_item_user_identifier,
    'USD' AS pricing_currency,
    NULL::VARCHAR AS pricing_lease_contract_length,
    NULL::VARCHAR AS pricing_offering_class,
    unblended AS pricing_public_on_demand_cost,
    rate_text AS pricing_public_on_demand_rate,
    NULL::VARCHAR AS pricing_purchase_option,
    rate_code AS pricing_rate_code,
    rate_id AS pricing_rate_id,
    term AS pricing_term,
    unit AS pricing_unit,
    product AS product,
    NULL::VARCHAR AS product_comment,
    NULL::VARCHAR AS product_fee_code,
    NULL::VARCHAR AS product_fee_description,
    NULL::VARCHAR AS product_from_location,
    NULL::VARCHAR AS product_from_location_type,
    NULL::VARCHAR AS product_from_region_code,
    NULL::VARCHAR AS product_instance_family,
    instance_type AS product_instance_type,
    NULL::VARCHAR AS product_instancesku,
    location AS product_location,
    location_type AS product_location_type,
    NULL::VARCHAR AS product_operation,
    NULL::VARCHAR AS product_pricing_unit,
    NULL::VARCHAR AS product_product_family,
    region AS product_region_code,
    NULL::VARCHAR AS product_servicecode,
    sku AS product_sku,
    NULL::VARCHAR AS product_to_location,
    NULL::VARCHAR AS product_to_location_type,
    NULL::VARCHAR AS product_to_region_code,
    NULL::VARCHAR AS product_usagetype,
    NULL::DOUBLE AS reservation_amortized_upfront_cost_for_usage,
    NULL::DOUBLE AS reservation_amortized_upfront_fee_for_billing_period,
    NULL::VARCHAR AS reservation_availability_zone,
    NULL::DOUBLE AS reservation_effective_cost,
    NULL::VARCHAR AS reservation_end_time,
    NULL::VARCHAR AS reservation_modification_status,
    NULL::DOUBLE AS reservation_net_amortized_upfront_cost_for_usage,
    NULL::DOUBLE AS reservation_net_amortized_upfront_fee_for_billing_period,
    NULL::DOUBLE AS reservation_net_effective_cost,
    NULL::DOUBLE AS reservation_net_recurring_fee_for_usage,
    NULL::DOUBLE AS reservation_net_unused_amortized_upfront_fee_for_billing_period,
    NULL::DOUBLE AS reservation_net_unused_recurring_fee,
    NULL::DOUBLE AS reservation_net_upfront_value,
    NULL::VARCHAR AS reservation_normalized_units_per_reservation,
    NULL::VARCHAR AS reservation_number_of_reservations,
    NULL::DOUBLE AS reservation_recurring_fee_for_usage,
    NULL::VARCHAR AS reservation_reservation_a_r_n,
    NULL::VARCHAR AS reservation_start_time,
    NULL::VARCHAR AS reservation_subscription_id,
    NULL::VARCHAR AS reservation_total_reserved_normalized_units,
    NULL::VARCHAR AS reservation_total_reserved_units,
    NULL::VARCHAR AS reservation_units_per_reservation,
    NULL::DOUBLE AS reservation_unused_amortized_upfront_fee_for_billing_period,
    NULL::DOUBLE AS reservation_unused_normalized_unit_quantity,
    NULL::DOUBLE AS reservation_unused_quantity,
    NULL::DOUBLE AS reservation_unused_recurring_fee,
    NULL::DOUBLE AS reservation_upfront_value,
    resource_tags AS resource_tags,
    NULL::DOUBLE AS savings_plan_amortized_upfront_commitment_for_billing_period,
    NULL::VARCHAR AS savings_plan_end_time,
    NULL::VARCHAR AS savings_plan_instance_type_family,
    NULL::DOUBLE AS savings_plan_net_amortized_upfront_commitment_for_billing_period,
    NULL::DOUBLE AS savings_plan_net_recurring_commitment_for_billing_period,
    NULL::DOUBLE AS savings_plan_net_savings_plan_effective_cost,
    NULL::VARCHAR AS savings_plan_offering_type,
    NULL::VARCHAR AS savings_plan_payment_option,
    NULL::VARCHAR AS savings_plan_purchase_term,
    NULL::DOUBLE AS savings_plan_recurring_commitment_for_billing_period,
    NULL::VARCHAR AS savings_plan_region,
    NULL::VARCHAR AS savings_plan_savings_plan_a_r_n,
    NULL::DOUBLE AS savings_plan_savings_plan_effective_cost,
    NULL::DOUBLE AS savings_plan_savings_plan_rate,
    NULL::VARCHAR AS savings_plan_start_time,
    NULL::DOUBLE AS savings_plan_total_commitment_to_date,
    NULL::DOUBLE AS savings_plan_used_commitment,
    NULL::DOUBLE AS split_line_item_actual_usage,
    NULL::DOUBLE AS split_line_item_net_split_cost,
    NULL::DOUBLE AS split_line_item_net_unused_cost,
    NULL::VARCHAR AS split_line_item_parent_resource_id,
    NULL::DOUBLE AS split_line_item_public_on_demand_split_cost,
    NULL::DOUBLE AS split_line_item_public_on_demand_unused_cost,
    NULL::DOUBLE AS split_line_item_reserved_usage,
    NULL::DOUBLE AS split_line_item_split_cost,
    NULL::DOUBLE AS split_line_item_split_usage,
    NULL::DOUBLE AS split_line_item_split_usage_ratio,
    NULL::DOUBLE AS split_line_item_unused_cost,
    MAP {}::MAP(VARCHAR, VARCHAR) AS tags
FROM (
    SELECT c.amount::DOUBLE AS amount, c.blended::DOUBLE AS blended, c.unblended::DOUBLE AS unblended, h.time_interval,
        h.usage_end, h.usage_start, t.account_name, t.availability_zone, t.blended_rate_text, t.description,
        t.instance_type, t.line_item_id, t.location, t.location_type, t.operation, t.product, t.rate_code, t.rate_id,
        t.rate_text, t.region, t.resource_id, t.resource_tags, t.service_code, t.sku, t.term, t.unit, t.usage_account_id,
        t.usage_type
    FROM (SELECT * FROM charges WHERE rowid >= ${chunk} * 500000 AND rowid < (${chunk} + 1) * 500000) c
    JOIN (SELECT * FROM texts WHERE code BETWEEN (SELECT min(code) FROM charges WHERE rowid >= ${chunk} * 500000 AND rowid < (${chunk} + 1) * 500000)
          AND (SELECT max(code) FROM charges WHERE rowid >= ${chunk} * 500000 AND rowid < (${chunk} + 1) * 500000)) t ON t.code = c.code
    JOIN hours h ON h.hour = c.hour)
) TO '${out}/cur2-${chunk}.parquet' (FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE 100000);

-- 11. What must agree.
SELECT count(*) AS "Rows", sum(unblended)::VARCHAR AS "Unblended", sum(blended)::VARCHAR AS "Blended", sum(unblended)::VARCHAR AS "List",
    (SELECT count(*) FROM again WHERE duplicate) AS "Duplicate", (SELECT count(*) FROM again WHERE NOT duplicate) AS "Conflict"
FROM charges;
