// SPDX-License-Identifier: GPL-2.0
/*
 * The producers of bench-records' BPF peers: each program puts down records that have their
 * sequence number in every word, in a loop of its own, so that a call of the program is
 * for many of them.
 *
 * Arguments: how many records, and the number of the first.  Returns how many there was
 * room for.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 65536);
} ring SEC(".maps");

struct run {
	__u64 first;
	__u64 refused;
};

static __always_inline void build(__u64 *word, __u32 size, __u64 seq)
{
#pragma unroll
	for (__u32 i = 0; i < size / sizeof(*word); i++)
		word[i] = seq;
}

static __always_inline long submit(__u32 index, struct run *run, __u32 size, __u64 flags)
{
	__u64 *word = bpf_ringbuf_reserve(&ring, size, 0);

	if (!word) {
		run->refused = 1;
		return 1;
	}
	build(word, size, run->first + index);
	bpf_ringbuf_submit(word, flags);
	return 0;
}

static __always_inline long output(__u32 index, struct run *run, __u32 size, __u64 flags)
{
	__u64 word[8];

	build(word, size, run->first + index);
	if (bpf_ringbuf_output(&ring, word, size, flags)) {
		run->refused = 1;
		return 1;
	}
	return 0;
}

/* What a call of a program and its loop cost without any record. */
static __always_inline long nothing(__u32 index, struct run *run, __u32 size, __u64 flags)
{
	return 0;
}

#define PROGRAM(how, size, wake, flags)							\
static long how##_##size##_##wake##_one(__u32 index, struct run *run)			\
{											\
	return how(index, run, size, flags);						\
}											\
											\
SEC("raw_tp")										\
int how##_##size##_##wake(struct bpf_raw_tracepoint_args *ctx)				\
{											\
	struct run run = { .first = ctx->args[1] };					\
											\
	return bpf_loop(ctx->args[0], how##_##size##_##wake##_one, &run, 0) - run.refused; \
}

PROGRAM(submit, 16, default, 0)
PROGRAM(submit, 64, default, 0)
PROGRAM(submit, 16, quiet, BPF_RB_NO_WAKEUP)
PROGRAM(submit, 64, quiet, BPF_RB_NO_WAKEUP)
PROGRAM(output, 16, default, 0)
PROGRAM(output, 64, default, 0)
PROGRAM(output, 16, quiet, BPF_RB_NO_WAKEUP)
PROGRAM(output, 64, quiet, BPF_RB_NO_WAKEUP)
PROGRAM(nothing, 0, default, 0)
