-- schema.sql: what scripts/load-postgresql fills. Made where it is not there yet; it can be run any number of times.
--
-- Every row names its host, since numbers of processes and clocks are the host's own. A service is what --service said
-- or, where it said nothing, the name of the program. What else a line of the report says stands in `record`.

create schema if not exists socksan;

-- One report: one file that was loaded.
create table if not exists socksan.runs (
    host text not null,
    run text not null, -- as --run named it, or a checksum of the file
    service text,
    loaded_at timestamptz not null default now(),
    began_at timestamptz, -- the first of its processes
    errors bigint not null,
    warnings bigint not null,
    notes bigint not null,
    suppressed bigint not null,
    processes bigint not null,
    sockets bigint not null,
    lost_records bigint not null, -- what the audit could not record: where this is not 0, more may have happened
    unaudited_processes bigint not null, -- ran without the audit
    record jsonb not null,
    primary key (host, run)
);

create table if not exists socksan.processes (
    host text not null,
    pid integer not null,
    started_ns bigint not null, -- since the host's boot
    run text not null, -- that told of it first, as below
    service text not null,
    started_at timestamptz,
    exe text not null,
    ended text not null,
    lost_records bigint not null,
    record jsonb not null,
    primary key (host, pid, started_ns)
);

-- Connections: those that incidents are about and, with --sockets, all others.
create table if not exists socksan.sockets (
    host text not null,
    pid integer not null,
    opened_ns bigint not null,
    fd integer not null,
    cookie numeric(20) not null,
    run text not null,
    opened_at timestamptz,
    protocol text not null,
    origin text not null,
    local text not null,
    local_port integer not null,
    peer text not null,
    peer_port integer not null,
    bytes_sent numeric(20) not null,
    bytes_received numeric(20) not null,
    writes numeric(20) not null,
    ended text not null, -- closed, reset or open
    record jsonb not null,
    primary key (host, pid, opened_ns, fd, cookie)
);

-- One incident, which later reports of the same traces tell of again, with what was settled meanwhile.
create table if not exists socksan.incidents (
    host text not null,
    pid integer not null,
    tid integer not null,
    first_ns bigint not null,
    fingerprint text not null, -- the same thing happening again, in another run or on another host, has the same
    run text not null,
    service text not null,
    first_at timestamptz,
    kind text not null,
    knowledge text not null,
    outcome text not null,
    severity text not null,
    title text not null,
    place text, -- the innermost function of known source: `function (file:line)`
    label text,
    peer text, -- the address at the other end; with its port where that one was connected to
    writes numeric(20) not null, -- that the incident counts
    bytes_offered numeric(20) not null,
    bytes_lost numeric(20) not null,
    retransmissions bigint not null,
    suppressed_by text,
    record jsonb not null,
    primary key (host, pid, tid, first_ns, fingerprint)
);

create index if not exists incidents_fingerprint on socksan.incidents (fingerprint, first_at);
create index if not exists incidents_first_at on socksan.incidents (first_at);

-- What the queries count: all but what a rule or a baseline says not to report.
create or replace view socksan.reported as
    select *, array_position(array['error', 'warning', 'note'], severity) as badness
    from socksan.incidents where suppressed_by is null;
