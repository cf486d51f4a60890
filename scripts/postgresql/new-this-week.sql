-- new-this-week.sql: which incidents are new: in each service, those seen in the last seven days for the first time.
-- Worst first.
--
--     psql -f scripts/postgresql/new-this-week.sql
--
-- With -v now="2026-01-31 12:00" the week is the one before that moment.
\if :{?now}
\else
\set now now
\endif
select date_trunc('second', min(first_at)) as first_seen, (array['error', 'warning', 'note'])[min(badness)] as severity,
    kind, service, fingerprint, min(place) as place, count(*) as incidents, sum(bytes_lost) as bytes_lost
from socksan.reported
group by service, fingerprint, kind
having min(first_at) > :'now'::timestamptz - interval '7 days' and min(first_at) <= :'now'::timestamptz
order by min(badness), first_seen, service, fingerprint;
