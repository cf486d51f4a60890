/*
 * findings.c: see findings.h.
 */
#include "analyzer/report/findings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyzer/base/hash_table.h"
#include "analyzer/base/text.h"
#include "analyzer/report/message.h"
#include "analyzer/report/render.h"
#include "analyzer/symbols/frames.h"

struct kept {
	struct finding finding;
	UT_hash_handle hh;
};

struct findings {
	struct kept *kept;
};

struct findings *findings_new(void)
{
	return text_allocate(sizeof(struct findings));
}

void findings_free(struct findings *findings)
{
	struct kept *kept;
	struct kept *next;

	if (!findings)
		return;
	HASH_ITER (hh, findings->kept, kept, next) {
		HASH_DEL(findings->kept, kept);
		free(kept->finding.kind);
		free(kept->finding.title);
		free(kept->finding.place);
		free(kept);
	}
	free(findings);
}

static struct kept *find(const struct findings *findings, uint64_t fingerprint)
{
	struct kept *kept;

	HASH_FIND(hh, findings->kept, &fingerprint, sizeof(fingerprint), kept);
	return kept;
}

static void replace(char **string, const char *by)
{
	free(*string);
	*string = text_copy(by ? by : "");
}

void findings_add(struct findings *findings, const struct finding *finding)
{
	struct kept *kept = find(findings, finding->fingerprint);
	bool worst = !kept || finding->severity > kept->finding.severity;

	if (!kept) {
		kept = text_allocate(sizeof(*kept));
		kept->finding.fingerprint = finding->fingerprint;
		HASH_ADD(hh, findings->kept, finding.fingerprint, sizeof(kept->finding.fingerprint), kept);
	}
	kept->finding.count += finding->count;
	if (!worst)
		return;
	kept->finding.severity = finding->severity;
	replace(&kept->finding.kind, finding->kind);
	replace(&kept->finding.title, finding->title);
	replace(&kept->finding.place, finding->place);
}

bool findings_cover(struct findings *findings, uint64_t fingerprint, enum severity severity)
{
	struct kept *kept = find(findings, fingerprint);

	if (!kept)
		return false;
	kept->finding.seen = true;
	return severity == SEVERITY_NOTE || kept->finding.severity != SEVERITY_NOTE;
}

static int compare(const void *a, const void *b)
{
	const struct finding *left = *(const struct finding *const *)a;
	const struct finding *right = *(const struct finding *const *)b;

	if (left->severity != right->severity)
		return left->severity > right->severity ? -1 : 1;
	if (strcmp(left->kind, right->kind) != 0)
		return strcmp(left->kind, right->kind);
	if (strcmp(left->place, right->place) != 0)
		return strcmp(left->place, right->place);
	return (left->fingerprint > right->fingerprint) - (left->fingerprint < right->fingerprint);
}

struct finding **findings_list(const struct findings *findings, size_t *count)
{
	struct finding **list = text_allocate((HASH_COUNT(findings->kept) + 1) * sizeof(struct finding *));
	struct kept *kept;
	struct kept *next;

	*count = 0;
	HASH_ITER (hh, findings->kept, kept, next)
		list[(*count)++] = &kept->finding;
	qsort(list, *count, sizeof(struct finding *), compare);
	return list;
}

/* --- From traces -------------------------------------------------------------------------------------------------- */

static void add_group(struct findings *findings, const struct report *report, const struct group *group,
	const struct sources *sources)
{
	size_t count;
	const struct incident *incident = &lifecycle_incidents(report->lifecycle, &count)[group->first];
	const struct frame *place;
	struct finding finding = {
		.fingerprint = incident->fingerprint,
		.severity = (enum severity)incident->severity,
		.count = group->count,
	};
	struct view view;

	if (view_load(report, incident, &view)) {
		place = frames_place(view.write.count ? &view.write : &view.opened);
		finding.kind = text_copy(view.kind->id);
		finding.title = text_copy(view.title);
		finding.place = place ? message_frame(place, sources) : text_copy("");
		findings_add(findings, &finding);
		free(finding.kind);
		free(finding.title);
		free(finding.place);
	}
	view_free(&view);
}

static bool read_traces(struct findings *findings, const char *path)
{
	char *paths[] = {(char *)(uintptr_t)path};
	struct report report = {.lifecycle = lifecycle_read(paths, 1, NULL), .symbolizer = symbolizer_new()};
	struct sources *sources = sources_new();
	bool found = lifecycle_trace_count(report.lifecycle) != 0;
	size_t unreadable;

	lifecycle_unreadable(report.lifecycle, &unreadable);
	if (unreadable)
		text_complain("%s: a trace cannot be read, so new and gone incidents cannot be listed", path);
	else if (!found)
		text_complain("%s: neither a socksan report nor a trace", path);
	group_identify(report.lifecycle, report.symbolizer);
	group_incidents(report.lifecycle, &report.groups);
	for (size_t i = 0; i < report.groups.count; i++)
		add_group(findings, &report, &report.groups.groups[i], sources);
	group_free(&report.groups);
	sources_free(sources);
	symbolizer_free(report.symbolizer);
	lifecycle_free(report.lifecycle);
	return found && !unreadable;
}

/* --- From either -------------------------------------------------------------------------------------------------- */

/* Whether the file begins as JSON does; its place is at the start again. */
static bool is_json(int descriptor)
{
	char start[64] = "";
	ssize_t length = pread(descriptor, start, sizeof(start) - 1, 0);

	return length > 0 && start[strspn(start, " \t\r\n")] == '{';
}

bool findings_read(struct findings *findings, const char *path)
{
	int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat status;
	bool good;

	if (descriptor < 0 || fstat(descriptor, &status)) {
		text_complain("cannot read %s: %s", path, strerror(errno));
		if (descriptor >= 0)
			close(descriptor);
		return false;
	}
	good = S_ISREG(status.st_mode) && is_json(descriptor) ? findings_parse(findings, path, descriptor)
							      : read_traces(findings, path);
	close(descriptor);
	return good;
}
