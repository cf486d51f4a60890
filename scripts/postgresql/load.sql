-- load.sql: one report in JSON Lines, from standard input, into the tables of schema.sql. Run by
-- scripts/load-postgresql, which sets the variables host, run and service (empty: each program's name). What is there
-- already is brought up to date.

\set ON_ERROR_STOP on
set client_min_messages = warning;
create temporary table staging (line jsonb);
-- A line is JSON, in which no control character can stand: each line is one column, as it is.
\copy staging from pstdin with (format csv, quote e'\x01', delimiter e'\x02')

insert into socksan.runs (host, run, service, began_at, errors, warnings, notes, suppressed, processes, sockets,
    lost_records, unaudited_processes, record)
select :'host', :'run', nullif(:'service', ''),
    (select min((line->>'time')::timestamptz) from staging where line->>'type' = 'process'),
    (line->>'error')::bigint, (line->>'warning')::bigint, (line->>'note')::bigint, (line->>'suppressed')::bigint,
    (line->>'processes')::bigint, (line->>'sockets')::bigint, (line->>'lost_records')::bigint,
    (line->>'unaudited_processes')::bigint, line
from staging where line->>'type' = 'summary'
on conflict (host, run) do update set
    service = excluded.service, began_at = excluded.began_at, errors = excluded.errors, warnings = excluded.warnings,
    notes = excluded.notes, suppressed = excluded.suppressed, processes = excluded.processes,
    sockets = excluded.sockets, lost_records = excluded.lost_records,
    unaudited_processes = excluded.unaudited_processes,
    record = excluded.record;

insert into socksan.processes (host, pid, started_ns, run, service, started_at, exe, ended, lost_records, record)
select distinct on ((line->>'pid')::integer, (line->>'started_ns')::bigint)
    :'host', (line->>'pid')::integer, (line->>'started_ns')::bigint, :'run',
    coalesce(nullif(:'service', ''), regexp_replace(line->>'exe', '^.*/', '')),
    (line->>'time')::timestamptz, line->>'exe', line->>'ended', (line->>'lost_records')::bigint, line
from staging where line->>'type' = 'process'
on conflict (host, pid, started_ns) do update set
    service = excluded.service, exe = excluded.exe, ended = excluded.ended, lost_records = excluded.lost_records,
    record = excluded.record;

insert into socksan.sockets (host, pid, opened_ns, fd, cookie, run, opened_at, protocol, origin, local, local_port,
    peer, peer_port, bytes_sent, bytes_received, writes, ended, record)
select distinct on (pid, opened_ns, fd, cookie)
    :'host', pid, opened_ns, fd, cookie, :'run',
    (line->>'time')::timestamptz, line->>'protocol', line->>'origin', line->>'local', (line->>'local_port')::integer,
    line->>'peer', (line->>'peer_port')::integer, (line->>'bytes_sent')::numeric, (line->>'bytes_received')::numeric,
    (line->>'writes')::numeric, line->>'end', line
from staging
cross join lateral (
    select (line->>'pid')::integer as pid, (line->>'opened_ns')::bigint as opened_ns, (line->>'fd')::integer as fd,
        (line->>'cookie')::numeric as cookie) as key
where line->>'type' = 'socket'
on conflict (host, pid, opened_ns, fd, cookie) do update set
    bytes_sent = excluded.bytes_sent, bytes_received = excluded.bytes_received, writes = excluded.writes,
    ended = excluded.ended, record = excluded.record;

-- Sockets are named by an id within the report; whose port says something depends on who connected.
create temporary table ends as
select line->>'id' as id,
    case when line->>'protocol' like 'unix%' then nullif(line->>'peer', '')
        when line->>'peer' = '' then null
        when line->>'origin' = 'accept' then line->>'peer'
        when line->>'peer' like '%:%' then format('[%s]:%s', line->>'peer', line->>'peer_port')
        else format('%s:%s', line->>'peer', line->>'peer_port') end as peer
from staging where line->>'type' = 'socket';

insert into socksan.incidents (host, pid, tid, first_ns, fingerprint, run, service, first_at, kind, knowledge, outcome,
    severity, title, place, label, peer, writes, bytes_offered, bytes_lost, retransmissions, suppressed_by, record)
select distinct on (pid, tid, first_ns, fingerprint)
    :'host', pid, tid, first_ns, fingerprint, :'run',
    coalesce(nullif(:'service', ''), process.program, 'unknown'),
    (line->>'time')::timestamptz, line->>'kind', line->>'knowledge', line->>'outcome', line->>'severity',
    line->>'title', place.words, nullif(line->>'label', ''), ends.peer, (line->>'count')::numeric,
    (line->>'bytes_offered')::numeric, (line->>'bytes_lost')::numeric, coalesce((line->>'retransmissions')::bigint, 0),
    line->>'suppressed_by', line
from staging
cross join lateral (
    select (line->>'pid')::integer as pid, (line->>'tid')::integer as tid, (line->>'first_ns')::bigint as first_ns,
        line->>'fingerprint' as fingerprint) as key
-- A number may have been several images, one after the other.
left join lateral (
    select regexp_replace(exe, '^.*/', '') as program from socksan.processes
    where host = :'host' and processes.pid = key.pid and started_ns <= key.first_ns
    order by started_ns desc limit 1) as process on true
left join lateral (
    select format('%s (%s:%s)', frame->>'function', regexp_replace(frame->>'file', '^.*/', ''), frame->>'line') as words
    from jsonb_array_elements(line->'stacks'->'write') with ordinality as frames (frame, depth)
    where frame->>'file' <> '' order by depth limit 1) as place on true
left join ends on ends.id = line->>'socket'
where line->>'type' = 'incident'
on conflict (host, pid, tid, first_ns, fingerprint) do update set
    service = excluded.service, outcome = excluded.outcome, severity = excluded.severity, title = excluded.title,
    place = excluded.place, peer = coalesce(excluded.peer, incidents.peer), writes = excluded.writes,
    bytes_offered = excluded.bytes_offered, bytes_lost = excluded.bytes_lost,
    retransmissions = excluded.retransmissions, suppressed_by = excluded.suppressed_by, record = excluded.record;
