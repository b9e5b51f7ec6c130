// SPDX-License-Identifier: GPL-2.0
/*
 * Records through BPF's ring buffer: put down by the programs of bench-records.bpf.c, which
 * BPF_PROG_TEST_RUN calls as if they were attached to a tracepoint, and read by libbpf.
 */
#include <err.h>
#include <stdio.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bench-records.h"

#define OBJECT	"/bench/bench-records.bpf.o"

static struct {
	int records, nothing;
	struct ring_buffer *ring;
	/* The consumer's. */
	uint64_t seq;
} bpf;

static __always_inline int got_sized(const void *data, size_t len, size_t size)
{
	if (len != size || !records_right(data, size, bpf.seq))
		errx(1, "record %lu: %zu bytes, or others", bpf.seq, len);
	bpf.seq++;
	return 0;
}

static int got_16(void *ctx, void *data, size_t len)
{
	(void)ctx;
	return got_sized(data, len, 16);
}

static int got_64(void *ctx, void *data, size_t len)
{
	(void)ctx;
	return got_sized(data, len, 64);
}

static int program(struct bpf_object *object, const char *name)
{
	struct bpf_program *prog = bpf_object__find_program_by_name(object, name);

	if (!prog)
		errx(1, "%s has no %s", OBJECT, name);
	return bpf_program__fd(prog);
}

static void make(const char *how, size_t size, bool quiet)
{
	struct bpf_object *object = bpf_object__open_file(OBJECT, NULL);
	char name[64];
	int map;

	if (!object || bpf_object__load(object))
		err(1, "%s", OBJECT);
	snprintf(name, sizeof(name), "%s_%zu_%s", how, size, quiet ? "quiet" : "default");
	bpf.records = program(object, name);
	bpf.nothing = program(object, "nothing_0_default");
	map = bpf_object__find_map_fd_by_name(object, "ring");
	bpf.ring = ring_buffer__new(map, size == 16 ? got_16 : got_64, NULL, NULL);
	if (!bpf.ring)
		err(1, "ring_buffer__new");
	if (ring__size(ring_buffer__ring(bpf.ring, 0)) != RECORDS_BYTES)
		errx(1, "the ring is not of %d bytes", RECORDS_BYTES);
}

static void make_submit(size_t size, bool quiet)
{
	make("submit", size, quiet);
}

static void make_output(size_t size, bool quiet)
{
	make("output", size, quiet);
}

static void run(int prog, uint64_t seq, uint64_t count)
{
	uint64_t args[] = { count, seq };
	struct bpf_test_run_opts opts = {
		.sz = sizeof(opts), .ctx_in = args, .ctx_size_in = sizeof(args),
	};

	if (bpf_prog_test_run_opts(prog, &opts))
		err(1, "BPF_PROG_TEST_RUN");
	if (opts.retval != count)
		errx(1, "record %lu: no room", seq + opts.retval);
}

static void produce(uint64_t seq, uint64_t count)
{
	run(bpf.records, seq, count);
}

static void nothing(uint64_t seq, uint64_t count)
{
	run(bpf.nothing, seq, count);
}

static uint64_t consume(void)
{
	int n = ring_buffer__consume(bpf.ring);

	if (n < 0)
		err(1, "ring_buffer__consume");
	return n;
}

static uint64_t wait_for_some(void)
{
	int n = ring_buffer__poll(bpf.ring, -1);

	if (n < 0)
		err(1, "ring_buffer__poll");
	return n;
}

const struct records_peer bench_bpf = {
	.name = "bpf",
	.make = make_submit,
	.produce = produce,
	.nothing = nothing,
	.consume = consume,
	.wait = wait_for_some,
};

const struct records_peer bench_bpf_output = {
	.name = "bpf-output",
	.make = make_output,
	.produce = produce,
	.nothing = nothing,
	.consume = consume,
	.wait = wait_for_some,
};
