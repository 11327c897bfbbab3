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
CREATE TEMP TABLE prices AS
SELECT row_number() OVER (ORDER BY SKU, StartingRange::BIGINT) - 1 AS price, SKU AS sku, serviceCode AS service_code,
    usageType AS usage_type, operation, "Region Code" AS region, Unit AS unit, TermType AS term, RateCode AS rate_code,
    PriceDescription AS description, PricePerUnit::DECIMAL(18, 10) AS rate, Location AS location, "Location Type" AS location_type,
    "Instance Type" AS instance_type, "Storage Class" AS storage_class,
    StartingRange::DECIMAL(18, 6) AS tier_begin,
    CASE WHEN EndingRange = 'Inf' THEN '999999999999' ELSE EndingRange END::DECIMAL(18, 6) AS tier_end,
    count(*) OVER (PARTITION BY SKU) > 1 AS tiered
FROM read_csv('${dir}/prices.csv', all_varchar = true, header = true);

-- 2. Dictionary of everything that a record says beside id, hour and amount,
-- numbered in the order of the report, with its price.
CREATE TEMP TABLE dims AS
SELECT d.*, a.account_name, p.price, p.sku, p.tiered, p.rate,
    map_from_entries(list_transform(map_entries(tags), lambda e: {'key': 'user_' || replace(e.key, '-', '_'), 'value': e.value})) AS resource_tags
FROM (SELECT *, row_number() OVER (ORDER BY usage_account_id, service_code, usage_type, operation, resource_id, region_code, availability_zone, tags, unit) - 1 AS dim,
          dense_rank() OVER (ORDER BY usage_account_id, service_code, usage_type, operation, resource_id) AS head
      FROM (SELECT DISTINCT source, usage_account_id, service_code, usage_type, operation, resource_id, region_code, availability_zone, unit, tags
            FROM read_parquet('${dir}/usage-${format}/*.parquet'))) d
LEFT JOIN read_csv('${dir}/accounts.csv', all_varchar = true, header = true) a ON a.account_id = d.usage_account_id
LEFT JOIN prices p ON p.service_code = d.service_code AND p.usage_type = d.usage_type AND p.operation = d.operation
    AND p.region = d.region_code AND p.unit = d.unit AND p.tier_begin = 0;

-- 3. The usage, reduced to numbers.
CREATE TEMP TABLE usage AS
SELECT hash(u.source, u.record_id) AS id, u.file_index * 4294967296 + u.file_row_number AS place, d.dim,
    epoch_ms(u.usage_start) // 3600000 AS hour, u.usage_amount AS amount
FROM read_parquet('${dir}/usage-${format}/*.parquet', file_row_number = true) u
JOIN dims d USING (source, usage_account_id, service_code, usage_type, operation, resource_id, region_code, availability_zone, unit, tags);

-- 4. Ids that came more than once: candidates by hash, then by the id itself.
-- The first record stays; a later one is a duplicate when all of it is the same.
CREATE TEMP TABLE again AS
SELECT place, content = first_content AS duplicate FROM (
    SELECT place, row_number() OVER w AS nth, content, first_value(content) OVER w AS first_content FROM (
        SELECT source, record_id, file_index * 4294967296 + file_row_number AS place,
            (usage_account_id, service_code, usage_type, operation, resource_id, region_code, availability_zone, unit, tags, usage_start, usage_end, usage_amount) AS content
        FROM read_parquet('${dir}/usage-${format}/*.parquet', file_row_number = true)
        WHERE hash(source, record_id) IN (SELECT id FROM usage GROUP BY id HAVING count(*) > 1))
    WINDOW w AS (PARTITION BY source, record_id ORDER BY place))
WHERE nth > 1;

-- 5. Usage summed by line.
CREATE TEMP TABLE lines AS
SELECT dim, hour, sum(amount)::DECIMAL(18, 6) AS amount FROM usage
WHERE place NOT IN (SELECT place FROM again) GROUP BY dim, hour;

DROP TABLE usage;

-- 6. Tiers count over the organization, hour by hour and in the order of the
-- report inside an hour; the line that crosses a bound is split.
CREATE TEMP TABLE portions AS
SELECT l.dim, l.hour, p.price, least(l.upto, p.tier_end) - greatest(l.upto - l.amount, p.tier_begin) AS amount
FROM (SELECT l.dim, l.hour, l.amount, d.sku, sum(l.amount) OVER (PARTITION BY d.sku ORDER BY l.hour, l.dim)::DECIMAL(18, 6) AS upto
      FROM lines l JOIN dims d USING (dim) WHERE d.tiered) l
JOIN prices p ON p.sku = l.sku AND l.upto > p.tier_begin AND l.upto - l.amount < p.tier_end;

-- 7. The average rate of a tiered SKU: the cost of its hourly sums over its usage.
-- Division of decimals is a double in DuckDB, so it is done in whole numbers.
CREATE TEMP TABLE blended AS
WITH hourly AS (
    SELECT d.sku, p.hour, p.price, sum(p.amount)::DECIMAL(18, 6) AS amount FROM portions p JOIN dims d USING (dim) GROUP BY ALL),
sums AS (
    SELECT sku, sum(round(p.rate * h.amount, 10))::DECIMAL(38, 10) AS cost, sum(h.amount)::DECIMAL(38, 6) AS amount
    FROM hourly h JOIN prices p USING (sku, price) GROUP BY sku),
whole AS (
    SELECT sku, (cost * 10000000000)::DECIMAL(38, 0)::HUGEINT * 1000000 AS n, (amount * 1000000)::DECIMAL(38, 0)::HUGEINT AS d FROM sums)
SELECT sku, ((2 * n + d) // (2 * d))::DECIMAL(18, 0) AS words FROM whole;

CREATE TEMP TABLE rates AS
SELECT p.*, coalesce((b.words * 0.0000000001)::DECIMAL(18, 10), p.rate) AS blended_rate
FROM prices p LEFT JOIN blended b USING (sku);

-- 8. Charges, in the order of the report.
CREATE TEMP TABLE charges AS
SELECT c.dim, c.hour, c.price, c.amount, round(r.rate * c.amount, 10)::DECIMAL(18, 10) AS unblended,
    round(r.blended_rate * c.amount, 10)::DECIMAL(18, 10) AS blended
FROM (SELECT l.dim, d.head, l.hour, d.price, l.amount FROM lines l JOIN dims d USING (dim) WHERE NOT d.tiered
      UNION ALL SELECT o.dim, d.head, o.hour, o.price, o.amount FROM portions o JOIN dims d USING (dim)) c
JOIN rates r USING (price)
ORDER BY c.head, c.hour, c.dim, c.price;

-- 9. What is the same for many rows is made once.
CREATE TEMP TABLE ids AS
SELECT dim, price, substr(sha256(concat_ws('|', d.usage_account_id, d.service_code, d.usage_type, d.operation, d.resource_id, d.region_code,
    d.availability_zone, d.unit, d.tags::VARCHAR, p.rate_code)), 1, 52) AS line_item_id
FROM (SELECT DISTINCT dim, price FROM charges) c JOIN dims d USING (dim) JOIN prices p USING (price);

CREATE TEMP TABLE hours AS
SELECT hour, make_timestamp(hour * 3600000000)::TIMESTAMP_MS AS usage_start, make_timestamp((hour + 1) * 3600000000)::TIMESTAMP_MS AS usage_end,
    strftime(make_timestamp(hour * 3600000000), '%Y-%m-%dT%H:%M:%SZ') || '/' || strftime(make_timestamp((hour + 1) * 3600000000), '%Y-%m-%dT%H:%M:%SZ') AS time_interval
FROM (SELECT DISTINCT hour FROM charges);

CREATE TEMP TABLE texts AS
SELECT price, sku, description, term, unit, region, location, location_type, instance_type, rate_code, rate::VARCHAR AS rate_text,
    blended_rate::VARCHAR AS blended_rate_text, (('0x' || substr(sha256(rate_code), 1, 15))::UBIGINT)::VARCHAR AS rate_id,
    MAP {'storage_class': storage_class} AS product
FROM rates;

-- 10. The report: 131 columns.
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
    i.line_item_id AS identity_line_item_id,
    h.time_interval AS identity_time_interval,
    d.availability_zone AS line_item_availability_zone,
    c.blended::DOUBLE AS line_item_blended_cost,
    p.blended_rate_text AS line_item_blended_rate,
    'USD' AS line_item_currency_code,
    NULL::VARCHAR AS line_item_iam_principal,
    'Bench Cloud Inc.' AS line_item_legal_entity,
    p.description AS line_item_line_item_description,
    'Usage' AS line_item_line_item_type,
    NULL::DOUBLE AS line_item_net_unblended_cost,
    NULL::VARCHAR AS line_item_net_unblended_rate,
    NULL::DOUBLE AS line_item_normalization_factor,
    NULL::DOUBLE AS line_item_normalized_usage_amount,
    d.operation AS line_item_operation,
    d.service_code AS line_item_product_code,
    d.resource_id AS line_item_resource_id,
    NULL::VARCHAR AS line_item_tax_type,
    c.unblended::DOUBLE AS line_item_unblended_cost,
    p.rate_text AS line_item_unblended_rate,
    d.usage_account_id AS line_item_usage_account_id,
    d.account_name AS line_item_usage_account_name,
    c.amount::DOUBLE AS line_item_usage_amount,
    h.usage_end AS line_item_usage_end_date,
    h.usage_start AS line_item_usage_start_date,
    d.usage_type AS line_item_usage_type,
    NULL::VARCHAR AS line_item_user_identifier,
    'USD' AS pricing_currency,
    NULL::VARCHAR AS pricing_lease_contract_length,
    NULL::VARCHAR AS pricing_offering_class,
    c.unblended::DOUBLE AS pricing_public_on_demand_cost,
    p.rate_text AS pricing_public_on_demand_rate,
    NULL::VARCHAR AS pricing_purchase_option,
    p.rate_code AS pricing_rate_code,
    p.rate_id AS pricing_rate_id,
    p.term AS pricing_term,
    p.unit AS pricing_unit,
    p.product AS product,
    NULL::VARCHAR AS product_comment,
    NULL::VARCHAR AS product_fee_code,
    NULL::VARCHAR AS product_fee_description,
    NULL::VARCHAR AS product_from_location,
    NULL::VARCHAR AS product_from_location_type,
    NULL::VARCHAR AS product_from_region_code,
    NULL::VARCHAR AS product_instance_family,
    p.instance_type AS product_instance_type,
    NULL::VARCHAR AS product_instancesku,
    p.location AS product_location,
    p.location_type AS product_location_type,
    NULL::VARCHAR AS product_operation,
    NULL::VARCHAR AS product_pricing_unit,
    NULL::VARCHAR AS product_product_family,
    p.region AS product_region_code,
    NULL::VARCHAR AS product_servicecode,
    p.sku AS product_sku,
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
    d.resource_tags AS resource_tags,
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
FROM charges c JOIN dims d USING (dim) JOIN hours h USING (hour) JOIN texts p USING (price) JOIN ids i USING (dim, price)
) TO '${out}/cur2.parquet' (FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE 100000);

-- 11. What must agree.
SELECT count(*) AS "Rows", sum(unblended)::VARCHAR AS "Unblended", sum(blended)::VARCHAR AS "Blended", sum(unblended)::VARCHAR AS "List",
    (SELECT count(*) FROM again WHERE duplicate) AS "Duplicate", (SELECT count(*) FROM again WHERE NOT duplicate) AS "Conflict"
FROM charges;
