-- by-fingerprint.sql: each place in a program that misbehaves, with all that it did on all hosts. The most frequent
-- first; the severity is the worst that was seen.
--
--     psql -f scripts/postgresql/by-fingerprint.sql
select fingerprint, kind, (array['error', 'warning', 'note'])[min(badness)] as severity, min(place) as place,
    count(*) as incidents, sum(writes) as writes, count(distinct host) as hosts,
    string_agg(distinct service, ', ' order by service) as services,
    date_trunc('second', min(first_at)) as first_seen, date_trunc('second', max(first_at)) as last_seen
from socksan.reported
group by fingerprint, kind
order by incidents desc, fingerprint;
