# socksan: `make help` lists what this file can do.
#
# More than 400 lines: one file, no recursion, so that make sees all that depends on what. Sources are found by
# wildcard: a new .c in shim/, analyzer/, tests/unit/ or tests/programs/ needs no edit here. Everything that is built
# goes below $(BUILD).

VERSION := 0.1.0

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
PKGCONFIGDIR ?= $(LIBDIR)/pkgconfig
MANDIR ?= $(PREFIX)/share/man
BASHCOMPLETIONDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHCOMPLETIONDIR ?= $(PREFIX)/share/zsh/site-functions
FISHCOMPLETIONDIR ?= $(PREFIX)/share/fish/vendor_completions.d
DATADIR ?= $(PREFIX)/share/socksan
DOCDIR ?= $(PREFIX)/share/doc/socksan
DESTDIR ?=

ifeq ($(origin CC),default)
CC := gcc
endif
PKG_CONFIG ?= pkg-config
INSTALL ?= install
CFLAGS ?= -O2 -g
CPPFLAGS ?=
LDFLAGS ?=
LDLIBS ?=

# V=1 shows the commands; otherwise one short line each.
V ?= 0
ifeq ($(V),0)
Q := @
say = @printf '  %-7s %s\n' $(1) $(2);
endif

# The variants live side by side, so that changing from one to another rebuilds nothing.
variant_flags :=
ifdef SAN
BUILD ?= build/san
variant_flags += -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
endif
ifdef COVERAGE
BUILD ?= build/coverage
variant_flags += --coverage -O0
endif
# A command that needs no library on the system where it runs, for `make release`.
ifdef STATIC
BUILD ?= build/static
static_link := -static-pie
variant_flags += -fPIE
endif
BUILD ?= build

.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

# --- Flags ------------------------------------------------------------------------------------------------------------

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Werror=implicit -Werror=int-conversion
# Defined as empty, so that a source that says `#define _GNU_SOURCE` itself is no redefinition.
common_flags = -std=gnu11 $(WARNINGS) -I. -D_GNU_SOURCE= -DSOCKSAN_VERSION='"$(VERSION)"' -pthread
# The same bytes wherever the sources are. gcov needs the paths as they are.
ifndef COVERAGE
same_everywhere := -ffile-prefix-map='$(CURDIR)'=.
endif
depend_flags = -MMD -MP -MF $(@:.o=.d)

# The shim lives in other people's processes. Hidden by default: what it exports, it exports on purpose. Initial-exec
# TLS: no allocation on first use in a thread. Unwind tables and -fexceptions: a thread can be cancelled inside a hook's
# call. Fortified and large-file names would be defined twice, or not at all, where the headers redirect them;
# distributions set them by -Wp, too, which the compiler reads last.
shim_flags = $(common_flags) $(CPPFLAGS) $(CFLAGS) $(same_everywhere) -fPIC -fvisibility=hidden \
	-ftls-model=initial-exec -fexceptions -fasynchronous-unwind-tables \
	-Wp,-U_FORTIFY_SOURCE -U_FORTIFY_SOURCE -U_FILE_OFFSET_BITS -U_TIME_BITS
shim_link = -shared -Wl,-soname,libsocksan.so -Wl,-z,defs -Wl,-z,now -Wl,-z,relro -Wl,--as-needed \
	-Wl,-z,start-stop-visibility=hidden -Wl,--version-script=shim/exports.map -Wl,--build-id
# The compiler must not turn one stdio call into another in the file that defines them.
shim_flags_stdio/hooks_stdio := -fno-builtin
# Link-time optimisation drops what only later stages of the compiler refer to, as it does with memmove, and versions of
# symbols.
shim_flags_base/memory := -fno-builtin -fno-lto
shim_flags_base/loader := -fno-lto

ANALYZER_PACKAGES := libdw libelf yajl libxxhash libxml-2.0 zlib
# Asked for when first needed, which is after scripts/deps has installed what was missing.
# $(2) is the smallest set of scripts/deps with these packages in it.
require = $(if $(shell $(PKG_CONFIG) --exists $(1) 2>&1 || echo missing), \
	$(error not found: $(1). Run `scripts/deps $(2)`, \
	or install these libraries with their development files))
analyzer_package_flags = $(eval analyzer_package_flags := $$(call require,$(ANALYZER_PACKAGES),build)$$(shell \
	$(PKG_CONFIG) --cflags $(ANALYZER_PACKAGES)))$(analyzer_package_flags)
ifndef STATIC
# libdl has dlopen until glibc 2.33, and nothing since.
analyzer_libs = $(eval analyzer_libs := $$(shell $(PKG_CONFIG) --libs $(ANALYZER_PACKAGES)) -ldl)$(analyzer_libs)
else
# Debian calls yajl's archive yajl_s. Of what libxml2 can do, writing UTF-8 is all we need: ICU, 30 MB of it, is not
# linked.
analyzer_libs = $(eval analyzer_libs := $$(patsubst -lyajl,-lyajl_s,$$(filter-out -licu%,$$(shell \
	$(PKG_CONFIG) --static --libs $(ANALYZER_PACKAGES)))) $$(without_icu) -lstdc++)$(analyzer_libs)
without_icu = $(shell nm -u $$($(CC) -print-file-name=libxml2.a) 2>/dev/null | sort -u | \
	sed -n 's/^ *U \(ucnv_[A-Za-z]*_[0-9]*\|UCNV_[A-Z_]*_[0-9]*\)$$/-Wl,--defsym,\1=static_without_icu/p')
endif
unit_package_flags = $(eval unit_package_flags := $$(call require,criterion,check)$$(shell \
	$(PKG_CONFIG) --cflags criterion))$(unit_package_flags)
unit_libs = $(eval unit_libs := $$(shell $(PKG_CONFIG) --libs criterion))$(unit_libs)

analyzer_flags = $(common_flags) $(CPPFLAGS) $(CFLAGS) $(same_everywhere) $(variant_flags) $(analyzer_package_flags)
# What the HTML report's Content-Security-Policy allows: its style sheet and its script, by the hashes of these very
# files.
content_hash = "sha256-$(shell sha256sum $(1) | cut -c 1-64 | tr a-f A-F | basenc -d --base16 | base64)"
analyzer_flags_format/html/html_assets = -fno-lto \
	-DHTML_STYLE_HASH='$(call content_hash,analyzer/format/html/style.css)' \
	-DHTML_SCRIPT_HASH='$(call content_hash,analyzer/format/html/script.js)'
unit_flags = $(analyzer_flags) $(unit_package_flags)
# What we audit in our own tests is an ordinary program: it never sees the user's CFLAGS, whose inlining would change
# its stacks, nor a sanitizer.
program_flags := -std=gnu11 $(WARNINGS) -I. -D_GNU_SOURCE= -g -O1 -pthread
# What single programs are linked with.
program_libs_hook_calls := -luring
program_libs_uring := -luring
program_libs_uring_customs := -luring
program_libs_uring_static := -l:liburing.a
program_libs_uring_plugin := -shared -fPIC -luring
# The instruments of `make bench`.
bench_flags := -std=gnu11 $(WARNINGS) -I. -D_GNU_SOURCE= -g -O2 -pthread
# libFuzzer comes with clang alone. Every finding ends the process.
FUZZ_CC ?= clang
fuzz_flags = $(common_flags) -O2 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all \
	$(analyzer_package_flags) $(FUZZ_CFLAGS)

# --- Sources ----------------------------------------------------------------------------------------------------------

object = $(patsubst %.c,$(BUILD)/%.o,$(1))

shim_sources := $(sort $(wildcard shim/*.c shim/*/*.c))
# What is ordinary code: all but the hooks, the start-up and what would replace functions of libc's.
shim_modules := $(filter-out shim/base/hook.c shim/base/memory.c shim/hooks/% shim/stdio/hooks_% shim/uring/hooks_% \
	shim/init.c, \
	$(shim_sources))
analyzer_sources := $(sort $(filter-out analyzer/static/%,$(wildcard analyzer/*/*.c analyzer/*/*/*.c)) \
	$(if $(STATIC),$(wildcard analyzer/static/*.c)))
program_sources := $(sort $(wildcard tests/programs/*.c))
bench_sources := $(sort $(wildcard tests/bench/*.c))
# tests/load/: shim_*.c are linked with the library's modules, the rest are programs to be audited.
load_shim_sources := $(sort $(wildcard tests/load/shim_*.c))
load_sources := $(filter-out $(load_shim_sources),$(sort $(wildcard tests/load/*.c)))
race_programs := $(BUILD)/tests/race/race
race_sanitized := $(BUILD)/tests/race/race-asan $(BUILD)/tests/race/race-tsan
# tests/fuzz/: fuzz_*.c are the targets, replay.c stands in for libFuzzer, make_*.c are programs, the rest helps all of
# them.
fuzz_sources := $(sort $(wildcard tests/fuzz/fuzz_*.c))
fuzz_tool_sources := $(sort $(wildcard tests/fuzz/make_*.c))
fuzz_helper_sources := $(filter-out $(fuzz_sources) $(fuzz_tool_sources) tests/fuzz/replay.c, \
	$(sort $(wildcard tests/fuzz/*.c)))

# tests/unit/: analyzer/ and shim/ have the folders of the sources, with a test program for each .c; make_*.c are
# programs, the other .c help the tests of the analyzer.
unit_analyzer_sources := $(sort $(wildcard tests/unit/analyzer/*/*.c tests/unit/analyzer/*/*/*.c))
unit_shim_sources := $(sort $(wildcard tests/unit/shim/*/*.c))
unit_tool_sources := $(sort $(wildcard tests/unit/make_*.c))
unit_helper_sources := $(filter-out $(unit_tool_sources),$(sort $(wildcard tests/unit/*.c)))

shim_objects := $(call object,$(shim_sources))
analyzer_objects := $(call object,$(analyzer_sources))
analyzer_modules := $(filter-out $(BUILD)/analyzer/command/main.o,$(analyzer_objects))
unit_helper_objects := $(call object,$(unit_helper_sources))
# Unit tests link them. With a sanitizer or with coverage these are compiled a second time, because the library itself
# never carries either.
unit_shim_modules := $(patsubst shim/%.c,$(BUILD)/$(if $(variant_flags),shim-unit,shim)/%.o,$(shim_modules))

# As archives, so that a test takes only what it refers to: it can stand in for the rest, and a tool needs no test
# framework.
unit_helper_archive := $(BUILD)/unit-helpers.a
unit_shim_archive := $(BUILD)/shim-modules.a

# The adapter for Python goes beside the library, which is where `socksan run` looks for it.
python_sources := $(sort $(wildcard shim/python/*.py shim/python/*/*.py))
python_files := $(python_sources:shim/%=$(BUILD)/%)

# Completions, manual pages and the like whose gaps are filled from tables of the sources.
templates := docs/report-schema.json.in shim/libsocksan.7.in analyzer/socksan.1.in \
	$(sort $(wildcard analyzer/completions/*.in))
filled := $(patsubst %.in,$(BUILD)/filled/%,$(notdir $(templates)))
table_sources := shim/trace_kinds.h shim/library_options.h analyzer/report/format_table.h \
	analyzer/report/command_table.h $(wildcard analyzer/kinds/*.txt)

LIBRARY := $(BUILD)/libsocksan.so
# The same with system calls of its own that fail when they are told to, for tests/e2e/faults.sh.
fault_library := $(BUILD)/tests/libsocksan-fault.so
fault_objects := $(shim_objects:$(BUILD)/shim/%=$(BUILD)/shim-fault/%) $(BUILD)/tests/faults/inject.o
COMMAND := $(BUILD)/socksan
unit_analyzer_tests := $(unit_analyzer_sources:%.c=$(BUILD)/%)
unit_shim_tests := $(unit_shim_sources:%.c=$(BUILD)/%)
unit_tools := $(unit_tool_sources:%.c=$(BUILD)/%)
unit_tests := $(unit_analyzer_tests) $(unit_shim_tests)
programs := $(program_sources:%.c=$(BUILD)/%)
bench_programs := $(bench_sources:%.c=$(BUILD)/%)
load_programs := $(load_sources:%.c=$(BUILD)/%) $(load_shim_sources:%.c=$(BUILD)/%)
fuzz_replays := $(fuzz_sources:%.c=$(BUILD)/%)
fuzz_tools := $(fuzz_tool_sources:%.c=$(BUILD)/%)
fuzz_helper_objects := $(call object,$(fuzz_helper_sources))
fuzz_helper_archive := $(BUILD)/fuzz-helpers.a
# The same with libFuzzer, all of it compiled anew.
fuzz_targets := $(fuzz_sources:tests/fuzz/%.c=$(BUILD)/fuzz/%)
fuzz_objects := $(patsubst %.c,$(BUILD)/fuzz/%.o,$(filter-out analyzer/command/main.c,$(analyzer_sources)) \
	$(fuzz_helper_sources))

# --- Goals ------------------------------------------------------------------------------------------------------------

.PHONY: all tests programs check soak faults demo bench scale fuzz load race differential lint install uninstall deb \
	check-deb check-build dist release check-release clean help deps FORCE

all: $(if $(shim_sources),$(LIBRARY)) $(if $(analyzer_sources),$(COMMAND)) $(python_files) $(filled)

programs: $(programs)

tests: $(unit_tests) $(unit_tools) $(fuzz_replays) $(fuzz_tools) programs $(fault_library) $(race_programs)

# These goals begin with scripts/deps, and nothing is compiled before it is done.
deps_sets := $(filter check demo bench scale fuzz load race differential lint deb check-deb check-build release \
	check-release, $(MAKECMDGOALS))
deps:
	@scripts/deps $(or $(deps_sets),check)
after_deps := $(if $(deps_sets),deps)

check: all tests | deps
	@COVERAGE=$(COVERAGE) scripts/check $(BUILD) $(T)

# What `make check` does a little of, for as long as it takes: K kills at random moments; each fault with each error.
soak: all programs
	@KILLS=$(or $(K),1000) bash tests/e2e/survival.sh $(BUILD) kill_in_the_middle

faults: all tests
	@FAULTS=all bash tests/e2e/faults.sh $(BUILD)

demo: all $(BUILD)/tests/programs/demo_keepalive | deps
	@scripts/demo $(BUILD)

bench: all $(bench_programs) $(unit_tools) | deps
	@scripts/bench $(BUILD) $(T)

scale: all $(unit_tools) | deps
	@scripts/scale $(BUILD) $(T)

# FUZZ_RUNS executions in all; FUZZ_JOBS targets at a time; FUZZ_TARGETS as in tests/fuzz/ where not all.
fuzz: all tests $(fuzz_targets) | deps
	@FUZZ_RUNS=$(FUZZ_RUNS) FUZZ_JOBS=$(FUZZ_JOBS) scripts/fuzz $(BUILD) $(FUZZ_TARGETS)

load: all $(load_programs) | deps
	@scripts/load $(BUILD) $(T)

# SECONDS for each run, or ROUNDS connections of each worker; FOR=N seconds of runs for each scenario and build;
# BUILDS="race" for one.
race: all $(race_programs) $(race_sanitized) | deps
	@SECONDS=$(SECONDS) ROUNDS=$(ROUNDS) FOR=$(FOR) scripts/race $(BUILD) $(T)

differential: all | deps
	@scripts/differential --build $(BUILD) $(T)

lint: all | deps
	@scripts/lint $(BUILD)

# What is installed as it stands: source, the variable that says where, name.
example_files := $(sort $(shell find tests/examples -type f))
installed_files := \
	shim/socksan.h:INCLUDEDIR:socksan.h \
	$(BUILD)/filled/socksan.1:MANDIR:man1/socksan.1 \
	$(BUILD)/filled/libsocksan.7:MANDIR:man7/libsocksan.7 \
	$(BUILD)/filled/socksan.bash:BASHCOMPLETIONDIR:socksan \
	$(BUILD)/filled/_socksan:ZSHCOMPLETIONDIR:_socksan \
	$(BUILD)/filled/socksan.fish:FISHCOMPLETIONDIR:socksan.fish \
	$(BUILD)/filled/report-schema.json:DATADIR:report-schema.json \
	$(foreach file,$(sort $(wildcard scripts/postgresql/*.sql)),$(file):DATADIR:$(file:scripts/%=%)) \
	$(foreach file,$(example_files),$(file):DOCDIR:$(file:tests/%=%)) \
	$(foreach file,$(python_files),$(file):LIBDIR:socksan/$(file:$(BUILD)/%=%))
installed_programs := \
	$(LIBRARY):LIBDIR:socksan/libsocksan.so \
	$(COMMAND):LIBDIR:socksan/socksan \
	scripts/load-postgresql:DATADIR:load-postgresql \
	scripts/ci-run:DATADIR:ci-run \
	$(if $(BUNDLE),$(BUNDLE):LIBDIR:socksan/libsocksan-unwind.so)
pc_values = PREFIX BINDIR LIBDIR INCLUDEDIR VERSION

# For the shell, and for the right side of sed's s|||: directories may have blanks, and more, in their names.
quote = '$(subst ','\'',$(1))'
quote_sed = $(subst |,\|,$(subst &,\&,$(subst \,\\,$(1))))
field = $(word $(2),$(subst :, ,$(1)))
place = $(call quote,$(DESTDIR)$($(call field,$(1),2))/$(call field,$(1),3))
define install_one # MODE FILE
	$(Q)$(INSTALL) -D -m $(1) $(call field,$(2),1) $(call place,$(2))

endef

# The command lies beside the library and what else it needs, and finds them there, whatever BINDIR and LIBDIR are; in
# BINDIR is a link to it. Where both lie in PREFIX it is a relative one, so that the tree can be moved.
install: all
	$(call say,INSTALL,$(call quote,$(DESTDIR)$(PREFIX)))
	$(foreach pair,$(installed_programs),$(call install_one,755,$(pair)))
	$(foreach pair,$(installed_files),$(call install_one,644,$(pair)))
	$(Q)$(INSTALL) -d $(call quote,$(DESTDIR)$(BINDIR)) $(call quote,$(DESTDIR)$(PKGCONFIGDIR))
	$(Q)command=$(call quote,$(LIBDIR)/socksan/socksan) directory=$(call quote,$(BINDIR)); \
		prefix=$(call quote,$(PREFIX)); \
		case $$command:$$directory in "$$prefix"/*:"$$prefix"/*) \
			command=$$(realpath -ms --relative-to="$$directory" "$$command") ;; esac; \
		ln -sfn "$$command" $(call quote,$(DESTDIR)$(BINDIR)/socksan)
	$(Q)sed $(foreach name,$(pc_values),-e $(call quote,s|@$(name)@|$(call quote_sed,$($(name)))|)) shim/socksan.pc.in \
		>$(call quote,$(DESTDIR)$(PKGCONFIGDIR)/socksan.pc)
	$(Q)chmod 644 $(call quote,$(DESTDIR)$(PKGCONFIGDIR)/socksan.pc)

uninstall:
	$(Q)rm -f $(call quote,$(DESTDIR)$(BINDIR)/socksan) $(call quote,$(DESTDIR)$(PKGCONFIGDIR)/socksan.pc) \
		$(foreach pair,$(installed_programs) $(installed_files),$(call place,$(pair)))
	$(Q)rm -rf $(call quote,$(DESTDIR)$(LIBDIR)/socksan/python)
	$(Q)for directory in $(call quote,$(DESTDIR)$(LIBDIR)/socksan) $(call quote,$(DESTDIR)$(DATADIR)) \
			$(call quote,$(DESTDIR)$(DOCDIR)); do \
		[ ! -d "$$directory" ] || find "$$directory" -depth -type d -empty -delete; done

# Compiled by itself, with Debian's flags.
deb: | deps
	@scripts/deb $(BUILD) $(VERSION)

check-deb: | deps
	@scripts/check-deb $(BUILD) $(VERSION) $(T)

# Every compiler and every distribution's flags; ON="here 13" for some of the places.
check-build: all $(BUILD)/tests/programs/repeat | deps
	@ON="$(ON)" scripts/check-build $(BUILD) $(T)

# The sources; and a command for every distribution (Debian 12). In $(BUILD)/release.
dist:
	@scripts/dist $(BUILD) $(VERSION)

release: | deps
	@scripts/release $(BUILD) $(VERSION)

check-release: | deps
	@scripts/check-release $(BUILD) $(VERSION) $(T)

clean:
	$(Q)rm -rf $(BUILD)

help:
	@echo 'make               the library $(BUILD)/libsocksan.so and the command $(BUILD)/socksan'
	@echo 'make demo          install what is missing, build, audit a real server and a program with a bug'
	@echo 'make check         install what is missing, build, run every test; T=NAME runs those whose name has NAME'
	@echo 'make soak          kill a busy program K=1000 times at random moments, and miss nothing that it had done'
	@echo 'make faults        fail every system call of the library with every error, one run each'
	@echo 'make bench         what auditing costs, as ratios within one run; T=NAME runs one measure'
	@echo 'make scale         what reports of 10,000 traces take; T=FORMAT measures that one'
	@echo 'make fuzz          hostile traces and other inputs; FUZZ_RUNS=N executions in all (10 million), FUZZ_JOBS=N'
	@echo 'make load          thousands of connections and threads, and a simulated day, with figures beside their bounds'

	@echo 'make race          threads that fight over descriptors, plain and under sanitizers; T="epoll fork", FOR=SECONDS'
	@echo 'make differential  real test suites and programs bare and audited, result by result; T="ROW..." for some'
	@echo 'make lint          static analysis, format, include directions, exported symbols'
	@echo 'make tests         build the tests without running them'
	@echo 'make install       to PREFIX ($(PREFIX)), below DESTDIR: command, library, header, socksan.pc, manual pages,'
	@echo '                   completions for bash, zsh and fish; uninstall takes it all away again'
	@echo 'make deb           a Debian package, in $(BUILD)/deb; check-deb installs and uses it in a clean root (root,'
	@echo '                   network)'
	@echo 'make dist          the sources as an archive; release: one archive that runs on every distribution, without'
	@echo '                   any package'
	@echo 'make check-build   build with every compiler of four distributions and the flags of four (root, network; long)'
	@echo 'make check-release use that in clean roots of four distributions (root, network)'
	@echo 'make clean         remove $(BUILD)'
	@echo
	@echo 'V=1 shows the commands. SAN=1 (address and undefined behaviour) and COVERAGE=1 instrument the analyzer and'
	@echo 'the unit tests, each in a directory of its own. CC, CFLAGS, LDFLAGS, BUILD, PKG_CONFIG are as usual.'

# --- Rules ------------------------------------------------------------------------------------------------------------

comma := ,
# Rewritten only when a flag changed, and then everything that was compiled with other flags is compiled again.
flags_text = $(CC) | $(shim_flags) $(shim_link) | $(analyzer_flags) | $(LDFLAGS) | $(LDLIBS) | \
	$(program_flags) | $(bench_flags)
ifneq ($(filter-out install uninstall,$(or $(MAKECMDGOALS),all)),)
flags_may_change := FORCE
endif
# What `make` has built is installed by another user, or without the flags, as it is.
$(BUILD)/flags: $(flags_may_change) | $(after_deps)
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(flags_text))' | cmp -s - $@ || printf '%s\n' '$(subst ','\'',$(flags_text))' >$@

$(LIBRARY): $(shim_objects) shim/exports.map
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(same_everywhere) $(LDFLAGS) $(shim_link) -o $@ $(shim_objects)

command_link = $(CC) $(CFLAGS) $(same_everywhere) $(variant_flags) $(LDFLAGS) $(static_link) -pthread
$(COMMAND): $(analyzer_objects)
	$(call say,LINK,$@)
	$(Q)$(command_link) -o $@ $^ $(analyzer_libs) $(LDLIBS)

$(BUILD)/shim/%.o: shim/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(shim_flags) $(shim_flags_$*) $(depend_flags) -c -o $@ $<

$(BUILD)/python/%.py: shim/python/%.py
	@mkdir -p $(@D)
	$(Q)cp $< $@

# What the adapter shares with the library stands in its first module: the kinds, the severities, the page of numbers.
$(BUILD)/python/socksan_adapter/__init__.py: shim/python/socksan_adapter/__init__.py scripts/python-table \
		scripts/table shim/verdict/tally.h shim/trace_format.h shim/trace_kinds.h | $(after_deps)
	@mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q)scripts/python-table $(CC) >$@.table
	$(Q)sed -e '/@TABLE@/{r $@.table' -e 'd}' $< >$@ && rm $@.table

$(BUILD)/shim-fault/%.o: shim/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(shim_flags) $(shim_flags_$*) -DSOCKSAN_FAULTS $(depend_flags) -c -o $@ $<

$(BUILD)/tests/faults/%.o: tests/faults/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(shim_flags) $(depend_flags) -c -o $@ $<

$(fault_library): $(fault_objects) shim/exports.map
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(same_everywhere) $(LDFLAGS) $(shim_link) -o $@ $(fault_objects)

$(BUILD)/shim-unit/%.o: shim/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(shim_flags) $(shim_flags_$*) $(variant_flags) $(depend_flags) -c -o $@ $<

$(BUILD)/analyzer/%.o: analyzer/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(analyzer_flags) $(analyzer_flags_$*) $(depend_flags) -c -o $@ $<

# The words of each kind, as rows of the table in kinds.c.
$(BUILD)/generated/kind_texts.h: scripts/kind-texts $(wildcard analyzer/kinds/*.txt) | $(after_deps)
	@mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q)scripts/kind-texts $(wildcard analyzer/kinds/*.txt) >$@

$(BUILD)/analyzer/wording/kinds.o $(BUILD)/fuzz/analyzer/wording/kinds.o: $(BUILD)/generated/kind_texts.h
analyzer_flags_wording/kinds = -I$(BUILD)

define fill_one # TEMPLATE
$(BUILD)/filled/$(notdir $(1:.in=)): $(1) scripts/fill scripts/table $(table_sources) | $(after_deps)
	@mkdir -p $$(@D)
	$$(call say,GEN,$$@)
	$$(Q)scripts/fill $(1) $$(CC) >$$@

endef
$(foreach template,$(templates),$(eval $(call fill_one,$(template))))

# Included by the assembler, which tells make nothing of it.
$(BUILD)/analyzer/format/html/html_assets.o: analyzer/format/html/style.css analyzer/format/html/script.js

$(BUILD)/tests/unit/%.o: tests/unit/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(unit_flags) $(depend_flags) -c -o $@ $<

$(unit_helper_archive): $(unit_helper_objects)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(unit_analyzer_tests): %: %.o $(unit_helper_archive) $(analyzer_modules)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(variant_flags) $(LDFLAGS) -pthread -o $@ $^ $(analyzer_libs) $(unit_libs) $(LDLIBS)

$(unit_shim_archive): $(unit_shim_modules)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(unit_shim_tests): %: %.o $(unit_shim_archive)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(variant_flags) $(LDFLAGS) -pthread -o $@ $^ $(unit_libs) $(LDLIBS)

$(unit_tools): %: %.o $(unit_helper_archive) $(analyzer_modules)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(variant_flags) $(LDFLAGS) -pthread -o $@ $^ $(analyzer_libs) $(LDLIBS)

$(BUILD)/tests/load/%: tests/load/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(bench_flags) -MMD -MP -MF $@.d -MT $@ -o $@ $<

$(load_shim_sources:%.c=$(BUILD)/%): $(BUILD)/%: %.c $(unit_shim_archive) $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(bench_flags) $(variant_flags) -MMD -MP -MF $@.d -MT $@ -o $@ $< $(unit_shim_archive)

$(BUILD)/tests/race/race: tests/race/race.c tests/race/calls.h $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(program_flags) -o $@ $<

# The library's modules, compiled with the program. ThreadSanitizer knows no fences (-Wtsan): what they order is atomic.
race_modules := $(filter-out shim/base/sanitizer_defaults.c,$(shim_modules))
$(race_sanitized): $(BUILD)/tests/race/race-%: tests/race/race.c tests/race/calls.h $(race_modules) \
		$(wildcard shim/*.h shim/*/*.h) $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(common_flags) -O1 -g -fno-omit-frame-pointer -DRACE_MODULES \
		-fsanitize=$(if $(filter asan,$*),address$(comma)undefined,thread -Wno-tsan) \
		-o $@ tests/race/race.c $(race_modules)

$(BUILD)/tests/fuzz/%.o: tests/fuzz/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(analyzer_flags) $(depend_flags) -c -o $@ $<

$(fuzz_helper_archive): $(fuzz_helper_objects)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(fuzz_replays): %: %.o $(BUILD)/tests/fuzz/replay.o $(fuzz_helper_archive) $(analyzer_modules)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(variant_flags) $(LDFLAGS) -pthread -o $@ $^ $(analyzer_libs) $(LDLIBS)

$(fuzz_tools): %: %.o $(fuzz_helper_archive) $(unit_helper_archive) $(analyzer_modules)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(variant_flags) $(LDFLAGS) -pthread -o $@ $^ $(analyzer_libs) $(LDLIBS)

$(BUILD)/fuzz/%.o: %.c $(BUILD)/fuzz/flags
	@mkdir -p $(@D)
	$(call say,FUZZCC,$<)
	$(Q)$(FUZZ_CC) $(fuzz_flags) -fsanitize=fuzzer-no-link $(analyzer_flags_$(*:analyzer/%=%)) $(depend_flags) -c -o $@ $<

$(BUILD)/fuzz/analyzer/format/html/html_assets.o: analyzer/format/html/style.css analyzer/format/html/script.js

$(fuzz_targets): $(BUILD)/fuzz/%: $(BUILD)/fuzz/tests/fuzz/%.o $(fuzz_objects)
	$(call say,LINK,$@)
	$(Q)$(FUZZ_CC) $(fuzz_flags) -fsanitize=fuzzer -o $@ $^ $(analyzer_libs)

$(BUILD)/fuzz/flags: FORCE | $(after_deps)
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(FUZZ_CC) $(fuzz_flags))' | cmp -s - $@ || \
		printf '%s\n' '$(subst ','\'',$(FUZZ_CC) $(fuzz_flags))' >$@

$(BUILD)/tests/programs/%: tests/programs/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(program_flags) -MMD -MP -MF $@.d -MT $@ -o $@ $< $(program_libs_$*)

$(BUILD)/tests/bench/%: tests/bench/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(bench_flags) -MMD -MP -MF $@.d -MT $@ -o $@ $<

# Objects of tests are kept: make must not delete them as intermediates.
.SECONDARY:

-include $(wildcard \
	$(foreach part,shim shim-fault shim-unit analyzer,$(addprefix $(BUILD)/$(part)/,*.d */*.d */*/*.d)) \
	$(addprefix $(BUILD)/,tests/*/*.d tests/unit/*/*/*.d tests/unit/*/*/*/*.d) \
	$(addprefix $(BUILD)/fuzz/,*/*.d */*/*.d */*/*/*.d tests/fuzz/*.d))
