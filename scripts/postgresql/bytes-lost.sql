-- bytes-lost.sql: bytes that a call accepted and nobody ever acknowledged, by day and service. The latest day first.
--
--     psql -f scripts/postgresql/bytes-lost.sql
select (first_at at time zone 'UTC')::date as day, service, sum(bytes_lost) as bytes_lost, count(*) as incidents,
    count(*) filter (where knowledge = 'told') as told, max(bytes_lost) as most_at_once
from socksan.reported
where bytes_lost > 0
group by day, service
order by day desc, bytes_lost desc, service;
