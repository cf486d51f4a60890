/*
 * unix_pairs.c: see unix_pairs.h.
 */
#include "analyzer/trace/unix_pairs.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "analyzer/base/text.h"
#include "analyzer/trace/process_index.h"
#include "analyzer/trace/trace_set.h"

/* A thread can lose the processor between a call's return and the reading of the clock. */
#define SAME_TIME_NS 2000000

struct unix_end {
	uint64_t key; /* of the listener's name and the connecting process */
	uint64_t cookie;
	uint64_t opened_ns;
	uint64_t when_ns; /* connected, or accepted */
	uint64_t ended_ns; /* shut down or closed by its own side; 0 = never */
	uint64_t peer_closed_ns; /* the other side's end was first seen */
	int64_t clock_offset_ns;
	uint32_t process;
	int32_t tid;
	int32_t peer_pid;
	bool accepted;
	bool answered; /* it received something, so somebody had accepted it */
};

bool unix_pairs_takes(const struct trace_socket *socket, trace_ref *name)
{
	if ((socket->protocol != TRACE_UNIX_STREAM && socket->protocol != TRACE_UNIX_SEQPACKET) || !socket->cookie ||
		socket->peer_pid <= 0)
		return false;
	*name = socket->origin == TRACE_ACCEPT ? socket->local.path : socket->peer.path;
	return *name && (socket->origin == TRACE_ACCEPT || (socket->origin == TRACE_CONNECT && socket->connected_ns));
}

static uint64_t earlier(uint64_t left, uint64_t right)
{
	if (!left || !right)
		return left ? left : right;
	return left < right ? left : right;
}

void unix_pairs_add(struct unix_pairs *pairs, const struct trace_socket *socket, struct text name, uint32_t process,
	const struct process *processes, int64_t clock_offset_ns)
{
	bool accepted = socket->origin == TRACE_ACCEPT;
	int32_t connector = accepted ? socket->peer_pid : processes[process].pid;

	pairs->ends = text_grow(pairs->ends, pairs->end_count, sizeof(*pairs->ends));
	pairs->ends[pairs->end_count++] = (struct unix_end){
		.key = XXH3_64bits_withSeed(name.bytes, name.length, (uint64_t)connector << 8 | socket->protocol),
		.cookie = socket->cookie,
		.opened_ns = socket->opened_ns,
		.when_ns = accepted ? socket->opened_ns : socket->connected_ns,
		.ended_ns = earlier(socket->shutdown_ns, socket->closed_ns),
		.peer_closed_ns = socket->peer_closed_ns,
		.clock_offset_ns = clock_offset_ns,
		.process = process,
		.tid = socket->tid,
		.peer_pid = socket->peer_pid,
		.accepted = accepted,
		.answered = socket->bytes_received != 0,
	};
}

/* Those of one key together, the connected ones first, each kind in the order of time. */
static int compare_ends(const void *a, const void *b)
{
	const struct unix_end *left = a;
	const struct unix_end *right = b;

	if (left->key != right->key)
		return left->key < right->key ? -1 : 1;
	if (left->accepted != right->accepted)
		return left->accepted ? 1 : -1;
	return (left->when_ns > right->when_ns) - (left->when_ns < right->when_ns);
}

static int compare_pairs(const void *a, const void *b)
{
	const struct unix_pair *left = a;
	const struct unix_pair *right = b;

	return (left->cookie > right->cookie) - (left->cookie < right->cookie);
}

/* --- What speaks against a match ---------------------------------------------------------------------------------- */

/* Records that are used again, and sockets that got none, leave gaps in the order. */
static bool is_complete(const struct process *process)
{
	return !process->lost_records && !process->sockets_recycled && process->socket_records >= process->sockets_seen;
}

/* Where an end was seen at one side, there must have been one at the other before. */
static bool explains_end(const struct unix_end *end, const struct unix_end *other, const struct process *others)
{
	if (!end->peer_closed_ns)
		return true;
	if (!other->ended_ns)
		return others->end == PROCESS_EXITED || others->end == PROCESS_KILLED;
	return other->ended_ns <= end->peer_closed_ns;
}

/*
 * The process that listened, as the kernel told the connecting one, accepts, or a child of it, or one that was not
 * audited.
 */
static bool may_accept(const struct process *process, int32_t listener, const struct process_index *by_pid)
{
	return process->pid == listener || process->ppid == listener || !process_index_has(by_pid, listener);
}

static bool fits(const struct unix_end *connected, const struct unix_end *accepted, const struct process *processes,
	const struct process_index *by_pid)
{
	return connected->opened_ns <= accepted->opened_ns &&
	       trace_set_same_boot(connected->clock_offset_ns, accepted->clock_offset_ns) &&
	       may_accept(&processes[accepted->process], connected->peer_pid, by_pid) &&
	       explains_end(connected, accepted, &processes[accepted->process]) &&
	       explains_end(accepted, connected, &processes[connected->process]);
}

/* Whether two that follow each other in the record may have done so the other way round. */
static bool is_same_time(const struct unix_end *first, const struct unix_end *second)
{
	return (first->tid != second->tid || first->process != second->process) &&
	       second->when_ns - first->when_ns < SAME_TIME_NS;
}

/*
 * Whether the pair before this one and this one may be mixed up. One that was accepted before the next was made,
 * cannot.
 */
static bool is_muddled(const struct unix_end *connected, const struct unix_end *accepted)
{
	if (accepted[-1].when_ns <= connected->opened_ns)
		return false;
	return is_same_time(&connected[-1], connected) || is_same_time(&accepted[-1], accepted);
}

/* --- Matching ----------------------------------------------------------------------------------------------------- */

static void add_pair(struct unix_pairs *pairs, uint64_t cookie, uint64_t peer_cookie)
{
	pairs->pairs = text_grow(pairs->pairs, pairs->pair_count, sizeof(*pairs->pairs));
	pairs->pairs[pairs->pair_count++] = (struct unix_pair){.cookie = cookie, .peer_cookie = peer_cookie};
}

/* Matches the connected and the accepted sockets of one name and one connecting process. */
static void match_group(struct unix_pairs *pairs, const struct unix_end *connected, size_t connected_count,
	const struct unix_end *accepted, size_t accepted_count, const struct process *processes,
	const struct process_index *by_pid)
{
	if (accepted_count > connected_count)
		return;
	for (size_t i = 0; i < connected_count + accepted_count; i++)
		if (!is_complete(&processes[connected[i].process]))
			return;
	/* Those that nobody accepted are the last ones; one that was answered was accepted out of our sight. */
	for (size_t i = accepted_count; i < connected_count; i++)
		if (connected[i].answered)
			return;
	for (size_t i = 0; i < accepted_count; i++) {
		/* From the first that does not fit the order is not what it seems. */
		if (!fits(&connected[i], &accepted[i], processes, by_pid))
			return;
		if ((i > 0 && is_muddled(&connected[i], &accepted[i])) ||
			(i + 1 < accepted_count && is_muddled(&connected[i + 1], &accepted[i + 1])) ||
			(i + 1 == accepted_count && i + 1 < connected_count &&
				is_same_time(&connected[i], &connected[i + 1])))
			continue;
		add_pair(pairs, connected[i].cookie, accepted[i].cookie);
		add_pair(pairs, accepted[i].cookie, connected[i].cookie);
	}
}

void unix_pairs_match(struct unix_pairs *pairs, const struct process *processes, const struct process_index *by_pid)
{
	const struct unix_end *ends = pairs->ends;
	size_t count = pairs->end_count;

	if (count)
		qsort(pairs->ends, count, sizeof(*pairs->ends), compare_ends);
	for (size_t start = 0, middle, end; start < count; start = end) {
		for (middle = start; middle < count && ends[middle].key == ends[start].key && !ends[middle].accepted;)
			middle++;
		for (end = middle; end < count && ends[end].key == ends[start].key;)
			end++;
		match_group(pairs, ends + start, middle - start, ends + middle, end - middle, processes, by_pid);
	}
	free(pairs->ends);
	pairs->ends = NULL;
	pairs->end_count = 0;
	if (pairs->pair_count)
		qsort(pairs->pairs, pairs->pair_count, sizeof(*pairs->pairs), compare_pairs);
}

uint64_t unix_pairs_peer(const struct unix_pairs *pairs, uint64_t cookie)
{
	struct unix_pair wanted = {.cookie = cookie};
	const struct unix_pair *found =
		pairs->pair_count ? bsearch(&wanted, pairs->pairs, pairs->pair_count, sizeof(wanted), compare_pairs)
				  : NULL;

	return found ? found->peer_cookie : 0;
}

void unix_pairs_free(struct unix_pairs *pairs)
{
	free(pairs->ends);
	free(pairs->pairs);
	*pairs = (struct unix_pairs){0};
}
