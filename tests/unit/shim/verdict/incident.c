/* incident.c: incidents announced, with the flight recorder; found out afterwards, and told by others. */
#include "tests/unit/shim/verdict/incident_fixture.h"

TestSuite(incident, .init = set_up, .fini = fixture_end);

/* ---- announced ---- */

Test(incident, an_announcement_is_in_the_file_before_the_call)
{
	struct incident_call call = a_call(12);
	struct trace_incident *incident;
	bool fresh = false;

	connection->record->peer_closed_ns = 500;
	connection->record->told_ns = 600;
	strcpy(connection->record->told_call, "epoll_wait");
	call.before = (struct trace_probe){.revents = 0x2004, .tcp_state = TCP_CLOSE_WAIT, .unsent_bytes = 3};
	call.verdict.flags = TRACE_INCIDENT_FAREWELL;
	call.may_kill = true;
	incident = incident_announce(&call, &fresh);
	cr_assert_not_null(incident);
	cr_expect(fresh);
	cr_expect(incidents(TRACE_COMMITTED) == 1);
	cr_expect(incident->flags == (TRACE_INCIDENT_IN_CALL | TRACE_INCIDENT_FAREWELL));
	cr_expect(incident->sigpipe == TRACE_SIGPIPE_FATAL);
	cr_expect(incident->kind == TRACE_WRITE_AFTER_PEER_CLOSE && incident->knowledge == TRACE_KERNEL);
	cr_expect(incident->outcome == TRACE_UNCONFIRMED && incident->count == 1 && incident->bytes_offered == 12);
	cr_expect(incident->process == trace_log_ref(trace_log_process()));
	cr_expect(incident->socket == trace_log_ref(connection->record) && incident->id == trace_log_ref(incident));
	cr_expect(incident->fd == 7 && incident->tid == getpid());
	cr_expect_str_eq(incident->call, "send");
	cr_expect(incident->first_ns == call.t_ns && incident->last_ns == call.t_ns);
	cr_expect(incident->disconnect_ns == 500 && incident->told_ns == 600);
	cr_expect_str_eq(incident->told_call, "epoll_wait");
	cr_expect(incident->before.revents == 0x2004 && incident->before.unsent_bytes == 3);
	cr_expect(connection->record->flags & TRACE_SOCKET_HAS_INCIDENT, "its socket's record is not used again");
}

Test(incident, the_end_is_told_of_as_its_kind_knows_it)
{
	static const struct {
		uint64_t disconnect_ns;
		trace_ref stack;
		uint8_t kind;
	} ends[] = {{1, 0, TRACE_WRITE_AFTER_PEER_CLOSE}, {2, 0, TRACE_WRITE_AFTER_RESET},
		{3, 30, TRACE_WRITE_AFTER_SHUTDOWN}, {4, 40, TRACE_WRITE_AFTER_CLOSE},
		{4, 40, TRACE_WRITE_TO_REUSED_FD}, {4, 40, TRACE_DOUBLE_CLOSE}, {0, 0, TRACE_WRITE_BEFORE_CONNECT}};
	struct trace_socket *record = connection->record;

	record->peer_closed_ns = 1;
	record->reset_ns = 2;
	record->shutdown_ns = 3;
	record->closed_ns = 4;
	record->stack_shutdown = 30;
	record->stack_closed = 40;
	for (size_t i = 0; i < COUNT_OF(ends); i++) {
		struct incident_call call = a_call(1);
		struct trace_incident *incident;
		bool fresh;

		call.verdict.kind = ends[i].kind;
		incident = incident_announce(&call, &fresh);
		cr_expect(fresh && incident->disconnect_ns == ends[i].disconnect_ns, "kind %d", ends[i].kind);
		cr_expect(incident->stack_closed == ends[i].stack, "kind %d", ends[i].kind);
	}
}

Test(incident, without_a_socket)
{
	struct incident_call call = a_call(5);
	struct trace_incident *incident, *again;
	bool fresh;

	call.socket = NULL;
	call.record = NULL;
	call.verdict.kind = TRACE_WRITE_AFTER_CLOSE;
	incident = incident_announce(&call, &fresh);
	incident_reject(incident, EBADF, TRACE_SIGPIPE_NONE);
	cr_expect(fresh && incident->socket == 0 && incident->disconnect_ns == 0 && incident->history_count == 1);
	again = incident_announce(&call, &fresh);
	cr_expect(again == incident && !fresh);
}

Test(incident, without_a_trace_it_is_a_loss)
{
	struct incident_call call = a_call(5);
	struct probe_tcp tcp = account(1, 0, TCP_CLOSE_WAIT);
	struct trace_incident *incident;
	bool fresh;

	while (trace_log_text(TRACE_TEXT_NOTE, "fills the log", 13))
		;
	cr_assert(trace_log_fill() >= 255);
	uint64_t lost = trace_log_process()->lost[TRACE_LOST_LOG_FULL];

	incident = incident_announce(&call, &fresh);
	cr_expect_null(incident);
	cr_expect(trace_log_process()->lost[TRACE_LOST_LOG_FULL] > lost);
	incident_accept(incident, &call, 5, &tcp);
	incident_reject(incident, EPIPE, TRACE_SIGPIPE_NONE);
	incident_withdraw(incident, &call);
}

Test(incident, the_label_of_the_thread)
{
	struct incident_call call = a_call(1);
	trace_ref label = trace_log_text(TRACE_TEXT_LABEL, "test_x", 6);
	bool fresh;

	thread_state.label = label;
	thread_state.label_generation = process_generation();
	cr_expect(incident_announce(&call, &fresh)->label == label);
	thread_state.label_generation++;
	call.fd++;
	cr_expect(incident_announce(&call, &fresh)->label == 0, "a label of another process");
}

/* ---- the flight recorder ---- */

Test(incident, the_last_operations_come_with_it)
{
	struct trace_incident *incident;

	for (uint32_t i = 0; i < 40; i++)
		socket_remember(
			connection, i % 2 ? "recv" : "write", 100 + i, 1000 + i, i % 2 ? -EAGAIN : (long)i, !(i % 2));
	incident = write_rejected(EPIPE, TRACE_SIGPIPE_RAISED);
	cr_assert(incident->history_count == TRACE_HISTORY);
	for (uint32_t i = 0; i < TRACE_HISTORY - 1; i++) {
		uint32_t number = 40 - (TRACE_HISTORY - 1) + i;
		const struct trace_operation *operation = &incident->history[i];

		cr_expect(operation->t_ns == 100 + number && operation->length == 1000 + number, "%u: oldest first", i);
		cr_expect(operation->result == (number % 2 ? -EAGAIN : (int32_t)number));
		cr_expect_str_eq(operation->call, number % 2 ? "recv" : "write");
	}
	cr_expect(incident->history[TRACE_HISTORY - 1].t_ns == incident->first_ns, "this write is the last");
	cr_expect(incident->history[TRACE_HISTORY - 1].length == 10);
	cr_expect(incident->history[TRACE_HISTORY - 1].result == -EPIPE);
	cr_expect_str_eq(incident->history[TRACE_HISTORY - 1].call, "send");
}

Test(incident, a_handler_made_it_in_the_midst_of_an_earlier_call)
{
	struct incident_call calls[2] = {a_call(10), a_call(10)};
	struct trace_incident *incident = NULL;
	bool fresh;

	for (int i = 1; i >= 0; i--) /* from one place in the code, so that they are one incident */
		incident = incident_announce(&calls[i], &fresh);
	cr_assert(incident && !fresh && incident->count == 2);
	cr_expect(incident->first_ns == calls[0].t_ns && incident->last_ns == calls[1].t_ns);
}

Test(incident, a_short_history)
{
	const struct trace_incident *incident;

	socket_remember(connection, "connect", 1, 0, 0, false);
	incident = write_accepted(30, account(31, 0, TCP_CLOSE_WAIT));
	cr_expect(incident->history_count == 2);
	cr_expect_str_eq(incident->history[0].call, "connect");
	cr_expect(incident->history[1].result == 30);
}

Test(incident, names_of_calls_are_cut)
{
	struct incident_call call = a_call(1);
	struct trace_incident *incident, *again;
	bool fresh;

	call.call = "a_call_with_a_long_name";
	incident = incident_announce(&call, &fresh);
	cr_expect_str_eq(incident->call, "a_call_with_a_l");
	again = incident_announce(&call, &fresh);
	cr_expect(again == incident && !fresh);
}

/* ---- found out afterwards, and told by others ---- */

Test(incident, bytes_found_to_be_lost)
{
	struct incident_call call = a_call(0);
	struct probe_tcp tcp = account(101, 60, TCP_CLOSE);
	struct fixture_trace trace;
	const struct trace_record *record;
	const struct trace_incident *incident = NULL;

	socket_remember(connection, "write", 1, 100, 100, true);
	socket_remember(connection, "recv", 2, 100, 50, false);
	socket_remember(connection, "send", 3, 40, 40, true);
	socket_remember(connection, "send", 4, 20, -EAGAIN, true);
	socket_remember(connection, "sendmsg", 5, 20, 20, true);
	call.verdict = (struct verdict){.kind = TRACE_WRITE_AFTER_RESET, .knowledge = TRACE_NOBODY};
	incident_found_lost(&call, 60, &tcp, ETIMEDOUT);
	trace = fixture_open_trace(own_trace());
	while ((record = fixture_next(&trace)))
		if (record->type == TRACE_INCIDENT)
			incident = (const void *)record;
	cr_assert_not_null(incident);
	cr_expect(incident->outcome == TRACE_LOST && incident->bytes_lost == 60 && incident->bytes_accepted == 60);
	cr_expect(incident->count == 2 && incident->first_ns == 3 && incident->last_ns == 5);
	cr_expect_str_eq(incident->call, "sendmsg");
	cr_expect(incident->error == ETIMEDOUT && incident->knowledge == TRACE_NOBODY);
	cr_expect(connection->lost_reported == 60);
}

/* 65,538 is what SIOCOUTQ says of a connection without any that connect(AF_UNSPEC) has dissolved. */
Test(incident, no_more_is_lost_than_was_accepted)
{
	struct incident_call call = a_call(0);
	struct probe_tcp tcp = account(0, 65538, TCP_CLOSE);

	connection->record->bytes_sent = 0;
	call.verdict = (struct verdict){.kind = TRACE_WRITE_AFTER_RESET, .knowledge = TRACE_NOBODY};
	incident_found_lost(&call, 65538, &tcp, 0);
	cr_expect(incidents(TRACE_COMMITTED) == 0 && connection->lost_reported == 0);
	cr_expect(connection->state & SOCKET_LOSS_OPEN);
	connection->record->bytes_sent = 100;
	incident_found_lost(&call, 65538, &tcp, 0);
	cr_expect(incidents(TRACE_COMMITTED) == 1 && connection->lost_reported == 100);
	incident_found_lost(&call, 65538, &tcp, 0);
	cr_expect(incidents(TRACE_COMMITTED) == 1 && connection->lost_reported == 100);
}

Test(incident, dropped_by_a_runtime)
{
	struct incident_drop drop = {.fd = -1,
		.socket = connection->record,
		.bytes = 10,
		.told = true,
		.note = "own close",
		.note_length = 9,
		.stack = "  File \"app.py\", line 12 in keep_alive\n",
		.stack_length = 38,
		.t_ns = 5};
	const struct trace_incident *incident = NULL;

	connection->record->closed_ns = 3;
	for (int i = 0; i < 3; i++)
		incident = incident_dropped(&drop);
	drop.stack = "  File \"app.py\", line 13 in keep_alive\n";
	cr_expect(incident_dropped(&drop) != incident);
	drop.told = false;
	cr_expect(incident_dropped(&drop) != incident);
	cr_expect(incidents(TRACE_COMMITTED) == 3);
	cr_expect(
		incident->count == 3 && incident->bytes_offered == 30 && incident->kind == TRACE_DROPPED_BY_FRAMEWORK);
	cr_expect(incident->knowledge == TRACE_TOLD && incident->outcome == TRACE_REJECTED);
	cr_expect(incident->socket == trace_log_ref(connection->record));
	cr_expect(connection->record->flags & TRACE_SOCKET_HAS_INCIDENT);
	cr_expect(!memcmp(((struct trace_text *)trace_log_at(incident->text))->text, "own close", 9));
	cr_expect_not(incident->flags & TRACE_INCIDENT_IN_CALL);
	drop.socket = NULL;
	cr_expect(incident_dropped(&drop)->socket == 0);
}
