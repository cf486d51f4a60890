-- by-service.sql: how each service is doing. Most errors first.
--
--     psql -f scripts/postgresql/by-service.sql
select service, count(*) filter (where severity = 'error') as errors,
    count(*) filter (where severity = 'warning') as warnings, count(*) filter (where severity = 'note') as notes,
    count(distinct fingerprint) as places, count(distinct host) as hosts, sum(writes) as writes,
    sum(bytes_lost) as bytes_lost, date_trunc('second', max(first_at)) as last_seen
from socksan.reported
group by service
order by errors desc, warnings desc, service;
