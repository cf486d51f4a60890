/* kinds.c: how severe each kind of incident is, and that it has all its words. */
#include <criterion/criterion.h>
#include <errno.h>

#include "analyzer/wording/kinds.h"

static enum severity severity(
	enum trace_kind kind, enum trace_knowledge knowledge, enum trace_outcome outcome, uint32_t flags, int error)
{
	struct incident incident = {
		.kind = kind, .knowledge = knowledge, .outcome = outcome, .flags = flags, .error = error};

	return kinds_severity(&incident);
}

Test(kinds, severities)
{
	cr_assert_eq(severity(TRACE_WRITE_AFTER_PEER_CLOSE, TRACE_TOLD, TRACE_LOST, 0, 0), SEVERITY_ERROR);
	cr_assert_eq(severity(TRACE_WRITE_AFTER_PEER_CLOSE, TRACE_TOLD, TRACE_REJECTED, 0, EPIPE), SEVERITY_ERROR);
	cr_assert_eq(severity(TRACE_WRITE_AFTER_PEER_CLOSE, TRACE_TOLD, TRACE_DELIVERED, 0, 0), SEVERITY_NOTE);
	cr_assert_eq(severity(TRACE_WRITE_AFTER_PEER_CLOSE, TRACE_TOLD, TRACE_UNCONFIRMED, 0, 0), SEVERITY_WARNING);
	cr_assert_eq(severity(TRACE_WRITE_AFTER_PEER_CLOSE, TRACE_KERNEL, TRACE_LOST, 0, 0), SEVERITY_WARNING);
	cr_assert_eq(severity(TRACE_WRITE_AFTER_PEER_CLOSE, TRACE_TOLD, TRACE_LOST, TRACE_INCIDENT_FAREWELL, 0),
		SEVERITY_NOTE);
	cr_assert_eq(severity(TRACE_WRITE_AFTER_RESET, TRACE_TOLD, TRACE_REJECTED, 0, EPIPE), SEVERITY_ERROR);
	cr_assert_eq(severity(TRACE_WRITE_AFTER_RESET, TRACE_KERNEL, TRACE_REJECTED, 0, ECONNRESET), SEVERITY_WARNING);
	cr_assert_eq(severity(TRACE_WRITE_AFTER_RESET, TRACE_TOLD, TRACE_REJECTED, TRACE_INCIDENT_ICMP, ECONNREFUSED),
		SEVERITY_NOTE);
	cr_assert_eq(severity(TRACE_WRITE_AFTER_SHUTDOWN, TRACE_TOLD, TRACE_REJECTED, 0, EPIPE), SEVERITY_ERROR);
	cr_assert_eq(severity(TRACE_WRITE_AFTER_CLOSE, TRACE_TOLD, TRACE_REJECTED, 0, EBADF), SEVERITY_ERROR);
	cr_assert_eq(severity(TRACE_WRITE_BEFORE_CONNECT, TRACE_TOLD, TRACE_REJECTED, 0, EPIPE), SEVERITY_ERROR);
	cr_assert_eq(
		severity(TRACE_WRITE_BEFORE_CONNECT, TRACE_TOLD, TRACE_REJECTED, TRACE_INCIDENT_CONNECTING, EAGAIN),
		SEVERITY_NOTE);
	cr_assert_eq(severity(TRACE_WRITE_TO_SILENT_PEER, TRACE_KERNEL, TRACE_UNCONFIRMED, 0, 0), SEVERITY_WARNING);
	cr_assert_eq(severity(99, TRACE_TOLD, TRACE_LOST, 0, 0), SEVERITY_WARNING);
}

Test(kinds, silence_that_ended_well_is_a_note)
{
	cr_assert_eq(severity(TRACE_WRITE_TO_SILENT_PEER, TRACE_KERNEL, TRACE_DELIVERED, TRACE_INCIDENT_HEALED, 0),
		SEVERITY_NOTE);
	cr_assert_eq(severity(TRACE_WRITE_TO_SILENT_PEER, TRACE_KERNEL, TRACE_LOST, 0, 0), SEVERITY_WARNING);
	cr_assert_eq(severity(TRACE_WRITE_TO_SILENT_PEER, TRACE_NOBODY, TRACE_LOST, 0, ETIMEDOUT), SEVERITY_WARNING);
	/* It came back for a while, and later bytes were lost after all. */
	cr_assert_eq(severity(TRACE_WRITE_TO_SILENT_PEER, TRACE_KERNEL, TRACE_LOST, TRACE_INCIDENT_HEALED, 0),
		SEVERITY_WARNING);
}

Test(kinds, a_close_that_loses_bytes_is_an_error_for_who_was_told)
{
	struct incident incident = {.kind = TRACE_LOST_ON_CLOSE, .knowledge = TRACE_TOLD, .outcome = TRACE_LOST};

	cr_assert_eq(kinds_severity(&incident), SEVERITY_WARNING);
	incident.told_by_call = true;
	cr_assert_eq(kinds_severity(&incident), SEVERITY_ERROR);
}

Test(kinds, a_goodbye_is_a_note_unless_it_kills)
{
	struct incident incident = {.kind = TRACE_WRITE_AFTER_RESET,
		.knowledge = TRACE_TOLD,
		.outcome = TRACE_REJECTED,
		.flags = TRACE_INCIDENT_FAREWELL};

	cr_assert_eq(kinds_severity(&incident), SEVERITY_NOTE);
	incident.sigpipe = TRACE_SIGPIPE_RAISED;
	cr_assert_eq(kinds_severity(&incident), SEVERITY_NOTE);
	incident.sigpipe = TRACE_SIGPIPE_FATAL;
	cr_assert_eq(kinds_severity(&incident), SEVERITY_ERROR);
	incident.sigpipe = TRACE_SIGPIPE_NONE;
	incident.kind = TRACE_WRITE_AFTER_CLOSE; /* whatever it was, it went to a number that was closed */
	cr_assert_eq(kinds_severity(&incident), SEVERITY_ERROR);
}

Test(kinds, every_kind_has_all_its_words)
{
	size_t count;
	const struct kind *kinds = kinds_all(&count);

	cr_assert_eq(count, TRACE_KINDS_END - 1);
	for (size_t i = 0; i < count; i++) {
		const struct kind_text *text = kinds[i].text;

		cr_assert(text->summary && text->event && text->past_event && text->meaning && text->causes &&
			  text->fix && text->usually);
		cr_assert_eq(kinds_find(kinds[i].id), &kinds[i]);
		cr_assert_eq(kinds_get((unsigned)i + 1), &kinds[i]);
	}
	cr_assert_null(kinds_find("no-such-kind"));
}
