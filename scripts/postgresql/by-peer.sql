-- by-peer.sql: whose connections the incidents were about: a server with its port, a client by its address alone.
--
--     psql -f scripts/postgresql/by-peer.sql
select coalesce(peer, 'unknown') as peer, count(*) as incidents, count(*) filter (where severity = 'error') as errors,
    string_agg(distinct service, ', ' order by service) as services, sum(writes) as writes,
    sum(bytes_lost) as bytes_lost, date_trunc('second', max(first_at)) as last_seen
from socksan.reported
group by coalesce(peer, 'unknown')
order by incidents desc, peer;
