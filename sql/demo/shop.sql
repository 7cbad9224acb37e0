-- name: customer_summary(customer: integer)
-- What one customer has ordered, and how many referrals led to this customer.
-- @timeout 1s
WITH RECURSIVE chain(customer, referrals) AS (
    SELECT :customer, 0
    UNION ALL
    SELECT c.referred_by, chain.referrals + 1
      FROM chain
      JOIN customers AS c ON c.id = chain.customer
     WHERE c.referred_by IS NOT NULL
)
SELECT c.id,
       c.name,
       json_extract(c.profile, '$.city') AS city,
       count(o.id)                       AS orders,
       coalesce(sum(o.quantity * p.price_cents), 0) / 100.0 AS total,
       (SELECT max(referrals) FROM chain) AS referrals
  FROM customers AS c
  LEFT JOIN orders AS o ON o.customer_id = c.id
  LEFT JOIN products AS p ON p.id = o.product_id
 WHERE c.id = :customer
 GROUP BY c.id;

-- name: set_price(product: integer, price_cents: integer)
-- A new price for one product.
-- @mode write
UPDATE products
   SET price_cents = :price_cents
 WHERE id = :product;
