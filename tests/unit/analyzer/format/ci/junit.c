/* junit.c: JUnit XML. */
#include <criterion/criterion.h>
#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <string.h>

#include "tests/unit/format_fixture.h"

static struct format_fixture fixture;
static xmlDocPtr document;

static void set_up(void)
{
	format_set_up(&fixture);
}

static void tear_down(void)
{
	xmlFreeDoc(document);
	format_tear_down(&fixture);
}

TestSuite(render_junit, .init = set_up, .fini = tear_down);

Test(render_junit, is_as_it_was_found_good)
{
	format_expect_golden(&fixture, "junit", "everything.junit.xml");
}

static void make_report(const struct run_facts *facts)
{
	format_report(&fixture, "junit", facts);
	document = xmlReadMemory(fixture.report, (int)strlen(fixture.report), "report.xml", NULL, XML_PARSE_NONET);
	cr_assert_not_null(document, "%s", fixture.report);
}

/* The number, or the truth, of an XPath expression. */
static double value(const char *expression)
{
	xmlXPathContextPtr context = xmlXPathNewContext(document);
	xmlXPathObjectPtr result = xmlXPathEvalExpression((const xmlChar *)expression, context);
	double number;

	cr_assert_not_null(result, "%s", expression);
	number = xmlXPathCastToNumber(result);
	xmlXPathFreeObject(result);
	xmlXPathFreeContext(context);
	return number;
}

static void expect(const char *expression)
{
	cr_assert(value(expression) == 1, "not so: %s\n%s", expression, fixture.report);
}

static struct trace_incident *add_incident(trace_ref process, enum trace_kind kind)
{
	trace_ref socket = builder_socket(&fixture.builder, process, 50000);

	return builder_at(&fixture.builder, builder_incident(&fixture.builder, process, socket, kind));
}

Test(render_junit, a_label_is_a_test_case)
{
	trace_ref process = builder_process(&fixture.builder);
	trace_ref one = builder_text(&fixture.builder, TRACE_TEXT_LABEL, "test_one", 8);
	trace_ref two = builder_text(&fixture.builder, TRACE_TEXT_LABEL, "test_two", 8);

	add_incident(process, TRACE_WRITE_AFTER_CLOSE)->label = one;
	add_incident(process, TRACE_WRITE_AFTER_RESET)->label = one;
	add_incident(process, TRACE_WRITE_TO_SILENT_PEER)->label = two;
	make_report(NULL);
	expect("count(//testcase) = 2");
	expect("count(//testcase[@name='test_one'][@classname='server']/failure) = 1");
	expect("contains(//testcase[@name='test_one']/failure, 'write-after-close')");
	expect("contains(//testcase[@name='test_one']/failure, 'write-after-reset')");
	expect("count(//testcase[@name='test_two']/failure) = 0");
	expect("contains(//testcase[@name='test_two']/system-out, 'write-to-silent-peer')");
	expect("/testsuites/@tests = 2 and /testsuites/testsuite/@failures = 1");
}

Test(render_junit, a_process_without_labels_is_a_test_case)
{
	trace_ref first = builder_process(&fixture.builder);
	trace_ref second = builder_process(&fixture.builder);

	add_incident(first, TRACE_WRITE_AFTER_CLOSE);
	(void)second;
	make_report(NULL);
	expect("count(//testcase) = 2");
	expect("count(//testcase[@name='server']/failure) = 1");
	expect("count(//testcase[@name='server #2'][not(failure)]) = 1");
}

Test(render_junit, all_of_an_incident_stands_in_the_text)
{
	add_incident(builder_process(&fixture.builder), TRACE_WRITE_AFTER_PEER_CLOSE);
	make_report(NULL);
	expect("//failure/@type = 'write-after-peer-close'");
	expect("contains(//failure, //failure/@message) or string-length(//failure/@message) > 60");
	expect("contains(//failure, '127.0.0.1:50000') and contains(//failure, 'EPIPE')");
	expect("contains(//failure, 'operations')");
}

Test(render_junit, what_was_not_audited_did_not_pass)
{
	static const struct escaped_process escaped[] = {{.pid = 77, .path = "/bin/ping", .reason = "setuid"}};
	struct run_facts facts = {.signed_in = 1, .escaped = escaped, .escaped_count = 1};

	builder_process(&fixture.builder);
	make_report(&facts);
	expect("count(//testcase[@name='ping']/skipped[contains(@message, 'setuid')]) = 1");
	expect("/testsuites/@skipped = 1");
}

Test(render_junit, a_run_without_sockets_has_one_test_case)
{
	char *argv[] = {(char *)"/bin/true", NULL};
	struct run_facts facts = {.argv = argv, .signed_in = 1};

	make_report(&facts);
	expect("count(//testcase[@name='true'][not(*)]) = 1");
	expect("/testsuites/@tests = 1");
}

Test(render_junit, holds_what_xml_cannot)
{
	static const char label_text[] = "\x01\xef\xbf\xbe]]>&<\xff";
	trace_ref process = builder_process(&fixture.builder);
	trace_ref label = builder_text(&fixture.builder, TRACE_TEXT_LABEL, label_text, sizeof(label_text) - 1);

	add_incident(process, TRACE_WRITE_AFTER_CLOSE)->label = label;
	make_report(NULL);
	expect("count(//testcase) = 1");
	expect("contains(//testcase/@name, ']]>')");
}
